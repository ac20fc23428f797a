//! The driver of one game day: what happens is journalled first, then decided on; what was decided is journalled, then
//! obeyed.

mod exercise;
mod inject;
mod look;
mod obey;
mod paper;
pub(super) mod report;
mod restart;
mod words;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

pub(super) use exercise::read_bundle;
pub(super) use paper::KEPT;
pub(super) use report::close;
pub(super) use restart::{end_stray, take_up};

use crate::coordinator::office::Refusal;
use crate::coordinator::office::books::{Books, day_journal};
use crate::drill::journal::Chain;
use crate::gameday::{CLOSED, Day, DayCommand, DayEvent, PLANNED, Planned};

/// One game day that is not over: its state, and the journal that it is written in.
pub(super) struct Keeper {
    /// Its id.
    pub(super) id: String,
    /// Line 0 of its journal.
    pub(super) planned: Planned,
    /// When it was added.
    pub(super) added: Timestamp,
    books: Arc<Books>,
    kept: Mutex<Kept>,
    /// Stops the run that is under way, or about to be.
    current: Mutex<Option<Current>>,
}

struct Kept {
    day: Day,
    chain: Chain,
    /// The time of the last line: the record never goes back in time.
    last: Timestamp,
    /// When it wants to be told that time passed.
    wake: Option<Timestamp>,
    /// What was decided on the last event and is not written yet: nothing is written before it.
    unwritten: VecDeque<DayCommand>,
    closed: bool,
}

/// The run that is under way.
#[derive(Clone)]
struct Current {
    stop: CancellationToken,
    why: Arc<Mutex<String>>,
}

/// What is read of a game day at one moment.
pub(super) struct Seen {
    /// The day.
    pub(super) day: Day,
    /// How many lines its journal has.
    pub(super) lines: u64,
    /// The hash of the last.
    pub(super) head: String,
    /// Whether no line will follow.
    pub(super) closed: bool,
}

impl Keeper {
    /// Writes line 0 of a new game day and what follows from it; gives what is to be obeyed.
    pub(super) fn begin(
        books: Arc<Books>,
        planned: Planned,
        now: Timestamp,
    ) -> Result<(Arc<Self>, Vec<DayCommand>), Refusal> {
        let now = whole_micros(now);
        let mut chain = Chain::default();
        let data = serde_json::to_value(&planned).unwrap_or_default();
        let journal = day_journal(&planned.id);
        write(&books, &journal, &mut chain, (now, now), PLANNED, &data)?;
        let (day, commands) = Day::start(planned.plan.clone(), now);
        let kept = Kept { day, chain, last: now, wake: None, unwritten: VecDeque::new(), closed: false };
        let keeper = Self::with(books, planned, now, kept);
        let commands = keeper.write_commands(&mut keeper.kept(), commands);
        Ok((Arc::new(keeper), commands))
    }

    fn with(books: Arc<Books>, planned: Planned, added: Timestamp, kept: Kept) -> Self {
        let id = planned.id.clone();
        Self { id, planned, added, books, kept: Mutex::new(kept), current: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it is now.
    pub(super) fn seen(&self) -> Seen {
        let kept = self.kept();
        Seen {
            day: kept.day.clone(),
            lines: kept.chain.len(),
            head: kept.chain.head().to_owned(),
            closed: kept.closed,
        }
    }

    /// Looks at the day without a copy.
    pub(super) fn with_day<T>(&self, look: impl FnOnce(&Day) -> T) -> T {
        look(&self.kept().day)
    }

    /// When it wants to be told that time passed.
    pub(super) fn wake(&self) -> Option<Timestamp> {
        self.kept().wake
    }

    /// Takes in an event, and gives what is to be obeyed.
    ///
    /// # Errors
    /// It does not fit, or cannot be written down: then nothing happened.
    pub(super) fn happen(&self, now: Timestamp, event: DayEvent) -> Result<Vec<DayCommand>, Refusal> {
        let mut kept = self.kept();
        let now = whole_micros(now).max(kept.last);
        kept.day.may(now, &event).map_err(|why| {
            Refusal::conflict("not as things stand", format!("game day `{}`: {why}", self.id))
        })?;
        if kept.closed {
            return Err(Refusal::conflict("it is over", format!("game day `{}` is closed", self.id)));
        }
        self.write_down(&mut kept)?;
        let value = serde_json::to_value(&event).unwrap_or_default();
        self.line(&mut kept, now, &value)?;
        kept.last = now;
        if kept.wake.is_some_and(|wake| wake <= now) {
            kept.wake = None;
        }
        let commands = kept.day.next(now, event);
        Ok(self.write_commands(&mut kept, commands))
    }

    /// Writes what was decided. A wish to be woken is no news; the time that passes is. What cannot be written is obeyed
    /// all the same: it follows from an event that is on record, and a stop must not wait for a disk. It is written
    /// before whatever comes next, by this life or by another.
    fn write_commands(&self, kept: &mut Kept, commands: Vec<DayCommand>) -> Vec<DayCommand> {
        let mut to_obey = Vec::new();
        for command in commands {
            if let DayCommand::WakeAt { at } = command {
                kept.wake = Some(at);
                continue;
            }
            kept.unwritten.push_back(command.clone());
            if !matches!(command, DayCommand::Record(_)) {
                to_obey.push(command);
            }
        }
        if let Err(refusal) = self.write_down(kept) {
            tracing::error!(gameday = self.id, %refusal, "what was decided is not written down yet");
        }
        to_obey
    }

    /// Writes what was decided and is not on record, at the time of the event from which it follows.
    fn write_down(&self, kept: &mut Kept) -> Result<(), Refusal> {
        while let Some(command) = kept.unwritten.front() {
            let value = match command {
                DayCommand::Record(record) => serde_json::to_value(record),
                command => serde_json::to_value(command),
            };
            let at = kept.last;
            self.line(kept, at, &value.unwrap_or_default())?;
            kept.unwritten.pop_front();
        }
        Ok(())
    }

    /// Writes `{"kind": …, "data": …}` as a line.
    fn line(&self, kept: &mut Kept, now: Timestamp, value: &Value) -> Result<(), Refusal> {
        let kind = value["kind"].as_str().unwrap_or("unknown");
        let journal = day_journal(&self.id);
        write(&self.books, &journal, &mut kept.chain, (self.added, now), kind, &value["data"])
    }

    /// Writes the closing line; nothing when it is there.
    fn close(&self, now: Timestamp) -> Result<(), Refusal> {
        let mut kept = self.kept();
        if kept.closed {
            return Ok(());
        }
        self.write_down(&mut kept)?;
        let now = whole_micros(now).max(kept.last);
        let data = json!({"lines": kept.chain.len(), "state": kept.day.state()});
        let journal = day_journal(&self.id);
        write(&self.books, &journal, &mut kept.chain, (self.added, now), CLOSED, &data)?;
        kept.closed = true;
        self.books.sync()?;
        self.books.shut(&journal);
        Ok(())
    }
}

/// Seals and appends a line. Only one that is kept moves the chain on.
fn write(
    books: &Books,
    journal: &str,
    chain: &mut Chain,
    (began, now): (Timestamp, Timestamp),
    kind: &str,
    data: &Value,
) -> Result<(), Refusal> {
    let since = Duration::try_from(now.duration_since(began)).unwrap_or_default();
    let mut next = chain.clone();
    let line = next.seal(now, since, kind, data);
    books.append(journal, chain.len(), line.as_bytes())?;
    *chain = next;
    Ok(())
}

/// The journal keeps microseconds: what is decided on must be what is written.
fn whole_micros(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}
