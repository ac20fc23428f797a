//! A game day that is taken up again: replayed from its journal, its interrupted drill ended in order, and told so.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::inject::{Came, Nobody};
use super::paper::StorePaper;
use super::{Keeper, Kept, report};
use crate::coordinator::engine::{Outcome, Setup, end_interrupted};
use crate::coordinator::office::books::{Books, day_journal, drill_journal};
use crate::coordinator::office::{Desk, Refusal};
use crate::drill::journal::{Chain, Line, Verified, verify, whole_lines};
use crate::gameday::{self, DayEvent, DrillEnded, Left, RunState};

/// Replays the journal of a game day.
///
/// # Errors
/// It is not as it was written, or this version does not read it.
pub(in crate::coordinator) fn take_up(books: &Arc<Books>, id: &str) -> Result<Arc<Keeper>, Refusal> {
    let unusable = |why: String| {
        Refusal::new(
            503,
            "unusable journal",
            format!("the journal of game day `{id}` cannot be taken up: {why}"),
        )
    };
    let journal = books.read(&day_journal(id))?;
    let (lines, head, closed) = match verify(&journal, None) {
        Verified::Whole { lines, head } => (lines, head, true),
        Verified::Cut { lines, head, .. } => (lines, head, false),
        Verified::Broken { line, why } => return Err(unusable(format!("line {line}: {why}"))),
    };
    let Left { planned, day, unwritten } =
        gameday::take_up(&journal).map_err(|error| unusable(error.to_string()))?;
    // Nothing follows the line that closes a journal.
    let unwritten = if closed { VecDeque::new() } else { unwritten.into() };
    let time =
        |raw: Option<&[u8]>| raw.and_then(|raw| serde_json::from_slice::<Line>(raw).ok()).map(|line| line.at);
    let added = time(whole_lines(&journal).next().map(|(_, raw)| raw)).unwrap_or_default();
    let last = time(whole_lines(&journal).last().map(|(_, raw)| raw)).unwrap_or(added);
    if !closed {
        books.goes_on(&day_journal(id))?;
    }
    let kept = Kept { day, chain: Chain::resume(lines, head), last, wake: None, unwritten, closed };
    Ok(Arc::new(Keeper::with(Arc::clone(books), planned, added, kept)))
}

impl Desk {
    /// Goes on with a game day after a restart. A drill that was under way is ended first; nothing is begun twice.
    pub(in crate::coordinator) async fn go_on(self: &Arc<Self>, day: &Arc<Keeper>) {
        let under_way = day.with_day(|seen| {
            let runs = seen.plan().runs.iter().zip(seen.runs());
            runs.into_iter().find_map(|(run, state)| match state {
                RunState::Running { drill: Some(drill), .. } => Some((run.number, drill.clone())),
                _ => None,
            })
        });
        let Some((run, drill)) = under_way else {
            self.tell_or_log(day, DayEvent::CoordinatorRestarted { drill: None });
            return;
        };
        let slot = self.slot(day.planned.plan.environment.as_deref());
        let _slot = slot.lock_owned().await;
        let folder = report::drill_folder(self, &day.id, run, &drill);
        let (interrupted, ended) = end_one(self, &drill, folder).await;
        if self.is_closing() && ended.is_none() {
            return;
        }
        let drill_cut = interrupted.then(|| drill.clone());
        self.tell_or_log(day, DayEvent::CoordinatorRestarted { drill: drill_cut });
        let ended = ended.unwrap_or_else(|| DrillEnded {
            drill: Some(drill),
            exit: 6,
            words: None,
            why: vec!["the coordinator died before its first line was written; nothing was done".to_owned()],
        });
        self.tell_or_log(day, DayEvent::InjectEnded { run, ended: Box::new(ended) });
    }
}

/// Ends a drill that no open game day knows of any more.
pub(in crate::coordinator) async fn end_stray(desk: &Arc<Desk>, drill: &str, folder: PathBuf) {
    let _ = end_one(desk, drill, folder).await;
}

/// Ends a drill that was under way: whether it was interrupted, and what it came to; absent: it never began.
async fn end_one(desk: &Arc<Desk>, drill: &str, folder: PathBuf) -> (bool, Option<DrillEnded>) {
    let name = drill_journal(drill);
    let journal = match desk.books().read(&name) {
        Ok(journal) => journal,
        Err(error) => {
            let why = (format!("its journal cannot be read: {error}"), None);
            return (true, Some(desk.drill_ended(drill, Err(why)).await));
        }
    };
    if journal.is_empty() {
        desk.end_drill(drill, 6, None);
        return (true, None);
    }
    let interrupted = !matches!(verify(&journal, None), Verified::Whole { .. });
    desk.mark_interrupted(drill, interrupted);
    let came = finish(desk, drill, &journal, folder).await;
    (interrupted, Some(desk.drill_ended(drill, came).await))
}

/// Ends a drill whose engine failed while this process lives on, where its journal is not whole.
pub(super) async fn end_cut(desk: &Arc<Desk>, drill: &str, folder: PathBuf) -> Option<Outcome> {
    let journal = desk.books().read(&drill_journal(drill)).ok()?;
    if journal.is_empty() || !matches!(verify(&journal, None), Verified::Cut { .. }) {
        return None;
    }
    finish(desk, drill, &journal, folder).await.ok()
}

async fn finish(desk: &Arc<Desk>, drill: &str, journal: &[u8], folder: PathBuf) -> Came {
    let failed = |why: String| (why, None);
    let setup = Setup::of_journal(journal, desk.place(folder)).map_err(|error| failed(error.to_string()))?;
    let paper = StorePaper::of(desk.books(), drill).map_err(|error| failed(error.to_string()))?;
    // People have nothing to ask of a drill that is only put away.
    let (_requests, requests_in) = mpsc::channel(1);
    let ended = end_interrupted(setup, journal, Box::new(paper), requests_in, &mut Nobody).await;
    ended.map_err(|error| failed(error.to_string()))
}
