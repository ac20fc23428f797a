//! What must hold whatever monitoring says.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::tale::{Tale, expectation, s};
use crate::drill::alarm::AlarmKind;
use crate::drill::event::Event;
use crate::score::{AlarmWord, Scorecard, Share, table};

#[derive(Clone, Copy, Debug)]
struct Word {
    at: Duration,
    kind: AlarmKind,
    name: usize,
    key: usize,
    repeat: bool,
}

const NAMES: [&str; 3] = ["Slow", "Down", "Search"];

fn word() -> impl Strategy<Value = Word> {
    let kind = prop_oneof![
        4 => Just(AlarmKind::Fired),
        2 => Just(AlarmKind::Resolved),
        1 => Just(AlarmKind::Acknowledged),
        1 => Just(AlarmKind::Blind),
    ];
    // Few moments, so that many fall together, and those at which rules have their boundaries.
    let at = prop::sample::select(vec![1u64, 2, 3, 10, 20, 40, 41, 50, 60, 120, 121]).prop_map(s);
    (at, kind, 0..NAMES.len(), 0..2usize, any::<bool>()).prop_map(|(at, kind, name, key, repeat)| Word {
        at,
        kind,
        name,
        key,
        repeat,
    })
}

fn tale(words: &[Word]) -> Tale {
    let tale = Tale::expecting().with(|tale| tale.alarms.expected.push(expectation("down-page", "Down")));
    words.iter().fold(tale, |tale, word| {
        tale.says(word.at, word.kind, NAMES[word.name], |alarm| {
            alarm.key = format!("{}-{}", NAMES[word.name], word.key);
            alarm.repeat = word.repeat;
        })
    })
}

fn is_bounded(share: Share) -> bool {
    let inside = |value: f64| (0.0..=1.0).contains(&value);
    share.numerator <= share.denominator
        && inside(share.low)
        && inside(share.high)
        && share.share.is_none_or(inside)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_of_what_is_said_at_the_same_time_does_not_matter(words in vec(word(), 0..12)) {
        let mut turned = words.clone();
        turned.reverse();
        prop_assert_eq!(tale(&words).card().alarms, tale(&turned).card().alarms);
    }

    #[test]
    fn shares_are_bounded_and_the_table_fits(words in vec(word(), 0..12)) {
        let card = tale(&words).card();
        let alarms = &card.alarms;
        for share in [alarms.recall_on_time, alarms.recall_ever, alarms.precision] {
            prop_assert!(is_bounded(share), "{:?}", share);
        }
        for line in table(&card) {
            prop_assert!(line.chars().count() <= 100, "{}", line);
        }
    }

    #[test]
    fn one_more_miss_raises_nothing(words in vec(word(), 0..12)) {
        let before = tale(&words).card();
        let after = tale(&words)
            .with(|tale| tale.alarms.expected.push(expectation("lost-page", "Lost")))
            .card();
        let value = |share: Share| share.share.unwrap_or(1.0);
        prop_assert!(value(after.alarms.recall_on_time) <= value(before.alarms.recall_on_time));
        prop_assert!(value(after.alarms.recall_ever) <= value(before.alarms.recall_ever));
        prop_assert_eq!(after.alarms.precision, before.alarms.precision);
        prop_assert_eq!((after.alarms.word, after.summary.exit), (AlarmWord::Silent, 2));
    }

    #[test]
    fn without_its_repeats_every_outcome_is_the_same(words in vec(word(), 0..12)) {
        let firsts: Vec<Word> =
            words.iter().copied().filter(|word| word.kind != AlarmKind::Fired || !word.repeat).collect();
        let outcomes = |words: &[Word]| {
            let card = tale(words).card();
            let all = card.alarms.expectations.into_iter();
            all.map(|score| (score.outcome, score.detection, score.times)).collect::<Vec<_>>()
        };
        prop_assert_eq!(outcomes(&words), outcomes(&firsts));
    }

    #[test]
    fn the_same_journal_gives_the_same_bytes_and_they_read_back(words in vec(word(), 0..12)) {
        let journal = tale(&words).journal();
        let (one, other) = (Scorecard::of(&journal).unwrap(), Scorecard::of(&journal).unwrap());
        let bytes = one.to_json_bytes().unwrap();
        prop_assert_eq!(&bytes, &other.to_json_bytes().unwrap());
        prop_assert_eq!(serde_json::from_slice::<Scorecard>(&bytes).unwrap(), one);
    }
}

#[test]
fn a_journal_that_is_cut_anywhere_still_has_a_score() {
    let tale = Tale::expecting().fires(s(20)).resolves(s(70));
    let journal = tale.journal();
    let first = journal.iter().position(|byte| *byte == b'\n').unwrap();
    assert!(Scorecard::of(&journal[..first]).is_err(), "without line 0 nobody knows what was planned");
    for end in first + 1..journal.len() {
        let card = Scorecard::of(&journal[..end]).unwrap();
        assert!(card.complete || card.summary.exit != 0, "cut at {end}");
    }
    let unclosed = journal[..journal.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    let score = |bytes: &[u8]| Scorecard::of(bytes).unwrap().to_json_bytes().unwrap();
    assert_eq!(score(&journal[..unclosed]), score(&journal), "the closing line changes nothing");
}

#[test]
fn what_a_failed_decider_left_stands_in_the_closing_line() {
    let journal = Tale::expecting().with(|tale| tale.end = s(30)).journal();
    let text = String::from_utf8(journal).unwrap();
    let closed = text.replace(r#""data":{"lines":"#, r#""data":{"exit":7,"reasons":["left"],"lines":"#);
    assert_ne!(text, closed);
    let card = Scorecard::of(closed.as_bytes()).unwrap();
    assert_eq!((card.complete, card.summary.exit), (false, 7));
    assert!(card.summary.reasons.contains(&"left".to_owned()));
}

#[test]
fn events_are_not_lost_between_a_tale_and_its_journal() {
    let tale = Tale::expecting().fires(s(20));
    let alarms = |event: &&(Duration, Event)| matches!(event.1, Event::AlarmReceived { .. });
    assert_eq!(tale.events().iter().filter(alarms).count(), 1);
    let verified = crate::drill::journal::verify(&tale.journal(), None);
    assert!(matches!(verified, crate::drill::journal::Verified::Whole { .. }), "{verified:?}");
}
