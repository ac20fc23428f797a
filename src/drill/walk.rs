//! Every order of events, to a depth: whatever happens, a drill takes back what it did, injects nothing after a
//! stop, and ends.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::event::{Command, Event, Phase, Record, Sample};
use super::state::Drill;
use super::{InjectState, Summary};
use crate::fault::{
    Evidence, Fault, Latency, OnRemove, Period, RequestMatch, Scope, Seed, TrafficFault, UndoClass,
};
use crate::playbook::event::{Attempt, StepAnswer};
use crate::playbook::plan::Playbook;
use crate::scenario::plan::{
    AbortRule, Level, Plan, PlannedFault, Probe, ProbeAction, Start, SteadyState, Tolerance, Until,
};

/// A drill, the answers that it waits for, and what was ordered so far.
#[derive(Clone)]
pub(super) struct World {
    pub(super) drill: Drill,
    now: Duration,
    wake: Option<Duration>,
    /// Commands obeyed but not answered.
    pub(super) open: Vec<Command>,
    applied: BTreeSet<String>,
    removed: BTreeSet<String>,
    /// Steps of the playbook that acted, and those whose way back was ordered.
    acted: BTreeSet<String>,
    taken_back: BTreeSet<String>,
    verified: u32,
    closed: bool,
}

/// What may happen next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// The engine answers its n-th open command well.
    Answer(usize),
    /// … or badly.
    Fail(usize),
    /// The probe measures: good or bad.
    Probe(bool),
    /// A fault is measured to act.
    Effect(usize),
    /// A fault ends that nobody ended.
    Lose(usize),
    /// A person says that the step which waits for them is done.
    Person,
    /// A person stops the drill.
    Halt,
    /// Time passes until the drill wants to be woken.
    Wake,
}

impl World {
    pub(super) fn begin(plan: Plan, playbook: Option<Playbook>) -> Self {
        let (drill, commands) = Drill::start(plan, playbook);
        let mut world = Self {
            drill,
            now: Duration::ZERO,
            wake: None,
            open: Vec::new(),
            applied: BTreeSet::new(),
            removed: BTreeSet::new(),
            acted: BTreeSet::new(),
            taken_back: BTreeSet::new(),
            verified: 0,
            closed: false,
        };
        world.obey(commands);
        world
    }

    fn obey(&mut self, commands: Vec<Command>) {
        for command in commands {
            match &command {
                Command::Apply { fault } => {
                    assert!(self.drill.stopped().is_none(), "nothing is injected after a stop");
                    assert!(self.applied.insert(fault.clone()), "a fault is applied once");
                }
                Command::Remove { fault, .. } => {
                    assert!(self.applied.contains(fault), "only what was applied is removed");
                    assert!(self.removed.insert(fault.clone()), "removal is ordered once");
                }
                Command::Verify {} => self.verified += 1,
                Command::Close {} => self.closed = true,
                Command::WakeAt { at } => self.wake = Some(*at),
                Command::Record(Record::Stopping { .. }) | Command::StopCommand {} => {}
                Command::Record(_)
                | Command::Preflight {}
                | Command::StartProbes {}
                | Command::VerifyStep { .. }
                | Command::StopStep { .. }
                | Command::StartCommand {} => {}
                Command::RunStep(job) => {
                    assert!(job.undo || self.drill.stopped().is_none(), "nothing is done after a stop");
                    if job.undo {
                        let on = self.drill.injects().iter().any(super::Inject::is_on);
                        assert!(!on, "first the faults, then what was done about them");
                        self.taken_back.insert(job.step.clone());
                    } else {
                        self.acted.insert(job.step.clone());
                    }
                }
            }
            if answers(&command, true).is_some() {
                self.open.push(command);
            }
        }
    }

    fn feed(&mut self, event: Event) {
        let commands = self.drill.next(self.now, event);
        self.obey(commands);
    }

    fn steps(&self) -> Vec<Step> {
        let mut steps = vec![Step::Halt, Step::Wake, Step::Probe(true), Step::Probe(false)];
        for n in 0..self.open.len() {
            steps.extend([Step::Answer(n), Step::Fail(n)]);
        }
        if self.waiting().is_some() {
            steps.push(Step::Person);
        }
        for (n, inject) in self.drill.injects().iter().enumerate() {
            if matches!(inject.state, InjectState::Applied) {
                steps.extend([Step::Effect(n), Step::Lose(n)]);
            }
        }
        steps
    }

    /// The step that waits for a person.
    fn waiting(&self) -> Option<String> {
        let playbook = self.drill.playbook()?;
        let visit = playbook.current().filter(|visit| visit.waits_for_people())?;
        Some(playbook.step(visit).id.clone())
    }

    pub(super) fn take(&mut self, step: Step) {
        let id = |world: &Self, n: usize| world.drill.injects()[n].plan.id.clone();
        match step {
            Step::Answer(n) | Step::Fail(n) => {
                let command = self.open.remove(n);
                if let Some(event) = answers(&command, matches!(step, Step::Answer(_))) {
                    self.feed(event);
                }
            }
            Step::Probe(good) => {
                let failure = (!good).then(|| "status 500".to_owned());
                let sample =
                    Sample { began: self.now, took: Duration::ZERO, failure, value: None, detail: None };
                self.feed(Event::ProbeSampled { probe: "shop".into(), sample });
            }
            Step::Effect(n) => {
                let evidence = Evidence { matched: 1, faulted: 1, ..Evidence::default() };
                self.feed(Event::FaultMeasured { fault: id(self, n), evidence });
            }
            Step::Lose(n) => {
                self.feed(Event::FaultLost { fault: id(self, n), why: "its lease ran out".into() })
            }
            Step::Person => {
                let answer = StepAnswer::Done { answers: BTreeMap::new() };
                let step = self.waiting().unwrap();
                self.feed(Event::StepAnswered { step, who: "ana".into(), role: None, answer });
            }
            Step::Halt => self.feed(Event::HaltRequested { who: "ana".into(), reason: "enough".into() }),
            Step::Wake => {
                self.now = self.wake.filter(|at| *at > self.now).unwrap_or(self.now);
                self.feed(Event::TimePassed {});
            }
        }
        self.check();
    }

    fn check(&self) {
        if self.drill.stopped().is_some() {
            let on = self.drill.injects().iter().filter(|i| matches!(i.state, InjectState::Applied));
            assert_eq!(on.count(), 0, "a stop orders the removal of all that is on");
        }
        if self.drill.phase() == Phase::Scored {
            assert!(self.closed && self.verified == 1, "the last look comes once, before the end");
            for inject in self.drill.injects() {
                assert!(inject.is_over(), "{:?}", inject.state);
                let undone = self.removed.contains(&inject.plan.id)
                    || matches!(inject.state, InjectState::Skipped { .. } | InjectState::Residue { .. });
                assert!(!self.applied.contains(&inject.plan.id) || undone, "{inject:?}");
            }
            assert_eq!(self.acted, self.taken_back, "what the playbook changed is taken back");
            let summary = Summary::of(&self.drill);
            let residue = self.drill.injects().iter().any(|i| matches!(i.state, InjectState::Residue { .. }));
            assert!(!residue || !summary.clean, "residue of a fault is residue of the drill");
            assert_eq!(!summary.clean, summary.exit == 7, "residue is what the exit status says");
        }
    }

    /// What distinguishes this world from others; `now` and counters included.
    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        format!("{:?}{:?}{:?}{:?}", self.drill, self.open, self.now, self.removed).hash(&mut hasher);
        hasher.finish()
    }

    /// From here on the engine answers well and the probes are good, or the engine never answers at all.
    fn run_to_its_end(mut self, answering: bool) {
        for _ in 0..400 {
            if self.drill.phase() == Phase::Scored {
                return;
            }
            if answering && !self.open.is_empty() {
                self.take(Step::Answer(0));
            } else {
                if answering {
                    self.take(Step::Probe(true));
                }
                if self.wake.is_none_or(|at| at <= self.now) {
                    self.now += Duration::from_secs(1);
                }
                self.take(Step::Wake);
            }
        }
        panic!("a drill must end: {:?} in {:?}, wake {:?}", self.open, self.drill.phase(), self.wake);
    }
}

/// The engine's answer to a command, well or badly.
fn answers(command: &Command, well: bool) -> Option<Event> {
    Some(match command {
        Command::Preflight {} => {
            let refusals = if well { vec![] } else { vec!["port in use".into()] };
            Event::PreflightFinished { refusals, warnings: vec![] }
        }
        Command::Apply { fault } if well => Event::FaultApplied { fault: fault.clone(), detail: "on".into() },
        Command::Apply { fault } => Event::FaultRefused { fault: fault.clone(), why: "no".into() },
        Command::Remove { fault, .. } if well => {
            Event::FaultRemoved { fault: fault.clone(), evidence: Evidence::default(), residue: vec![] }
        }
        Command::Remove { fault, .. } => {
            Event::FaultStuck { fault: fault.clone(), why: "it will not go".into() }
        }
        Command::StartCommand {} => {
            Event::CommandFinished { status: Some(i32::from(!well)), detail: "ended".into() }
        }
        Command::StopCommand {} => Event::CommandFinished { status: None, detail: "killed".into() },
        Command::RunStep(job) => {
            let (step, attempt, undo) = (job.step.clone(), job.attempt, job.undo);
            let outcome = if well {
                Attempt::Ok { outputs: BTreeMap::new(), detail: "done".into() }
            } else {
                Attempt::Failed { why: "no".into() }
            };
            Event::StepAttempted { step, attempt, undo, outcome }
        }
        Command::VerifyStep { step, .. } => Event::StepVerified { step: step.clone() },
        Command::Verify {} => Event::VerifyFinished { residue: vec![] },
        Command::StartProbes {}
        | Command::StopStep { .. }
        | Command::WakeAt { .. }
        | Command::Record(_)
        | Command::Close {} => {
            return None;
        }
    })
}

fn fault(id: &str, after: Option<&str>, until: Until) -> PlannedFault {
    let latency = Latency { delay: Period::from_secs(2), ..Latency::default() };
    PlannedFault {
        id: id.into(),
        target: "route/payments".parse().unwrap(),
        fault: Fault::Traffic(TrafficFault::Latency(latency)),
        matching: RequestMatch::default(),
        scope: Scope::default(),
        schedule: None,
        start: Start {
            after: after.map(str::to_owned),
            delay: Period::from_secs(if after.is_some() { 5 } else { 0 }),
        },
        until,
        max: Some(Period::from_secs(20)),
        on_remove: OnRemove::Release,
        undo: UndoClass::A,
    }
}

pub(super) fn plan(command: bool) -> Plan {
    let probe = Probe {
        name: "shop".into(),
        level: Level::Application,
        impact: true,
        invariant: false,
        every: Period::from_secs(1),
        timeout: Period::from_secs(1),
        action: ProbeAction::Tcp("127.0.0.1:1".into()),
        tolerance: Tolerance { over: Period::from_secs(30), ..Tolerance::default() },
    };
    Plan {
        scenario: "walk".into(),
        title: None,
        environment: None,
        percent_max: None,
        seed: Seed(1),
        routes: vec![],
        load: None,
        steady_state: SteadyState {
            stable_for: Period::from_secs(3),
            no_impact_after: Period::from_secs(4),
            gate_within: Period::from_secs(10),
            recovery_within: Period::from_secs(10),
            probes: vec![probe],
        },
        faults: vec![fault("first", None, Until::Recovered), fault("second", Some("first"), Until::Max)],
        alarms: crate::scenario::expectation::Alarms::default(),
        recovery: None,
        playbook: None,
        abort: vec![AbortRule { probe: "shop".into(), tolerance: None, lasting: Period::from_secs(8) }],
        hypothesis: None,
        secrets: std::collections::BTreeMap::new(),
        command: command.then(|| vec!["true".into()]),
        placebo: None,
        not_acted_on: vec![],
    }
}

pub(super) fn walk(from: World, depth: usize) -> usize {
    let mut seen = HashSet::new();
    let mut queue = VecDeque::from([(from, 0)]);
    while let Some((world, taken)) = queue.pop_front() {
        if !seen.insert(world.fingerprint()) {
            continue;
        }
        world.clone().run_to_its_end(true);
        world.clone().run_to_its_end(false);
        if taken < depth && world.drill.phase() != Phase::Scored {
            for step in world.steps() {
                let mut next = world.clone();
                next.take(step);
                queue.push_back((next, taken + 1));
            }
        }
    }
    seen.len()
}

#[test]
fn every_order_of_events_ends_with_all_taken_back() {
    let states = walk(World::begin(plan(false), None), 9);
    assert!(states > 1_000, "the walk is worth something: {states}");
}

#[test]
fn every_order_of_events_ends_with_a_command_under_test_too() {
    let states = walk(World::begin(plan(true), None), 9);
    assert!(states > 1_000, "the walk is worth something: {states}");
}

/// One process is killed, with the two numbers that matter here: 3 s of good are a recovery, 4 s without impact are
/// withstood.
fn killed() -> World {
    let kill = PlannedFault {
        target: "host/local".parse().unwrap(),
        fault: serde_json::from_value(serde_json::json!({"process_kill": {"name": "stock"}})).unwrap(),
        max: None,
        undo: UndoClass::C,
        ..fault("kill", None, Until::Max)
    };
    let mut world = World::begin(Plan { faults: vec![kill], abort: vec![], ..plan(false) }, None);
    // Preflight, the gate (long ago by then), the kill, its effect, its formal end.
    world.take(Step::Answer(0));
    world.take(Step::Probe(true));
    world.now += Duration::from_secs(60);
    world.take(Step::Answer(0));
    world.take(Step::Effect(0));
    world.take(Step::Answer(0));
    assert!(world.drill.injects().iter().all(crate::drill::Inject::is_over));
    assert_eq!(world.drill.phase(), Phase::Active, "the consequences of a kill are waited for");
    world
}

fn seconds_pass(world: &mut World, seconds: u64, good: bool) {
    for _ in 0..seconds {
        world.now += Duration::from_secs(1);
        world.take(Step::Probe(good));
    }
}

fn results(mut world: World) -> (crate::drill::summary::Impact, crate::drill::summary::RestoredBy, u8) {
    assert_eq!(world.drill.phase(), Phase::Verifying, "{:?}", world.drill.watch());
    world.take(Step::Answer(0));
    let summary = Summary::of(&world.drill);
    (summary.impact, summary.restored_by, summary.exit)
}

#[test]
fn what_a_kill_does_afterwards_is_its_impact() {
    use crate::drill::summary::{Impact, RestoredBy};
    let mut supervised = killed();
    seconds_pass(&mut supervised, 2, true);
    seconds_pass(&mut supervised, 2, false);
    seconds_pass(&mut supervised, 5, true);
    assert_eq!(results(supervised), (Impact::Seen, RestoredBy::Itself, 0), "nobody took the kill back");

    let mut gone = killed();
    seconds_pass(&mut gone, 12, false);
    assert_eq!(results(gone), (Impact::Seen, RestoredBy::None, 4));

    let mut redundant = killed();
    seconds_pass(&mut redundant, 3, true);
    assert_eq!(redundant.drill.phase(), Phase::Active);
    seconds_pass(&mut redundant, 5, true);
    assert_eq!(results(redundant), (Impact::Withstood, RestoredBy::None, 0));
}
