//! What the steps of a playbook were worth, and how that is shown.

use super::exercise::{alone, book, breaker, done, failed, look, post, request, restored};
use super::tale::{Tale, attempted, matching, ok, s, sampled};
use crate::drill::alarm::AlarmKind;
use crate::drill::event::Event;
use crate::fault::Period;
use crate::playbook::event::StepAnswer;
use crate::playbook::plan::{Action, Check, OnFailure, Retry};
use crate::scenario::plan::PlaybookStart;
use crate::score::{
    ObjectiveWord, PlaybookScore, RecoveryPhase, Scorecard, StepOutcome, StepScore, explain, table,
};

fn score(tale: &Tale) -> PlaybookScore {
    tale.card().playbook.unwrap()
}

fn times(step: &StepScore) -> (u64, u64, u64) {
    (step.took.as_secs(), step.waited.as_secs(), step.worked.as_secs())
}

#[test]
fn the_time_of_a_step_is_waiting_or_work() {
    let told = score(&restored());
    assert_eq!(times(&told.steps[0]), (5, 2, 3), "entered at 10, taken at 12, done at 15");
    assert_eq!(times(&told.steps[1]), (15, 10, 5), "entered at 15, answered at 20, verified at 30");
    assert_eq!((told.toil, told.longest_step.as_deref()), (s(3), Some("breaker")));

    let untold = book(vec![look(), breaker()]).says_of("look", s(15), done());
    assert_eq!(times(&score(&untold).steps[0]), (5, 0, 5), "nobody said when it was taken on");
    let nobody = book(vec![look()]).step("look", |step| step.timeout = Period::from_secs(20));
    let nobody = score(&nobody.then(s(30), Event::TimePassed {}));
    assert_eq!((nobody.steps[0].outcome, times(&nobody.steps[0])), (StepOutcome::TimedOut, (20, 20, 0)));

    let retried = book(vec![breaker()]).step("breaker", |step| {
        (step.retry, step.verify) = (Retry { attempts: 2, delay: Period::from_secs(4) }, None);
        step.budget = Some(Period::from_secs(8));
    });
    let retried = retried.then(s(12), attempted("breaker", 1, false, failed("status 500")));
    let retried = retried.then(s(16), Event::TimePassed {}).then(s(19), attempted("breaker", 2, false, ok()));
    let told = score(&retried);
    assert_eq!(times(&told.steps[0]), (9, 4, 5), "2 s, then 4 s of delay, then 3 s");
    assert_eq!((told.steps[0].attempts, told.over_budget), (2, s(1)));

    let approve = post("agree", Action::Approve { from: vec![], count: 1 });
    let agreed = alone(vec![approve]).step("agree", |step| step.verify = None).says_of("agree", s(9), done());
    let told = score(&agreed);
    assert_eq!(times(&told.steps[0]), (9, 9, 0), "nobody works while an approval is waited for");
    assert_eq!((told.toil, told.automation.steps, told.automation.of), (s(0), 0, 1));
    let watch = alone(vec![post("watch", Action::Probe(Check::SteadyState))]);
    assert_eq!(score(&watch).steps[0].worked, s(0));
}

#[test]
fn each_outcome_has_its_own_cause() {
    let outcomes = |tale: &Tale| score(tale).steps.iter().map(|step| step.outcome).collect::<Vec<_>>();
    let cut = book(vec![look(), breaker()]).says_of("look", s(12), StepAnswer::Taken {});
    let cut = cut.with(|tale| tale.halted = Some(s(20)));
    assert_eq!(outcomes(&cut), [StepOutcome::CutShort]);
    let left = book(vec![look()]).says_of("look", s(12), StepAnswer::Skipped { why: String::new() });
    assert_eq!(outcomes(&left), [StepOutcome::LeftOut]);
    let told = score(&left);
    assert_eq!((told.step_success.denominator, told.deviation.share), (0, 1.0));
    let skipped =
        book(vec![look(), breaker()]).used(|used| used.people = crate::scenario::plan::People::Skip);
    assert_eq!(outcomes(&skipped)[0], StepOutcome::Skipped);
    let refused =
        book(vec![look()]).says_of("look", s(12), StepAnswer::Failed { why: "no access".to_owned() });
    assert_eq!(outcomes(&refused), [StepOutcome::Failed]);
    let unverified = book(vec![breaker()]).then(s(20), attempted("breaker", 1, false, ok()));
    let unverified = unverified.then(s(46), Event::TimePassed {});
    assert_eq!(outcomes(&unverified), [StepOutcome::NotVerified]);
    let text = String::from_utf8(restored().journal()).unwrap();
    let until = text.find(r#""kind":"step.attempted""#).unwrap();
    let until = text[..until].rfind('\n').unwrap() + 1;
    let card = Scorecard::of(&text.as_bytes()[..until]).unwrap();
    let told: Vec<_> = card.playbook.unwrap().steps.iter().map(|step| step.outcome).collect();
    assert_eq!(told, [StepOutcome::Ok, StepOutcome::CutShort], "the journal ends while it is under way");
}

#[test]
fn the_way_to_recovery_is_told_in_parts_that_add_up() {
    let called = restored().start(PlaybookStart::Alarm).playbook(|book| {
        book.triggers = vec![matching(&[("alertname", "Slow")])];
    });
    let called = called.fires(s(11));
    let told = score(&called);
    assert_eq!((told.right_alarm, told.time_to_start), (Some(true), Some(s(1))));
    let way = told.recovery;
    assert_eq!((way.detect, way.start), (Some(s(1)), Some(s(0))));
    assert_eq!((way.act, way.verify), (Some(s(9)), Some(s(10))));
    assert_eq!(way.longest, Some(RecoveryPhase::Verify));

    let expected = restored().start(PlaybookStart::Alarm).with(|tale| {
        tale.alarms.expected.push(super::tale::expectation("slow-page", "Slow"));
    });
    assert_eq!(score(&expected.fires(s(11))).right_alarm, Some(false), "expected, and no trigger");

    let by_hand = restored().start(PlaybookStart::Manual);
    let by_hand = by_hand.says(s(10), AlarmKind::Fired, "Slow", |_| {});
    let by_hand = by_hand.then(s(11), Event::PlaybookRequested { who: "ana".to_owned() });
    let told = score(&by_hand);
    assert_eq!(told.right_alarm, None);
    assert_eq!(
        (told.recovery.detect, told.recovery.start),
        (Some(s(1)), Some(s(0))),
        "nothing expected came"
    );
}

#[test]
fn a_promise_is_judged_only_where_the_drill_can_tell() {
    let rto = |tale: Tale, secs: u64| {
        let tale = tale.playbook(|book| {
            book.objectives.rto = Some(Period::from_secs(secs));
            book.objectives.rpo = Some(Period::from_secs(5));
        });
        let objectives = score(&tale).objectives;
        assert_eq!(objectives.rpo.unwrap().kept, ObjectiveWord::NotJudged, "nothing counts what was lost");
        objectives.rto.unwrap().kept
    };
    assert_eq!(rto(restored(), 20), ObjectiveWord::Met);
    assert_eq!(rto(restored(), 19), ObjectiveWord::Missed);
    let fault_end = || restored().with(|tale| tale.recovered = Some(s(60)));
    assert_eq!(rto(fault_end(), 49), ObjectiveWord::Missed, "50 s");
    assert_eq!(rto(fault_end(), 50), ObjectiveWord::NotJudged, "the fault was taken away");
    let never = || restored().with(|tale| tale.recovered = None);
    assert_eq!(rto(never(), 60), ObjectiveWord::Missed);
    assert_eq!(rto(never(), 4_000), ObjectiveWord::NotJudged);
    let withstood = restored().with(|tale| (tale.impact, tale.recovered) = (None, None));
    assert_eq!(rto(withstood, 60), ObjectiveWord::NotJudged);
}

/// Everything that a table can hold.
pub(super) fn full() -> Tale {
    let tale = restored().with(|tale| tale.searches = true).playbook(|book| {
        book.objectives.rto = Some(Period::from_secs(120));
        book.objectives.rpo = Some(Period::from_secs(5));
        book.steps.insert(1, post("cache-of-the-shop-front", request("POST")));
    });
    let tale = tale.step("cache-of-the-shop-front", |step| step.on_failure = OnFailure::Continue);
    let tale = tale.step("breaker", |step| step.budget = Some(Period::from_secs(10)));
    let tale = tale.says_of("look", s(13), StepAnswer::Stuck { why: "which dashboard?".to_owned() });
    let why = "status 500, wanted 200: the cache said that it cannot be reached from here";
    let tale = tale.then(s(16), attempted("cache-of-the-shop-front", 1, false, failed(why)));
    let tale = tale.then(s(25), sampled("search", s(25), true));
    tale.acts(s(18), "scaled the workers up to four\u{1b}[2J because the queue was long, and told the others")
}

#[test]
fn the_table_says_who_did_what_and_where_the_time_went() {
    let shown = table(&full().card()).join("\n");
    let expected = include_str!("golden/playbook.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write("src/score/tests/golden/playbook.txt", format!("{shown}\n")).unwrap();
        return;
    }
    assert_eq!(format!("{shown}\n"), expected);
}

#[test]
fn every_word_of_the_table_is_explained_and_all_fits_80_columns() {
    for tale in [full(), alone(vec![breaker()]), book(vec![look()]).start(PlaybookStart::Manual)] {
        let card = tale.card();
        let explained = explain(&card);
        for line in table(&card).iter().chain(&explained) {
            assert!(line.chars().count() <= 80 && !line.contains(char::is_control), "{line:?}");
        }
        let explained = explained.join("\n");
        let score = card.playbook.unwrap();
        let outcomes = score.steps.iter().map(|step| step.outcome.word());
        for word in outcomes.chain([score.result.word()]) {
            assert!(explained.contains(&format!("  {word}: ")), "{word} in\n{explained}");
        }
        assert!(!explained.contains(": \n"), "{explained}");
    }
}
