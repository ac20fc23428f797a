//! The table for people.

use super::tale::{Tale, expectation, s, wall};
use crate::drill::alarm::{AlarmKind, MissCause};
use crate::fault::Period;
use crate::scenario::expectation::Severity;
use crate::score::{explain, rule, table};

fn tale() -> Tale {
    let tale = Tale::expecting().expect(|expectation| {
        expectation.severity = Some(Severity::Page);
        expectation.receiver = Some("team-a".to_owned());
        expectation.resolve_within = Some(Period::from_secs(30));
        expectation.content = vec!["summary".to_owned(), "runbook_url".to_owned()];
    });
    let tale = tale.says(s(22), AlarmKind::Fired, "Slow", |alarm| {
        alarm.labels.insert("severity".to_owned(), "warning".to_owned());
        alarm.annotations.insert("summary".to_owned(), "slow".to_owned());
        alarm.receiver = Some("team-b".to_owned());
        alarm.claimed_at = Some(wall(s(20)));
    });
    let mut lost = expectation("an-expectation-with-a-very-long-name", "Lost");
    lost.fault = Some("slow".to_owned());
    let tale = tale.resolves(s(100)).with(|tale| tale.alarms.expected.push(lost));
    tale.says(s(30), AlarmKind::Fired, "Search", |_| {})
}

#[test]
fn the_table_says_what_came_how_well_and_why_not() {
    let shown = table(&tale().card());
    let expected = "\
alarms: silent
  expectation             outcome          detection         cause and qualities
  slow-page               HIT              12.0s of 30s      receiver wrong, severity under, content
                                                             1 of 2 (without runbook_url), reset
                                                             late in 40.0s of 30s, delivered in 2.0s
                                                             (two clocks)
  an-expectation-with-a…  MISS             none in 30s       unknown: nobody was asked
  Search                  UNLISTED         -                 at +30.0s
  recall on time 1 of 2 (95% interval 0.09 to 0.91), ever 1 of 2 (95% interval 0.09 to 0.91)
  precision 1 of 1 (95% interval 0.21 to 1.00)";
    assert_eq!(shown.join("\n"), expected);
}

#[test]
fn control_characters_of_a_sender_do_not_reach_the_terminal() {
    let tale = Tale::expecting().asked(s(20), MissCause::Silenced, "\u{1b}[31mby\nhim");
    let tale = tale.says(s(30), AlarmKind::Fired, "\u{1b}[2J", |_| {});
    for line in table(&tale.card()) {
        assert!(!line.contains(char::is_control), "{line:?}");
    }
}

#[test]
fn every_verdict_in_the_table_is_explained() {
    let card = tale().fires(s(23)).card();
    let explained = explain(&card).join("\n");
    for word in ["silent:", "HIT:", "MISS:", "UNLISTED:", "repeats:"] {
        assert!(explained.contains(&format!("  {word}")), "{word} in\n{explained}");
        assert!(rule(word.trim_end_matches(':')).is_some());
    }
    assert!(!explained.contains("LATE:"), "{explained}");
    assert!(explained.lines().all(|line| line.chars().count() <= 100), "{explained}");
}
