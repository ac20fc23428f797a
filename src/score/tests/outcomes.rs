//! Every outcome and both sides of its boundary.

use super::tale::{Tale, expectation, ns, s, wall};
use crate::drill::alarm::{AlarmKind, MissCause};
use crate::fault::Period;
use crate::scenario::expectation::CountedFrom;
use crate::score::{AlarmWord, Outcome};

#[track_caller]
fn check(what: &str, tale: &Tale, outcome: Outcome, word: AlarmWord, exit: u8) {
    let card = tale.card();
    let first = &card.alarms.expectations[0];
    assert!(card.complete, "{what}: {:?}", card.summary.reasons);
    assert_eq!((first.outcome, card.alarms.word), (outcome, word), "{what}: {first:?}");
    assert_eq!(card.summary.exit, exit, "{what}: {:?}", card.summary.reasons);
}

fn tale() -> Tale {
    Tale::expecting()
}

fn from_effect() -> Tale {
    tale().expect(|expectation| expectation.from = CountedFrom::Effect)
}

#[test]
fn a_hit_is_one_that_comes_no_later_than_the_deadline() {
    let hit = |what, tale: &Tale| check(what, tale, Outcome::Hit, AlarmWord::Sound, 0);
    hit("at once", &tale().fires(s(10)));
    hit("at the deadline", &tale().fires(s(40)));
    hit("counted from the effect, at the deadline", &from_effect().fires(s(33)));
    hit("after one that was over before", &tale().fires(s(1)).resolves(s(2)).fires(s(20)));
    hit("though the service was back before it", &tale().with(|t| t.recovered = Some(s(30))).fires(s(35)));
    let late = |what, tale: &Tale| check(what, tale, Outcome::Late, AlarmWord::Late, 2);
    late("one nanosecond after the deadline", &tale().fires(s(40) + ns(1)));
    late("counted from the effect", &from_effect().fires(s(33) + ns(1)));
    late("at the end of the window", &tale().fires(s(120)));
    let resolve = |tale: Tale| tale.expect(|e| e.resolve_within = Some(Period::from_secs(30)));
    late("at the end of the window with its reset", &resolve(tale()).fires(s(150)));
}

#[test]
fn the_first_notification_decides_and_times_are_kept() {
    let first = tale().fires(s(12)).fires(s(70)).first();
    assert_eq!((first.detection, first.from_effect), (Some(s(2)), Some(s(9))));
    assert_eq!((first.times.effective, first.times.impact), (Some(s(3)), Some(s(10))));
    assert_eq!((first.times.received, first.lead, first.repeats), (Some(s(12)), None, 1));
    assert_eq!(first.alarm.as_deref(), Some("Slow"));
}

#[test]
fn an_alarm_before_the_impact_has_a_lead_and_no_negative_time() {
    let first = tale().fires(s(3)).first();
    assert_eq!((first.outcome, first.detection, first.lead), (Outcome::Hit, Some(s(0)), Some(s(7))));
    assert_eq!(tale().fires(s(10)).first().lead, None);
    let withstood = |tale: Tale| tale.with(|tale| tale.impact = None);
    let early = withstood(tale()).fires(s(30));
    check("an alarm though nothing was harmed", &early, Outcome::Hit, AlarmWord::Sound, 0);
    assert_eq!(early.first().lead, None, "there is no impact to be before of");
    check("none, and none was due", &withstood(tale()), Outcome::NotDue, AlarmWord::NotDue, 0);
    let from_effect = withstood(from_effect());
    check("counted from the effect it is due", &from_effect, Outcome::Miss, AlarmWord::Silent, 2);
}

#[test]
fn a_miss_is_one_whose_deadline_passed_while_the_service_was_harmed() {
    let back = |at| tale().with(|tale| tale.recovered = Some(at));
    check("no word", &tale(), Outcome::Miss, AlarmWord::Silent, 2);
    check("back at the deadline", &back(s(40)), Outcome::Miss, AlarmWord::Silent, 2);
    let before = back(s(40) - ns(1));
    check("back just before it", &before, Outcome::Censored, AlarmWord::NotJudged, 6);
    assert_eq!(before.first().times.censored, Some(s(40) - ns(1)));
    check(
        "another alarm",
        &tale().says(s(20), AlarmKind::Fired, "Fast", |_| {}),
        Outcome::Miss,
        AlarmWord::Silent,
        2,
    );
    check("its end alone", &tale().resolves(s(20)), Outcome::Miss, AlarmWord::Silent, 2);
    let blind = tale().says(s(20), AlarmKind::Blind, "Slow", |_| {});
    check("monitoring that cannot see", &blind, Outcome::Miss, AlarmWord::Silent, 2);
    assert_eq!(blind.first().cause.unwrap().cause, MissCause::NoData);
    let repeat = tale().says(s(20), AlarmKind::Fired, "Slow", |alarm| alarm.repeat = true);
    check("a repeat alone", &repeat, Outcome::Miss, AlarmWord::Silent, 2);
    let after = tale().fires(s(120) + ns(1));
    let card = after.card();
    assert_eq!((card.alarms.word, card.summary.exit), (AlarmWord::Silent, 2));
    assert_eq!(after.first().cause.unwrap().cause, MissCause::DeliveredLate);
}

#[test]
fn a_fault_that_is_taken_away_too_early_leaves_nothing_to_judge() {
    let short = |at| from_effect().with(|tale| (tale.impact, tale.removed) = (None, Some(at)));
    check("removed before the deadline", &short(s(33) - ns(1)), Outcome::Censored, AlarmWord::NotJudged, 6);
    check("removed at the deadline", &short(s(33)), Outcome::Miss, AlarmWord::Silent, 2);
    let halted = tale().with(|tale| {
        (tale.halted, tale.removed, tale.recovered) = (Some(s(20)), Some(s(21)), None);
    });
    check("stopped by a person", &halted, Outcome::Censored, AlarmWord::NotJudged, 5);
    assert_eq!(halted.first().times.censored, Some(s(21)));
    check("stopped, but it came", &halted.clone().fires(s(15)), Outcome::Hit, AlarmWord::Sound, 5);
    let cut = tale().with(|tale| tale.end = s(30)).card();
    assert_eq!((cut.complete, cut.summary.exit), (false, 6), "a journal without an end proves nothing");
    assert_eq!(cut.alarms.expectations[0].outcome, Outcome::Censored);
    let after_deadline = tale().with(|tale| tale.end = s(41)).card();
    assert_eq!(after_deadline.alarms.expectations[0].outcome, Outcome::Miss);
    assert_eq!(after_deadline.summary.exit, 2, "a miss is more urgent");
}

#[test]
fn an_alarm_that_fires_already_proves_nothing() {
    let pre = |what, tale: &Tale| check(what, tale, Outcome::PreFiring, AlarmWord::Noisy, 6);
    pre("received before the effect", &tale().fires(s(3) - ns(1)));
    pre("and over only after it", &tale().fires(s(1)).resolves(s(3)).fires(s(20)));
    let claims = |at| tale().says(s(20), AlarmKind::Fired, "Slow", |alarm| alarm.claimed_at = Some(wall(at)));
    pre("it claims so", &claims(s(1) - ns(1)));
    check("within what clocks differ", &claims(s(1)), Outcome::Hit, AlarmWord::Sound, 0);
    let old = tale().says(s(20), AlarmKind::Fired, "Slow", |alarm| {
        alarm.claimed_at = Some(wall(s(0)) - jiff::SignedDuration::from_hours(1));
    });
    pre("it claims to have begun before the drill", &old);
}

#[test]
fn a_drill_that_could_judge_no_expected_alarm_does_not_pass() {
    let censored = || tale().with(|tale| tale.recovered = Some(s(20)));
    let why = censored().card().summary.reasons;
    let over = "the condition was over, or nobody looked, before 30s";
    assert_eq!(why, [format!("no expected alarm could be judged: `slow-page`: {over}")]);
    let second =
        |name: &'static str| censored().with(|tale| tale.alarms.expected.push(expectation("other", name)));
    check("two of them", &second("Down"), Outcome::Censored, AlarmWord::NotJudged, 6);
    let stuck = second("Stuck").says(s(1), AlarmKind::Fired, "Stuck", |_| {});
    check("and one that is stuck", &stuck, Outcome::Censored, AlarmWord::Noisy, 6);
    let one = second("Down").says(s(15), AlarmKind::Fired, "Down", |_| {});
    check("one could be judged", &one, Outcome::Censored, AlarmWord::Sound, 0);
    let withstood =
        short_and_withstood().with(|tale| tale.alarms.expected.push(expectation("other", "Down")));
    check("the other was not due", &withstood, Outcome::Censored, AlarmWord::NotJudged, 6);
    let halted = censored()
        .with(|tale| (tale.halted, tale.removed, tale.recovered) = (Some(s(20)), Some(s(21)), None));
    assert_eq!(halted.card().summary.exit, 5, "that it was stopped is more urgent");
}

/// Counted from the effect, and the fault is taken away before the deadline; nothing is harmed.
fn short_and_withstood() -> Tale {
    from_effect().with(|tale| (tale.impact, tale.removed) = (None, Some(s(20))))
}

#[test]
fn without_an_effect_the_expectation_is_invalid() {
    let tale = tale().with(|tale| (tale.effect, tale.impact) = (None, None));
    check("no effect", &tale, Outcome::Invalid, AlarmWord::None, 6);
    check("whatever came", &tale.fires(s(20)), Outcome::Invalid, AlarmWord::None, 6);
}

#[test]
fn an_expectation_about_one_fault_is_counted_from_that_one() {
    let second = |fault: &str| {
        let fault = fault.to_owned();
        tale().with(|tale| tale.second = Some(s(20))).expect(|expectation| expectation.fault = Some(fault))
    };
    check("the first, from its impact", &second("slow").fires(s(40)), Outcome::Hit, AlarmWord::Sound, 0);
    check("too late for it", &second("slow").fires(s(50)), Outcome::Late, AlarmWord::Late, 2);
    let harmed_already = second("cut");
    check(
        "the second, from its effect",
        &harmed_already.clone().fires(s(51)),
        Outcome::Hit,
        AlarmWord::Sound,
        0,
    );
    let late = harmed_already.clone().fires(s(51) + ns(1));
    check("one nanosecond late", &late, Outcome::Late, AlarmWord::Late, 2);
    check("before it acted", &harmed_already.fires(s(20)), Outcome::PreFiring, AlarmWord::Noisy, 6);
    let own_impact = second("cut").with(|tale| tale.impact = Some(s(30)));
    check("its own impact", &own_impact.fires(s(60)), Outcome::Hit, AlarmWord::Sound, 0);
}

#[test]
fn what_an_instant_fault_did_goes_on_after_it() {
    let ms = std::time::Duration::from_millis;
    let killed = |change: fn(&mut Tale)| {
        let tale = tale().with(|tale| (tale.is_kill, tale.removed) = (true, Some(ms(3_500))));
        tale.with(|tale| tale.impact = Some(ms(3_900))).with(change)
    };
    let outcome = |tale: Tale| tale.first().outcome;
    assert_eq!(outcome(killed(|_| {}).fires(ms(33_900))), Outcome::Hit, "counted from a later impact");
    assert_eq!(outcome(killed(|_| {}).fires(ms(33_900) + ns(1))), Outcome::Late);
    assert_eq!(outcome(killed(|_| {})), Outcome::Miss);
    let unfelt = |tale: &mut Tale| {
        (tale.impact, tale.recovered) = (None, None);
        tale.alarms.expected[0].from = CountedFrom::Effect;
    };
    assert_eq!(outcome(killed(unfelt)), Outcome::Miss, "removed at once, which is not its end");
}

#[test]
fn the_cause_of_a_miss_is_the_last_that_was_known_while_the_fault_was_on() {
    let cause = |tale: Tale| tale.first().cause.map(|cause| (cause.cause, cause.evidence));
    assert_eq!(cause(tale()), Some((MissCause::Unknown, "nobody was asked".to_owned())));
    let asked = tale()
        .asked(s(1), MissCause::NoSuchRule, "too early")
        .asked(s(5), MissCause::NoData, "first")
        .asked(s(45), MissCause::PendingOnly, "for: 5m")
        .asked(s(46), MissCause::Unknown, "no answer")
        .asked(s(51), MissCause::BelowThreshold, "too late");
    assert_eq!(cause(asked.clone()), Some((MissCause::PendingOnly, "for: 5m".to_owned())));
    assert_eq!(cause(asked.clone().fires(s(41))), Some((MissCause::NoData, "first".to_owned())), "late");
    assert_eq!(cause(asked.fires(s(40))), None, "a hit needs none");
    let unknown = tale().asked(s(20), MissCause::Unknown, "no answer");
    assert_eq!(cause(unknown), Some((MissCause::Unknown, "no answer".to_owned())));
}

#[test]
fn the_worst_expectation_gives_the_word_and_shares_count_only_what_was_due() {
    let tale = tale().fires(s(20)).with(|tale| {
        tale.alarms.expected.push(expectation("late", "Late"));
        tale.alarms.expected.push(expectation("lost", "Lost"));
    });
    let card = tale.says(s(50), AlarmKind::Fired, "Late", |_| {}).card();
    assert_eq!(card.alarms.word, AlarmWord::Silent);
    let (on_time, ever) = (card.alarms.recall_on_time, card.alarms.recall_ever);
    assert_eq!((on_time.numerator, on_time.denominator), (1, 3));
    assert_eq!((ever.numerator, ever.denominator), (2, 3));
    assert_eq!((card.alarms.precision.numerator, card.alarms.precision.denominator), (2, 2));
    assert_eq!(card.summary.exit, 2);
    assert_eq!(
        card.summary.reasons,
        [
            "the expected alarm `late` came 40.0s after the impact, 30s allowed (cause: unknown)",
            "the expected alarm `lost` did not come (cause: unknown)",
        ]
    );
}

#[test]
fn confidence_in_alarms_is_judged() {
    use crate::drill::summary::HypothesisResult;
    let hypothesis = |tale: Tale| {
        let card = tale.with(|tale| tale.confident_when = vec!["alarms".to_owned()]).card();
        (card.summary.hypothesis, card.summary.exit)
    };
    assert_eq!(hypothesis(tale().fires(s(20))), (HypothesisResult::Confirmed, 0));
    assert_eq!(hypothesis(tale().fires(s(1))), (HypothesisResult::Refuted, 4), "noisy");
    let censored = tale().with(|tale| tale.recovered = Some(s(20)));
    assert_eq!(hypothesis(censored), (HypothesisResult::Untested, 6), "nothing was seen of alarms");
    assert_eq!(hypothesis(tale()), (HypothesisResult::Refuted, 2), "the alarm is more urgent");
    let withstood = tale().with(|tale| tale.impact = None);
    assert_eq!(hypothesis(withstood), (HypothesisResult::Untested, 0));
}
