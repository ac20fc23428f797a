//! The office: what is kept and what runs. Whoever asks something of the coordinator asks here.

mod refusal;
mod view;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

pub use crate::coordinator::api::wire::{Bundle, BundleFile, FileProblem};
pub use refusal::Refusal;
pub use view::{
    Added, Approval, DrillFilter, DrillLine, DrillView, FindingLine, GameDayLine, GameDayView, LeverView,
    NoteLine, PreflightLine, ReviewLine, RunLine, Standing, StoppedBy, Words,
};

use crate::agent::{GuardianProgram, Policy};
use crate::coordinator::control::Request;
use crate::drill::alarm::Alarm;
use crate::scenario::expectation::GenericSource;
use crate::store::{Document, Store};

/// Tells the time by the wall; tests hand in their own.
pub type Wall = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What an office is opened with.
#[derive(Clone)]
pub struct Furnishing {
    /// What keeps its records.
    pub store: Arc<dyn Store>,
    /// Who it is, for whoever finds the store held: `host, pid 123`.
    pub holder: String,
    /// Where reports are written.
    pub reports: PathBuf,
    /// Where sockets and the HALT file are.
    pub runtime_dir: PathBuf,
    /// Where undo journals and the lever are.
    pub state_dir: PathBuf,
    /// Data threads of each drill's own proxy.
    pub workers: usize,
    /// How the guardian of host faults is started.
    pub guardian: GuardianProgram,
    /// What the host's owner forbids.
    pub policy: Policy,
    /// Tells the time.
    pub wall: Wall,
    /// Gives a number that is different each time, for seeds and ids that nobody chose.
    pub arbitrary: fn() -> u64,
}

/// The office. A clone is the same office.
#[derive(Clone)]
pub struct Office {
    #[expect(dead_code, reason = "the bodies follow")]
    furnishing: Arc<Furnishing>,
}

fn not_yet<T>() -> Result<T, Refusal> {
    Err(Refusal::new(503, "not yet", "this office is being built"))
}

#[expect(unused_variables, reason = "the bodies follow")]
impl Office {
    /// Takes the store, replays what was under way, ends drills that were interrupted, and goes on with game days.
    ///
    /// # Errors
    /// The store is held by another or cannot be read.
    pub async fn open(furnishing: Furnishing) -> Result<Self, Refusal> {
        Ok(Self { furnishing: Arc::new(furnishing) })
    }

    /// Keeps the schedule and the lease until `stop`; then stops what runs, in order, and lets the store go.
    pub async fn run(&self, stop: CancellationToken) {
        stop.cancelled().await;
    }

    /// Checks a bundle and changes nothing.
    pub async fn check_bundle(&self, bundle: Bundle) -> Result<Added, Refusal> {
        not_yet()
    }

    /// Makes a game day of a bundle, as a draft.
    pub async fn add_gameday(&self, bundle: Bundle, who: &str) -> Result<Added, Refusal> {
        not_yet()
    }

    /// Every game day, the newest first.
    pub async fn gamedays(&self) -> Result<Vec<GameDayLine>, Refusal> {
        not_yet()
    }

    /// One game day.
    pub async fn gameday(&self, id: &str) -> Result<GameDayView, Refusal> {
        not_yet()
    }

    /// Approves it, in somebody's stead where that is said.
    pub async fn approve(&self, id: &str, who: &str, in_stead_of: Option<&str>) -> Result<(), Refusal> {
        not_yet()
    }

    /// Starts it now.
    pub async fn start(&self, id: &str, who: &str) -> Result<(), Refusal> {
        not_yet()
    }

    /// Lets the run that is under way end, and begins no other until it is resumed.
    pub async fn pause(&self, id: &str, who: &str, reason: &str) -> Result<(), Refusal> {
        not_yet()
    }

    /// Goes on.
    pub async fn resume(&self, id: &str, who: &str) -> Result<(), Refusal> {
        not_yet()
    }

    /// Stops it and the drill that is under way; both take everything back.
    pub async fn stop(&self, id: &str, who: &str, reason: &str) -> Result<(), Refusal> {
        not_yet()
    }

    /// Answers an item of the preflight, by its name.
    pub async fn answer_preflight(
        &self,
        id: &str,
        item: &str,
        who: &str,
        ok: bool,
        note: &str,
    ) -> Result<(), Refusal> {
        not_yet()
    }

    /// Answers a run that is a question, by its number.
    pub async fn answer_run(&self, id: &str, run: u32, who: &str, answer: &str) -> Result<(), Refusal> {
        not_yet()
    }

    /// Goes on without an item of the preflight.
    pub async fn waive(&self, id: &str, item: &str, who: &str, reason: &str) -> Result<(), Refusal> {
        not_yet()
    }

    /// Writes something into its journal.
    pub async fn note(&self, id: &str, who: &str, text: &str) -> Result<(), Refusal> {
        not_yet()
    }

    /// Adds what was found.
    pub async fn add_finding(&self, id: &str, finding: FindingLine, who: &str) -> Result<(), Refusal> {
        not_yet()
    }

    /// Answers a question of the review.
    pub async fn review(&self, id: &str, question: &str, answer: &str, who: &str) -> Result<(), Refusal> {
        not_yet()
    }

    /// Closes it.
    pub async fn close(&self, id: &str, who: &str) -> Result<(), Refusal> {
        not_yet()
    }

    /// The drills that fit, the newest first.
    pub async fn drills(&self, filter: &DrillFilter) -> Result<Vec<DrillLine>, Refusal> {
        not_yet()
    }

    /// One drill.
    pub async fn drill(&self, id: &str) -> Result<DrillView, Refusal> {
        not_yet()
    }

    /// Asks something of a drill that runs: `ask` is handed where the answer goes.
    ///
    /// # Errors
    /// No such drill, it is over, or it does not answer in time.
    pub async fn ask_drill<T: Send>(
        &self,
        id: &str,
        ask: impl FnOnce(oneshot::Sender<T>) -> Request + Send,
    ) -> Result<T, Refusal> {
        not_yet()
    }

    /// The whole journal of a game day or a drill, as it is so far.
    pub async fn journal(&self, id: &str) -> Result<Vec<u8>, Refusal> {
        not_yet()
    }

    /// Lines of such a journal from the `from`-th on, without their line ends; at most 1,000.
    pub async fn lines(&self, id: &str, from: u64) -> Result<Vec<Vec<u8>>, Refusal> {
        not_yet()
    }

    /// How many lines such a journal has, and every change of it; closed when no line will follow.
    pub async fn changed(&self, id: &str) -> Result<watch::Receiver<u64>, Refusal> {
        not_yet()
    }

    /// Changes whenever anything does that a list shows.
    pub fn changes(&self) -> watch::Receiver<u64> {
        watch::channel(0).1
    }

    /// The folder with the reports of a game day or a drill; absent: there is none yet.
    pub fn reports(&self, id: &str) -> Option<PathBuf> {
        None
    }

    /// Hands alarms to every drill that hears any; returns once they are journalled. Gives to how many.
    pub async fn alarms_in(&self, alarms: Vec<Alarm>) -> Result<usize, Refusal> {
        not_yet()
    }

    /// Engages the lever and stops every drill and every game day.
    pub async fn halt(&self, who: &str, reason: &str) -> Result<(), Refusal> {
        not_yet()
    }

    /// Releases the lever.
    pub async fn release(&self, who: &str, reason: &str) -> Result<(), Refusal> {
        not_yet()
    }

    /// A document that is kept beside game days and drills.
    pub async fn kept(&self, folder: &str, name: &str) -> Result<Option<Document>, Refusal> {
        not_yet()
    }

    /// Keeps such a document, whose version is `expected` (0: there is none yet); gives its new version.
    pub async fn keep(&self, folder: &str, name: &str, text: &[u8], expected: u64) -> Result<u64, Refusal> {
        not_yet()
    }

    /// The form that a running scenario gives to the generic alarm intake of this name.
    pub fn generic(&self, name: &str) -> Option<GenericSource> {
        None
    }

    /// How things stand.
    pub async fn standing(&self) -> Result<Standing, Refusal> {
        not_yet()
    }
}
