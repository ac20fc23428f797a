//! The occurrences of game days: each is made as it comes, taken up after a restart, and followed by the next.

use std::sync::Arc;

use super::books::day_journal;
use super::{Desk, GameDayLine, Office, Refusal};
use crate::coordinator::day::{Keeper, read_bundle, take_up};
use crate::fault::Seed;
use crate::gameday::schedule::When;
use crate::gameday::{DayPlan, DayState, FileText, GameDay, Planned};
use crate::scenario::Checked;

/// Seeds that are drawn until one is found whose gaps fit the windows.
const SEEDS_MAX: u32 = 20;

impl Office {
    /// Writes line 0 of a new game day, and obeys what follows.
    pub(super) fn make(&self, files: Vec<FileText>, plan: DayPlan) -> Result<Arc<Keeper>, Refusal> {
        let books = self.desk.books();
        let name = plan.gameday.clone();
        let number = books.next_number(&name)?;
        let id = format!("{name}-{number}");
        let planned = Planned { id: id.clone(), plan, files };
        let begun = Keeper::begin(Arc::clone(&books), planned, self.desk.now());
        let (day, commands) = begun.inspect_err(|_| {
            if let Err(error) = books.not_taken(&name, number) {
                tracing::warn!(%error, id, "this id is passed over");
            }
        })?;
        // From its line 0 on it is there, whether or not it survives a loss of power.
        self.desk.days().insert(id, Arc::clone(&day));
        self.desk.obey(&day, commands);
        self.desk.sync()?;
        Ok(day)
    }

    /// The plan of the next occurrence after a time.
    pub(super) fn plan(&self, gameday: &GameDay, after: jiff::Timestamp) -> Result<DayPlan, Refusal> {
        // 32 bits are plenty for chance, and people can read and type them.
        let drawn = || Seed((self.desk.furnishing.arbitrary)() & 0xffff_ffff);
        let mut plan = gameday.plan(gameday.seed.unwrap_or_else(drawn), None);
        let Some(schedule) = &gameday.schedule else { return Ok(plan) };
        for _ in 0..SEEDS_MAX {
            if let Some(due) = schedule.next(after, plan.estimate()) {
                return Ok(DayPlan { due: Some(due), ..plan });
            }
            if gameday.seed.is_some() {
                break;
            }
            plan = gameday.plan(drawn(), None);
        }
        let mut why = "its schedule names no time in the future at which it may run".to_owned();
        if let Some(barred) = schedule.bars(after, plan.estimate()) {
            why.push_str(&format!(": {barred}"));
            if schedule.duration.is_none() {
                why.push_str(
                    ", about as long as its injects with their gaps; `duration` in its schedule may say less",
                );
            }
        }
        Err(Refusal::unfit("never due", why))
    }

    /// Makes the next occurrence of one that repeats.
    pub(super) fn next_occurrence(&self, day: &Keeper) -> Result<(), Refusal> {
        let plan = &day.planned.plan;
        let repeats = plan.schedule.as_ref().is_some_and(|schedule| matches!(schedule.when, When::Cron(_)));
        let Some(due) = plan.due.filter(|_| repeats) else { return Ok(()) };
        let _adding = self.desk.adding();
        if self
            .desk
            .days()
            .values()
            .any(|other| other.planned.plan.gameday == plan.gameday && other.planned.plan.due.is_some())
        {
            return Ok(());
        }
        let files = day.planned.files.clone();
        let Checked { value: Some(gameday), .. } = read_bundle(&files) else {
            return Err(Refusal::unfit(
                "the files cannot be used",
                "this version does not take them any more",
            ));
        };
        let next = self.plan(&gameday, self.desk.now().max(due.at))?;
        self.make(files, next).map(drop)
    }

    /// Takes up every game day that is not over; gives those.
    pub(super) fn take_up_days(&self) -> Result<Vec<Arc<Keeper>>, Refusal> {
        let books = self.desk.books();
        let (mut open, mut closed) = (Vec::new(), Vec::new());
        for id in books.journals(&day_journal(""))? {
            let index = |id: &str| self.desk.index().gamedays.get(id).cloned();
            let is_done =
                |line: &GameDayLine| line.closed && line.unfinished.as_ref().is_none_or(|left| left.for_good);
            if index(&id).as_ref().is_some_and(is_done) {
                continue;
            }
            match take_up(&books, &id) {
                Ok(day) if day.seen().closed => closed.push(day),
                Ok(day) => {
                    self.desk.days().insert(id, Arc::clone(&day));
                    open.push(day);
                }
                Err(refusal) => {
                    tracing::error!(gameday = id, %refusal, "a game day is left as it is");
                    let mut index = self.desk.index();
                    if let Some(line) = index.gamedays.get_mut(&id) {
                        line.state = DayState::Stopped.word().to_owned();
                        line.why = Some(refusal.detail);
                    }
                }
            }
        }
        // The process died between the last line of these and the list.
        for day in closed {
            self.desk.day_is_over(&day);
        }
        Ok(open)
    }
}

impl Desk {
    /// A game day is closed: its next occurrence is made, then lists show it as over.
    pub(in crate::coordinator) fn day_is_over(self: &Arc<Self>, day: &Arc<Keeper>) {
        self.days().remove(&day.id);
        let office = Office { desk: Arc::clone(self) };
        match office.next_occurrence(day) {
            Ok(()) => self.is_done_with(day),
            Err(refusal) => self.try_later(day, "its next occurrence is not made", &refusal),
        }
        self.shown(day);
    }
}
