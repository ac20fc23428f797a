//! What the loop reaches outside of itself. The live one acts on this machine; a simulation hands in a world of its own.

use std::io;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::coordinator::alarms::AlarmInput;
use crate::coordinator::clock::DrillClock;
use crate::coordinator::command::CommandEnd;
use crate::drill::Sample;
use crate::fault::Evidence;
use crate::playbook::event::{Attempt, Job};
use crate::scenario::plan::Probe;

/// What is seen of a fault that was applied.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// It is on.
    On(Evidence),
    /// It ended without our doing.
    Lost(String),
}

/// What a fault that was removed had done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Removed {
    /// The last counts.
    pub evidence: Evidence,
    /// What it left behind; empty: nothing.
    pub residue: Vec<String>,
}

/// Why a fault could not be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unremoved {
    /// In words.
    pub why: String,
    /// The process that did the deed is gone.
    pub nobody_there: bool,
}

impl From<String> for Unremoved {
    fn from(why: String) -> Self {
        Self { why, nobody_there: false }
    }
}

/// A fault that ended by itself, as its executor tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostFault {
    /// Its id.
    pub fault: String,
    /// Why.
    pub why: String,
}

/// Somebody who wants the drill to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaltAsked {
    /// Who.
    pub who: String,
    /// Why; may be empty.
    pub why: String,
}

/// All that a drill's loop reaches outside of itself: the plan and the drill's id were given to it when it was made.
///
/// The methods that only look must answer at once; what takes time is a future, which the loop runs in a task of its
/// own. A future that is dropped ends what it began.
pub trait Outside: Send + Sync + 'static {
    /// Looks at and prepares everything, and changes nothing under test: the warnings, or every reason to refuse.
    fn prepare(&self) -> BoxFuture<'_, Result<Vec<String>, Vec<String>>>;

    /// Does a fault's deed; says on what, in words.
    fn apply<'a>(&'a self, fault: &'a str) -> BoxFuture<'a, Result<String, String>>;

    /// What a fault has done by now; an error when nobody can say.
    fn look<'a>(&'a self, fault: &'a str) -> BoxFuture<'a, Result<Seen, String>>;

    /// Takes a fault back. Nothing when there is no such fault: it never came about, or what held it has ended.
    /// Idempotent.
    fn remove<'a>(&'a self, fault: &'a str) -> BoxFuture<'a, Result<Option<Removed>, Unremoved>>;

    /// Changes parameters of a fault that is on; says old → new.
    fn change<'a>(
        &'a self,
        fault: &'a str,
        changes: &'a [(String, String)],
    ) -> BoxFuture<'a, Result<String, String>>;

    /// Renews the leases of all faults.
    fn renew(&self) -> BoxFuture<'_, ()>;

    /// Runs every probe until `stop`.
    fn probe<'a>(
        &'a self,
        clock: DrillClock,
        samples: &'a mpsc::Sender<(String, Sample)>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, ()>;

    /// Sends the load, if the plan has one, until `stop`; an error when it cannot be sent.
    fn load<'a>(
        &'a self,
        clock: DrillClock,
        answers: mpsc::Sender<Vec<Sample>>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<(), String>>;

    /// Hears alarms until `stop`, and asks why expected ones stay away while `watching`.
    fn hear<'a>(
        &'a self,
        alarms: mpsc::Sender<AlarmInput>,
        watching: watch::Receiver<bool>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, ()>;

    /// Runs the command under test to its end, or to `end`.
    fn command(&self, end: CancellationToken) -> BoxFuture<'_, CommandEnd>;

    /// Makes an attempt at an automatic step of the playbook; ends it, and whatever it started, at its time-out.
    fn step<'a>(&'a self, job: &'a Job, clock: DrillClock) -> BoxFuture<'a, Attempt>;

    /// Measures a probe of the playbook's own until it is good.
    fn verify<'a>(&'a self, probe: &'a Probe, clock: DrillClock) -> BoxFuture<'a, ()>;

    /// What is worth a note when the faults are about to begin, such as a route that nobody uses.
    fn before_faults(&self) -> Vec<String>;

    /// Why the drill cannot go on: something of ours has died.
    fn health(&self) -> Result<(), String>;

    /// The faults that ended by themselves since the last call.
    fn lost(&self) -> Vec<LostFault>;

    /// Whether somebody asks for a halt without the control socket.
    fn halt_asked(&self) -> Option<HaltAsked>;

    /// Keeps the next drill from starting until somebody releases the lever.
    fn engage_lever(&self, who: &str, why: &str);

    /// Ends whatever was prepared and looks whether anything was left behind, even where [`prepare`](Self::prepare)
    /// was given up halfway. By then nothing else is under way, or it was dropped.
    fn put_away(&self) -> BoxFuture<'_, Vec<String>>;

    /// The wall time, for the record only.
    fn wall(&self) -> Timestamp;
}

/// What a record is written on.
pub trait Paper: Send {
    /// Appends a line. It survives our death when this returns.
    fn append(&mut self, line: &[u8]) -> io::Result<()>;

    /// Waits until all lines survive a loss of power too.
    fn sync(&mut self) -> io::Result<()>;

    /// All that was appended.
    fn read(&self) -> io::Result<Vec<u8>>;

    /// Keeps a document beside the journal, whole or not at all.
    fn keep(&mut self, name: &str, text: &[u8]) -> io::Result<()>;
}

/// Where a drill takes place: what it reaches, and what its record is written on.
pub struct World {
    /// What it reaches.
    pub outside: Arc<dyn Outside>,
    /// What its record is written on.
    pub paper: Box<dyn Paper>,
}
