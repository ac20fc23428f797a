//! The game day as one self-contained page, with the look of a drill's report.

use maud::{Markup, html};

use super::history::share;
use super::{COLUMNS, DayReport, RunReport};
use crate::drill::words::short;
use crate::gameday::finding::Finding;
use crate::gameday::preflight::ItemState;
use crate::report::html::{STYLE, shell};
use crate::report::story::{Tone, Verdict};

const MORE: &str = "td details > summary { cursor: pointer; list-style: none; white-space: nowrap; font-weight: 600; }
td details > summary::-webkit-details-marker { display: none; }
td details.good > summary { color: var(--good); } td details.bad > summary { color: var(--bad); }
td details.doubtful > summary { color: var(--doubtful); }
td .rule { min-width: 12rem; white-space: normal; }
.runs table { min-width: 62rem; }
a { color: var(--accent); text-underline-offset: .15em; }
.quiet { color: var(--quiet); }
blockquote { margin: .4rem 0; padding: .1rem .9rem; border-left: 3px solid var(--edge); white-space: pre-line; }";

/// The whole page. `link` gives where the report of a run's drill is, by the run's number and the drill's id.
pub fn html(report: &DayReport, link: &dyn Fn(u32, &str) -> String) -> String {
    let body = html! {
        header { p.brand { "firedrill" } p.what { "Game day: " (report.title()) } }
        main {
            (hero(report))
            (defects(report))
            (runs(report, link))
            (time(report))
            (findings(report))
            (preflight(report))
            (people(report))
            (history(report))
            (asked_for(report))
        }
        footer { (record(report)) }
    };
    // Nothing is fetched, nothing is sent, nothing runs.
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    shell(&format!("{}: {}", report.headline.words, report.title()), policy, &[STYLE, MORE], &body)
}

fn hero(report: &DayReport) -> Markup {
    let (summary, headline) = (&report.summary, &report.headline);
    html! {
        section.hero.{ (headline.tone.class()) } aria-label="The one thing to remember" {
            h1 { span.sign aria-hidden="true" { (headline.tone.sign()) } " " (headline.words) }
            p.sentence { (headline.sentence) }
            p.facts {
                (summary.began.unwrap_or(report.added).strftime("%-d %B %Y, %H:%M UTC")) " · " (summary.state.word())
                " · " (summary.done) " of " (summary.rows.len()) " runs · exit " (summary.exit)
                @if let Some(environment) = &report.planned.plan.environment { " · " (environment) }
            }
            @if let Some(goal) = &report.planned.plan.goal { p.facts { (goal) } }
        }
    }
}

/// Our own faults come first: what they touch says nothing about the service.
fn defects(report: &DayReport) -> Markup {
    let defects = &report.summary.drill_defects;
    html! {
        @if !defects.is_empty() {
            section aria-labelledby="defects" {
                h2 #defects { "What the drills themselves failed to do" }
                ul { @for finding in defects { li { "! " (finding.title) @if let Some(run) = finding.run { " (run " (run) ")" } } } }
            }
        }
    }
}

fn runs(report: &DayReport, link: &dyn Fn(u32, &str) -> String) -> Markup {
    html! {
        section.runs aria-labelledby="runs" {
            h2 #runs { "Runs and their verdicts" }
            div.scroll role="group" aria-label="Scrolls sideways: runs and their verdicts" tabindex="0" {
                table {
                    thead { tr {
                        th scope="col" { "run" } th scope="col" { "what" }
                        @for (_, about) in COLUMNS { th scope="col" { (about) } }
                        th scope="col" { "exit" }
                    } }
                    tbody { @for run in &report.runs { (row(run, link)) } }
                }
            }
            p.quiet { "Press a word to see its rule." }
        }
    }
}

fn row(run: &RunReport, link: &dyn Fn(u32, &str) -> String) -> Markup {
    let row = &run.row;
    html! {
        tr {
            td.number { (row.run) }
            th scope="row" {
                @match &row.drill { Some(drill) => a href=(link(row.run, drill)) { (row.name) }, None => (row.name) }
                @if let Some(control) = row.control { " (" (super::control(control)) ")" }
                @if let Some(headline) = &run.headline { br; span.quiet { (headline.words) } }
            }
            @if row.words.is_some() || run.headline.is_some() {
                @for cell in &run.cells { td { @match cell { Some(verdict) => (word(verdict)), None => "–" } } }
                td.number { (row.exit.map_or("–".to_owned(), |exit| exit.to_string())) }
            } @else {
                td colspan=(COLUMNS.len() + 1) {
                    @match &row.answer {
                        Some(answer) => { blockquote { (answer) } }
                        None => { (row.state.replace('-', " ")) @if !row.why.is_empty() { ": " (row.why.join("; ")) } }
                    }
                }
            }
        }
    }
}

fn word(verdict: &Verdict) -> Markup {
    html! {
        details.{ (verdict.tone.class()) } {
            summary { span aria-hidden="true" { (verdict.tone.sign()) } " " (verdict.word) }
            p.rule { (verdict.rule) "." }
        }
    }
}

fn time(report: &DayReport) -> Markup {
    let Some(constraint) = &report.summary.constraint else { return html! {} };
    html! {
        section aria-labelledby="time" {
            h2 #time { "Where the time went" }
            p { strong { (constraint.phase) } " ate the most time: " (seconds(constraint.seconds)) ", "
                ((constraint.share * 100.0).round()) " % of all phases, over " (constraint.drills)
                @if constraint.drills == 1 { " drill" } @else { " drills" }
                ". Making anything else faster helps less." }
            div.bar {
                @for (phase, took) in phases(report) {
                    div.part style=(format!("flex-grow:{took:.2}")) { span.name { (phase) } " " span.took { (seconds(took)) } }
                }
            }
        }
    }
}

fn seconds(seconds: f64) -> String {
    std::time::Duration::try_from_secs_f64(seconds).map_or("–".to_owned(), short)
}

/// The phases of all drills together.
pub(super) fn phases(report: &DayReport) -> Vec<(&str, f64)> {
    let mut sums: Vec<(&str, f64)> = Vec::new();
    for took in report.runs.iter().filter_map(|run| run.row.words.as_ref()).flat_map(|words| &words.phases) {
        match sums.iter_mut().find(|(phase, _)| *phase == took.phase) {
            Some((_, sum)) => *sum += took.seconds,
            None => sums.push((&took.phase, took.seconds)),
        }
    }
    sums.retain(|(_, sum)| *sum > 0.0);
    sums
}

fn findings(report: &DayReport) -> Markup {
    let all: Vec<&Finding> = report.summary.drill_defects.iter().chain(&report.summary.findings).collect();
    html! {
        section aria-labelledby="findings" {
            h2 #findings { "What is to be mended" }
            @if all.is_empty() { p.nothing { "Nothing was found." } } @else {
                div.scroll role="group" aria-label="Scrolls sideways: findings" tabindex="0" {
                    table {
                        thead { tr {
                            th scope="col" { "no." } th scope="col" { "what" } th scope="col" { "kind" }
                            th scope="col" { "run" } th scope="col" { "who mends it" } th scope="col" { "drilled again by" }
                        } }
                        tbody { @for finding in all { tr {
                            td.number { (finding.number) } td { (finding.title) } td { (finding.kind.word().replace('-', " ")) }
                            td.number { (finding.run.map_or("–".to_owned(), |run| run.to_string())) }
                            td { (finding.owner.as_deref().unwrap_or("nobody yet")) }
                            td.number { (finding.due.map_or("no date yet".to_owned(), |due| due.to_string())) }
                        } } }
                    }
                }
            }
        }
    }
}

/// How an item came out, with its sign and why.
pub(super) fn item(state: &ItemState) -> (Tone, String) {
    let tone = match state {
        ItemState::Passed {} | ItemState::Answered { ok: true, .. } => Tone::Good,
        ItemState::Failed { .. } | ItemState::Answered { ok: false, .. } => Tone::Bad,
        ItemState::Unknown { .. } | ItemState::Waived { .. } => Tone::Doubtful,
        ItemState::Open {} => Tone::Neutral,
    };
    let why = match state {
        ItemState::Open {} | ItemState::Passed {} => String::new(),
        ItemState::Failed { why } | ItemState::Unknown { why } => why.clone(),
        ItemState::Answered { who, note, .. } => {
            let note = note.as_ref().map_or(String::new(), |note| format!(": {note}"));
            format!("by {who}{note}")
        }
        ItemState::Waived { who, reason } => format!("by {who}: {reason}"),
    };
    (tone, why)
}

fn preflight(report: &DayReport) -> Markup {
    html! {
        @if !report.preflight.is_empty() {
            section aria-labelledby="preflight" {
                h2 #preflight { "What was looked at before" }
                div.scroll role="group" aria-label="Scrolls sideways: what was looked at before" tabindex="0" {
                    table {
                        thead { tr { th scope="col" { "what" } th scope="col" { "came out" } th scope="col" { "why" } } }
                        tbody { @for (text, state) in &report.preflight {
                            @let (tone, why) = item(state);
                            tr { td { (text) } td { span aria-hidden="true" { (tone.sign()) } " " (state.word()) } td { (why) } }
                        } }
                    }
                }
            }
        }
    }
}

fn people(report: &DayReport) -> Markup {
    html! {
        @if !report.approvals.is_empty() {
            section aria-labelledby="approvals" {
                h2 #approvals { "Who agreed" }
                ul { @for approval in &report.approvals {
                    li { (approval.person()) ", " (approval.at.strftime("%-d %B %Y, %H:%M UTC")) }
                } }
            }
        }
        @if !report.summary.review.is_empty() || !report.notes.is_empty() {
            section aria-labelledby="said" {
                h2 #said { "What people said" }
                @for reviewed in &report.summary.review {
                    h3 { (reviewed.question) }
                    @match &reviewed.answer {
                        Some(answer) => { blockquote { (answer.answer) br; span.quiet { (&answer.who) } } }
                        None => p.nothing { "Nobody answered." },
                    }
                }
                @if !report.notes.is_empty() {
                    h3 { "Notes" }
                    ul { @for note in &report.notes {
                        li { span.number { (note.at.strftime("%H:%M")) } " " (&note.who) ": " (note.text) }
                    } }
                }
            }
        }
    }
}

fn history(report: &DayReport) -> Markup {
    html! {
        @if report.history.iter().any(|one| one.drills > 0) {
            section aria-labelledby="history" {
                h2 #history { "All drills of these scenarios" }
                div.scroll role="group" aria-label="Scrolls sideways: all drills of these scenarios" tabindex="0" {
                    table {
                        thead { tr {
                            th scope="col" { "scenario" } th scope="col" { "valid drills" } th scope="col" { "passed" }
                            th scope="col" { "alarms sound" } th scope="col" { "restored under the fault" }
                        } }
                        tbody { @for one in &report.history { tr {
                            th scope="row" { (one.scenario) } td.number { (one.valid) " of " (one.drills) }
                            td { (share(&one.passed)) } td { (share(&one.told)) } td { (share(&one.restored)) }
                        } } }
                    }
                }
                p.quiet { "In brackets: where the true share lies with 95 % confidence (Wilson). Placebos and drills that prove nothing are not counted." }
            }
        }
    }
}

fn asked_for(report: &DayReport) -> Markup {
    let plan = &report.planned.plan;
    html! {
        @if !plan.not_acted_on.is_empty() {
            section aria-labelledby="not-acted-on" {
                h2 #not-acted-on { "What the files ask for and this version does not act on" }
                ul { @for line in &plan.not_acted_on { li { (line) } } }
            }
        }
        section aria-labelledby="files" {
            h2 #files { "The files" }
            @for file in &report.planned.files { details { summary { (file.path) } pre tabindex="0" { (file.text) } } }
        }
    }
}

fn record(report: &DayReport) -> Markup {
    let closed = if report.closed { "closed" } else { "not closed yet" };
    html! {
        p { "Game day " code { (report.planned.id) } ", seed " code { (report.planned.plan.seed.0) } ". Journal of " (report.lines)
            " lines, " (closed) ", head " code.hash { (report.head) } "." }
    }
}
