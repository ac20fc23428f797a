//! The report's pages: nothing hinders anybody, nothing is cut, nothing lies on something else.

use std::path::PathBuf;
use std::time::Duration;

use firedrill::report::timeline::{AlarmLine, Bound, Mark, MarkKind, Span, StepLine};
use firedrill::report::{Comparison, Entry, Report, Skipped, comparison_html, html, site};

use crate::support::{Browser, Page, axe_problems, requires, temp_dir};

const JOURNAL: &[u8] = include_bytes!("../files/report/payments-slow.jsonl");
const LAYOUT: &str = include_str!("layout.js");

fn report() -> Report {
    Report::of(JOURNAL).unwrap()
}

/// The same drill with more of everything than a page has room for.
fn crowded() -> Report {
    let mut report = report();
    let long = "an-unreasonably-long-name-that-nobody-shortened-in-time";
    report.plan.title = Some(format!("{long} {long}"));
    let line = &mut report.timeline;
    let mut curve = line.curves[0].clone();
    curve.bounds = ["p50", "p95", "p99"]
        .iter()
        .zip([780.0, 800.0, 810.0])
        .map(|(name, value)| Bound { name: (*name).into(), value, is_upper: true })
        .collect();
    line.curves = (0..12).map(|n| curve_named(&curve, format!("{n}-{long}"))).collect();
    let at = |n: u64| Duration::from_millis(4_000 + 130 * n);
    line.alarms = (0..40).map(|n| alarm(format!("{n}-{long}"), at(n), n)).collect();
    line.steps = (0..30).map(|n| step(format!("{n}-{long}"), at(n))).collect();
    let mark = |n| Mark { at: at(n % 4), kind: MarkKind::Note, text: format!("note {n} {long}"), line: n };
    line.marks.extend((0..60).map(mark));
    let words = ["detect", "start", "act", "verify", "resetting"];
    line.recovery = (0..)
        .zip(words)
        .map(|(n, name)| Span { name: name.into(), from: at(n), to: at(n + 1), line: None })
        .collect();
    line.phases = (0..)
        .zip(words)
        .map(|(n, name)| Span { name: name.into(), from: at(5 * n), to: at(5 * n + 5), line: None })
        .collect();
    report
}

fn curve_named(
    curve: &firedrill::report::timeline::Curve,
    probe: String,
) -> firedrill::report::timeline::Curve {
    firedrill::report::timeline::Curve { probe, ..curve.clone() }
}

fn alarm(name: String, fired: Duration, n: u64) -> AlarmLine {
    let later = |secs| Some(fired + Duration::from_secs(secs));
    AlarmLine {
        name,
        labels: "service=checkout".into(),
        fired,
        acknowledged: later(1),
        resolved: if n.is_multiple_of(2) { later(3) } else { None },
        repeats: 3,
        is_blind: n.is_multiple_of(7),
        lines: vec![n],
    }
}

fn step(step: String, entered: Duration) -> StepLine {
    StepLine {
        title: format!("Do {step} and then look whether it helped"),
        step,
        kind: "manual".into(),
        mutates: true,
        entered,
        finished: Some(entered + Duration::from_millis(300)),
        outcome: "ok".into(),
        why: String::new(),
        is_undo: false,
        lines: vec![3],
    }
}

/// The pages that firedrill writes as files, each by its name.
fn pages() -> Vec<(&'static str, String)> {
    let (one, mut other) = (report(), crowded());
    other.plan.seed = firedrill::fault::Seed(7);
    other.drill = "payments-slow-20261122-175105-53ab".into();
    let skipped = Skipped { folder: "broken".into(), why: "line 3 was changed".into() };
    let entries = vec![Entry::of(&one, Some("./a/report.html".into())), Entry::of(&other, None)];
    vec![
        ("report", html(&one)),
        ("crowded", html(&other)),
        ("comparison", comparison_html(&Comparison::of(&one, &other))),
        ("site", site("firedrill-reports", entries, vec![skipped])),
    ]
}

fn written(folder: &std::path::Path, (name, page): &(&str, String)) -> String {
    let file = folder.join(format!("{name}.html"));
    std::fs::write(&file, page).unwrap();
    format!("file://{}", file.display())
}

#[test]
fn the_pages_hinder_nobody_light_dark_and_on_a_phone() {
    if !requires(&["chromium", "npm"]) {
        return;
    }
    let (folder, browser) = (temp_dir(), Browser::start());
    let page = browser.page();
    for one in pages() {
        page.go(&written(folder.path(), &one));
        for (width, scheme) in [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")] {
            page.size(width, 800);
            page.media("screen", scheme);
            let problems = axe_problems(&page);
            assert!(problems.is_empty(), "{} at {width} px, {scheme}:\n{}", one.0, problems.join("\n"));
        }
    }
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn no_text_is_cut_or_lies_on_another_at_any_width_and_in_print() {
    if !requires(&["chromium"]) {
        return;
    }
    let (folder, browser) = (temp_dir(), Browser::start());
    let page = browser.page();
    let mut found = Vec::new();
    for one in pages() {
        page.go(&written(folder.path(), &one));
        for (width, media) in [(1280, "screen"), (800, "screen"), (390, "screen"), (718, "print")] {
            page.size(width, 1000);
            page.media(media, "light");
            let problems = page.eval(LAYOUT);
            let problems = problems.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned());
            found.extend(problems.map(|problem| format!("{} at {width} px, {media}: {problem}", one.0)));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn what_is_cut_and_what_lies_on_another_is_found() {
    if !requires(&["chromium"]) {
        return;
    }
    let (folder, browser) = (temp_dir(), Browser::start());
    let page = browser.page();
    let bad = "<!doctype html><div style='width:4em;overflow:hidden;white-space:nowrap'>much too long for this</div>\
               <svg class=chart viewBox='0 0 100 20' width=300><text x=2 y=12>one</text><text x=4 y=12>two</text></svg>";
    page.go(&written(folder.path(), &("bad", bad.to_owned())));
    let found = page.eval(LAYOUT).to_string();
    assert!(found.contains("cut at the side") && found.contains("on each other"), "{found}");
}

/// The pictures of the documents: `scripts/screenshots` says where they go.
#[test]
#[ignore = "makes the pictures of the documents; scripts/screenshots runs it"]
fn pictures() {
    let folder =
        PathBuf::from(std::env::var_os("FIREDRILL_SCREENSHOTS").expect("scripts/screenshots sets it"));
    let (kept, browser) = (temp_dir(), Browser::start());
    let page = browser.page();
    page.go(&written(kept.path(), &("report", html(&report()))));
    let shot = |page: &Page<'_>, name: &str, (width, height): (u32, u32), (media, scheme): (&str, &str)| {
        page.size(width, height);
        page.media(media, scheme);
        std::fs::write(folder.join(format!("report-{name}.png")), page.screenshot(false)).unwrap();
    };
    shot(&page, "light", (1280, 1500), ("screen", "light"));
    shot(&page, "dark", (1280, 1500), ("screen", "dark"));
    shot(&page, "phone", (390, 1400), ("screen", "light"));
    shot(&page, "print", (718, 1500), ("print", "light"));
}
