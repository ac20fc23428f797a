//! What stands behind page one: what happened in full, alarms, the playbook, faults, the files, the record.

use maud::{Markup, html};

use crate::drill::words::stamp;
use crate::report::Report;
use crate::report::story::{Story, span};

pub(super) fn told(story: &Story) -> Markup {
    html! {
        section aria-labelledby="told" {
            h2 #told { "What happened" }
            div.scroll role="group" aria-label="Scrolls sideways: told" tabindex="0" {
                table {
                    thead { tr { th scope="col" { "time" } th scope="col" { "what" } th scope="col" { "journal line" } } }
                    tbody {
                        @for sentence in &story.told {
                            @let lines: Vec<String> = sentence.lines.iter().map(u64::to_string).collect();
                            tr { td.number { (stamp(sentence.at)) } td { (sentence.text) } td.number { (lines.join(", ")) } }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn alarms(report: &Report) -> Markup {
    let score = &report.card.alarms;
    if score.expectations.is_empty() && score.others.is_empty() {
        return html! {};
    }
    let kept = |time: Option<std::time::Duration>| time.map_or("–".to_owned(), span);
    html! {
        section aria-labelledby="alarms" {
            h2 #alarms { "What the alarms did" }
            div.scroll role="group" aria-label="Scrolls sideways: alarms" tabindex="0" {
                table {
                    thead { tr {
                        th scope="col" { "expected" } th scope="col" { "outcome" } th scope="col" { "noticed after" }
                        th scope="col" { "allowed" } th scope="col" { "over after" } th scope="col" { "why" }
                    } }
                    tbody {
                        @for one in &score.expectations {
                            @let cause = one.cause.as_ref().map(|cause| format!("{}: {}", cause.cause.word(), cause.evidence));
                            tr {
                                td { (one.id) }
                                td { details { summary { (one.outcome.word()) } p.rule { (one.outcome.rule()) } } }
                                td.number { (kept(one.detection.or(one.from_effect))) }
                                td.number { (one.within.map_or("–".to_owned(), |within| within.to_string())) }
                                td.number { (kept(one.reset.and_then(|reset| reset.took))) }
                                td { (cause.unwrap_or_default()) }
                            }
                        }
                        @for other in &score.others {
                            tr {
                                td { (other.alarm) }
                                td { details { summary { (other.class.word()) } p.rule { (other.class.rule()) } } }
                                td.number { (stamp(other.received)) } td {} td {} td {}
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn playbook(report: &Report) -> Markup {
    let Some(book) = &report.playbook else { return html! {} };
    html! {
        section aria-labelledby="playbook" {
            h2 #playbook { "What the playbook did" }
            p { (book.title.as_deref().unwrap_or(&book.name)) }
            @if report.timeline.steps.is_empty() { p.nothing { "Nothing started it." } } @else {
                div.scroll role="group" aria-label="Scrolls sideways: playbook" tabindex="0" {
                    table {
                        thead { tr {
                            th scope="col" { "step" } th scope="col" { "does" } th scope="col" { "began" }
                            th scope="col" { "took" } th scope="col" { "outcome" }
                        } }
                        tbody {
                            @for step in &report.timeline.steps {
                                tr {
                                    td { @if step.is_undo { "undo: " } (step.title) }
                                    td { (step.kind) @if step.mutates { ", changes the system" } }
                                    td.number { (stamp(step.entered)) }
                                    td.number { (step.finished.map_or("–".to_owned(), |at| span(at.saturating_sub(step.entered)))) }
                                    td { (step.outcome.replace('_', " ")) @if !step.why.is_empty() { ": " (step.why) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn faults(report: &Report) -> Markup {
    html! {
        section aria-labelledby="faults" {
            h2 #faults { "The faults, as measured" }
            div.scroll role="group" aria-label="Scrolls sideways: faults" tabindex="0" {
                table {
                    thead { tr {
                        th scope="col" { "fault" } th scope="col" { "what" } th scope="col" { "where" }
                        th scope="col" { "matched" } th scope="col" { "faulted" } th scope="col" { "ended" }
                    } }
                    tbody {
                        @for fault in &report.card.summary.faults {
                            tr {
                                td { (fault.id) } td { (fault.kind) } td { (fault.target) }
                                td.number { (fault.evidence.matched) } td.number { (fault.evidence.faulted) } td { (fault.state) }
                            }
                        }
                    }
                }
            }
            @if !report.card.summary.not_acted_on.is_empty() {
                h3 { "What the files ask for and this version does not act on" }
                ul { @for line in &report.card.summary.not_acted_on { li { (line) } } }
            }
        }
    }
}

pub(super) fn inputs(report: &Report) -> Markup {
    html! {
        section aria-labelledby="inputs" {
            h2 #inputs { "The files" }
            @for input in &report.inputs {
                details { summary { (input.path) } pre tabindex="0" { (input.text) } }
            }
        }
    }
}

pub(super) fn record(report: &Report) -> Markup {
    let closed =
        if report.closed { "closed" } else { "not closed: the drill's process ended before the drill did" };
    html! {
        p {
            "Drill " code { (report.drill) } ", seed " code { (report.card.summary.seed.0) } ", firedrill " (report.firedrill)
            ". Journal of " (report.lines) " lines, " (closed) ", head " code.hash { (report.head) } "."
        }
        p {
            code { "firedrill verify" } " finds any changed byte of the journal; "
            code { "firedrill rescore --explain" } " computes every verdict again, from the journal alone."
        }
    }
}
