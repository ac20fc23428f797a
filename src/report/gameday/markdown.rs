//! The game day's report as Markdown.

use std::fmt::Write as _;

use super::history::share;
use super::{COLUMNS, DayReport};
use crate::report::markdown::escaped;

/// The whole report. What comes from outside is escaped. `link` gives where the report of a run's drill is.
pub fn markdown(report: &DayReport, link: &dyn Fn(u32, &str) -> String) -> String {
    let mut text = String::new();
    let summary = &report.summary;
    let _ = writeln!(text, "# {}: {}\n", escaped(&report.headline.words), escaped(report.title()));
    let _ = writeln!(text, "{}\n", escaped(&report.headline.sentence));
    let _ = writeln!(
        text,
        "Game day `{}`, {}, {} of {} runs, seed {}, exit {}.\n",
        report.planned.id,
        summary.state.word(),
        summary.done,
        summary.rows.len(),
        report.planned.plan.seed.0,
        summary.exit
    );
    let defects = summary.drill_defects.iter().map(|finding| escaped(&finding.title)).collect();
    list(&mut text, "What the drills themselves failed to do", defects);
    runs(&mut text, report, link);
    constraint(&mut text, report);
    let all = summary.drill_defects.iter().chain(&summary.findings);
    let findings = all.map(|finding| {
        let owner = finding.owner.as_deref().unwrap_or("nobody yet");
        let due = finding.due.map_or("no date yet".to_owned(), |due| due.to_string());
        let run = finding.run.map_or(String::new(), |run| format!(", run {run}"));
        format!(
            "{} ({}{run}; who mends it: {}; by: {due})",
            escaped(&finding.title),
            finding.kind.word(),
            escaped(owner)
        )
    });
    list(&mut text, "What is to be mended", findings.collect());
    let items = report.preflight.iter().map(|(what, state)| {
        let (tone, why) = super::html::item(state);
        format!("{} {}: {} {}", tone.sign(), escaped(what), state.word(), escaped(&why))
    });
    list(&mut text, "What was looked at before", items.collect());
    let agreed = report.approvals.iter().map(|approval| {
        format!("{}, {}", escaped(approval.person()), approval.at.strftime("%Y-%m-%d %H:%M UTC"))
    });
    list(&mut text, "Who agreed", agreed.collect());
    people(&mut text, report);
    let history = report.history.iter().filter(|one| one.drills > 0).map(|one| {
        format!(
            "{}: {} of {} drills valid; passed {}; alarms sound {}; restored under the fault {}",
            escaped(&one.scenario),
            one.valid,
            one.drills,
            share(&one.passed),
            share(&one.told),
            share(&one.restored)
        )
    });
    list(&mut text, "All drills of these scenarios", history.collect());
    let not_acted_on = report.planned.plan.not_acted_on.iter().map(|line| escaped(line)).collect();
    list(&mut text, "Not acted on", not_acted_on);
    let _ = writeln!(text, "---\n\nJournal of {} lines, head `{}`.", report.lines, report.head);
    text
}

fn constraint(text: &mut String, report: &DayReport) {
    let Some(constraint) = &report.summary.constraint else { return };
    let _ = writeln!(
        text,
        "## Where the time went\n\n**{}** ate the most time: {:.1} s, {} % of all phases, over {} drills.\n",
        escaped(&constraint.phase),
        constraint.seconds,
        (constraint.share * 100.0).round(),
        constraint.drills
    );
}

fn runs(text: &mut String, report: &DayReport, link: &dyn Fn(u32, &str) -> String) {
    let heads: Vec<&str> = COLUMNS.iter().map(|(_, about)| *about).collect();
    let _ = writeln!(text, "| run | what | {} | exit |", heads.join(" | "));
    let _ = writeln!(text, "|---|---|{}---|", "---|".repeat(heads.len()));
    for run in &report.runs {
        let row = &run.row;
        let name = match &row.drill {
            Some(drill) => format!("[{}]({})", escaped(&row.name), link(row.run, drill)),
            None => escaped(&row.name),
        };
        let control = row.control.map_or(String::new(), |control| format!(" ({})", super::control(control)));
        let cells: Vec<String> = run
            .cells
            .iter()
            .map(|cell| {
                cell.as_ref()
                    .map_or("–".to_owned(), |verdict| format!("{} {}", verdict.tone.sign(), verdict.word))
            })
            .collect();
        let exit = row.exit.map_or_else(|| row.state.clone(), |exit| exit.to_string());
        let _ = writeln!(text, "| {} | {name}{control} | {} | {exit} |", row.run, cells.join(" | "));
    }
    text.push('\n');
    let why = report.runs.iter().filter(|run| !run.row.why.is_empty());
    let why = why.map(|run| format!("Run {}: {}", run.row.run, escaped(&run.row.why.join("; "))));
    list(text, "Why runs have no results", why.collect());
}

fn people(text: &mut String, report: &DayReport) {
    let asked = report.summary.rows.iter().filter_map(|row| {
        let answer = row.answer.as_ref()?;
        Some(format!("{} {}", escaped(&row.name), escaped(answer)))
    });
    let reviewed = report.summary.review.iter().map(|one| {
        let answer = one.answer.as_ref().map_or("nobody answered", |answer| answer.answer.as_str());
        format!("{} {}", escaped(&one.question), escaped(answer))
    });
    let notes = report
        .notes
        .iter()
        .map(|note| format!("{} {}: {}", note.at.strftime("%H:%M"), escaped(&note.who), escaped(&note.text)));
    list(text, "What people said", asked.chain(reviewed).chain(notes).collect());
}

fn list(text: &mut String, title: &str, lines: Vec<String>) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "## {title}\n");
    for line in lines {
        let _ = writeln!(text, "- {line}");
    }
    text.push('\n');
}
