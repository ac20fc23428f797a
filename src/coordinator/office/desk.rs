//! The desk: what the office holds while it is open. Game days under way, drills that run, and who waits for what.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, broadcast, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::again::Unfinisheds;
use super::books::{Books, drill_journal};
use super::{DrillLine, Furnishing, GameDayLine, Refusal, show};
use crate::coordinator::alarms::HandIn;
use crate::coordinator::control::Request;
use crate::coordinator::day::Keeper;
use crate::coordinator::engine::Place;
use crate::coordinator::lever::Lever;
use crate::drill::alarm::Alarm;
use crate::gameday::DrillWords;
use crate::scenario::expectation::GenericSource;
use crate::store::StoreError;

/// Alarms that may wait for whoever listens to all of them.
const ALARMS_MAX: usize = 256;
/// How long an order to end may take to reach a drill.
const SAID_WITHIN: Duration = Duration::from_secs(1);
/// Folders of documents that say what lists show, so that no journal must be read for them.
const GAMEDAYS: &str = "gamedays";
const DRILLS: &str = "drills";

/// What the office holds.
pub(in crate::coordinator) struct Desk {
    pub(super) furnishing: Furnishing,
    books: Arc<Books>,
    lever: Lever,
    days: Mutex<BTreeMap<String, Arc<Keeper>>>,
    adding: Mutex<()>,
    index: Mutex<Index>,
    running: Mutex<BTreeMap<String, Running>>,
    slots: Mutex<BTreeMap<Option<String>, Arc<tokio::sync::Mutex<()>>>>,
    alarms: broadcast::Sender<Arc<Alarm>>,
    pub(super) schedule: Notify,
    unfinished: Mutex<Unfinisheds>,
    alarms_in: AtomicU64,
    closing: CancellationToken,
    tasks: TaskTracker,
}

/// What lists show of everything there ever was.
#[derive(Default)]
pub(super) struct Index {
    pub(super) gamedays: BTreeMap<String, GameDayLine>,
    pub(super) drills: BTreeMap<String, DrillLine>,
}

/// How a drill that runs is reached.
#[derive(Clone)]
pub(in crate::coordinator) struct Running {
    /// For people.
    pub(in crate::coordinator) requests: mpsc::Sender<Request>,
    /// For the end of this process.
    pub(in crate::coordinator) signals: mpsc::Sender<&'static str>,
    /// For alarms.
    pub(in crate::coordinator) hand_in: HandIn,
    /// The forms of its own that it gives to generic intakes.
    pub(in crate::coordinator) generic: Vec<GenericSource>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    pub(super) fn new(furnishing: Furnishing, books: Books) -> Result<Self, StoreError> {
        let lever = Lever::new(&furnishing.runtime_dir, &furnishing.state_dir);
        let index = Index {
            gamedays: books.all(GAMEDAYS)?.into_iter().collect(),
            drills: books.all(DRILLS)?.into_iter().collect(),
        };
        Ok(Self {
            furnishing,
            books: Arc::new(books),
            lever,
            days: Mutex::default(),
            adding: Mutex::default(),
            index: Mutex::new(index),
            running: Mutex::default(),
            slots: Mutex::default(),
            alarms: broadcast::channel(ALARMS_MAX).0,
            schedule: Notify::new(),
            unfinished: Mutex::default(),
            alarms_in: AtomicU64::new(0),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
        })
    }

    pub(in crate::coordinator) fn now(&self) -> Timestamp {
        (self.furnishing.wall)()
    }

    pub(in crate::coordinator) fn books(&self) -> Arc<Books> {
        Arc::clone(&self.books)
    }

    pub(in crate::coordinator) fn lever(&self) -> &Lever {
        &self.lever
    }

    pub(in crate::coordinator) fn reports(&self) -> &Path {
        &self.furnishing.reports
    }

    pub(in crate::coordinator) fn sync(&self) -> Result<(), StoreError> {
        self.books.sync()
    }

    /// What a drill needs of this machine.
    pub(in crate::coordinator) fn place(&self, folder: PathBuf) -> Place {
        let Furnishing { runtime_dir, state_dir, workers, guardian, policy, .. } = &self.furnishing;
        Place {
            folder,
            runtime_dir: runtime_dir.clone(),
            state_dir: state_dir.clone(),
            workers: *workers,
            guardian: guardian.clone(),
            policy: policy.clone(),
        }
    }

    /// Does something beside everything else; the office waits for it when it ends.
    pub(in crate::coordinator) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        drop(self.tasks.spawn(work));
    }

    pub(in crate::coordinator) fn is_closing(&self) -> bool {
        self.closing.is_cancelled()
    }

    pub(in crate::coordinator) fn closing_token(&self) -> CancellationToken {
        self.closing.clone()
    }

    /// Begins nothing more, tells every drill to end, and waits until all have, however long their undo takes.
    pub(super) async fn close(&self, why: &'static str) {
        self.closing.cancel();
        let running: Vec<Running> = locked(&self.running).values().cloned().collect();
        for drill in running {
            let _ = tokio::time::timeout(SAID_WITHIN, drill.signals.send(why)).await;
        }
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// The place of one drill at a time.
    pub(in crate::coordinator) fn slot(&self, environment: Option<&str>) -> Arc<tokio::sync::Mutex<()>> {
        let mut slots = locked(&self.slots);
        Arc::clone(slots.entry(environment.map(str::to_owned)).or_default())
    }

    pub(in crate::coordinator) fn alarms_heard(&self) -> broadcast::Receiver<Arc<Alarm>> {
        self.alarms.subscribe()
    }

    pub(super) fn tell_alarm(&self, alarm: &Alarm) {
        // Nobody may be listening.
        let _ = self.alarms.send(Arc::new(alarm.clone()));
    }

    pub(super) fn count_alarms(&self, alarms: usize) {
        self.alarms_in.fetch_add(alarms as u64, Ordering::Relaxed);
    }

    pub(super) fn counted_alarms(&self) -> u64 {
        self.alarms_in.load(Ordering::Relaxed)
    }

    /// The schedule is looked at once more: something may be due earlier than it thought.
    pub(in crate::coordinator) fn look_at_schedule(&self) {
        self.schedule.notify_one();
    }

    /// `<scenario>-<date>-<time>-<4 hex digits>`, which no drill has yet.
    pub(in crate::coordinator) fn new_drill_id(&self, scenario: &str) -> Result<String, Refusal> {
        const TRIES: u32 = 100;
        let short = scenario.get(..36).unwrap_or(scenario);
        for _ in 0..TRIES {
            let at = self.now().strftime("%Y%m%d-%H%M%S");
            let id = format!("{short}-{at}-{:04x}", (self.furnishing.arbitrary)() & 0xffff);
            if !locked(&self.index).drills.contains_key(&id) && self.books.length(&drill_journal(&id))? == 0 {
                return Ok(id);
            }
        }
        Err(Refusal::new(503, "no free id", "no id for a drill is free in this second; try again"))
    }

    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        locked(&self.index)
    }

    pub(super) fn days(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Keeper>>> {
        locked(&self.days)
    }

    /// Held from the look whether there is room for a game day until it is there: another may be added at once.
    pub(super) fn adding(&self) -> MutexGuard<'_, ()> {
        locked(&self.adding)
    }

    pub(super) fn running(&self) -> MutexGuard<'_, BTreeMap<String, Running>> {
        locked(&self.running)
    }

    pub(super) fn unfinisheds(&self) -> MutexGuard<'_, Unfinisheds> {
        locked(&self.unfinished)
    }

    /// The day changed: what lists show of it is kept.
    pub(in crate::coordinator) fn shown(&self, day: &Keeper) {
        let line = GameDayLine { unfinished: self.unfinished(&day.id), ..show::line(day) };
        if let Err(error) = self.books.replace_with(GAMEDAYS, &day.id, &line) {
            tracing::warn!(gameday = day.id, %error, "what lists show of a game day is not kept");
        }
        self.index().gamedays.insert(day.id.clone(), line);
        self.books.changed();
    }

    pub(in crate::coordinator) fn keep_drill(&self, line: DrillLine) {
        if let Err(error) = self.books.replace_with(DRILLS, &line.id, &line) {
            tracing::warn!(drill = line.id, %error, "what lists show of a drill is not kept");
        }
        self.index().drills.insert(line.id.clone(), line);
        self.books.changed();
    }

    fn change_drill(&self, drill: &str, change: impl FnOnce(&mut DrillLine)) {
        let line = self.index().drills.get(drill).cloned();
        if let Some(mut line) = line {
            change(&mut line);
            self.keep_drill(line);
        }
    }

    pub(in crate::coordinator) fn mark_interrupted(&self, drill: &str, interrupted: bool) {
        self.change_drill(drill, |line| line.interrupted |= interrupted);
    }

    /// Writes down that a drill is over.
    pub(in crate::coordinator) fn end_drill(&self, drill: &str, exit: u8, words: Option<DrillWords>) {
        let journal = drill_journal(drill);
        let lines = self.books.length(&journal).unwrap_or(0);
        let head = self.books.lines(&journal, lines.saturating_sub(1)).ok().and_then(|lines| {
            let last: crate::drill::journal::Line = serde_json::from_slice(lines.first()?).ok()?;
            Some(last.hash)
        });
        let ended = self.now();
        self.change_drill(drill, |line| {
            line.state = "over".to_owned();
            line.ended = Some(ended);
            line.exit = Some(exit);
            line.words = words.map(show::words);
            line.lines = lines;
            line.head = head;
        });
    }

    /// The folder of a drill's reports.
    pub(in crate::coordinator) fn drill_folder(&self, drill: &str) -> Option<PathBuf> {
        let index = self.index();
        let line = index.drills.get(drill)?;
        let (day, run) = (line.gameday.as_ref()?, line.run?);
        Some(self.furnishing.reports.join(day).join(format!("{run:02}-{drill}")))
    }

    pub(in crate::coordinator) fn drill_runs(&self, drill: &str, running: Running) {
        self.running().insert(drill.to_owned(), running.clone());
        self.books.changed();
        // Everything may have begun to end while it was prepared.
        if self.is_closing() {
            let _ = running.signals.try_send("SIGTERM");
        }
    }

    pub(in crate::coordinator) fn drill_is_over(&self, drill: &str) {
        self.running().remove(drill);
        self.books.changed();
    }
}
