//! Everything that happens in a simulated drill, in the one order in which it happens: lines and deeds alike.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use firedrill::coordinator::engine::Paper;
use tokio::time::Instant;

use crate::fate::RecordFate;

/// Something that the engine has done outside of itself, or somebody to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    Prepare,
    Apply(String),
    Remove(String),
    Change(String),
    Renew,
    Probe,
    Load,
    Hear,
    Command,
    PutAway,
    EngageLever,
    /// An attempt at a step: which, and whether it is the way back.
    Step(String, u32, bool),
    Verify(String),
    /// Monitoring tells of alarms and waits until they are on record.
    Alarms(Vec<String>),
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A line came onto the record, without its end.
    Line(String),
    /// A line was to be written and was not, or half.
    LineFailed,
    Synced,
    Begun(Deed),
    Ended(Deed),
    /// Its future was dropped before it had ended.
    Dropped(Deed),
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub at: Duration,
    pub what: What,
}

/// All of them.
#[derive(Clone)]
pub struct Ledger {
    began: Instant,
    entries: Arc<Mutex<Vec<Entry>>>,
}

impl Ledger {
    /// Begins now.
    pub fn begin() -> Self {
        Self { began: Instant::now(), entries: Arc::default() }
    }

    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    pub fn note(&self, what: What) {
        let at = self.now();
        self.entries().push(Entry { at, what });
    }

    pub fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap()
    }

    /// Notes that a deed begins; the end is noted by [`Doing::end`], or when it is dropped.
    pub fn doing(&self, deed: Deed) -> Doing {
        self.note(What::Begun(deed.clone()));
        Doing { ledger: self.clone(), deed: Some(deed) }
    }
}

/// A deed under way.
pub struct Doing {
    ledger: Ledger,
    deed: Option<Deed>,
}

impl Doing {
    pub fn end(mut self) {
        if let Some(deed) = self.deed.take() {
            self.ledger.note(What::Ended(deed));
        }
    }
}

impl Drop for Doing {
    fn drop(&mut self) {
        if let Some(deed) = self.deed.take() {
            self.ledger.note(What::Dropped(deed));
        }
    }
}

/// What the record is written on: memory that may fail.
pub struct Memory {
    ledger: Ledger,
    fate: RecordFate,
    lines: u64,
    written: Arc<Mutex<Written>>,
}

/// What came onto it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    pub journal: Vec<u8>,
    pub kept: BTreeMap<String, Vec<u8>>,
}

impl Memory {
    pub fn new(ledger: &Ledger, fate: RecordFate) -> (Self, Arc<Mutex<Written>>) {
        let written = Arc::<Mutex<Written>>::default();
        (Self { ledger: ledger.clone(), fate, lines: 0, written: Arc::clone(&written) }, written)
    }

    /// A record that never fails, of which this much is written.
    pub fn on(ledger: &Ledger, written: &Arc<Mutex<Written>>) -> Self {
        Self { ledger: ledger.clone(), fate: RecordFate::Whole, lines: 0, written: Arc::clone(written) }
    }
}

impl Paper for Memory {
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let number = self.lines;
        self.lines += 1;
        let mut written = self.written.lock().unwrap();
        if let RecordFate::FailsAt { line: fails, torn, lasting } = self.fate
            && (number == fails || lasting && number > fails)
        {
            if torn && number == fails {
                written.journal.extend_from_slice(&line[..line.len() / 2]);
            }
            self.ledger.note(What::LineFailed);
            return Err(io::ErrorKind::StorageFull.into());
        }
        written.journal.extend_from_slice(line);
        self.ledger.note(What::Line(String::from_utf8_lossy(line).trim_end().to_owned()));
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.fate == RecordFate::NeverSynced {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.ledger.note(What::Synced);
        Ok(())
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        Ok(self.written.lock().unwrap().journal.clone())
    }

    fn keep(&mut self, name: &str, text: &[u8]) -> io::Result<()> {
        if self.fate == RecordFate::NothingKept {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.written.lock().unwrap().kept.insert(name.to_owned(), text.to_owned());
        Ok(())
    }
}
