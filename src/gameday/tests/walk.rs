//! Any order of events: what must hold of every day.

use proptest::prelude::*;

use super::*;
use crate::gameday::preflight::Checked;
use crate::gameday::{DayRecord, RunState, replay, take_up};

fn event() -> impl Strategy<Value = DayEvent> {
    let run = 1u32..4;
    prop_oneof![
        3 => prop_oneof![Just("ben"), Just("cleo"), Just("dan")].prop_map(approved),
        2 => Just(DayEvent::Due {}),
        1 => Just(DayEvent::Missed { why: "late".to_owned() }).prop_filter("rarely", |_| true),
        2 => Just(DayEvent::StartRequested { who: who() }),
        3 => (0..3, any::<bool>()).prop_map(|(result, known)| DayEvent::PreflightChecked {
            item: if known { "playbooks" } else { "ask-1" }.to_owned(),
            result: match result {
                0 => Checked::Passed {},
                1 => Checked::Failed { why: "x".to_owned() },
                _ => Checked::Unknown { why: "x".to_owned() },
            },
        }),
        3 => any::<bool>().prop_map(|ok| DayEvent::PreflightAnswered {
            item: "ask-1".to_owned(), who: who(), ok, note: None,
        }),
        2 => Just(DayEvent::PreflightWaived { item: "playbooks".to_owned(), who: who(), reason: "x".to_owned() }),
        6 => run.clone().prop_map(began),
        6 => (run.clone(), 0u8..8).prop_map(|(run, exit)| ended(run, exit)),
        4 => run.prop_map(|run| DayEvent::InjectAnswered { run, who: who(), answer: "x".to_owned() }),
        1 => Just(DayEvent::PauseRequested { who: who(), reason: "x".to_owned() }),
        4 => Just(DayEvent::ResumeRequested { who: who() }),
        1 => Just(DayEvent::StopRequested { who: who(), reason: "x".to_owned() }),
        1 => Just(DayEvent::Halted { who: who(), why: "x".to_owned() }),
        1 => any::<bool>().prop_map(|ran| DayEvent::CoordinatorRestarted {
            drill: ran.then(|| "slow-1-20261203-090000-0a1b".to_owned()),
        }),
        1 => Just(DayEvent::NoteWritten { who: who(), text: "x".to_owned() }),
        2 => Just(DayEvent::ReviewAnswered { who: who(), question: 1, answer: "x".to_owned() }),
        2 => Just(DayEvent::CloseRequested { who: who() }),
        6 => Just(DayEvent::TimePassed {}),
    ]
}

fn goes_on(run: &RunState) -> bool {
    matches!(run, RunState::Ordered {} | RunState::Running { .. })
}

/// What must hold after every event.
fn holds(kept: &Kept, before: usize, was_over: bool) -> Result<(), TestCaseError> {
    prop_assert!(kept.day.runs().iter().filter(|run| goes_on(run)).count() <= 1, "two at once");
    let new = &kept.said[before..];
    for command in new {
        if let DayCommand::BeginInject { .. } = command {
            prop_assert!(
                !was_over && kept.day.state() == DayState::Running,
                "begun while {:?}",
                kept.day.state()
            );
        }
    }
    // Runs happen in their order, and none without those before it.
    let open =
        kept.day.runs().iter().position(|run| matches!(run, RunState::Pending {} | RunState::Waiting { .. }));
    if let Some(open) = open {
        let after = &kept.day.runs()[open + 1..];
        prop_assert!(after.iter().all(|run| matches!(run, RunState::Pending {})), "{:?}", kept.day.runs());
    }
    Ok(())
}

/// Of a journal that is cut after any line, all that was decided and lost is known.
fn nothing_is_lost_by_a_cut(journal: &[u8]) -> Result<(), TestCaseError> {
    let lines: Vec<&[u8]> = journal.split_inclusive(|byte| *byte == b'\n').collect();
    let kind = |raw: &[u8]| serde_json::from_slice::<serde_json::Value>(raw).unwrap()["kind"].clone();
    let mut whole = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        whole.extend_from_slice(line);
        let left = take_up(&whole).unwrap();
        let lost: Vec<serde_json::Value> = left
            .unwritten
            .iter()
            .map(|command| match command {
                DayCommand::Record(record) => serde_json::to_value(record).unwrap()["kind"].clone(),
                other => serde_json::to_value(other).unwrap()["kind"].clone(),
            })
            .collect();
        let follow: Vec<serde_json::Value> =
            lines[at + 1..].iter().take(lost.len()).map(|raw| kind(raw)).collect();
        prop_assert_eq!(&lost, &follow, "after line {}", at);
        let after = lines.get(at + 1 + lost.len()).map(|raw| serde_json::from_slice::<DayEvent>(raw).is_ok());
        prop_assert!(after.is_none_or(|is_event| is_event), "more was decided after line {}", at);
    }
    Ok(())
}

/// People answer, time passes, drills end: whatever the day waits for comes.
fn lead_to_the_end(kept: &mut Kept, mut minute: i64) -> Result<(), TestCaseError> {
    for _ in 0..60 {
        minute += 1;
        if kept.day.state().is_over() && kept.said.contains(&DayCommand::Close {}) {
            return Ok(());
        }
        let going = kept.day.runs().iter().position(goes_on);
        let next = match (kept.day.state(), going) {
            (_, Some(place)) => {
                let run = u32::try_from(place + 1).unwrap();
                if kept.day.runs()[place] == (RunState::Ordered {}) {
                    began(run)
                } else if run == 2 && kept.day.state() == DayState::Paused {
                    DayEvent::ResumeRequested { who: who() }
                } else if run == 2 {
                    DayEvent::InjectAnswered { run, who: who(), answer: "x".to_owned() }
                } else {
                    ended(run, 0)
                }
            }
            (DayState::Draft, _) => approved(&format!("somebody-{minute}")),
            (DayState::Approved, _) => DayEvent::StartRequested { who: who() },
            (DayState::Preflight, _) => match kept.day.open_items().first() {
                Some(&"ask-1") => good("ask-1"),
                _ => DayEvent::PreflightWaived {
                    item: "playbooks".to_owned(),
                    who: who(),
                    reason: "x".to_owned(),
                },
            },
            (DayState::Running, _) => {
                minute += 10;
                DayEvent::TimePassed {}
            }
            (DayState::Paused, _) => DayEvent::ResumeRequested { who: who() },
            (DayState::Reviewing, _) => DayEvent::CloseRequested { who: who() },
            (DayState::Closed | DayState::Stopped, _) => DayEvent::TimePassed {},
        };
        kept.take(minute, next);
    }
    Err(TestCaseError::fail(format!("it does not end: {:?} {:?}", kept.day.state(), kept.day.runs())))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_events_is_safe_ends_and_is_decided_the_same_again(
        events in prop::collection::vec((0i64..3, event()), 0..60),
        prepared in any::<bool>(),
    ) {
        let mut kept = Kept::new(plan());
        let mut minute = 0;
        if prepared {
            for event in [approved("ben"), approved("cleo"), DayEvent::StartRequested { who: who() },
                          passed("playbooks"), good("ask-1")] {
                kept.take(0, event);
            }
        }
        for (later, event) in events {
            minute += later;
            let (before, was_over) = (kept.said.len(), kept.day.state().is_over());
            kept.take(minute, event);
            holds(&kept, before, was_over)?;
        }
        let (_, again) = replay(kept.journal()).unwrap();
        prop_assert_eq!(&again, &kept.day);
        nothing_is_lost_by_a_cut(kept.journal())?;
        lead_to_the_end(&mut kept, minute)?;
        let (_, again) = replay(kept.journal()).unwrap();
        prop_assert_eq!(&again, &kept.day);
        // What closes it is said once, but for restarts.
        let closes = kept.said.iter().filter(|command| **command == DayCommand::Close {}).count();
        let restarts = String::from_utf8_lossy(kept.journal()).matches("coordinator.restarted").count();
        prop_assert!((1..=1 + restarts).contains(&closes), "closed {} times", closes);
        let entered = |state| kept.said.iter().any(|command| matches!(command,
            DayCommand::Record(DayRecord::StateEntered { state: found, .. }) if *found == state));
        prop_assert!(entered(DayState::Closed) != entered(DayState::Stopped));
    }
}
