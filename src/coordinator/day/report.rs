//! The folder of a game day: one folder for each drill with its report in every form, and an index.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Keeper;
use crate::coordinator::office::Desk;
use crate::coordinator::office::books::{day_journal, drill_journal};
use crate::report::{Report, gameday, html, json, junit, markdown};

/// The folder of a game day's reports.
pub(in crate::coordinator) fn day_folder(reports: &Path, day: &str) -> PathBuf {
    reports.join(day)
}

/// The folder of one of its drills: sorted as they ran.
pub(super) fn drill_folder(desk: &Desk, day: &str, run: u32, drill: &str) -> PathBuf {
    day_folder(desk.reports(), day).join(format!("{run:02}-{drill}"))
}

/// Closes a game day that is over, writes its report, and makes the next occurrence.
pub(in crate::coordinator) async fn close(desk: &Arc<Desk>, day: &Arc<Keeper>) {
    if let Err(refusal) = day.close(desk.now()) {
        desk.try_later(day, "its record is not closed", &refusal);
        desk.shown(day);
        return;
    }
    of_day(desk, &day.id).await;
    desk.day_is_over(day);
}

/// Writes the reports of a drill. One that cannot be written is made again from the journal when it is asked for.
pub(super) async fn of_drill(desk: &Arc<Desk>, drill: &str) {
    let Some(folder) = desk.drill_folder(drill) else { return };
    let books = desk.books();
    let name = drill_journal(drill);
    written(drill, move || {
        let journal = books.read(&name).map_err(io::Error::other)?;
        let report = Report::of(&journal).map_err(io::Error::other)?;
        fs::create_dir_all(&folder)?;
        put(&folder, "journal.jsonl", &journal)?;
        put(&folder, "report.html", html(&report).as_bytes())?;
        put(&folder, "report.md", markdown(&report).as_bytes())?;
        put(&folder, "report.json", &json(&report).map_err(io::Error::other)?)?;
        put(&folder, "junit.xml", junit(&report).as_bytes())
    })
    .await;
}

/// Writes the report of a game day: an index beside the folders of its drills.
async fn of_day(desk: &Arc<Desk>, id: &str) {
    let folder = day_folder(desk.reports(), id);
    let (desk, day) = (Arc::clone(desk), id.to_owned());
    written(id, move || {
        let report = desk.day_report(&day).map_err(io::Error::other)?;
        let link = |run: u32, drill: &str| format!("{run:02}-{drill}/report.html");
        fs::create_dir_all(&folder)?;
        put(&folder, "journal.jsonl", &desk.books().read(&day_journal(&day)).map_err(io::Error::other)?)?;
        put(&folder, "index.html", gameday::html(&report, &link).as_bytes())?;
        put(&folder, "index.md", gameday::markdown(&report, &link).as_bytes())?;
        put(&folder, "report.json", &gameday::json(&report).map_err(io::Error::other)?)?;
        put(&folder, "junit.xml", gameday::junit(&report).as_bytes())
    })
    .await;
}

/// Off the runtime's threads, for a long drill takes a while to draw. A failure is said and stops nothing.
async fn written(what: &str, work: impl FnOnce() -> io::Result<()> + Send + 'static) {
    let why = match tokio::task::spawn_blocking(work).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(failure) => failure.to_string(),
    };
    tracing::warn!(why, "the report of {what} is not written");
}

/// Written beside and renamed, so that a reader never sees half of it.
fn put(folder: &Path, name: &str, text: &[u8]) -> io::Result<()> {
    let (path, beside) = (folder.join(name), folder.join(format!("{name}.new")));
    fs::write(&beside, text)?;
    fs::rename(&beside, &path)
}
