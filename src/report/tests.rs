//! Every form of the report, from the journal of a real drill.

use super::story::{Story, Tone};
use super::*;

const JOURNAL: &str = include_str!("../../tests/files/report/payments-slow.jsonl");

fn report() -> Report {
    Report::of(JOURNAL.as_bytes()).unwrap()
}

#[test]
fn a_drill_that_only_the_end_of_the_fault_ended_says_so_first() {
    let report = report();
    let story = Story::of(&report);
    assert_eq!((story.headline.words.as_str(), story.headline.tone), ("Restored by fault end", Tone::Bad));
    assert!(story.next.len() <= 3 && !story.next.is_empty());
    assert!(story.told.windows(2).all(|pair| pair[0].at <= pair[1].at), "in order: {:?}", story.told);
}

#[test]
fn every_number_leads_to_a_line_of_the_journal() {
    let report = report();
    let told = Story::of(&report).told;
    assert!(!told.is_empty());
    for line in told.iter().flat_map(|sentence| &sentence.lines) {
        assert!(JOURNAL.lines().any(|text| text.starts_with(&format!("{{\"seq\":{line},"))), "{line}");
    }
    let curve = &report.timeline.curves[0];
    assert_eq!(curve.samples as usize, JOURNAL.matches("\"kind\":\"probe.sampled\"").count());
    let point = curve.points.iter().max_by(|a, b| a.value.total_cmp(&b.value)).unwrap();
    let text = JOURNAL.lines().nth(point.line as usize).unwrap();
    assert!(text.contains("probe.sampled"), "{text}");
}

#[test]
fn the_same_journal_gives_the_same_bytes() {
    assert_eq!(json(&report()).unwrap(), json(&report()).unwrap());
    assert_eq!(html(&report()), html(&report()));
    assert_eq!(markdown(&report()), markdown(&report()));
    assert_eq!(junit(&report()), junit(&report()));
}

#[test]
fn the_page_needs_nothing_from_elsewhere_and_lets_nothing_in() {
    // The title is the journal's, so it may hold anything.
    let hostile =
        JOURNAL.replace("Payments answers two seconds late", "</script><img src=x onerror=alert(1)>");
    let page = html(&Report::of(hostile.as_bytes()).unwrap());
    assert!(!page.contains("<img") && !page.contains("http://127.0.0.1:1/"), "text stays text");
    for foreign in ["src=\"http", "href=\"http", "url(http", "@import", "<link", "<iframe"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert!(page.contains("default-src 'none'"));
    assert_eq!(page.matches("</script>").count(), 2, "the data and the script, each closed once");
}

#[test]
fn ci_viewers_show_red_only_where_the_exit_status_does() {
    let mut report = report();
    assert_eq!(report.card.summary.exit, 0);
    assert!(!junit(&report).contains("<failure"), "{}", junit(&report));
    report.card.summary.exit = 7;
    report.card.summary.clean = false;
    report.card.summary.reasons = vec!["residue was left: a & b".into()];
    let red = junit(&report);
    assert!(red.contains("failures=\"2\"") && red.contains("residue was left: a &amp; b"), "{red}");
}

#[test]
fn a_journal_that_ends_early_is_reported_as_such() {
    let half: Vec<&str> = JOURNAL.lines().take(120).collect();
    let report = Report::of(format!("{}\n{{\"seq\":", half.join("\n")).as_bytes()).unwrap();
    assert!(!report.closed);
    assert_eq!((report.lines, report.card.complete), (120, false));
    assert!(html(&report).contains("not closed"));
    let story = Story::of(&report);
    assert_eq!(story.headline.words, "Cut off");
    let clean = story.verdicts.iter().find(|verdict| verdict.key == "clean").unwrap();
    assert_eq!(clean.word, "unknown", "nobody looked");
}

#[test]
fn what_is_no_journal_is_refused() {
    assert!(matches!(Report::of(b""), Err(ReportError::Score(_) | ReportError::Empty)));
    assert!(Report::of(b"{\"seq\":0}\n").is_err());
}

#[test]
fn the_live_picture_grows_with_each_line_and_is_the_reports_at_the_end() {
    let mut live = Live::default();
    assert!(live.picture().is_none() && live.take(b"{}").is_err());
    for line in JOURNAL.lines() {
        live.take(line.as_bytes()).unwrap();
        live.take(line.as_bytes()).unwrap();
    }
    assert_eq!(live.next() as usize, JOURNAL.lines().count());
    let picture = live.picture().unwrap().into_string();
    assert!(picture.contains("fault ") && picture.contains("impact:"), "{picture}");
    assert!(!picture.contains(" style="), "a strict page draws no inline style");
    let whole = report().timeline;
    let so_far = live.so_far();
    assert_eq!((so_far.bars, so_far.marks, so_far.phases), (whole.bars, whole.marks, whole.phases));
}
