//! One simulated drill from its seed to its end, and all that is known of it afterwards.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use firedrill::agent::{GuardianProgram, Policy};
use firedrill::coordinator::engine::{self, AlarmsAt, Outcome, RecordError, Setup};
use firedrill::drill::Summary;
use firedrill::drill::journal::Line;
use firedrill::playbook::plan::{Playbook, Step};
use firedrill::scenario::plan::{Plan, Until};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use crate::fate::Fate;
use crate::ledger::{Deed, Entry, Ledger, Memory, What, Written};
use crate::onlooker::Onlooker;
use crate::people::{self, Asked};
use crate::scenario;
use crate::world::World;

/// How long the engine may take to answer before the drill goes on without.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// What is known of a drill.
pub struct Course {
    pub text: String,
    pub world: Arc<World>,
    /// Absent: it had not ended within its bound.
    pub ended: Option<Result<Outcome, RecordError>>,
    pub entries: Vec<Entry>,
    /// The lines that came onto the record whole, each with where it stands among everything that happened.
    pub lines: Vec<(usize, Line)>,
    pub written: Written,
    pub acts: Vec<Asked>,
}

/// Runs the drill of this seed.
pub fn run(seed: u64) -> Course {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(simulate(seed))
}

async fn simulate(seed: u64) -> Course {
    let (text, plan, playbook) = scenario::draw(seed);
    let fate = Fate::draw(seed, &plan);
    let (ledger, began) = (Ledger::begin(), Instant::now());
    let (paper, written) = Memory::new(&ledger, fate.record);
    let mut onlooker = Onlooker { shown: 0, panics_at: fate.panics_at };
    let world = World::new(seed, &plan, fate, &ledger);
    let (requests, requests_in) = mpsc::channel(16);
    let (signals, signals_in) = mpsc::channel(4);
    let acts = Arc::new(Mutex::new(people::draw(seed, &plan, playbook.as_ref())));
    tokio::spawn(people::act(Arc::clone(&acts), ledger.clone(), began, requests, signals));
    let bound = bound(&plan) + playbook.as_ref().map_or(Duration::ZERO, |book| bound_of(book, &plan));
    let outside = engine::World { outside: world.clone(), paper: Box::new(paper) };
    let drill = engine::run_in(outside, setup(plan, playbook), requests_in, signals_in, &mut onlooker);
    let ended = timeout(bound, drill).await.ok();
    // Whatever still runs has time to do what it must not do any more.
    sleep(Duration::from_secs(120)).await;
    let entries = ledger.entries().clone();
    let (written, acts) = (written.lock().unwrap().clone(), acts.lock().unwrap().clone());
    let lines = lines(&entries);
    Course { text, world, ended, entries, lines, written, acts }
}

pub fn lines(entries: &[Entry]) -> Vec<(usize, Line)> {
    let line = |(at, entry): (usize, &Entry)| match &entry.what {
        What::Line(line) => Some((at, serde_json::from_str(line).expect("a line reads back"))),
        _ => None,
    };
    entries.iter().enumerate().filter_map(line).collect()
}

pub fn setup(plan: Plan, playbook: Option<Playbook>) -> Setup {
    let nowhere = PathBuf::from("/simulated");
    Setup {
        drill: "simulated-1".into(),
        plan,
        playbook,
        inputs: vec![],
        folder: nowhere.clone(),
        runtime_dir: nowhere.clone(),
        state_dir: nowhere.clone(),
        workers: 1,
        json_on_stdout: false,
        guardian: GuardianProgram { program: nowhere, args: vec![] },
        policy: Policy::default(),
        alarms_at: AlarmsAt::Nowhere,
    }
}

/// The longest that a drill of this plan may take, whatever happens.
pub fn bound(plan: &Plan) -> Duration {
    let steady = &plan.steady_state;
    let starts: Duration = plan.faults.iter().map(|fault| fault.start.delay.duration() + ANSWER_WITHIN).sum();
    let lengths = plan.faults.iter().map(|fault| {
        let until = if let Until::For(length) = fault.until { length.duration() } else { Duration::ZERO };
        fault.max.map_or(Duration::ZERO, |max| max.duration()).max(until)
    });
    let resolves = plan.alarms.expected.iter().filter_map(|expected| expected.resolve_within);
    let resolves = resolves.map(|within| within.duration()).max().unwrap_or_default();
    let recovery = steady.recovery_within.duration();
    // Preflight, the gate, every start, the longest fault, its effect and its removal.
    let active = starts + lengths.max().unwrap_or_default() + ANSWER_WITHIN * 2;
    // What lasts is watched once more, a command is ended, recovery and alarms are waited for, and all is taken down.
    let rest = recovery.max(steady.no_impact_after.duration())
        + recovery
        + resolves.max(steady.stable_for.duration())
        + ANSWER_WITHIN * 2;
    ANSWER_WITHIN + steady.gate_within.duration() + active + rest + Duration::from_secs(10)
}

/// How much longer a drill may take with this playbook: recovery may take as long as it promises, then what it changed is
/// taken back, and the steady state is looked at once more.
pub fn bound_of(book: &Playbook, plan: &Plan) -> Duration {
    let undo = |step: &Step| {
        let undo = step.undo.as_ref();
        undo.map_or(Duration::ZERO, |undo| {
            (undo.timeout.duration() + undo.retry.delay.duration() + ANSWER_WITHIN) * undo.retry.attempts
        })
    };
    let recovery = plan.steady_state.recovery_within.duration();
    let promised = book.objectives.rto.map_or(Duration::ZERO, |rto| rto.duration());
    book.steps.iter().map(undo).sum::<Duration>() + (recovery + promised) * 2 + ANSWER_WITHIN
}

impl Course {
    /// The results, also where the record could not be kept.
    pub fn summary(&self) -> Option<&Summary> {
        match self.ended.as_ref()? {
            Ok(outcome) => Some(&outcome.summary),
            Err(error) => error.came_to.as_deref(),
        }
    }

    /// Where among everything that happened the first line of this kind stands, about this fault if one is named.
    pub fn first_line(&self, kind: &str, fault: Option<&str>) -> Option<usize> {
        let is_it = |line: &Line| {
            line.kind == kind && fault.is_none_or(|fault| line.data["fault"].as_str() == Some(fault))
        };
        self.lines.iter().find(|(_, line)| is_it(line)).map(|(at, _)| *at)
    }

    /// Where each deed of some sort began.
    pub fn begun<'a>(
        &'a self,
        is_it: impl Fn(&Deed) -> bool + 'a,
    ) -> impl Iterator<Item = (usize, &'a Deed)> {
        self.entries.iter().enumerate().filter_map(move |(at, entry)| match &entry.what {
            What::Begun(deed) if is_it(deed) => Some((at, deed)),
            _ => None,
        })
    }

    /// Whether a line of the record failed, so that it is not whole.
    pub fn is_torn(&self) -> bool {
        self.entries.iter().any(|entry| entry.what == What::LineFailed)
    }
}
