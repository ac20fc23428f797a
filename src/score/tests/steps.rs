//! What must hold whatever becomes of the steps.

use proptest::collection::vec;
use proptest::prelude::*;

use super::exercise::{book, done, failed, look, post, request};
use super::tale::{Tale, attempted, ok, s, sampled};
use crate::drill::event::Event;
use crate::playbook::event::{Attempt, StepAnswer};
use crate::playbook::plan::{OnFailure, Step};
use crate::score::{PlaybookScore, Scorecard, table};

/// What becomes of an automatic step.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Ok,
    Failed,
    TimedOut,
    Nothing,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![Just(Fate::Ok), Just(Fate::Failed), Just(Fate::TimedOut), Just(Fate::Nothing)]
}

fn automatic(n: usize) -> Step {
    let mut step = post(&format!("step-{n}"), request("POST"));
    (step.verify, step.on_failure) = (None, OnFailure::Continue);
    step
}

/// A person looks; then one step each second from 15 s on.
fn tale(fates: &[Fate], recovered: u64) -> Tale {
    let steps = std::iter::once(look()).chain((0..fates.len()).map(automatic)).collect();
    let tale = book(steps).with(|tale| tale.recovered = Some(s(recovered))).says_of("look", s(14), done());
    fates.iter().enumerate().fold(tale, |tale, (n, fate)| {
        let outcome = match fate {
            Fate::Ok => ok(),
            Fate::Failed => failed("status 500"),
            Fate::TimedOut => Attempt::TimedOut { why: "10s".to_owned() },
            Fate::Nothing => return tale,
        };
        tale.then(s(15 + n as u64), attempted(&format!("step-{n}"), 1, false, outcome))
    })
}

fn score(tale: &Tale) -> PlaybookScore {
    tale.card().playbook.unwrap()
}

fn shares(score: &PlaybookScore) -> [f64; 6] {
    let success = score.step_success;
    [
        success.share.unwrap_or(0.0),
        success.low,
        success.high,
        score.automation.by_count.unwrap_or(0.0),
        score.automation.by_time.unwrap_or(0.0),
        score.deviation.share,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn shares_are_bounded_times_add_up_and_the_table_fits(
        fates in vec(fate(), 0..6), recovered in prop::sample::select(vec![12u64, 16, 30, 60]), acts in 0..3u64,
    ) {
        let tale = (0..acts).fold(tale(&fates, recovered), |tale, n| tale.acts(s(13 + n), "something"));
        let card = tale.card();
        let score = card.playbook.clone().unwrap();
        for share in shares(&score) {
            prop_assert!((0.0..=1.0).contains(&share), "{:?}", score);
        }
        for step in &score.steps {
            prop_assert_eq!(step.waited + step.worked, step.took);
        }
        let way = score.recovery;
        if let (Some(detect), Some(start), Some(act), Some(verify)) =
            (way.detect, way.start, way.act, way.verify)
        {
            prop_assert_eq!(detect + start + act + verify, s(recovered - 10));
        }
        for line in table(&card) {
            prop_assert!(line.chars().count() <= 80, "{}", line);
        }
    }

    #[test]
    fn one_more_failed_step_raises_nothing(
        fates in vec(prop_oneof![Just(Fate::Ok), Just(Fate::Failed)], 0..6),
        recovered in prop::sample::select(vec![30u64, 60]),
    ) {
        let mut more = fates.clone();
        more.push(Fate::Failed);
        let (before, after) = (tale(&fates, recovered).card(), tale(&more, recovered).card());
        let (one, other) = (before.playbook.unwrap(), after.playbook.unwrap());
        let value = |score: &PlaybookScore| score.step_success.share.unwrap_or(1.0);
        prop_assert!(value(&other) <= value(&one));
        prop_assert!(other.automation.by_count.unwrap_or(1.0) <= one.automation.by_count.unwrap_or(1.0));
        prop_assert!(other.automation.by_time.unwrap_or(1.0) <= one.automation.by_time.unwrap_or(1.0));
        prop_assert!(after.summary.exit >= before.summary.exit);
        prop_assert!(one.first_failing.is_none() || one.first_failing == other.first_failing);
    }

    #[test]
    fn the_order_of_what_happens_at_the_same_time_does_not_matter(
        order in Just((0..6usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let at = s(14);
        let action = |who: &str| Event::ActionTaken { who: who.to_owned(), text: "something".to_owned() };
        let stuck = StepAnswer::Stuck { why: "where?".to_owned() };
        let stuck = Event::StepAnswered { step: "look".to_owned(), who: "ana".to_owned(), role: None, answer: stuck };
        let note = Event::NoteWritten { who: "cleo".to_owned(), text: "hm".to_owned() };
        let happens = [
            action("ana"), action("ben"), stuck, note, sampled("shop", at, false), Event::TimePassed {},
        ];
        let told = |order: &[usize]| {
            let tale = book(vec![look(), automatic(0)]).with(|tale| tale.recovered = Some(s(30)));
            let tale = order.iter().fold(tale, |tale, n| tale.then(at, happens[*n].clone()));
            let tale = tale.says_of("look", s(15), done());
            tale.then(s(16), attempted("step-0", 1, false, ok())).card()
        };
        prop_assert_eq!(told(&order), told(&[0, 1, 2, 3, 4, 5]));
    }

    #[test]
    fn the_same_journal_gives_the_same_bytes_and_they_read_back(fates in vec(fate(), 0..6)) {
        let journal = tale(&fates, 30).journal();
        let card = Scorecard::of(&journal).unwrap();
        let bytes = card.to_json_bytes().unwrap();
        prop_assert_eq!(&bytes, &Scorecard::of(&journal).unwrap().to_json_bytes().unwrap());
        prop_assert_eq!(serde_json::from_slice::<Scorecard>(&bytes).unwrap(), card);
    }
}

#[test]
fn a_journal_of_a_playbook_that_is_cut_anywhere_still_has_a_score() {
    let journal = super::playbook::full().journal();
    let first = journal.iter().position(|byte| *byte == b'\n').unwrap();
    let ends: Vec<usize> = (first + 1..journal.len()).filter(|end| journal[end - 1] == b'\n').collect();
    for end in ends {
        let card = Scorecard::of(&journal[..end]).unwrap();
        assert!(card.playbook.is_some() && (card.complete || card.summary.exit != 0), "cut at {end}");
    }
    assert_eq!(score(&super::playbook::full()).steps.len(), 3);
}
