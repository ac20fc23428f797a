//! A comparison as a page, as Markdown and as JSON.

use std::fmt::Write as _;
use std::time::Duration;

use maud::{Markup, html};

use super::{Comparison, Row, Section, Side};
use crate::report::ReportError;
use crate::report::html::{POLICY, STYLE, shell};
use crate::report::markdown::escaped;
use crate::report::story::{Tone, span};

/// As JSON.
///
/// # Errors
/// A number that JSON cannot hold.
pub fn comparison_json(comparison: &Comparison) -> Result<Vec<u8>, ReportError> {
    let mut bytes = serde_json::to_vec_pretty(comparison).map_err(ReportError::Json)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// As Markdown: what changed, and how many things did not.
pub fn comparison_markdown(comparison: &Comparison) -> String {
    let (before, after) = (&comparison.before, &comparison.after);
    let mut text = format!("# {}\n\n", escaped(&title(comparison)));
    for (word, side) in [("Before", before), ("After", after)] {
        let Side { drill, began, headline, exit, .. } = side;
        let began = began.strftime("%Y-%m-%d %H:%M:%S UTC");
        let _ = writeln!(
            text,
            "- {word}: **{}**, exit {exit} (drill `{drill}`, {began})",
            escaped(&headline.words)
        );
    }
    for warning in &comparison.warnings {
        let _ = writeln!(text, "\n> {}", escaped(warning));
    }
    if comparison.changes() == 0 {
        text.push_str("\nNothing changed.\n");
        return text;
    }
    for section in comparison.sections.iter().filter(|section| section.rows.iter().any(|row| row.changed)) {
        let _ = writeln!(
            text,
            "\n## {}\n\n| what | before | after | difference |\n|---|---|---|---|",
            section.title
        );
        for row in section.rows.iter().filter(|row| row.changed) {
            let cell =
                |words: &Option<String>| words.as_ref().map_or("–".to_owned(), |words| escaped(words));
            let (was, is) = (cell(&row.before), cell(&row.after));
            let _ =
                writeln!(text, "| {} | {was} | {is} | {} |", escaped(&row.what), escaped(&difference(row)));
        }
        if let Some(same) = same(section) {
            let _ = writeln!(text, "\n{same}");
        }
    }
    text
}

fn title(comparison: &Comparison) -> String {
    if comparison.same_scenario {
        format!("What changed: {}", comparison.after.scenario)
    } else {
        format!("{} and {}", comparison.before.scenario, comparison.after.scenario)
    }
}

fn same(section: &Section) -> Option<String> {
    match section.rows.iter().filter(|row| !row.changed).count() {
        0 => None,
        1 => Some("One more is as it was.".to_owned()),
        n => Some(format!("{n} more are as they were.")),
    }
}

/// The difference in words, with whether it is for the better where that can be said.
fn difference(row: &Row) -> String {
    if let Some(longer) = row.longer_seconds {
        let by = span(Duration::from_secs_f64(longer.abs()));
        return format!("{by} {}", if longer < 0.0 { "shorter" } else { "longer" });
    }
    match (row.tone, &row.before, &row.after) {
        (Tone::Good, ..) => "better".to_owned(),
        (Tone::Bad, ..) => "worse".to_owned(),
        (_, None, Some(_)) => "new".to_owned(),
        (_, Some(_), None) => "gone".to_owned(),
        _ => "other".to_owned(),
    }
}

/// As one self-contained page.
pub fn comparison_html(comparison: &Comparison) -> String {
    let body = html! {
        header { p.brand { "firedrill" } p.what { (title(comparison)) } }
        main {
            h1.sides { "What changed" }
            div.columns {
                (side("Before", &comparison.before))
                (side("After", &comparison.after))
            }
            @for warning in &comparison.warnings { p.warning { (warning) } }
            @if comparison.changes() == 0 { p.nothing { "Nothing changed." } }
            @for (n, one) in comparison.sections.iter().enumerate() { (section(n, one)) }
        }
        footer { p { "A time counts as changed from 50 ms on. " code { "firedrill report compare" } " made this page." } }
    };
    shell(&title(comparison), POLICY, &[STYLE], &body)
}

fn side(word: &str, side: &Side) -> Markup {
    html! {
        section.hero.{ (side.headline.tone.class()) } aria-label=(word) {
            p.facts { (word) " · " (side.began.strftime("%-d %B %Y, %H:%M:%S UTC")) " · exit " (side.exit) }
            h2.word { span.sign aria-hidden="true" { (side.headline.tone.sign()) } " " (side.headline.words) }
            p { (side.headline.sentence) }
            p.facts { code { (side.drill) } }
        }
    }
}

fn section(n: usize, section: &Section) -> Markup {
    let id = format!("part-{n}");
    let changed: Vec<&Row> = section.rows.iter().filter(|row| row.changed).collect();
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { (section.title) }
            @if changed.is_empty() { p.nothing { "As before." } } @else {
                div.scroll role="group" aria-label=(format!("Scrolls sideways: {}", section.title)) tabindex="0" {
                    table {
                        thead { tr {
                            th scope="col" { "what" } th scope="col" { "before" } th scope="col" { "after" } th scope="col" { "difference" }
                        } }
                        tbody { @for row in changed { (line(row)) } }
                    }
                }
                @if let Some(same) = same(section) { p.nothing { (same) } }
            }
        }
    }
}

fn line(row: &Row) -> Markup {
    let cell = |words: &Option<String>| words.clone().unwrap_or_else(|| "–".to_owned());
    html! {
        tr {
            td { (row.what) } td { (cell(&row.before)) } td { (cell(&row.after)) }
            td.{ "difference " (row.tone.class()) } {
                @if row.tone != Tone::Neutral { span.sign aria-hidden="true" { (row.tone.sign()) } " " }
                (difference(row))
            }
        }
    }
}
