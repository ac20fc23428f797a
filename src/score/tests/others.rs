//! Alarms that nobody expects, forbidden ones, silence, repeats and flaps.

use super::tale::{Tale, matching, ns, s, wall};
use crate::drill::alarm::AlarmKind;
use crate::score::{AlarmWord, OtherClass, Outcome};

#[track_caller]
fn check(what: &str, tale: Tale, class: OtherClass, word: AlarmWord, exit: u8) {
    let card = tale.card();
    let classes: Vec<OtherClass> = card.alarms.others.iter().map(|other| other.class).collect();
    assert_eq!(classes, [class], "{what}");
    assert_eq!((card.alarms.word, card.summary.exit), (word, exit), "{what}: {:?}", card.summary.reasons);
}

/// The expected alarm comes in time, and another comes at this time.
fn other(at: std::time::Duration) -> Tale {
    Tale::expecting().fires(s(20)).says(at, AlarmKind::Fired, "Search", |_| {})
}

#[test]
fn what_no_list_names_is_false_outside_the_fault_and_unlisted_inside() {
    check("before the first apply", other(s(2) - ns(1)), OtherClass::False, AlarmWord::Noisy, 0);
    check("from the first apply on", other(s(2)), OtherClass::Unlisted, AlarmWord::Sound, 0);
    check("until a minute after recovery", other(s(120)), OtherClass::Unlisted, AlarmWord::Sound, 0);
    check("and not longer", other(s(120) + ns(1)), OtherClass::False, AlarmWord::Noisy, 0);
    let false_one = other(s(1)).card().alarms.precision;
    assert_eq!((false_one.numerator, false_one.denominator), (1, 2));
    let unlisted = other(s(30)).card().alarms.precision;
    assert_eq!((unlisted.numerator, unlisted.denominator), (1, 1), "nobody said that it is false");
}

#[test]
fn what_fired_before_the_drill_says_nothing_about_it() {
    let began = |secs| {
        Tale::expecting().fires(s(20)).says(s(1), AlarmKind::Fired, "Watchdog", |alarm| {
            alarm.claimed_at = Some(wall(s(0)) - jiff::SignedDuration::from_secs(secs));
        })
    };
    check("an hour before", began(3600), OtherClass::Standing, AlarmWord::Sound, 0);
    check("within what clocks differ", began(2), OtherClass::False, AlarmWord::Noisy, 0);
}

#[test]
fn a_forbidden_alarm_is_worse_than_noise() {
    let forbid =
        |tale: Tale| tale.with(|tale| tale.alarms.forbidden.push(matching(&[("alertname", "Sea*")])));
    check("it came", forbid(other(s(30))), OtherClass::Forbidden, AlarmWord::Noisy, 2);
    check("before the fault", forbid(other(s(1))), OtherClass::False, AlarmWord::Noisy, 0);
    let reasons = forbid(other(s(30))).card().summary.reasons;
    assert_eq!(reasons, ["the alarm `Search` came, which is forbidden"]);
    let both = Tale::expecting().fires(s(20)).with(|tale| {
        tale.alarms.forbidden.push(matching(&[("alertname", "Slow")]));
    });
    check("expected and forbidden", both, OtherClass::Forbidden, AlarmWord::Noisy, 2);
}

#[test]
fn collateral_is_noise_and_not_false() {
    let allow =
        |tale: Tale| tale.with(|tale| tale.alarms.collateral.push(matching(&[("alertname", "Search")])));
    check("it may come", allow(other(s(30))), OtherClass::Collateral, AlarmWord::Sound, 0);
    assert_eq!(allow(other(s(30))).card().alarms.precision.denominator, 1);
}

#[test]
fn expected_silence_is_kept_or_broken() {
    let silent = || Tale::plain().with(|tale| tale.alarms.silence = true);
    let card = silent().card();
    assert_eq!((card.alarms.word, card.summary.exit), (AlarmWord::Sound, 0));
    assert_eq!(card.alarms.expectations[0].outcome, Outcome::CorrectSilence);
    assert_eq!(card.alarms.recall_on_time.denominator, 0, "silence is no part of recall");
    check("a word", silent().fires(s(20)), OtherClass::Forbidden, AlarmWord::Noisy, 2);
    assert_eq!(
        silent().fires(s(20)).card().summary.reasons,
        ["the alarm `Slow` came, though silence was expected"]
    );
    let allowed = silent().with(|tale| tale.alarms.collateral.push(matching(&[("alertname", "Slow")])));
    check("collateral", allowed.fires(s(20)), OtherClass::Collateral, AlarmWord::Sound, 0);
    let without_effect = silent().with(|tale| (tale.effect, tale.impact) = (None, None)).card();
    assert_eq!(without_effect.alarms.expectations[0].outcome, Outcome::Invalid);
    assert_eq!(without_effect.alarms.word, AlarmWord::None);
}

#[test]
fn nothing_expected_and_nothing_said_is_no_verdict() {
    let card = Tale::plain().card();
    assert_eq!((card.alarms.word, card.summary.exit), (AlarmWord::None, 0));
    assert!(card.alarms.expectations.is_empty() && card.alarms.others.is_empty());
}

#[test]
fn monitoring_that_cannot_see_is_said() {
    let tale = Tale::expecting().fires(s(20)).says(s(30), AlarmKind::Blind, "NoData", |_| {});
    check("no data", tale, OtherClass::Blind, AlarmWord::Sound, 0);
}

#[test]
fn repeats_and_flaps_are_counted_and_too_many_are_noise() {
    let said = |times: u64| {
        (0..times).fold(Tale::expecting().fires(s(20)), |tale, n| tale.fires(s(21 + n))).card().alarms
    };
    assert_eq!((said(5).word, said(5).expectations[0].repeats), (AlarmWord::Sound, 5));
    assert_eq!((said(6).word, said(6).expectations[0].repeats), (AlarmWord::Noisy, 6));
    let flapped = |times: u64| {
        let tale = Tale::expecting().fires(s(20));
        let flap = |tale: Tale, n: u64| tale.resolves(s(22 + 2 * n)).fires(s(23 + 2 * n));
        (0..times).fold(tale, flap).card().alarms
    };
    assert_eq!((flapped(1).word, flapped(1).expectations[0].flaps), (AlarmWord::Sound, 1));
    assert_eq!((flapped(2).word, flapped(2).expectations[0].flaps), (AlarmWord::Noisy, 2));
    let polled = Tale::expecting().fires(s(20)).says(s(30), AlarmKind::Fired, "Slow", |alarm| {
        alarm.polled_every = Some(crate::fault::Period::from_secs(5));
    });
    assert_eq!(polled.first().repeats, 0, "a poll finds what is there; nobody is told again");
}

#[test]
fn a_storm_is_counted_whole_and_listed_in_part() {
    let storm = (0..1_200).fold(Tale::expecting().fires(s(20)), |tale, n| {
        tale.says(s(30), AlarmKind::Fired, "Storm", |alarm| alarm.key = format!("{n:05}"))
    });
    let card = storm.says(s(1), AlarmKind::Fired, "Storm", |alarm| alarm.key = "first".to_owned()).card();
    assert_eq!((card.alarms.others.len(), card.alarms.others_left_out), (1_000, 201));
    assert_eq!(card.alarms.others[0].class, OtherClass::False, "the worst has its place");
}
