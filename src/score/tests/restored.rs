//! What brought the service back, where the truth is known, and the exit status that follows.

use super::exercise::{alone, book, breaker, done, failed, look, post, request, restored};
use super::tale::{Tale, attempted, ok, s, sampled};
use crate::drill::event::Event;
use crate::drill::summary::{PlaybookResult, RestoredBy, Summary};
use crate::fault::Period;
use crate::playbook::event::{Attempt, StepAnswer};
use crate::playbook::plan::{Check, OnFailure, Retry, Verify};
use crate::scenario::plan::{ExpectedRecovery, PlaybookStart, RecoveryBy};

fn results(tale: &Tale) -> (RestoredBy, Option<PlaybookResult>, u8) {
    let summary = summary(tale);
    (summary.restored_by, summary.playbook, summary.exit)
}

fn summary(tale: &Tale) -> Summary {
    let card = tale.card();
    assert!(card.complete, "{:?}", card.summary);
    card.summary
}

#[test]
fn the_playbook_restored_what_came_back_under_the_fault_after_its_verified_step() {
    assert_eq!(results(&restored()), (RestoredBy::Playbook, Some(PlaybookResult::Restored), 0));
}

#[test]
fn what_came_back_while_nobody_had_acted_came_back_by_itself() {
    let nobody = book(vec![look(), breaker()]).with(|tale| tale.recovered = Some(s(30)));
    assert_eq!(results(&nobody), (RestoredBy::Itself, Some(PlaybookResult::Unproven), 0));

    let only_looked = nobody.clone().says_of("look", s(15), done());
    assert_eq!(results(&only_looked).0, RestoredBy::Itself, "looking changes nothing");

    let reads = book(vec![post("read", request("GET"))]).step("read", |step| step.mutates = false);
    let reads =
        reads.with(|tale| tale.recovered = Some(s(30))).then(s(20), attempted("read", 1, false, ok()));
    assert_eq!(results(&reads).0, RestoredBy::Itself, "and so does reading, however well verified");
}

#[test]
fn a_useless_step_that_still_ran_when_the_service_came_back_gets_no_praise() {
    let tale = book(vec![breaker()]).with(|tale| tale.recovered = Some(s(30)));
    let late = tale.then(s(40), attempted("breaker", 1, false, ok()));
    // Only what is measured after the act verifies it.
    let late = late.then(s(41), sampled("shop", s(41), true));
    let card = late.card();
    assert_eq!(results(&late), (RestoredBy::Itself, Some(PlaybookResult::Unproven), 0));
    let step = &card.playbook.as_ref().unwrap().steps[0];
    assert!(step.verified && step.acted == Some(s(40)), "it was verified by a service that was well already");
}

#[test]
fn what_acted_before_without_a_good_verification_leaves_it_unknown() {
    let unverified = restored().step("breaker", |step| step.verify = None);
    assert_eq!(results(&unverified), (RestoredBy::Unknown, Some(PlaybookResult::Unproven), 0));
    assert!(summary(&unverified).notes[0].contains("step `breaker`"), "{:?}", summary(&unverified).notes);

    let waits = || book(vec![breaker()]).with(|tale| tale.recovered = Some(s(30)));
    let broken = waits().then(s(20), attempted("breaker", 1, false, failed("status 500")));
    let timed_out = Attempt::TimedOut { why: "200s".to_owned() };
    let timed_out = waits().then(s(20), attempted("breaker", 1, false, timed_out));
    let again = waits().step("breaker", |step| {
        step.retry = Retry { attempts: 2, delay: Period::from_secs(100) };
    });
    let again = again.then(s(20), attempted("breaker", 1, false, failed("status 500")));
    let too_late = restored().step("breaker", |step| {
        step.verify = Some(Verify { check: Check::SteadyState, within: Period::from_secs(2) });
    });
    // Something has to happen at 22 s, for a tale has no wake-ups of its own.
    let too_late = too_late.then(s(23), Event::TimePassed {});
    for tale in [broken, timed_out, again, too_late] {
        assert_eq!(results(&tale).0, RestoredBy::Unknown, "{:?}", tale.card().playbook);
    }
}

#[test]
fn a_verification_that_was_good_before_the_impact_proves_nothing() {
    let early = book(vec![breaker()]).start(PlaybookStart::Manual).with(|tale| tale.recovered = Some(s(30)));
    let early = early.then(s(4), Event::PlaybookRequested { who: "ana".to_owned() });
    let early = early.then(s(5), attempted("breaker", 1, false, ok()));
    assert_eq!(results(&early).0, RestoredBy::Unknown);
}

#[test]
fn a_person_who_did_something_else_before_leaves_it_unknown() {
    let helped = book(vec![look(), breaker()]).with(|tale| tale.recovered = Some(s(30)));
    assert_eq!(results(&helped.clone().acts(s(20), "restarted it")).0, RestoredBy::Unknown);
    assert_eq!(results(&helped.clone().acts(s(31), "wrote it down")).0, RestoredBy::Itself);
    let before = helped.acts(s(1), "warmed the cache");
    assert_eq!(results(&before).0, RestoredBy::Itself, "no fault was on");
    let both = restored().acts(s(18), "scaled up");
    assert_eq!(results(&both), (RestoredBy::Playbook, Some(PlaybookResult::RestoredWithHelp), 0));
}

#[test]
fn what_came_back_only_after_the_fault_was_not_restored_by_the_playbook() {
    let tale = restored().with(|tale| tale.recovered = Some(s(60)));
    assert_eq!(results(&tale), (RestoredBy::FaultEnd, Some(PlaybookResult::NotRestored), 3));
    let why = &summary(&tale).reasons[0];
    assert!(why.contains("only after the last fault was removed") && why.contains("`breaker`"), "{why}");

    let idle = book(vec![look(), breaker()]);
    assert_eq!(results(&idle), (RestoredBy::FaultEnd, Some(PlaybookResult::NotRestored), 3));
    assert!(summary(&idle).reasons[0].contains("no mutating step had acted"), "{:?}", summary(&idle).reasons);
}

#[test]
fn a_drill_that_was_stopped_says_nothing_of_the_playbook() {
    let tale = restored().with(|tale| (tale.halted, tale.recovered) = (Some(s(22)), None));
    assert_eq!(results(&tale), (RestoredBy::Abort, Some(PlaybookResult::Unproven), 5));
}

#[test]
fn what_never_came_back_was_restored_by_none() {
    let tale = restored().with(|tale| tale.recovered = None);
    assert_eq!(results(&tale), (RestoredBy::None, Some(PlaybookResult::NotRestored), 4));
    let reasons = summary(&tale).reasons;
    assert!(reasons.iter().any(|why| why.contains("the playbook did not restore")), "{reasons:?}");
}

#[test]
fn a_playbook_without_an_impact_had_nothing_to_restore() {
    let tale = book(vec![breaker()]).start(PlaybookStart::Manual).with(|tale| {
        (tale.impact, tale.recovered) = (None, None);
    });
    let never = tale.clone();
    let tale = tale.then(s(15), Event::PlaybookRequested { who: "ana".to_owned() });
    let tale = tale.then(s(20), attempted("breaker", 1, false, ok()));
    assert_eq!(results(&tale), (RestoredBy::None, Some(PlaybookResult::Unproven), 0));
    assert_eq!(results(&never), (RestoredBy::None, Some(PlaybookResult::NotExercised), 0));
    assert!(summary(&never).notes[0].contains("nobody started it"), "{:?}", summary(&never).notes);
}

#[test]
fn a_killed_process_that_a_step_restarts_was_restored_by_the_playbook() {
    let tale = restored().with(|tale| (tale.is_kill, tale.removed) = (true, Some(s(4))));
    assert_eq!(results(&tale), (RestoredBy::Playbook, Some(PlaybookResult::Restored), 0));
    let supervised = book(vec![look()]).with(|tale| {
        (tale.is_kill, tale.removed, tale.recovered) = (true, Some(s(4)), Some(s(30)));
    });
    assert_eq!(results(&supervised).0, RestoredBy::Itself, "nobody takes a kill back");
}

#[test]
fn an_invalid_drill_proves_nothing_of_the_playbook() {
    let tale = restored().start(PlaybookStart::Manual).with(|tale| tale.effect = None);
    let tale = tale.then(s(11), Event::PlaybookRequested { who: "ana".to_owned() });
    assert_eq!(results(&tale), (RestoredBy::Unknown, Some(PlaybookResult::Unproven), 6));
}

#[test]
fn the_stricter_of_both_promises_says_what_is_late() {
    let rto = |secs| restored().playbook(|book| book.objectives.rto = Some(Period::from_secs(secs)));
    assert_eq!(results(&rto(20)), (RestoredBy::Playbook, Some(PlaybookResult::Restored), 0));
    assert_eq!(results(&rto(19)), (RestoredBy::Playbook, Some(PlaybookResult::RestoredLate), 0));
    let within = |secs| ExpectedRecovery { by: None, within: Some(Period::from_secs(secs)) };
    let strict = rto(60).with(|tale| tale.recovery = Some(within(19)));
    assert_eq!(results(&strict), (RestoredBy::Playbook, Some(PlaybookResult::RestoredLate), 4));
    assert!(summary(&strict).reasons[0].contains("expected within 19s"), "{:?}", summary(&strict).reasons);
}

#[test]
fn help_is_a_person_who_was_stuck_or_left_a_step_out() {
    let stuck = restored().says_of("look", s(13), StepAnswer::Stuck { why: "which dashboard?".to_owned() });
    assert_eq!(results(&stuck).1, Some(PlaybookResult::RestoredWithHelp));
    let skips = book(vec![look(), breaker()]).with(|tale| tale.recovered = Some(s(30)));
    let skips = skips.says_of("look", s(15), StepAnswer::Skipped { why: "no time".to_owned() });
    let skips = skips.then(s(20), attempted("breaker", 1, false, ok()));
    assert_eq!(results(&skips).1, Some(PlaybookResult::RestoredWithHelp));
    let without_people = book(vec![look(), breaker()]).used(|used| {
        used.people = crate::scenario::plan::People::Skip;
    });
    let without_people = without_people.with(|tale| tale.recovered = Some(s(30)));
    let without_people = without_people.then(s(20), attempted("breaker", 1, false, ok()));
    assert_eq!(
        results(&without_people).1,
        Some(PlaybookResult::Restored),
        "this run was to be without people"
    );
}

#[test]
fn a_step_that_broke_what_had_held_did_harm() {
    let harmed = restored().with(|tale| (tale.searches, tale.recovered) = (true, Some(s(60))));
    let search = |tale: Tale, at| {
        tale.then(s(at), sampled("search", s(at), false)).then(s(58), sampled("search", s(58), true))
    };
    let after = search(harmed.clone(), 25);
    assert_eq!(results(&after).1, Some(PlaybookResult::Harmful), "{:?}", summary(&after));
    assert_eq!(summary(&after).exit, 3);
    let why = &summary(&after).reasons[0];
    assert!(why.contains("`search`") && why.contains("5.00s after step `breaker`"), "{why}");

    assert_eq!(results(&search(harmed.clone(), 18)).1, Some(PlaybookResult::NotRestored), "before it acted");
    assert_eq!(results(&search(harmed.clone(), 55)).1, Some(PlaybookResult::NotRestored), "after the fault");
    let another = harmed.with(|tale| tale.second = Some(s(22)));
    assert_eq!(
        results(&search(another, 25)).1,
        Some(PlaybookResult::NotRestored),
        "another fault came between"
    );
    let helped = restored().with(|tale| tale.searches = true);
    let helped =
        helped.then(s(22), sampled("search", s(22), false)).then(s(24), sampled("search", s(24), true));
    assert_eq!(results(&helped).1, Some(PlaybookResult::Restored), "the service came back under the fault");
}

#[test]
fn taking_back_what_held_the_service_together_is_harm_and_refutes() {
    let tale = restored().then(s(60), Event::TimePassed {}).then(s(61), sampled("shop", s(61), false));
    assert_eq!(results(&tale), (RestoredBy::Playbook, Some(PlaybookResult::Harmful), 4));
    let reasons = summary(&tale).reasons;
    assert!(reasons.iter().any(|why| why.contains("taken back")), "{reasons:?}");
}

#[test]
fn what_could_not_be_taken_back_is_residue_and_what_has_no_way_back_is_named() {
    let stays = restored().with(|tale| tale.undo_fails = true);
    let told = summary(&stays);
    assert_eq!((told.exit, told.clean, told.residue.len()), (7, false, 1));
    assert!(told.residue[0].contains("step `breaker`") && told.residue[0].contains("exit 1"), "{told:?}");

    let no_way_back = summary(&restored().step("breaker", |step| step.undo = None));
    assert_eq!((no_way_back.exit, no_way_back.clean), (0, true));
    assert!(no_way_back.notes[0].contains("step `breaker`"), "{:?}", no_way_back.notes);
    let not_wanted = summary(&restored().used(|used| used.undo = false));
    assert!(not_wanted.clean && not_wanted.notes[0].contains("`breaker` stay"), "{:?}", not_wanted.notes);
}

#[test]
fn recovery_by_another_way_than_expected_is_told_by_its_own_exit() {
    let by = |by, tale: Tale| {
        tale.with(|tale| tale.recovery = Some(ExpectedRecovery { by: Some(by), within: None }))
    };
    let itself = || book(vec![look(), breaker()]).with(|tale| tale.recovered = Some(s(30)));
    assert_eq!(summary(&by(RecoveryBy::Playbook, restored())).exit, 0);
    assert_eq!(summary(&by(RecoveryBy::Itself, itself())).exit, 0);
    assert_eq!(summary(&by(RecoveryBy::Playbook, itself())).exit, 3, "it was exercised");
    let never = by(RecoveryBy::Playbook, itself().start(PlaybookStart::Manual));
    assert_eq!(summary(&never).exit, 4, "it was never started");
    assert!(summary(&never).reasons[0].contains("never started"), "{:?}", summary(&never).reasons);
    assert_eq!(summary(&by(RecoveryBy::Itself, restored())).exit, 4);
    assert_eq!(summary(&by(RecoveryBy::FaultEnd, Tale::plain())).exit, 0);
    let withstood = itself().with(|tale| (tale.impact, tale.recovered) = (None, None));
    assert_eq!(summary(&by(RecoveryBy::Playbook, withstood)).exit, 0, "there was nothing to come back from");
}

#[test]
fn a_playbook_without_a_drill_passes_when_it_comes_to_its_end() {
    let tale = alone(vec![breaker()]).then(s(5), attempted("breaker", 1, false, ok()));
    let tale = tale.then(s(6), sampled("shop", s(6), true));
    assert_eq!(results(&tale), (RestoredBy::None, Some(PlaybookResult::Completed), 0));
    let broken = alone(vec![breaker()]).then(s(5), attempted("breaker", 1, false, failed("status 500")));
    assert_eq!(results(&broken), (RestoredBy::None, Some(PlaybookResult::NotCompleted), 3));
    let halted = alone(vec![look()]).with(|tale| tale.halted = Some(s(9)));
    assert_eq!(results(&halted), (RestoredBy::None, Some(PlaybookResult::NotCompleted), 5));
    let worse = alone(vec![breaker()]).step("breaker", |step| step.verify = None);
    let worse =
        worse.then(s(5), attempted("breaker", 1, false, ok())).then(s(5), sampled("shop", s(5), false));
    let told = summary(&worse);
    assert_eq!(told.exit, 4, "{told:?}");
    assert!(told.reasons[0].contains("not good at the end"), "{:?}", told.reasons);
}

#[test]
fn a_failed_step_need_not_fail_the_playbook() {
    let tale = restored().playbook(|book| book.steps.insert(1, post("cache", request("POST"))));
    let tale = tale.step("cache", |step| step.on_failure = OnFailure::Continue);
    let tale = tale.then(s(16), attempted("cache", 1, false, failed("status 500")));
    assert_eq!(results(&tale), (RestoredBy::Playbook, Some(PlaybookResult::Restored), 0));
    let score = tale.card().playbook.unwrap();
    assert_eq!((score.step_success.numerator, score.step_success.denominator), (2, 3));
    assert_eq!(score.first_failing.as_deref(), Some("cache"));
}

#[test]
fn what_lies_beside_the_impact_is_contained_or_not() {
    use crate::drill::summary::{Contained, HypothesisResult};
    let claims = |tale: Tale| tale.with(|tale| tale.confident_when = vec!["contained".to_owned()]);
    let told = |tale: Tale| {
        let summary = summary(&claims(tale));
        (summary.contained, summary.hypothesis, summary.exit)
    };
    let two = || restored().with(|tale| tale.searches = true);
    assert_eq!(told(two()), (Contained::Held, HypothesisResult::Confirmed, 0));
    let lost = two().then(s(12), sampled("search", s(12), false)).then(s(14), sampled("search", s(14), true));
    assert_eq!(told(lost), (Contained::Lost, HypothesisResult::Refuted, 4));
    assert_eq!(told(restored()), (Contained::NotJudged, HypothesisResult::Untested, 0));
}

#[test]
fn a_hypothesis_can_rest_on_the_playbook() {
    let claims = |tale: Tale| {
        tale.with(|tale| tale.confident_when = vec!["playbook".to_owned(), "restored_by".to_owned()]).card()
    };
    assert_eq!(claims(restored()).summary.exit, 0);
    let stuck = restored().says_of("look", s(13), StepAnswer::Stuck { why: String::new() });
    let told = claims(stuck).summary;
    assert_eq!(told.exit, 4);
    assert!(told.reasons[0].contains("`playbook`"), "{:?}", told.reasons);
}
