//! How good an alarm was that came: urgency, receiver, content, delivery, acknowledgement, reset.

use super::tale::{Tale, s, wall};
use crate::drill::alarm::{Alarm, AlarmKind};
use crate::fault::Period;
use crate::scenario::expectation::Severity;
use crate::score::{AlarmWord, Kept, LongestPhase, Outcome, Routing, Urgency};

fn hit(change: impl FnOnce(&mut Alarm)) -> Tale {
    Tale::expecting().says(s(20), AlarmKind::Fired, "Slow", change)
}

#[test]
fn urgency_is_held_against_what_was_expected() {
    #[track_caller]
    fn check(wanted: Severity, label: Option<&str>, urgency: Urgency, word: AlarmWord) {
        let tale = hit(|alarm| {
            alarm.labels.extend(label.map(|label| ("severity".to_owned(), label.to_owned())));
        });
        let card = tale.expect(|expectation| expectation.severity = Some(wanted)).card();
        assert_eq!(card.alarms.expectations[0].severity, Some(urgency), "{wanted:?} {label:?}");
        assert_eq!((card.alarms.word, card.summary.exit), (word, 0), "{wanted:?} {label:?}");
    }
    for label in ["page", "critical", "Critical"] {
        check(Severity::Page, Some(label), Urgency::Right, AlarmWord::Sound);
        check(Severity::Ticket, Some(label), Urgency::Over, AlarmWord::Misrouted);
    }
    for label in ["ticket", "warning"] {
        check(Severity::Ticket, Some(label), Urgency::Right, AlarmWord::Sound);
        check(Severity::Page, Some(label), Urgency::Under, AlarmWord::Misrouted);
        check(Severity::Info, Some(label), Urgency::Over, AlarmWord::Misrouted);
    }
    check(Severity::Info, Some("info"), Urgency::Right, AlarmWord::Sound);
    check(Severity::Page, Some("sev-3"), Urgency::Unknown, AlarmWord::Sound);
    check(Severity::Page, None, Urgency::Unknown, AlarmWord::Sound);
    assert_eq!(hit(|_| {}).first().severity, None, "nothing was expected of it");
}

#[test]
fn the_receiver_is_right_wrong_or_not_said() {
    for (got, routing, word) in [
        (Some("team-a"), Routing::Right, AlarmWord::Sound),
        (Some("team-b"), Routing::Wrong, AlarmWord::Misrouted),
        (None, Routing::Unknown, AlarmWord::Sound),
    ] {
        let tale = hit(|alarm| alarm.receiver = got.map(str::to_owned));
        let card = tale.expect(|expectation| expectation.receiver = Some("team-a".to_owned())).card();
        assert_eq!((card.alarms.expectations[0].receiver, card.alarms.word), (Some(routing), word));
    }
    let both = hit(|alarm| (alarm.receiver, alarm.key) = (Some("a".to_owned()), "1".to_owned()));
    let both = both.says(s(20), AlarmKind::Fired, "Slow", |alarm| {
        (alarm.receiver, alarm.key) = (Some("team-a".to_owned()), "2".to_owned());
    });
    let first = both.expect(|expectation| expectation.receiver = Some("team-a".to_owned())).first();
    assert_eq!((first.receiver, first.alarms), (Some(Routing::Right), 2), "of one moment the best counts");
}

#[test]
fn content_is_counted_over_labels_and_annotations() {
    let tale = hit(|alarm| {
        alarm.labels.insert("owner".to_owned(), "team-a".to_owned());
        alarm.annotations.insert("summary".to_owned(), "slow".to_owned());
        alarm.annotations.insert("runbook_url".to_owned(), "  ".to_owned());
    });
    let wanted = ["summary", "runbook_url", "owner"].map(str::to_owned).to_vec();
    let content = tale.expect(|expectation| expectation.content = wanted).first().content.unwrap();
    assert_eq!((content.found, content.wanted, content.missing), (2, 3, vec!["runbook_url".to_owned()]));
}

#[test]
fn delivery_is_by_two_clocks_and_a_claim_of_the_future_is_said() {
    let first = hit(|alarm| alarm.claimed_at = Some(wall(s(15)))).first();
    assert_eq!((first.delivery, first.times.claimed), (Some(s(5)), Some(s(15))));
    assert!(first.clock_note.unwrap().contains("two clocks"));
    let ahead = hit(|alarm| alarm.claimed_at = Some(wall(s(23)))).first();
    assert_eq!((ahead.outcome, ahead.delivery, ahead.times.claimed), (Outcome::Hit, None, Some(s(20))));
    assert_eq!(ahead.clock_note.unwrap(), "it claims to have begun 3s after it was received: clocks differ");
    assert_eq!(hit(|_| {}).first().clock_note, None);
}

#[test]
fn what_a_poll_saw_late_may_have_been_in_time() {
    let seen = |at| {
        let tale = Tale::expecting().says(s(at), AlarmKind::Fired, "Slow", |alarm| {
            alarm.polled_every = Some(Period::from_secs(15));
        });
        let first = tale.first();
        (first.outcome, first.within_error, first.polled_every)
    };
    let period = Some(Period::from_secs(15));
    assert_eq!(seen(40), (Outcome::Hit, false, period));
    assert_eq!(seen(55), (Outcome::Late, true, period));
    assert_eq!(seen(56), (Outcome::Late, false, period));
}

#[test]
fn acknowledgement_counts_from_the_alarm() {
    let acknowledged = |at: Option<u64>, end: u64| {
        let tale = hit(|_| {}).expect(|expectation| expectation.ack_within = Some(Period::from_secs(60)));
        let tale = match at {
            Some(at) => tale.says(s(at), AlarmKind::Acknowledged, "Slow", |_| {}),
            None => tale,
        };
        let deadline = tale.with(|tale| tale.end = s(end)).first().acknowledged.unwrap();
        (deadline.kept, deadline.took)
    };
    assert_eq!(acknowledged(Some(80), 400), (Kept::InTime, Some(s(60))));
    assert_eq!(acknowledged(Some(81), 400), (Kept::Late, Some(s(61))));
    assert_eq!(acknowledged(None, 80), (Kept::Never, None));
    assert_eq!(acknowledged(None, 79), (Kept::Unjudged, None));
    assert_eq!(acknowledged(Some(10), 400), (Kept::Never, None), "somebody took something before it came");
}

#[test]
fn reset_counts_from_recovery() {
    let reset = |tale: Tale| {
        let tale = tale.expect(|expectation| expectation.resolve_within = Some(Period::from_secs(30)));
        let deadline = tale.first().reset.unwrap();
        (deadline.kept, deadline.took)
    };
    assert_eq!(reset(hit(|_| {}).resolves(s(90))), (Kept::InTime, Some(s(30))));
    assert_eq!(reset(hit(|_| {}).resolves(s(91))), (Kept::Late, Some(s(31))));
    assert_eq!(reset(hit(|_| {}).resolves(s(30))), (Kept::InTime, Some(s(0))), "over before recovery");
    assert_eq!(reset(hit(|_| {})), (Kept::Never, None));
    let again = hit(|_| {}).resolves(s(25)).fires(s(30)).resolves(s(100));
    assert_eq!(reset(again.clone()), (Kept::Late, Some(s(40))), "the last end counts");
    assert_eq!(again.first().flaps, 1);
    let without = hit(|_| {}).with(|tale| (tale.recovered, tale.end) = (None, s(100)));
    assert_eq!(without.first().reset, None, "there was no recovery to count from");
}

#[test]
fn the_longest_phase_is_named() {
    let phases = hit(|_| {}).resolves(s(75)).card().phases;
    assert_eq!(
        (phases.noticing, phases.restoring, phases.resetting),
        (Some(s(10)), Some(s(40)), Some(s(15)))
    );
    assert_eq!((phases.first_notice, phases.longest), (Some(s(20)), Some(LongestPhase::Restoring)));
    assert_eq!(Tale::plain().card().phases.longest, None);
}
