//! What a server keeps, in words for a terminal: game days, drills, and how things stand.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::Exit;
use crate::coordinator::office::{DrillLine, GameDayLine, GameDayView, PreflightLine, RunLine, Standing};
use crate::drill::words::one_line;

/// How things stand at a server.
pub(super) fn standing(standing: &Standing, url: &str) -> String {
    let mut out = format!("{url}  firedrill {}\n", standing.version);
    match &standing.lever {
        Some(lever) => {
            let why =
                if lever.why.is_empty() { String::new() } else { format!(": {}", one_line(&lever.why)) };
            let _ = writeln!(
                out,
                "HALTED by {}{why}; nothing starts until `firedrill halt release --reason TEXT`",
                one_line(&lever.who)
            );
        }
        None if standing.drills.is_empty() => out.push_str("no drill is running\n"),
        None => {}
    }
    if !standing.drills.is_empty() {
        out.push_str("\nRUNNING\n");
        standing.drills.iter().for_each(|drill| out.push_str(&drill_line(drill)));
    }
    if !standing.gamedays.is_empty() {
        out.push_str("\nGAME DAYS\n");
        standing.gamedays.iter().for_each(|day| out.push_str(&gameday_line(day)));
    }
    if let Some(next) = &standing.next {
        let _ = write!(out, "\nNEXT\n{}", gameday_line(next));
    }
    out
}

/// A list of game days.
pub(super) fn gamedays(days: &[GameDayLine]) -> String {
    if days.is_empty() {
        return "no game day; `firedrill gameday add FILE` adds one\n".to_owned();
    }
    days.iter().map(gameday_line).collect()
}

fn gameday_line(day: &GameDayLine) -> String {
    let due = day.due.map_or_else(|| "when started".to_owned(), when);
    let mut line = format!("  {:<28}  {:<9}  {}/{} runs  {due}", day.id, day.state, day.done, day.runs);
    for more in [&day.title, &day.why].into_iter().flatten() {
        let _ = write!(line, "  {}", one_line(more));
    }
    if let Some(left) = &day.unfinished {
        let _ = write!(line, "\n      {}", one_line(&left.to_string()));
    }
    line.push('\n');
    line
}

/// A list of drills.
pub(super) fn drills(drills: &[DrillLine]) -> String {
    if drills.is_empty() {
        return "no drill\n".to_owned();
    }
    drills.iter().map(drill_line).collect()
}

/// One drill in one line.
pub(super) fn drill_line(drill: &DrillLine) -> String {
    let result = match drill.exit {
        None => drill.state.clone(),
        Some(exit) => {
            format!("exit {exit}, {}", Exit::of(exit).map_or("unknown to this version", Exit::meaning))
        }
    };
    let mut line = format!("  {:<44}  {}  {result}", drill.id, when(drill.began));
    if let Some(words) = &drill.words {
        let _ = write!(line, "; restored by {}", words.restored_by);
    }
    if let Some(control) = &drill.control {
        let _ = write!(line, " ({control})");
    }
    if drill.interrupted {
        line.push_str("; the server died while it ran");
    }
    line.push('\n');
    line
}

/// One game day in full.
pub(super) fn gameday(view: &GameDayView) -> String {
    let line = &view.line;
    let title = line.title.as_deref().map(|title| format!("  {}", one_line(title))).unwrap_or_default();
    let mut out = format!("game day {}{title}\nstate {}", line.id, line.state);
    if let Some(why) = &line.why {
        let _ = write!(out, ": {}", one_line(why));
    }
    out.push('\n');
    if let Some(left) = &line.unfinished {
        let _ = writeln!(out, "UNFINISHED {}", one_line(&left.to_string()));
    }
    if let Some(goal) = &view.goal {
        let _ = writeln!(out, "goal {}", one_line(goal));
    }
    match (line.due, line.deadline) {
        (Some(due), Some(deadline)) => {
            let _ = writeln!(out, "due {}, not after {}", when(due), when(deadline));
        }
        (Some(due), None) => drop(writeln!(out, "due {}", when(due))),
        (None, _) => out.push_str("due when somebody starts it\n"),
    }
    let _ = writeln!(out, "seed {}", view.seed);
    approvals(&mut out, view);
    section(&mut out, "PREFLIGHT", view.preflight.iter().map(preflight_line));
    section(&mut out, "RUNS", view.runs.iter().map(run_line));
    section(
        &mut out,
        "FINDINGS",
        view.findings.iter().map(|finding| {
            let owner = finding.owner.as_deref().map(|owner| format!("  owner {owner}")).unwrap_or_default();
            let due = finding.due.as_deref().map(|due| format!("  due {due}")).unwrap_or_default();
            format!("{}: {}{}{}", finding.kind, one_line(&finding.title), one_line(&owner), one_line(&due))
        }),
    );
    section(
        &mut out,
        "REVIEW",
        view.review.iter().enumerate().map(|(n, asked)| {
            let answers: String = asked
                .answers
                .iter()
                .map(|answer| format!("\n       {}: {}", one_line(&answer.who), one_line(&answer.text)))
                .collect();
            format!("{}. {}{answers}", n + 1, one_line(&asked.question))
        }),
    );
    section(
        &mut out,
        "NOTES",
        view.notes
            .iter()
            .map(|note| format!("{}  {}: {}", when(note.at), one_line(&note.who), one_line(&note.text))),
    );
    section(&mut out, "NOT ACTED ON", view.not_acted_on.iter().map(|what| one_line(what)));
    if let Some(next) = next(view) {
        let _ = writeln!(out, "\nnext: {next}");
    }
    out
}

/// The command that brings it on: what is asked first, then what may be done.
fn next(view: &GameDayView) -> Option<String> {
    let id = &view.line.id;
    let item = |state: &str| view.preflight.iter().find(|item| item.state == state);
    if view.line.state == "preflight" {
        let asked = view.preflight.iter().find(|item| item.ask && item.state == "pending");
        if let Some(item) = asked.or_else(|| item("unknown")) {
            return Some(format!("firedrill gameday answer {id} {} ok", item.item));
        }
        if let Some(item) = item("failed") {
            return Some(format!(
                "firedrill gameday start {id}, once it is mended; or firedrill gameday waive {id} {} --reason TEXT",
                item.item
            ));
        }
    }
    if let Some(run) = view.runs.iter().find(|run| is_asked(run)) {
        return Some(format!("firedrill gameday answer {id} {} 'TEXT'", run.run));
    }
    (!view.may.is_empty()).then(|| format!("firedrill gameday {} {id}", view.may.join("|")))
}

/// Whether the room has to answer it now.
fn is_asked(run: &RunLine) -> bool {
    run.ask.is_some() && run.answer.is_none() && run.state == "running"
}

fn approvals(out: &mut String, view: &GameDayView) {
    if view.approvals_needed == 0 && view.approvals.is_empty() {
        return;
    }
    let names: Vec<String> = view
        .approvals
        .iter()
        .map(|approval| match &approval.in_stead_of {
            Some(person) => format!("{} for {}", one_line(&approval.who), one_line(person)),
            None => one_line(&approval.who),
        })
        .collect();
    let by = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
    let _ = writeln!(out, "approvals {} of {}{by}", view.approvals.len(), view.approvals_needed);
}

fn preflight_line(item: &PreflightLine) -> String {
    let why = item.why.as_deref().map(|why| format!("  ({})", one_line(why))).unwrap_or_default();
    let ask = match item.state.as_str() {
        "pending" if item.ask => "  <- answer it",
        "unknown" => "  <- answer it, or waive it",
        "failed" => "  <- start again once it is mended, or waive it",
        _ => "",
    };
    format!("{:<8}  {:<20}  {}{why}{ask}", item.state, one_line(&item.item), one_line(&item.what))
}

fn run_line(run: &RunLine) -> String {
    let what = match (&run.scenario, &run.ask) {
        (Some(scenario), _) => scenario.clone(),
        (None, Some(ask)) => one_line(ask),
        (None, None) => "-".to_owned(),
    };
    let control = run.control.as_deref().map(|control| format!(" ({control})")).unwrap_or_default();
    let mut line = format!("{:>2}  {:<8}  {what}{control}", run.run, run.state);
    if let Some(exit) = run.exit {
        let _ = write!(line, "  exit {exit}");
    }
    if let Some(words) = &run.words {
        let _ = write!(line, ", impact {}, restored by {}", words.impact, words.restored_by);
        if !words.alarms.is_empty() {
            let _ = write!(line, ", alarms {}", words.alarms.join(" "));
        }
        if let Some(playbook) = &words.playbook {
            let _ = write!(line, ", playbook {playbook}");
        }
    }
    if let Some(answer) = &run.answer {
        let _ = write!(line, "  {}", one_line(answer));
    }
    if let Some(drill) = &run.drill {
        let _ = write!(line, "  [{drill}]");
    }
    line
}

fn section(out: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        let _ = writeln!(out, "\n{title}");
    }
    for line in lines {
        let _ = writeln!(out, "  {line}");
    }
}

/// A time by the wall, to the second.
pub(super) fn when(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn day(state: &str, preflight: &serde_json::Value, runs: &serde_json::Value) -> GameDayView {
        serde_json::from_value(json!({
            "line": {
                "id": "pay-1", "name": "pay", "title": null, "state": state, "why": null, "environment": null,
                "added": "2026-01-01T00:00:00Z", "due": null, "deadline": null, "runs": 1, "done": 0, "drill": null,
                "lines": 1, "closed": false
            },
            "goal": null, "seed": 1, "approvals_needed": 0, "approvals": [], "preflight": preflight, "runs": runs,
            "findings": [], "review": [], "notes": [], "may": ["start", "stop"], "not_acted_on": [], "files": [],
            "head": "00", "stopped": null
        }))
        .unwrap()
    }

    fn item(name: &str, state: &str, ask: bool) -> serde_json::Value {
        json!({"item": name, "what": "it is well", "state": state, "why": null, "ask": ask})
    }

    #[test]
    fn what_comes_next_is_a_command_that_brings_the_day_on() {
        let none = json!([]);
        let asked = json!([{
            "run": 3, "scenario": null, "control": null, "ask": "Who noticed?", "gap_secs": 0.0, "state": "running",
            "drill": null, "answer": null, "exit": null, "words": null
        }]);
        for (view, wanted) in [
            (
                day("preflight", &json!([item("ask-1", "pending", true)]), &none),
                "gameday answer pay-1 ask-1 ok",
            ),
            (
                day("preflight", &json!([item("clocks", "unknown", false)]), &none),
                "gameday answer pay-1 clocks ok",
            ),
            (
                day("preflight", &json!([item("hosts", "failed", false)]), &none),
                "gameday waive pay-1 hosts --reason",
            ),
            (day("running", &none, &asked), "gameday answer pay-1 3 'TEXT'"),
            (day("approved", &none, &none), "gameday start|stop pay-1"),
        ] {
            let text = gameday(&view);
            let next = text.lines().last().unwrap();
            assert!(next.starts_with("next: firedrill ") && next.contains(wanted), "{text}");
        }
    }
}
