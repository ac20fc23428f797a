//! The office: what is kept and what runs. Whoever asks something of the coordinator asks here.

mod again;
pub(super) mod books;
mod day_report;
mod desk;
mod drills;
mod gamedays;
mod occurrences;
mod refusal;
mod show;
#[cfg(test)]
mod tests;
mod view;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use refusal::Refusal;
pub use view::{
    Added, Approval, Bundle, BundleFile, DrillFilter, DrillLine, DrillView, FileProblem, FindingLine,
    GameDayLine, GameDayView, LeverView, NoteLine, Numbers, PreflightLine, ReviewLine, RunLine, Standing,
    StoppedBy, Unfinished, Words,
};

pub(super) use desk::{Desk, Running};

use crate::agent::{GuardianProgram, Policy};
use crate::coordinator::day::{self, Keeper};
use crate::coordinator::schedule::{self, Says};
use crate::gameday::DayEvent;
use crate::store::{Document, Store};
use books::{Books, drill_journal};

/// How often the lease is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(5);

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
    desk: Arc<Desk>,
}

impl Office {
    /// Takes the store and replays what was under way. Drills that were interrupted are ended, and game days go on,
    /// beside everything else.
    ///
    /// # Errors
    /// The store is held by another or cannot be read.
    pub async fn open(furnishing: Furnishing) -> Result<Self, Refusal> {
        let now = (furnishing.wall)();
        let books = Books::open(Arc::clone(&furnishing.store), &furnishing.holder, now)?;
        let office = Self { desk: Arc::new(Desk::new(furnishing, books)?) };
        let open = office.take_up_days()?;
        let theirs: Vec<String> =
            open.iter().filter_map(|day| day.with_day(|day| day.drill().map(str::to_owned))).collect();
        office.end_strays(&theirs)?;
        for day in open {
            office.desk.shown(&day);
            let desk = Arc::clone(&office.desk);
            office.desk.spawn(async move { desk.go_on(&day).await });
        }
        Ok(office)
    }

    /// Ends drills that were under way and that no open game day knows of.
    fn end_strays(&self, theirs: &[String]) -> Result<(), Refusal> {
        let stray: Vec<String> = {
            let index = self.desk.index();
            let running = index.drills.values().filter(|line| line.state == "running");
            running.filter(|line| !theirs.contains(&line.id)).map(|line| line.id.clone()).collect()
        };
        for drill in stray {
            self.desk.books().goes_on(&drill_journal(&drill))?;
            let folder = self.desk.drill_folder(&drill).unwrap_or_else(|| self.desk.reports().join(&drill));
            let desk = Arc::clone(&self.desk);
            self.desk.spawn(async move { day::end_stray(&desk, &drill, folder).await });
        }
        Ok(())
    }

    /// Keeps the schedule and the lease until `stop`; then stops what runs, in order, and lets the store go.
    pub async fn run(&self, stop: CancellationToken) {
        let mut renew = tokio::time::interval(RENEW_EVERY);
        renew.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let pause = self.look_at_schedule();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = renew.tick() => {
                    if let Err(error) = self.desk.books().renew(self.desk.now()) {
                        tracing::error!(%error, "the store is lost; everything is stopped");
                        break;
                    }
                }
                () = self.desk.schedule.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        self.desk.close("SIGTERM").await;
        if let Err(error) = self.desk.books().release() {
            tracing::warn!(%error, "the store is not let go");
        }
    }

    /// Tells every game day whose time has come; gives how long nothing is to be told.
    fn look_at_schedule(&self) -> Duration {
        let (now, halted) = (self.desk.now(), self.desk.lever().engaged());
        let days: Vec<Arc<Keeper>> = self.desk.days().values().cloned().collect();
        let mut next = Vec::new();
        for day in &days {
            match day.with_day(|day| schedule::look(day, now, halted.as_ref())) {
                Says::Nothing => {}
                Says::Wait(at) => next.push(at),
                Says::Due => self.desk.tell_or_log(day, DayEvent::Due {}),
                Says::Missed(why) => self.desk.tell_or_log(day, DayEvent::Missed { why }),
            }
            match day.wake() {
                Some(at) if at <= now => self.desk.tell_or_log(day, DayEvent::TimePassed {}),
                Some(at) => next.push(at),
                None => {}
            }
        }
        next.extend(self.desk.try_again(now));
        schedule::pause(now, next)
    }

    /// Changes whenever anything does that a list shows.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.desk.books().changes()
    }

    /// A document that is kept for another part of the coordinator.
    pub async fn kept(&self, folder: &str, name: &str) -> Result<Option<Document>, Refusal> {
        Ok(self.desk.books().get(folder, name)?)
    }

    /// Keeps such a document whose version is `expected`, 0 for one that is not there; gives its new version.
    pub async fn keep(&self, folder: &str, name: &str, text: &[u8], expected: u64) -> Result<u64, Refusal> {
        let version = self.desk.books().put(folder, name, text, expected)?;
        self.desk.sync()?;
        Ok(version)
    }

    /// What was counted since this process began.
    pub fn numbers(&self) -> Numbers {
        let (append_count, append_seconds_sum) = self.desk.books().appended();
        Numbers { alarms_in: self.desk.counted_alarms(), append_count, append_seconds_sum }
    }
}
