//! Page one: the one thing to remember, the verdicts, where the time went, what went well, surprises, what to do next.

use maud::{Markup, html};

use crate::report::Report;
use crate::report::story::{Story, Verdict, span};

pub(super) fn page(report: &Report, story: &Story) -> Markup {
    let summary = &report.card.summary;
    html! {
        section.hero.{ (story.headline.tone.class()) } aria-label="The one thing to remember" {
            h1 { span.sign aria-hidden="true" { (story.headline.tone.sign()) } " " (story.headline.words) }
            p.sentence { (story.headline.sentence) }
            p.facts {
                (report.began.strftime("%-d %B %Y, %H:%M:%S UTC")) " · " (span(report.timeline.length)) " · exit " (summary.exit)
                @if let Some(environment) = &report.plan.environment { " · " (environment) }
            }
        }
        section aria-labelledby="verdicts" {
            h2 #verdicts { "Verdicts" }
            div.verdicts { @for verdict in &story.verdicts { (self::verdict(verdict)) } }
            @if !summary.reasons.is_empty() {
                h3 { "Why the exit status is " (summary.exit) }
                ul { @for reason in &summary.reasons { li { (reason) } } }
            }
        }
        (time(report))
        div.columns {
            (list("went-well", "What went well", &story.went_well))
            (list("surprises", "Surprises", &story.surprises))
        }
        @if !story.next.is_empty() {
            section aria-labelledby="next" {
                h2 #next { "Next" }
                ol.next {
                    @for advice in &story.next {
                        li { strong { (advice.text) } " " span.because { "Because: " (advice.because) "." } }
                    }
                }
            }
        }
    }
}

/// A verdict with its rule one press away.
pub fn verdict(verdict: &Verdict) -> Markup {
    html! {
        details.verdict.{ (verdict.tone.class()) } {
            summary {
                span.about { (verdict.about) }
                span.word { span.sign aria-hidden="true" { (verdict.tone.sign()) } " " (verdict.word) }
            }
            p.rule { (verdict.rule) "." }
        }
    }
}

/// The phases of recovery as one bar, in proportion.
fn time(report: &Report) -> Markup {
    let spans = &report.timeline.recovery;
    let whole: f64 = spans.iter().map(|span| (span.to - span.from).as_secs_f64()).sum();
    if whole <= 0.0 {
        return html! {};
    }
    html! {
        section aria-labelledby="time" {
            h2 #time { "Where the time went" }
            div.bar {
                @for phase in spans {
                    @let took = phase.to - phase.from;
                    @let share = took.as_secs_f64() / whole * 100.0;
                    @if share > 0.0 {
                        div.part.{ (phase.name) } style=(format!("flex-grow:{share:.2}")) {
                            span.name { (phase.name) } " " span.took { (span(took)) }
                        }
                    }
                }
            }
        }
    }
}

fn list(id: &str, title: &str, lines: &[String]) -> Markup {
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { (title) }
            @if lines.is_empty() { p.nothing { "Nothing to tell." } } @else {
                ul { @for line in lines { li { (line) } } }
            }
        }
    }
}
