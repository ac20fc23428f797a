//! An index of many drills: all of them in a table, and what they say together about each scenario.

use std::collections::BTreeMap;

use jiff::Timestamp;
use maud::{Markup, html};

use super::Report;
use super::html::{POLICY, STYLE, shell};
use super::story::{Headline, Story, Tone, Verdict, span};
use crate::drill::summary::{Impact, RestoredBy, Validity};
use crate::score::Share;

/// What an index keeps of a drill.
#[derive(Clone, Debug)]
pub struct Entry {
    drill: String,
    scenario: String,
    began: Timestamp,
    exit: u8,
    headline: Headline,
    verdicts: Vec<Verdict>,
    took: Option<std::time::Duration>,
    /// What counts for the shares: a drill that proves nothing counts for none.
    is_valid: bool,
    was_harmed: bool,
    /// How many of the expected alarms that were due came, and how many were due.
    alarms: (u64, u64),
    by_playbook: bool,
    is_clean: bool,
    /// Where its report lies, seen from the index; absent: nowhere.
    link: Option<String>,
}

impl Entry {
    /// Of a drill whose report lies there, seen from the index.
    pub fn of(report: &Report, link: Option<String>) -> Self {
        let (story, summary) = (Story::of(report), &report.card.summary);
        let times = summary.times;
        Self {
            drill: report.drill.clone(),
            scenario: report.plan.scenario.clone(),
            began: report.began,
            exit: summary.exit,
            headline: story.headline,
            verdicts: story.verdicts,
            took: times.impact.zip(times.recovered).and_then(|(from, to)| to.checked_sub(from)),
            is_valid: summary.drill == Validity::Valid && report.card.complete,
            was_harmed: summary.impact == Impact::Seen,
            alarms: (report.card.alarms.recall_ever.numerator, report.card.alarms.recall_ever.denominator),
            by_playbook: summary.restored_by == RestoredBy::Playbook,
            is_clean: summary.clean,
            link,
        }
    }
}

/// A folder that could not be taken in, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Which.
    pub folder: String,
    /// Why.
    pub why: String,
}

/// The index as one self-contained page; the same bytes for the same drills.
pub fn site(title: &str, mut entries: Vec<Entry>, mut skipped: Vec<Skipped>) -> String {
    entries.sort_by(|a, b| b.began.cmp(&a.began).then_with(|| a.drill.cmp(&b.drill)));
    skipped.sort_by(|a, b| a.folder.cmp(&b.folder));
    let mut scenarios: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in &entries {
        scenarios.entry(&entry.scenario).or_default().push(entry);
    }
    let body = html! {
        header { p.brand { "firedrill" } p.what { (title) } }
        main {
            h1.index { (count(entries.len(), "drill")) " of " (count(scenarios.len(), "scenario")) }
            (broken(&skipped))
            (table("all", "Every drill, the newest first", &entries.iter().collect::<Vec<_>>(), true))
            @for (n, (name, entries)) in scenarios.iter().enumerate() { (history(n, name, entries)) }
        }
        footer { p { code { "firedrill report site" } " made this page from the drills' journals." } }
    };
    shell(&format!("Drills: {title}"), POLICY, &[STYLE], &body)
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn broken(skipped: &[Skipped]) -> Markup {
    html! {
        @if !skipped.is_empty() {
            section aria-labelledby="skipped" {
                h2 #skipped { "Left out" }
                ul { @for one in skipped { li { code { (one.folder) } ": " (one.why) } } }
            }
        }
    }
}

fn table(id: &str, title: &str, entries: &[&Entry], with_scenario: bool) -> Markup {
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { (title) }
            div.scroll role="group" aria-label=(format!("Scrolls sideways: {title}")) tabindex="0" {
                table.wide {
                    thead { tr {
                        th scope="col" { "began (UTC)" }
                        @if with_scenario { th scope="col" { "scenario" } }
                        th scope="col" { "came to" } th scope="col" { "alarms" } th scope="col" { "playbook" }
                        th scope="col" { "restored by" } th scope="col" { "impact to recovery" } th scope="col" { "exit" }
                    } }
                    tbody { @for entry in entries { (row(entry, with_scenario)) } }
                }
            }
        }
    }
}

fn row(entry: &Entry, with_scenario: bool) -> Markup {
    let began = entry.began.strftime("%Y-%m-%d %H:%M").to_string();
    let verdict = |key: &str| entry.verdicts.iter().find(|verdict| verdict.key == key);
    html! {
        tr {
            td.number { @if let Some(link) = &entry.link { a href=(link) { (began) } } @else { (began) } }
            @if with_scenario { td { (entry.scenario) } }
            td { (word(&entry.headline.words, entry.headline.tone)) }
            @for key in ["alarms", "playbook", "restored_by"] {
                td { @match verdict(key) { Some(it) => (word(&it.word, it.tone)), None => "–" } }
            }
            td.number { (entry.took.map_or("–".to_owned(), span)) }
            td.number { (entry.exit) }
        }
    }
}

fn word(words: &str, tone: Tone) -> Markup {
    html! { span.{ "tone " (tone.class()) } { span.sign aria-hidden="true" { (tone.sign()) } " " (words) } }
}

/// What the drills of a scenario say together. Only valid ones count, and each share says of how many.
fn history(n: usize, scenario: &str, entries: &[&Entry]) -> Markup {
    let valid: Vec<&&Entry> = entries.iter().filter(|entry| entry.is_valid).collect();
    let of = |all: &[&&Entry], is: &dyn Fn(&Entry) -> bool| {
        Share::of(all.iter().filter(|entry| is(entry)).count() as u64, all.len() as u64)
    };
    let (came, due) = valid.iter().fold((0, 0), |(came, due), it| (came + it.alarms.0, due + it.alarms.1));
    let harmed: Vec<&&Entry> = valid.iter().filter(|entry| entry.was_harmed).copied().collect();
    let shares = [
        ("passed (exit 0)", of(&valid, &|entry| entry.exit == 0)),
        ("expected alarms that came, of those due", Share::of(came, due)),
        ("restored by the playbook, of those harmed", of(&harmed, &|entry| entry.by_playbook)),
        ("nothing left behind", of(&valid, &|entry| entry.is_clean)),
    ];
    html! {
        section.history aria-label=(format!("History of {scenario}")) {
            h2 { (scenario) }
            p.nothing {
                (count(entries.len(), "drill")) ", " (valid.len()) " of them valid. Only valid ones count below, and behind each \
                 share stands the interval that holds the true one with 95 % confidence."
            }
            ul { @for (what, share) in shares { li { (what) ": " (shown(share)) } } }
            (table(&format!("history-{n}"), "Its drills", entries, false))
        }
    }
}

fn shown(share: Share) -> String {
    let percent = |part: f64| format!("{:.0} %", part * 100.0);
    match share.share {
        None => "nothing to count (n = 0)".to_owned(),
        Some(part) => format!(
            "{} ({} of n = {}; {} to {})",
            percent(part),
            share.numerator,
            share.denominator,
            percent(share.low),
            percent(share.high)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOURNAL: &str = include_str!("../../tests/files/report/payments-slow.jsonl");

    #[test]
    fn drills_stand_newest_first_with_their_history_and_what_is_broken_is_named() {
        let older = Report::of(JOURNAL.as_bytes()).unwrap();
        let mut newer = older.clone();
        newer.began += jiff::SignedDuration::from_hours(24);
        newer.drill = "payments-slow-b".into();
        let entries = || {
            vec![
                Entry::of(&older, Some("a/report.html".into())),
                Entry::of(&newer, Some("b/report.html".into())),
            ]
        };
        let skipped = vec![Skipped { folder: "c".into(), why: "line 3 was changed <b>".into() }];
        let page = site("reports", entries(), skipped.clone());
        let (first, second) = (page.find("b/report.html").unwrap(), page.find("a/report.html").unwrap());
        assert!(first < second, "the newest first");
        assert!(page.contains("0 of n = 2") && page.contains("2 of n = 2"), "{page}");
        assert!(page.contains("line 3 was changed &lt;b&gt;"));
        let turned: Vec<Entry> = entries().into_iter().rev().collect();
        assert_eq!(page, site("reports", turned, skipped), "the order of folders makes no difference");
    }

    #[test]
    fn a_share_of_none_is_no_number() {
        assert_eq!(shown(Share::of(0, 0)), "nothing to count (n = 0)");
        assert_eq!(shown(Share::of(3, 4)), "75 % (3 of n = 4; 30 % to 95 %)");
    }
}
