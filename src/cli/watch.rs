//! Following a drill of a server: the same view as that of `firedrill run`, from the lines of its journal.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use super::Exit;
use super::live::{Output, Shown, View};
use super::server::{Server, follow, segment};
use crate::coordinator::clock;
use crate::coordinator::office::DrillView;
use crate::drill::journal::{CLOSED, PLANNED, RawLine};
use crate::drill::{Command, Event, Summary, Timed};
use crate::playbook::plan::Playbook;
use crate::scenario::plan::Plan;

/// How often the picture is drawn.
const TICK: Duration = Duration::from_millis(100);

/// How long a server may take to sum up a drill that is over.
const SUMMED_UP_WITHIN: Duration = Duration::from_secs(20);
/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_millis(250);

/// Where the report of a drill is.
pub(super) fn report(server: &Server, id: &str) -> PathBuf {
    PathBuf::from(format!("{}{}/report.html", server.url(), path(id)))
}

fn path(id: &str) -> String {
    format!("/v1/drills/{}", segment(id))
}

/// Shows a drill until it is over, and gives what it came to.
pub(super) async fn watch(server: &Server, id: &str, json: bool) -> anyhow::Result<Exit> {
    let mut lines = follow(server, format!("{}/events", path(id)), CLOSED);
    let mut shown = Watched { id, output: Output::choose(json), view: None, last: None };
    let mut ticks = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            biased;
            line = lines.recv() => match line {
                Some(line) => {
                    let Some(head) = shown.take(&line?)? else { continue };
                    let summary = summary(server, id).await?;
                    if let Some(view) = &mut shown.view {
                        view.finish(&summary, &report(server, id), Some(&head));
                    }
                    return Ok(Exit::of(summary.exit).unwrap_or(Exit::Unproven));
                }
                None => {
                    drop(shown);
                    bail!("the record of drill {id} ends before the drill does; `firedrill drill show {id}` says more")
                }
            },
            _ = ticks.tick() => shown.tick(),
            _ = tokio::signal::ctrl_c() => {
                drop(shown);
                bail!("not watching any more; the drill goes on, and `firedrill drill watch {id}` shows it again");
            }
        }
    }
}

/// What a drill came to; the server sums it up when its record is closed.
async fn summary(server: &Server, id: &str) -> anyhow::Result<Summary> {
    let asked = async {
        loop {
            let view: DrillView = server.get(&path(id)).await?;
            if let Some(summary) = view.summary {
                return Ok(summary);
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    };
    let waited = tokio::time::timeout(SUMMED_UP_WITHIN, asked).await;
    waited.unwrap_or_else(|_| {
        bail!("drill {id} is over, and the server has not summed it up yet; ask again later")
    })
}

struct Watched<'s> {
    id: &'s str,
    output: Output,
    view: Option<View>,
    /// The drill's own time of the line that came last, and when that was here.
    last: Option<(Duration, Instant)>,
}

/// Line 0 of a journal, as far as it is shown.
#[derive(Deserialize)]
struct Planned {
    plan: Plan,
    #[serde(default)]
    playbook: Option<Playbook>,
}

impl Watched<'_> {
    /// Takes in a line; gives the record's last hash with its last line.
    fn take(&mut self, line: &str) -> anyhow::Result<Option<String>> {
        let odd = || format!("a line of drill {} is none that this version knows", self.id);
        let line: RawLine<'_> = serde_json::from_str(line).with_context(odd)?;
        let mono = Duration::from_nanos(line.mono_ns);
        self.last = Some((mono, clock::instant()));
        match (&mut self.view, line.kind.as_ref()) {
            (_, CLOSED) => return Ok(Some(line.hash.into_owned())),
            (None, PLANNED) => {
                let Planned { plan, playbook } = serde_json::from_str(line.data.get()).with_context(odd)?;
                let shown = Shown { drill: self.id, plan: &plan, playbook: playbook.as_ref() };
                self.view = Some(View::new(self.output, shown));
            }
            (None, _) => bail!("the record of drill {} does not begin with its plan", self.id),
            (Some(view), kind) => {
                let whole = format!(r#"{{"kind":{},"data":{}}}"#, serde_json::json!(kind), line.data.get());
                // Their kinds are words of their own: a line is one of the three.
                if let Ok(event) = serde_json::from_str(&whole) {
                    view.event(&Timed::<Event> { mono, event });
                } else if let Ok(record) = serde_json::from_str(&whole) {
                    view.command(&Timed { mono, event: Command::Record(record) });
                } else if let Ok(event) = serde_json::from_str(&whole) {
                    view.command(&Timed::<Command> { mono, event });
                }
            }
        }
        Ok(None)
    }

    fn tick(&mut self) {
        if let (Some(view), Some((mono, at))) = (&mut self.view, self.last) {
            view.tick(mono + at.elapsed());
        }
    }
}
