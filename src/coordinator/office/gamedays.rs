//! The office's part for game days: adding them, and everything that people say to them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::refusal::file_problems;
use super::{Added, Bundle, FindingLine, GameDayLine, GameDayView, Office, Refusal, show};
use crate::coordinator::day::{Keeper, read_bundle, take_up};
use crate::coordinator::said;
use crate::gameday::{DayEvent, DayPlan, FileText, FindingKind, GameDay};
use crate::scenario::Checked;

/// Files of a bundle.
const FILES_MAX: usize = 256;
/// Bytes of all its files together.
const BUNDLE_MAX_BYTES: usize = 2 * 1024 * 1024;
/// The longest path in it.
const PATH_MAX_BYTES: usize = 200;
/// Game days that are not over.
const OPEN_MAX: usize = 500;

impl Office {
    /// Checks a bundle and changes nothing.
    pub async fn check_bundle(&self, bundle: Bundle) -> Result<Added, Refusal> {
        let (files, warnings, gameday) = self.read(bundle)?;
        drop(files);
        let plan = self.plan(&gameday, self.desk.now())?;
        let number = self.desk.books().get("numbers", &plan.gameday)?;
        let last = number.and_then(|number| String::from_utf8(number.text).ok()?.parse::<u64>().ok());
        Ok(added(format!("{}-{}", plan.gameday, last.unwrap_or(0) + 1), &plan, warnings))
    }

    /// Makes a game day of a bundle, as a draft.
    pub async fn add_gameday(&self, bundle: Bundle, who: &str) -> Result<Added, Refusal> {
        let (files, warnings, gameday) = self.read(bundle)?;
        let plan = self.plan(&gameday, self.desk.now())?;
        let _adding = self.desk.adding();
        self.room_for(&plan)?;
        tracing::info!(gameday = plan.gameday, who, "a game day is added");
        let day = self.make(files, plan.clone())?;
        Ok(added(day.id.clone(), &plan, warnings))
    }

    /// One with a schedule that repeats makes its own next occurrence; a second series beside it would run twice.
    fn room_for(&self, plan: &DayPlan) -> Result<(), Refusal> {
        let days = self.desk.days();
        if days.len() >= OPEN_MAX {
            let why =
                format!("{} game days are not over, and no more are kept; close or stop some", days.len());
            return Err(Refusal::conflict("too many game days", why));
        }
        let same = days.values().find(|day| {
            day.planned.plan.gameday == plan.gameday && day.planned.plan.due.is_some() && plan.due.is_some()
        });
        match same {
            Some(day) => Err(Refusal::conflict(
                "scheduled already",
                format!(
                    "`{}` is scheduled and not over; stop it first, or give this one another name",
                    day.id
                ),
            )),
            None => Ok(()),
        }
    }

    /// Reads and checks a bundle: its files with the game day's first, and what someone should look at.
    fn read(&self, bundle: Bundle) -> Result<(Vec<FileText>, Vec<super::FileProblem>, GameDay), Refusal> {
        let files = files(bundle)?;
        let Checked { files: found, value } = read_bundle(&files);
        let problems = file_problems(found);
        match value {
            Some(gameday) => Ok((files, problems, gameday)),
            None => {
                let errors = problems.iter().filter(|problem| problem.severity == "error").count();
                let first = problems.iter().find(|problem| problem.severity == "error");
                let first = first.map_or_else(String::new, |problem| {
                    format!(
                        "; the first: {}:{}:{}: {}",
                        problem.file, problem.line, problem.column, problem.message
                    )
                });
                let detail = format!("{errors} problems in the files{first}");
                Err(Refusal { problems, ..Refusal::unfit("the files cannot be used", detail) })
            }
        }
    }

    /// Every game day, the newest first.
    pub async fn gamedays(&self) -> Result<Vec<GameDayLine>, Refusal> {
        let mut lines: Vec<GameDayLine> = self.desk.index().gamedays.values().cloned().collect();
        lines.sort_by(|a, b| (b.added, &b.id).cmp(&(a.added, &a.id)));
        Ok(lines)
    }

    /// One game day.
    pub async fn gameday(&self, id: &str) -> Result<GameDayView, Refusal> {
        let mut view = show::view(&*self.any_day(id)?, self.desk.now());
        view.line.unfinished = self.desk.index().gamedays.get(id).and_then(|line| line.unfinished.clone());
        Ok(view)
    }

    /// One that may be over: it is read from its journal then.
    fn any_day(&self, id: &str) -> Result<Arc<Keeper>, Refusal> {
        if let Some(day) = self.desk.days().get(id) {
            return Ok(Arc::clone(day));
        }
        if self.desk.index().gamedays.contains_key(id) {
            return take_up(&self.desk.books(), id);
        }
        Err(no_gameday(id))
    }

    /// One that is not over, to say something to it.
    fn day(&self, id: &str) -> Result<Arc<Keeper>, Refusal> {
        if let Some(day) = self.desk.days().get(id) {
            return Ok(Arc::clone(day));
        }
        if self.desk.index().gamedays.contains_key(id) {
            return Err(Refusal::conflict(
                "it is over",
                format!("game day `{id}` is over; nothing is added to it"),
            ));
        }
        Err(no_gameday(id))
    }

    async fn say(&self, id: &str, event: DayEvent) -> Result<(), Refusal> {
        let day = self.day(id)?;
        self.desk.tell(&day, event)?;
        // Whoever is answered may rely on it, whatever happens to this machine next.
        Ok(self.desk.sync()?)
    }

    /// Approves it, in somebody's stead where that is said.
    pub async fn approve(&self, id: &str, who: &str, in_stead_of: Option<&str>) -> Result<(), Refusal> {
        if let Some(name) = in_stead_of {
            said::person("in_stead_of", name)?;
        }
        let in_stead_of = in_stead_of.map(str::to_owned);
        self.say(id, DayEvent::Approved { who: who.to_owned(), in_stead_of }).await
    }

    /// Starts it now.
    pub async fn start(&self, id: &str, who: &str) -> Result<(), Refusal> {
        self.day(id)?;
        self.not_halted()?;
        self.say(id, DayEvent::StartRequested { who: who.to_owned() }).await
    }

    /// Lets the run that is under way end, and begins no other until it is resumed.
    pub async fn pause(&self, id: &str, who: &str, reason: &str) -> Result<(), Refusal> {
        self.say(id, DayEvent::PauseRequested { who: who.to_owned(), reason: given(reason)? }).await
    }

    /// Goes on.
    pub async fn resume(&self, id: &str, who: &str) -> Result<(), Refusal> {
        self.day(id)?;
        self.not_halted()?;
        self.say(id, DayEvent::ResumeRequested { who: who.to_owned() }).await
    }

    /// Stops it and the drill that is under way; both take everything back.
    pub async fn stop(&self, id: &str, who: &str, reason: &str) -> Result<(), Refusal> {
        self.say(id, DayEvent::StopRequested { who: who.to_owned(), reason: given(reason)? }).await
    }

    fn not_halted(&self) -> Result<(), Refusal> {
        match self.desk.lever().engaged() {
            Some(engaged) => Err(Refusal::conflict("halted", engaged.refusal())),
            None => Ok(()),
        }
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
        said::item(item)?;
        said::length("text", note)?;
        let note = Some(note.to_owned()).filter(|note| !note.trim().is_empty());
        let (item, who) = (item.to_owned(), who.to_owned());
        self.say(id, DayEvent::PreflightAnswered { item, who, ok, note }).await
    }

    /// Answers a run that is a question, by its number.
    pub async fn answer_run(&self, id: &str, run: u32, who: &str, answer: &str) -> Result<(), Refusal> {
        said::text("text", answer)?;
        self.say(id, DayEvent::InjectAnswered { run, who: who.to_owned(), answer: answer.to_owned() }).await
    }

    /// Goes on without an item of the preflight.
    pub async fn waive(&self, id: &str, item: &str, who: &str, reason: &str) -> Result<(), Refusal> {
        said::item(item)?;
        said::text("reason", reason)?;
        let (item, who, reason) = (item.to_owned(), who.to_owned(), reason.to_owned());
        self.say(id, DayEvent::PreflightWaived { item, who, reason }).await
    }

    /// Writes something into its journal.
    pub async fn note(&self, id: &str, who: &str, text: &str) -> Result<(), Refusal> {
        said::text("text", text)?;
        self.say(id, DayEvent::NoteWritten { who: who.to_owned(), text: text.to_owned() }).await
    }

    /// Adds what was found.
    pub async fn add_finding(&self, id: &str, finding: FindingLine, who: &str) -> Result<(), Refusal> {
        said::text("title", &finding.title)?;
        if let Some(owner) = &finding.owner {
            said::person("owner", owner)?;
        }
        let kind: FindingKind = serde_json::from_value(finding.kind.as_str().into()).unwrap_or_default();
        let due = match &finding.due {
            Some(due) => Some(due.parse().map_err(|_| {
                Refusal::unfit(
                    "no date",
                    format!("`due` is `{}`; write it like 2026-12-24", due.escape_debug()),
                )
            })?),
            None => None,
        };
        let (title, owner) = (finding.title, finding.owner);
        self.say(id, DayEvent::FindingAdded { who: who.to_owned(), title, owner, due, kind }).await
    }

    /// Sets who mends a finding, or until when, by its number from 1.
    pub async fn assign_finding(
        &self,
        id: &str,
        finding: u32,
        owner: Option<String>,
        due: Option<jiff::civil::Date>,
        who: &str,
    ) -> Result<(), Refusal> {
        if owner.is_none() && due.is_none() {
            return Err(Refusal::unfit("nothing to set", "give `owner`, `due` or both"));
        }
        if let Some(owner) = &owner {
            said::person("owner", owner)?;
        }
        self.say(id, DayEvent::FindingAssigned { finding, who: who.to_owned(), owner, due }).await
    }

    /// Answers a question of the review: by its number from 1, or as it is asked.
    pub async fn review(&self, id: &str, question: &str, answer: &str, who: &str) -> Result<(), Refusal> {
        said::text("question", question)?;
        said::text("answer", answer)?;
        let day = self.day(id)?;
        let questions = &day.planned.plan.review.questions;
        let place = questions.iter().position(|known| known == question).map(|place| place + 1);
        let number = place.or_else(|| question.trim().parse().ok()).ok_or_else(|| {
            Refusal::unfit(
                "no such question",
                format!("the review asks {} questions; name one by its number from 1", questions.len()),
            )
        })?;
        let question = u32::try_from(number).unwrap_or(u32::MAX);
        let (who, answer) = (who.to_owned(), answer.to_owned());
        self.say(id, DayEvent::ReviewAnswered { who, question, answer }).await
    }

    /// Closes it; gives the questions of its review that nobody has answered.
    pub async fn close(&self, id: &str, who: &str) -> Result<Vec<String>, Refusal> {
        let open = self.day(id)?.with_day(|day| day.unanswered().map(|(_, text)| text.to_owned()).collect());
        self.say(id, DayEvent::CloseRequested { who: who.to_owned() }).await?;
        Ok(open)
    }
}

/// The office takes the reason that people leave out where nobody has to say one.
fn given(reason: &str) -> Result<String, Refusal> {
    said::length("reason", reason)?;
    Ok(if reason.trim().is_empty() { "no reason given".to_owned() } else { reason.to_owned() })
}

pub(super) fn no_gameday(id: &str) -> Refusal {
    Refusal::unknown("game day", id, "see `firedrill gameday list`")
}

fn added(id: String, plan: &DayPlan, warnings: Vec<super::FileProblem>) -> Added {
    Added {
        id,
        due: plan.due.map(|due| due.at),
        runs: show::runs(plan, None),
        warnings,
        not_acted_on: plan.not_acted_on.clone(),
    }
}

/// The files of a bundle, the game day's first, within the bounds.
fn files(bundle: Bundle) -> Result<Vec<FileText>, Refusal> {
    let unfit = |detail: String| Err(Refusal::unfit("not a bundle", detail));
    if bundle.files.len() > FILES_MAX {
        return unfit(format!("it has {} files and may have {FILES_MAX}", bundle.files.len()));
    }
    let bytes: usize = bundle.files.iter().map(|file| file.text.len()).sum();
    if bytes > BUNDLE_MAX_BYTES {
        return unfit(format!("its files have {bytes} bytes together and may have {BUNDLE_MAX_BYTES}"));
    }
    let mut seen = BTreeSet::new();
    for file in &bundle.files {
        if file.path.is_empty() || file.path.len() > PATH_MAX_BYTES || file.path.chars().any(char::is_control)
        {
            return unfit(format!("`{}` is no path of a file", file.path.escape_debug()));
        }
        if !seen.insert(file.path.clone()) {
            return unfit(format!("`{}` stands in it twice", file.path));
        }
    }
    if !seen.contains(&bundle.main) {
        return unfit(format!("`main` is `{}`, and no file has this path", bundle.main.escape_debug()));
    }
    let (mut files, others): (Vec<_>, Vec<_>) =
        bundle.files.into_iter().partition(|file| file.path == bundle.main);
    files.extend(others);
    Ok(files.into_iter().map(|file| FileText { path: file.path, text: file.text }).collect())
}
