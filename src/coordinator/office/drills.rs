//! The office's part for drills: lists, journals, people and alarms on their way in, halt and release.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{oneshot, watch};

use super::books::{day_journal, drill_journal};
use super::{DrillFilter, DrillLine, DrillView, LeverView, Office, Refusal, Running, Standing};
use crate::coordinator::control::{Request, asked};
use crate::coordinator::day::{KEPT, Keeper};
use crate::coordinator::said;
use crate::drill::Summary;
use crate::drill::alarm::Alarm;
use crate::gameday::{DayEvent, DayState};
use crate::scenario::expectation::GenericSource;

/// How long a drill may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Drills of a list, unless told and at most.
const LISTED: (u32, u32) = (100, 500);

impl Office {
    /// The drills that fit, the newest first.
    pub async fn drills(&self, filter: &DrillFilter) -> Result<Vec<DrillLine>, Refusal> {
        let index = self.desk.index();
        let before = match &filter.before {
            Some(id) => Some(index.drills.get(id).ok_or_else(|| no_drill(id))?),
            None => None,
        };
        let fits = |wish: &Option<String>, is: Option<&str>| wish.is_none() || wish.as_deref() == is;
        let mut found: Vec<&DrillLine> = index
            .drills
            .values()
            .filter(|line| {
                fits(&filter.gameday, line.gameday.as_deref())
                    && fits(&filter.scenario, Some(&line.scenario))
                    && fits(&filter.state, Some(&line.state))
                    && before.is_none_or(|before| (line.began, &line.id) < (before.began, &before.id))
            })
            .collect();
        found.sort_by(|a, b| (b.began, &b.id).cmp(&(a.began, &a.id)));
        let limit = filter.limit.unwrap_or(LISTED.0).min(LISTED.1);
        Ok(found.into_iter().take(limit as usize).cloned().collect())
    }

    /// One drill.
    pub async fn drill(&self, id: &str) -> Result<DrillView, Refusal> {
        let mut line = self.desk.index().drills.get(id).cloned().ok_or_else(|| no_drill(id))?;
        let runs = self.desk.running().contains_key(id);
        let status = match runs {
            true => self.ask_drill(id, |reply| Request::Status { reply }).await.ok(),
            false => None,
        };
        if line.lines == 0 {
            line.lines = self.desk.books().length(&drill_journal(id))?;
        }
        let summary = match &status {
            Some(_) => None,
            None => self.summary(id)?,
        };
        Ok(DrillView { line, status, summary })
    }

    /// What a drill that is over came to; absent: nobody knows.
    fn summary(&self, id: &str) -> Result<Option<Summary>, Refusal> {
        #[derive(serde::Deserialize)]
        struct Kept {
            summary: Summary,
        }
        let found = self.desk.books().get(KEPT, &format!("{id}/summary.json"))?;
        Ok(found
            .and_then(|document| serde_json::from_slice::<Kept>(&document.text).ok())
            .map(|kept| kept.summary))
    }

    /// Asks something of a drill that runs: `ask` is handed where the answer goes.
    ///
    /// # Errors
    /// What is said is more than the record takes, there is no such drill, it is over, or it does not answer in time.
    pub async fn ask_drill<T: Send>(
        &self,
        id: &str,
        ask: impl FnOnce(oneshot::Sender<T>) -> Request + Send,
    ) -> Result<T, Refusal> {
        let running = self.desk.running().get(id).cloned();
        let Some(Running { requests, .. }) = running else {
            return Err(match self.desk.index().drills.contains_key(id) {
                true => Refusal::conflict(
                    "the drill is over",
                    format!("drill `{id}` does not run; read its report"),
                ),
                false => no_drill(id),
            });
        };
        let (reply, answer) = oneshot::channel();
        let request = asked::fit(ask(reply))?;
        let asked = async { requests.send(request).await.is_ok().then_some(answer.await.ok()).flatten() };
        match tokio::time::timeout(ANSWER_WITHIN, asked).await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(Refusal::conflict("the drill is over", format!("drill `{id}` has just ended"))),
            Err(_) => Err(Refusal::new(
                503,
                "no answer",
                format!("drill `{id}` did not answer within {} s; try again", ANSWER_WITHIN.as_secs()),
            )),
        }
    }

    /// Which journal is meant by the id of a drill or a game day.
    fn journal_of(&self, id: &str) -> Result<String, Refusal> {
        let index = self.desk.index();
        if index.drills.contains_key(id) {
            Ok(drill_journal(id))
        } else if index.gamedays.contains_key(id) {
            Ok(day_journal(id))
        } else {
            Err(Refusal::unknown("drill or game day", id, "see `GET /v1/drills` and `GET /v1/gamedays`"))
        }
    }

    /// The whole journal of a game day or a drill, as it is so far.
    pub async fn journal(&self, id: &str) -> Result<Vec<u8>, Refusal> {
        let (journal, books) = (self.journal_of(id)?, self.desk.books());
        // A long one takes a while, in which others go on.
        match tokio::task::spawn_blocking(move || books.read(&journal)).await {
            Ok(read) => Ok(read?),
            Err(failure) => Err(Refusal::new(500, "internal failure", failure.to_string())),
        }
    }

    /// Lines of such a journal from the `from`-th on, without their line ends; at most 1,000.
    pub async fn lines(&self, id: &str, from: u64) -> Result<Vec<Vec<u8>>, Refusal> {
        Ok(self.desk.books().lines(&self.journal_of(id)?, from)?)
    }

    /// How many lines such a journal has, and every change of it; closed when no line will follow.
    pub async fn changed(&self, id: &str) -> Result<watch::Receiver<u64>, Refusal> {
        Ok(self.desk.books().lines_of(&self.journal_of(id)?)?)
    }

    /// The folder with the reports of a game day or a drill; absent: there is none yet.
    pub fn reports(&self, id: &str) -> Option<PathBuf> {
        let folder = self.desk.drill_folder(id).or_else(|| {
            let known = self.desk.index().gamedays.contains_key(id);
            known.then(|| self.desk.reports().join(id))
        });
        folder.filter(|folder| folder.is_dir())
    }

    /// Hands alarms to every drill that hears any; returns once they are journalled. Gives to how many.
    pub async fn alarms_in(&self, alarms: Vec<Alarm>) -> Result<usize, Refusal> {
        for alarm in &alarms {
            self.desk.tell_alarm(alarm);
        }
        self.desk.count_alarms(alarms.len());
        let running: Vec<Running> = self.desk.running().values().cloned().collect();
        let handed = running.iter().map(|drill| drill.hand_in.alarms(alarms.clone()));
        let mut heard = 0;
        for taken in join_all(handed).await {
            match taken {
                Ok(true) => heard += 1,
                Ok(false) => {}
                Err(why) => return Err(Refusal::new(503, "not recorded", why)),
            }
        }
        Ok(heard)
    }

    /// The form of its own that a running drill gives to the generic intake of this name.
    pub fn generic(&self, name: &str) -> Option<GenericSource> {
        let running = self.desk.running();
        running.values().flat_map(|drill| &drill.generic).find(|source| source.name == name).cloned()
    }

    /// Engages the lever and stops every drill and every game day that is under way.
    pub async fn halt(&self, who: &str, reason: &str) -> Result<(), Refusal> {
        // Nobody in a hurry is turned away for too many words.
        let reason = said::cut(reason);
        let engaged = self.desk.lever().engage(who, reason, self.desk.now());
        // What runs is stopped even when the lever cannot be written.
        let days: Vec<Arc<Keeper>> = self.desk.days().values().cloned().collect();
        for day in days {
            let under_way = day.with_day(|day| {
                matches!(day.state(), DayState::Preflight | DayState::Running | DayState::Paused)
            });
            if under_way {
                let why = if reason.is_empty() { "no reason given" } else { reason };
                let halted = DayEvent::Halted { who: who.to_owned(), why: why.to_owned() };
                self.desk.tell_or_log(&day, halted);
            }
        }
        let running: Vec<String> = self.desk.running().keys().cloned().collect();
        let told = running.iter().map(|drill| {
            let (who, reason) = (who.to_owned(), reason.to_owned());
            self.ask_drill(drill, move |reply| Request::Halt { who, reason, reply })
        });
        // One that has just ended needs no halt.
        join_all(told).await;
        self.desk.books().changed();
        engaged.map_err(|problem| Refusal::new(500, "the lever is not engaged", problem.to_string()))
    }

    /// Releases the lever.
    pub async fn release(&self, who: &str, reason: &str) -> Result<(), Refusal> {
        said::text("reason", reason)?;
        let released = self.desk.lever().release(who, reason, self.desk.now());
        self.desk.books().changed();
        self.desk.look_at_schedule();
        match released {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(Refusal::conflict("nothing is halted", "the lever is not engaged")),
            Err(problem) => Err(Refusal::new(500, "the lever is not released", problem.to_string())),
        }
    }

    /// How things stand.
    pub async fn standing(&self) -> Result<Standing, Refusal> {
        let lever = self.desk.lever().engaged();
        let index = self.desk.index();
        let mut gamedays: Vec<_> = index.gamedays.values().cloned().collect();
        gamedays.retain(|line| {
            let unfinished = line.unfinished.as_ref().is_some_and(|left| !left.for_good);
            unfinished || matches!(&*line.state, "preflight" | "running" | "paused" | "reviewing")
        });
        let due = index.gamedays.values().filter(|line| matches!(&*line.state, "draft" | "approved"));
        let mut drills: Vec<DrillLine> =
            index.drills.values().filter(|line| line.state == "running").cloned().collect();
        drills.sort_by_key(|line| line.began);
        Ok(Standing {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            now: self.desk.now(),
            lever: lever.map(|engaged| LeverView { who: engaged.who, why: engaged.why, when: engaged.when }),
            drills,
            next: due.filter(|line| line.due.is_some()).min_by_key(|line| line.due).cloned(),
            gamedays,
        })
    }
}

fn no_drill(id: &str) -> Refusal {
    Refusal::unknown("drill", id, "see `GET /v1/drills`")
}
