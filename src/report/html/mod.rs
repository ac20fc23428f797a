//! The report as one self-contained page: no other file, no network, readable without its script.

mod detail;
mod first;
mod shell;

pub use first::verdict;
pub(super) use shell::shell;

use maud::{Markup, PreEscaped, html};

use super::Report;
use super::chart::chart;
use super::story::Story;
use super::timeline::{Curve, Point};

/// The style sheet of the report; other pages that show the same things begin with it.
pub const STYLE: &str = include_str!("page.css");
/// Nothing is fetched, nothing is sent: what stands in a journal cannot make a page without a script do either.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
/// The same for the page that brings its few lines of script along.
const SCRIPT_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";
const IN_WORDS: &str = "The list of what happened below says the same in full.";
const SCRIPT: &str = include_str!("page.js");

/// The whole page.
pub fn html(report: &Report) -> String {
    let story = Story::of(report);
    let title = report.plan.title.as_deref().unwrap_or(&report.plan.scenario);
    let body = html! {
        header {
            p.brand { "firedrill" }
            p.what { (title) }
        }
        main {
            (first::page(report, &story))
            (timeline(report))
            (detail::told(&story))
            (detail::alarms(report))
            (detail::playbook(report))
            (detail::faults(report))
            (detail::inputs(report))
        }
        footer { (detail::record(report)) }
        script type="application/json" id="points" { (PreEscaped(points(report))) }
        script { (PreEscaped(SCRIPT)) }
    };
    shell(&format!("{}: {title}", story.headline.words), SCRIPT_POLICY, &[STYLE], &body)
}

fn timeline(report: &Report) -> Markup {
    html! {
        section aria-labelledby="timeline" {
            h2 #timeline { "What happened when" }
            div.scroll role="group" aria-label="Scrolls sideways: timeline" tabindex="0" { (chart(&report.timeline, IN_WORDS)) }
            p.tip role="status" aria-live="polite" { "Point at the picture, or step through it with the Tab key." }
            p.legend {
                span.key.line { "what the probe measured" } " "
                span.key.area { "slowest answer to the load" } " "
                span.key.dashed { "tolerance" } " "
                span.key.hatched { "out of tolerance" } " "
                span.key.cross { "failed" }
            }
        }
    }
}

/// The curves' points for the script: what is exact stands in the page, not in pixels. `<` cannot end the script element.
fn points(report: &Report) -> String {
    let of = |points: &[Point]| -> Vec<(f64, f64, u32, u64)> {
        let round = |value: f64| (value * 100.0).round() / 100.0;
        let point =
            |point: &Point| (round(point.at.as_secs_f64()), round(point.value), point.failures, point.line);
        points.iter().map(point).collect()
    };
    let curve = |curve: &Curve| {
        let unit = match curve.unit {
            super::timeline::Unit::Milliseconds => "ms",
            super::timeline::Unit::Number => "",
        };
        serde_json::json!({"probe": curve.probe, "unit": unit, "points": of(&curve.points), "load": of(&curve.load)})
    };
    let curves: Vec<_> = report.timeline.curves.iter().map(curve).collect();
    let whole = serde_json::json!({"length": report.timeline.length.as_secs_f64(), "curves": curves});
    whole.to_string().replace('<', "\\u003c")
}
