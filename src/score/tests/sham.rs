//! A placebo: everything but the faults. What monitoring says then, it says about nothing.

use super::tale::{Tale, expectation, matching, s, wall};
use crate::drill::alarm::AlarmKind;
use crate::score::{AlarmWord, OtherClass, Outcome, Scorecard};

/// The drill that expects `Slow`, without its fault: the service is well all the time.
fn sham() -> Tale {
    Tale::expecting().with(|tale| {
        (tale.is_sham, tale.without_fault) = (true, true);
        (tale.effect, tale.impact, tale.removed, tale.recovered) = (None, None, None, None);
    })
}

fn classes(card: &Scorecard) -> Vec<OtherClass> {
    card.alarms.others.iter().map(|other| other.class).collect()
}

fn outcomes(card: &Scorecard) -> Vec<Outcome> {
    card.alarms.expectations.iter().map(|score| score.outcome).collect()
}

#[test]
fn an_expected_alarm_that_stays_silent_without_the_fault_is_sound() {
    let card = sham().card();
    assert_eq!(outcomes(&card), [Outcome::CorrectSilence]);
    assert_eq!((card.alarms.word, card.summary.exit), (AlarmWord::Sound, 0), "{:?}", card.summary.reasons);
    assert_eq!(card.alarms.recall_on_time.denominator, 0, "nothing was due");
    let of_one_fault = sham().expect(|other| other.fault = Some("slow".to_owned())).card();
    assert_eq!(outcomes(&of_one_fault), [Outcome::CorrectSilence]);
}

#[test]
fn an_expected_alarm_that_comes_without_the_fault_fails_the_sham() {
    let card = sham().fires(s(20)).resolves(s(30)).card();
    assert_eq!((outcomes(&card), classes(&card)), (vec![Outcome::Invalid], vec![OtherClass::Forbidden]));
    assert_eq!((card.alarms.word, card.summary.exit), (AlarmWord::Noisy, 2));
    assert_eq!(card.summary.reasons, ["the alarm `Slow` came, and there was no fault"]);
    assert_eq!((card.alarms.precision.numerator, card.alarms.precision.denominator), (0, 1));
    assert_eq!(card.phases.first_notice, None, "nobody noticed anything: there was nothing");
}

#[test]
fn only_the_expectation_whose_alarm_came_is_not_kept() {
    let two = sham().with(|tale| tale.alarms.expected.push(expectation("search-page", "Search")));
    let card = two.fires(s(20)).card();
    assert_eq!(outcomes(&card), [Outcome::Invalid, Outcome::CorrectSilence]);
    assert_eq!(card.alarms.word, AlarmWord::Noisy);
}

#[test]
fn what_fired_before_the_sham_proves_nothing_of_it() {
    let card = sham()
        .says(s(1), AlarmKind::Fired, "Slow", |alarm| {
            alarm.claimed_at = Some(wall(s(0)) - jiff::SignedDuration::from_hours(1));
        })
        .card();
    assert_eq!((outcomes(&card), classes(&card)), (vec![Outcome::PreFiring], vec![OtherClass::Standing]));
    assert_eq!((card.alarms.word, card.summary.exit), (AlarmWord::Noisy, 6), "{:?}", card.summary.reasons);
}

#[test]
fn other_alarms_in_a_sham_are_noise_unless_they_may_come() {
    let other = |tale: Tale| tale.says(s(20), AlarmKind::Fired, "Search", |_| {}).card();
    let unlisted = other(sham());
    assert_eq!((classes(&unlisted), unlisted.summary.exit), (vec![OtherClass::False], 0));
    assert_eq!(unlisted.alarms.word, AlarmWord::Noisy);
    let search = || matching(&[("alertname", "Search")]);
    let collateral = other(sham().with(|tale| tale.alarms.collateral.push(search())));
    assert_eq!(
        (classes(&collateral), collateral.alarms.word),
        (vec![OtherClass::Collateral], AlarmWord::Sound)
    );
    let forbidden = other(sham().with(|tale| tale.alarms.forbidden.push(search())));
    assert_eq!((classes(&forbidden), forbidden.summary.exit), (vec![OtherClass::Forbidden], 2));
}

#[test]
fn silence_that_was_expected_is_kept_or_broken_without_a_fault_too() {
    let silent = || {
        sham().with(|tale| {
            tale.alarms.expected.clear();
            tale.alarms.silence = true;
        })
    };
    let kept = silent().card();
    assert_eq!((outcomes(&kept), kept.alarms.word), (vec![Outcome::CorrectSilence], AlarmWord::Sound));
    let broken = silent().fires(s(20)).card();
    assert_eq!((classes(&broken), broken.summary.exit), (vec![OtherClass::Forbidden], 2));
    assert!(broken.alarms.expectations.is_empty());
}

#[test]
fn a_sham_that_was_stopped_early_says_nothing_about_silence() {
    let card = sham().with(|tale| tale.halted = Some(s(20))).card();
    assert_eq!((outcomes(&card), card.alarms.word), (vec![Outcome::Censored], AlarmWord::NotJudged));
}
