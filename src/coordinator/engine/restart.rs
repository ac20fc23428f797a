//! Ending a drill whose process died, from its journal alone: everything is taken back, and the record is closed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::aftermath::Aftermath;
use super::driver::{At, Driver};
use super::inbox::Inbox;
use super::outside::{Outside, Paper, World};
use super::record::{Input, JOURNAL, RecordError, Recorder};
use super::{AlarmsAt, Outcome, Setup, Watcher};
use crate::agent::{GuardianProgram, Policy};
use crate::coordinator::clock::DrillClock;
use crate::coordinator::control::Request;
use crate::drill::board::Board;
use crate::drill::journal::{Chain, RawLine, Verified, verify, whole_lines};
use crate::drill::replay::{Left, ReplayError, Step, replay, take_up};
use crate::drill::{Command, Event, Summary, Timed};
use crate::playbook::plan::Playbook;
use crate::scenario::plan::Plan;

/// What a drill needs of this machine, whatever its plan is.
#[derive(Clone, Debug)]
pub struct Place {
    /// Where people find what it leaves.
    pub folder: PathBuf,
    /// Where sockets are.
    pub runtime_dir: PathBuf,
    /// Where undo journals and the lever are.
    pub state_dir: PathBuf,
    /// Data threads of the drill's own proxy.
    pub workers: usize,
    /// How the guardian of host faults is started.
    pub guardian: GuardianProgram,
    /// What the host's owner forbids.
    pub policy: Policy,
}

/// Why an interrupted drill cannot be ended in order.
#[derive(Debug, thiserror::Error)]
pub enum EndError {
    /// Its journal does not begin with a plan that this version reads.
    #[error(
        "{0}; its faults end with their leases, and `firedrill agent heal` undoes what is left on this host"
    )]
    Unreadable(#[from] ReplayError),
    /// Its journal is not as it was written. What it did was taken back all the same.
    #[error("the journal is broken at line {line}: {why}; {}", left_words(left))]
    Broken {
        /// Which line, from 0.
        line: u64,
        /// How.
        why: String,
        /// What could not be taken back.
        left: Vec<String>,
    },
    /// The rest of its record cannot be written.
    #[error(transparent)]
    Record(#[from] RecordError),
}

fn left_words(left: &[String]) -> String {
    match left {
        [] => "everything was taken back".to_owned(),
        left => format!("left behind: {}", left.join("; ")),
    }
}

/// What of line 0 is not the drill's own.
#[derive(Deserialize)]
struct Planned {
    drill: String,
    plan: Plan,
    playbook: Option<Playbook>,
    inputs: Vec<Input>,
}

impl Setup {
    /// The setup of a drill at this place.
    pub fn at(
        place: Place,
        drill: String,
        plan: Plan,
        playbook: Option<Playbook>,
        inputs: Vec<Input>,
    ) -> Self {
        let Place { folder, runtime_dir, state_dir, workers, guardian, policy } = place;
        Self {
            drill,
            plan,
            playbook,
            inputs,
            folder,
            runtime_dir,
            state_dir,
            workers,
            json_on_stdout: false,
            guardian,
            policy,
            alarms_at: AlarmsAt::HandedIn,
        }
    }

    /// The setup of a drill that began, as line 0 of its journal says.
    ///
    /// # Errors
    /// Line 0 holds no plan that this version reads.
    pub fn of_journal(journal: &[u8], place: Place) -> Result<Self, ReplayError> {
        let (_, raw) = whole_lines(journal).next().ok_or(ReplayError::Empty)?;
        let line: RawLine<'_> =
            serde_json::from_slice(raw).map_err(|source| ReplayError::Line { line: 0, source })?;
        let Planned { drill, plan, playbook, inputs } =
            serde_json::from_str(line.data.get()).map_err(|source| ReplayError::Plan { source })?;
        Ok(Self { alarms_at: AlarmsAt::Nowhere, ..Self::at(place, drill, plan, playbook, inputs) })
    }
}

/// Ends a drill whose process died: takes back what it left, goes on to the end of its decisions, and closes its record.
/// Nothing is begun. `journal` is what is on the paper; killed halfway, the same does it again. A drill that was over
/// gives what it came to.
///
/// # Errors
/// [`EndError`] says what is known to be left then.
pub async fn end_interrupted(
    setup: Setup,
    journal: &[u8],
    paper: Box<dyn Paper>,
    requests: mpsc::Receiver<Request>,
    watcher: &mut dyn Watcher,
) -> Result<Outcome, EndError> {
    let (at, unwritten, wall) = at(&setup, journal)?;
    if let Verified::Whole { lines, head } = verify(journal, None) {
        let recorder = Recorder::go_on(setup.folder.clone(), paper, Chain::resume(lines, head));
        return Ok(was_over(setup, journal, recorder)?);
    }
    let outside: Arc<dyn Outside> = Arc::new(Aftermath::begin(&setup, &at.drill).await);
    let world = World { outside, paper };
    go_on(world, setup, journal, (at, unwritten, wall), requests, watcher).await
}

/// The same in any world, for a drill that is not over.
pub async fn end_interrupted_in(
    world: World,
    setup: Setup,
    journal: &[u8],
    requests: mpsc::Receiver<Request>,
    watcher: &mut dyn Watcher,
) -> Result<Outcome, EndError> {
    let taken_up = at(&setup, journal)?;
    go_on(world, setup, journal, taken_up, requests, watcher).await
}

/// Where a drill is, what it decided and did not write down, and the wall time of its last line.
type TakenUp = (At, Vec<Command>, Timestamp);

fn at(setup: &Setup, journal: &[u8]) -> Result<TakenUp, ReplayError> {
    let mut board = Board::new(&setup.plan, setup.playbook.as_ref());
    let left = take_up(journal, |step| {
        let Timed { mono, event } = step;
        match event {
            Step::Event(event) => drop(board.event(&Timed { mono: *mono, event: event.clone() })),
            Step::Command(command) => drop(board.command(&Timed { mono: *mono, event: command.clone() })),
        }
    })?;
    let Left { drill, mono, began, at, unwritten } = left;
    let board = board.began(began);
    Ok((At { clock: DrillClock::go_on(mono), drill, board, last: mono }, unwritten, at))
}

async fn go_on(
    world: World,
    setup: Setup,
    journal: &[u8],
    (mut at, unwritten, wall): TakenUp,
    requests: mpsc::Receiver<Request>,
    watcher: &mut dyn Watcher,
) -> Result<Outcome, EndError> {
    let World { outside, paper } = world;
    let chain = match verify(journal, None) {
        Verified::Cut { lines, head, .. } | Verified::Whole { lines, head } => Chain::resume(lines, head),
        Verified::Broken { line, why } => {
            let left = outside.put_away().await;
            return Err(EndError::Broken { line, why, left });
        }
    };
    // Time went on while nobody drove it; the wall clock is all there is to say how much, and it may have been set.
    let between = outside.wall().duration_since(wall);
    let between = Duration::try_from(between).unwrap_or_default();
    at.clock = DrillClock::go_on(at.last + between);
    let recorder = Recorder::go_on(setup.folder.clone(), paper, chain);
    let (ways, inbox) = Inbox::open(requests, mpsc::channel(1).1);
    let mut driver = Driver::new(setup, at, outside, recorder, watcher, ways);
    driver.write_down(unwritten);
    driver.start_operators();
    driver.happen(Event::CoordinatorRestarted {});
    Ok(driver.drive(inbox).await?)
}

/// What a drill came to that was over when its process died; its documents are kept once more.
fn was_over(setup: Setup, journal: &[u8], mut recorder: Recorder) -> Result<Outcome, RecordError> {
    let card = recorder.score();
    let summary = match &card {
        Some(card) => card.summary.clone(),
        None => {
            let unreadable = |error: ReplayError| {
                let source = std::io::Error::other(error.to_string());
                RecordError::new("read", setup.folder.join(JOURNAL), source)
            };
            Summary::of(&replay(journal).map_err(unreadable)?)
        }
    };
    recorder.keep_scorecard(card.as_ref())?;
    let head = recorder.keep_summary(&summary)?;
    Ok(Outcome { summary, card, folder: setup.folder, head })
}
