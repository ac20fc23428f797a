//! The course of a day, from agreed to closed.

use super::*;
use crate::gameday::{DayRecord, FindingKind, RunState, Summary, replay};

/// Approved and its preflight done: the first inject was told to begin.
fn running() -> Kept {
    let mut kept = Kept::new(plan());
    for event in [approved("ben"), approved("cleo"), DayEvent::Due {}, passed("playbooks")] {
        kept.take(0, event);
    }
    kept.is(DayState::Preflight);
    assert_eq!(kept.take(5, good("ask-1")).last(), Some(&DayCommand::BeginInject { run: 1 }));
    kept.is(DayState::Running);
    kept
}

#[test]
fn a_day_goes_from_draft_to_closed() {
    let mut kept = running();
    kept.take(5, began(1));
    assert_eq!(kept.day.drill(), Some("slow-1-20261203-090000-0a1b"));
    let waits = kept.take(10, ended(1, 0));
    assert_eq!(
        waits,
        [
            DayCommand::Record(DayRecord::RunWaits { run: 2, until: at(20) }),
            DayCommand::WakeAt { at: at(20) }
        ]
    );
    assert_eq!(kept.take(19, DayEvent::TimePassed {}), []);
    assert_eq!(kept.take(20, DayEvent::TimePassed {}), [DayCommand::BeginInject { run: 2 }]);
    kept.take(20, began(2));
    kept.take(25, DayEvent::InjectAnswered { run: 2, who: who(), answer: "Cleo does.".to_owned() });
    assert_eq!(kept.take(35, DayEvent::TimePassed {}), [DayCommand::BeginInject { run: 3 }]);
    kept.take(35, began(3));
    assert_eq!(kept.take(40, ended(3, 0)).last(), Some(&DayCommand::WriteReport {}));
    kept.is(DayState::Reviewing);
    let answer = "How fast it was.".to_owned();
    kept.take(50, DayEvent::ReviewAnswered { who: who(), question: 1, answer });
    let closed = kept.take(51, DayEvent::CloseRequested { who: who() });
    assert_eq!(closed[1..], [DayCommand::WriteReport {}, DayCommand::Close {}]);
    kept.is(DayState::Closed);
    assert_eq!(kept.take(52, DayEvent::TimePassed {}), []);
    let (planned, again) = replay(kept.journal()).unwrap();
    assert_eq!((planned.id.as_str(), again), ("checkout-1", kept.day.clone()));
}

#[test]
fn nobody_may_do_what_does_not_fit() {
    let draft = Kept::new(plan());
    let start = DayEvent::StartRequested { who: who() };
    let why = |kept: &Kept, minutes, event: &DayEvent| kept.day.may(at(minutes), event).unwrap_err();
    assert_eq!(why(&draft, 0, &start), "it waits for 2 more of 2 approvals");
    let mut kept = Kept::new(plan());
    kept.take(-50, approved("ben"));
    assert_eq!(why(&kept, -50, &approved("ben")), "ben has approved already");
    kept.take(-50, approved("cleo"));
    kept.is(DayState::Approved);
    assert!(why(&kept, -50, &start).starts_with("outside its windows (Thu 09:00-17:00)"));
    kept.take(0, start.clone());
    kept.is(DayState::Preflight);
    assert!(
        why(&kept, 0, &good("ask-2"))
            .contains("there is no preflight item `ask-2`; the items are playbooks, ask-1")
    );
    assert!(why(&kept, 0, &good("playbooks")).contains("is looked at by the coordinator"));
    let waived = DayEvent::PreflightWaived { item: "ask-1".to_owned(), who: who(), reason: " ".to_owned() };
    assert!(why(&kept, 0, &waived).contains("the reason is empty"));
    let running = running();
    assert!(why(&running, 6, &ended(3, 0)).contains("run 3 is not the one that is due"));
    assert!(why(&running, 6, &DayEvent::CloseRequested { who: who() }).contains("it is running"));
    assert!(why(&running, 6, &DayEvent::ResumeRequested { who: who() }).contains("only while it is paused"));
    let answer = DayEvent::InjectAnswered { run: 1, who: who(), answer: "x".to_owned() };
    assert!(why(&running, 6, &answer).contains("it is beginning"));
}

#[test]
fn an_approval_does_not_count_for_ever() {
    let mut kept = Kept::new(DayPlan { due: None, ..plan() });
    kept.take(-2_000, approved("ben"));
    assert!(
        kept.take(-1_000, approved("cleo"))
            .contains(&DayCommand::Record(DayRecord::StateEntered { state: DayState::Approved, why: None }))
    );
    let expired = kept.take(-560, DayEvent::TimePassed {});
    assert_eq!(expired[0], DayCommand::Record(DayRecord::ApprovalExpired { who: "ben".to_owned() }));
    kept.is(DayState::Draft);
    assert_eq!(kept.day.missing_approvals(), 1);
}

#[test]
fn a_day_that_did_not_begin_in_time_is_skipped() {
    // Nobody agreed.
    let mut kept = Kept::new(plan());
    assert_eq!(kept.take(0, DayEvent::Due {}), [DayCommand::WakeAt { at: at(30) }]);
    let over = kept.take(30, DayEvent::TimePassed {});
    assert_eq!(over[1..], [DayCommand::WriteReport {}, DayCommand::Close {}]);
    let stopped = kept.day.stopped().unwrap();
    assert_eq!(stopped.reason, "its start deadline is over: 2 approvals were missing");
    assert!(stopped.missed);
    // Nobody answered.
    let mut kept = Kept::new(plan());
    for event in [approved("ben"), approved("cleo"), DayEvent::Due {}, passed("playbooks")] {
        kept.take(0, event);
    }
    kept.take(30, DayEvent::TimePassed {});
    assert_eq!(
        kept.day.stopped().unwrap().reason,
        "its start deadline is over: preflight was not done: ask-1"
    );
    // The coordinator was away.
    let mut kept = Kept::new(plan());
    kept.take(500, DayEvent::Missed { why: "the coordinator was away".to_owned() });
    kept.is(DayState::Stopped);
}

#[test]
fn what_failed_before_is_looked_at_again_or_waived() {
    let mut kept = Kept::new(plan());
    for event in [approved("ben"), approved("cleo"), DayEvent::StartRequested { who: who() }] {
        kept.take(0, event);
    }
    let failed = super::super::preflight::Checked::Failed { why: "a step has no title".to_owned() };
    kept.take(1, DayEvent::PreflightChecked { item: "playbooks".to_owned(), result: failed });
    kept.take(2, good("ask-1"));
    assert_eq!(kept.day.open_items(), ["playbooks"]);
    let again = kept.take(3, DayEvent::StartRequested { who: who() });
    assert_eq!(again, [DayCommand::CheckPreflight { item: "playbooks".to_owned() }]);
    // Started by hand it has no deadline.
    assert_eq!(kept.take(300, DayEvent::TimePassed {}), []);
    let reason = "known, and mended tomorrow".to_owned();
    kept.take(301, DayEvent::PreflightWaived { item: "playbooks".to_owned(), who: who(), reason });
    kept.is(DayState::Running);
}

#[test]
fn a_pause_lets_the_drill_end_and_nothing_begin() {
    let mut kept = running();
    kept.take(5, began(1));
    kept.take(6, DayEvent::PauseRequested { who: who(), reason: "lunch".to_owned() });
    kept.is(DayState::Paused);
    kept.take(10, ended(1, 0));
    assert_eq!(kept.take(60, DayEvent::TimePassed {}), []);
    let resumed = kept.take(61, DayEvent::ResumeRequested { who: who() });
    assert_eq!(resumed.last(), Some(&DayCommand::BeginInject { run: 2 }));
}

#[test]
fn after_some_endings_somebody_must_look() {
    for (exit, paused) in
        [(0, false), (2, false), (3, false), (4, false), (6, false), (1, true), (5, true), (7, true)]
    {
        let mut kept = running();
        kept.take(5, began(1));
        kept.take(6, ended(1, exit));
        kept.is(if paused { DayState::Paused } else { DayState::Running });
    }
}

#[test]
fn what_the_window_no_longer_holds_does_not_begin() {
    let mut kept = running();
    kept.take(5, began(1));
    kept.take(6, ended(1, 0));
    kept.take(16, DayEvent::TimePassed {});
    kept.take(16, began(2));
    // Eight hours after nine the window closes.
    kept.take(470, DayEvent::InjectAnswered { run: 2, who: who(), answer: "me".to_owned() });
    kept.take(480, DayEvent::TimePassed {});
    kept.is(DayState::Paused);
    assert!(kept.day.why().unwrap().contains("run 3 may not begin now"), "{:?}", kept.day.why());
    assert!(kept.day.may(at(481), &DayEvent::ResumeRequested { who: who() }).is_err());
}

#[test]
fn a_stop_waits_for_the_drill_and_then_closes() {
    let mut kept = running();
    kept.take(5, began(1));
    let stop = kept.take(6, DayEvent::StopRequested { who: who(), reason: "an incident".to_owned() });
    assert!(matches!(&stop[..], [DayCommand::StopDrill { .. }, DayCommand::Record(_)]), "{stop:?}");
    kept.take(6, DayEvent::NoteWritten { who: who(), text: "still going".to_owned() });
    assert_eq!(kept.day.notes().len(), 1);
    let over = kept.take(7, ended(1, 5));
    assert_eq!(over, [DayCommand::WriteReport {}, DayCommand::Close {}]);
    assert!(kept.day.may(at(8), &DayEvent::Halted { who: who(), why: "x".to_owned() }).is_err());
}

#[test]
fn after_a_restart_what_was_asked_for_is_asked_for_again() {
    // Told to begin, and never began: it begins now.
    let kept = running();
    let (_, mut again) = replay(kept.journal()).unwrap();
    let restarted = DayEvent::CoordinatorRestarted { drill: None };
    assert_eq!(again.next(at(7), restarted.clone()), [DayCommand::BeginInject { run: 1 }]);
    // A drill was interrupted: somebody looks first.
    let mut kept = running();
    kept.take(5, began(1));
    let drill = kept.day.drill().map(str::to_owned);
    let (_, mut again) = replay(kept.journal()).unwrap();
    again.next(at(7), DayEvent::CoordinatorRestarted { drill });
    assert_eq!(again.state(), DayState::Paused);
    again.next(at(7), ended(1, 5));
    let resumed = again.next(at(60), DayEvent::ResumeRequested { who: who() });
    assert_eq!(resumed.last(), Some(&DayCommand::BeginInject { run: 2 }));
    // Nothing went on: the timer is set again.
    let mut kept = running();
    kept.take(5, began(1));
    kept.take(6, ended(1, 0));
    let (_, mut again) = replay(kept.journal()).unwrap();
    assert_eq!(again.next(at(7), restarted.clone()), [DayCommand::WakeAt { at: at(16) }]);
    // It was closing.
    let mut kept = running();
    kept.take(5, began(1));
    kept.take(6, ended(1, 0));
    kept.take(7, DayEvent::StopRequested { who: who(), reason: "enough".to_owned() });
    let (_, mut again) = replay(kept.journal()).unwrap();
    assert_eq!(again.next(at(8), restarted), [DayCommand::WriteReport {}, DayCommand::Close {}]);
}

#[test]
fn a_day_that_is_closed_with_open_questions_says_which() {
    for (answered, expected) in [
        (vec![], Some("questions 1, 2, 3 of the review are not answered")),
        (vec![1, 3], Some("question 2 of the review is not answered")),
        (vec![3, 2, 1], None),
    ] {
        let questions = vec!["What surprised you?".into(), "What was slow?".into(), "Who?".into()];
        let mut kept = Kept::new(DayPlan {
            approvals: Approvals::default(),
            preflight: Vec::new(),
            runs: plan().runs.into_iter().take(1).collect(),
            review: Review { questions, ..plan().review },
            ..plan()
        });
        kept.take(0, DayEvent::StartRequested { who: who() });
        kept.take(1, began(1));
        kept.take(5, ended(1, 0));
        for question in &answered {
            kept.take(
                50,
                DayEvent::ReviewAnswered { who: who(), question: *question, answer: "x".to_owned() },
            );
        }
        assert_eq!(kept.day.unanswered().count(), 3 - answered.len());
        kept.take(51, DayEvent::CloseRequested { who: who() });
        kept.is(DayState::Closed);
        assert_eq!(kept.day.why(), expected);
    }
}

#[test]
fn a_day_without_a_review_closes_by_itself() {
    let mut kept = Kept::new(DayPlan {
        approvals: Approvals::default(),
        preflight: Vec::new(),
        review: Review::default(),
        runs: plan().runs.into_iter().take(1).collect(),
        ..plan()
    });
    kept.is(DayState::Approved);
    kept.take(0, DayEvent::Due {});
    kept.take(0, began(1));
    let over = kept.take(5, ended(1, 0));
    assert_eq!(over.last(), Some(&DayCommand::Close {}));
    kept.is(DayState::Closed);
}

#[test]
fn a_summary_says_what_each_run_was_worth_and_where_the_time_went() {
    let mut kept = running();
    kept.take(5, began(1));
    let mut silent = words(true);
    silent.silent = vec!["checkout-slow".to_owned()];
    silent.phases[0].seconds = 600.0;
    let DayEvent::InjectEnded { ended: mut ended_1, .. } = ended(1, 2) else { unreachable!() };
    ended_1.words = Some(silent);
    kept.take(10, DayEvent::InjectEnded { run: 1, ended: ended_1 });
    kept.take(20, DayEvent::TimePassed {});
    kept.take(20, began(2));
    kept.take(21, DayEvent::InjectAnswered { run: 2, who: who(), answer: "me".to_owned() });
    kept.take(31, DayEvent::TimePassed {});
    kept.take(31, began(3));
    kept.take(40, ended(3, 6));
    let summary = Summary::of(&kept.day, &Default::default());
    assert_eq!((summary.rows.len(), summary.done, summary.pages, summary.exit), (3, 3, 4, 2));
    let constraint = summary.constraint.unwrap();
    assert_eq!((constraint.phase.as_str(), constraint.drills), ("noticing", 2));
    assert!((constraint.share - 660.0 / 1_020.0).abs() < 1e-9, "{constraint:?}");
    assert_eq!(summary.findings.len(), 1);
    assert_eq!(summary.findings[0].title, "slow-1: nobody was told: checkout-slow");
    assert_eq!(summary.drill_defects[0].kind, FindingKind::DrillDefect);
    assert_eq!(summary.rows[1].answer.as_deref(), Some("ana: me"));
    assert!(matches!(kept.day.runs()[2], RunState::Ended { .. }));
}

#[test]
fn what_must_be_there_before_closing_is_said() {
    let mut kept = Kept::new(DayPlan {
        approvals: Approvals::default(),
        preflight: Vec::new(),
        runs: plan().runs.into_iter().take(1).collect(),
        review: Review {
            close_requires: vec![
                crate::gameday::plan::CloseRequires::Review,
                crate::gameday::plan::CloseRequires::FindingOwners,
                crate::gameday::plan::CloseRequires::RedrillDates,
            ],
            ..plan().review
        },
        ..plan()
    });
    kept.take(0, DayEvent::Due {});
    kept.take(0, began(1));
    kept.take(5, ended(1, 6));
    let close = DayEvent::CloseRequested { who: who() };
    assert_eq!(
        kept.day.may(at(6), &close).unwrap_err(),
        "before it is closed: an answer to question 1, an owner of finding 1, a date for finding 1"
    );
    kept.take(7, DayEvent::ReviewAnswered { who: who(), question: 1, answer: "nothing".to_owned() });
    let due = Some("2027-01-15".parse().unwrap());
    kept.take(8, DayEvent::FindingAssigned { finding: 1, who: who(), owner: Some(who()), due });
    kept.take(9, close);
    kept.is(DayState::Closed);
}

/// Run 1 is over, and run 2 waits ten minutes for its turn, until minute 16.
fn in_a_gap() -> Kept {
    let mut kept = running();
    kept.take(5, began(1));
    kept.take(6, ended(1, 0));
    kept
}

fn begins(commands: &[DayCommand]) -> usize {
    commands.iter().filter(|command| matches!(command, DayCommand::BeginInject { .. })).count()
}

#[test]
fn a_gap_that_ends_while_the_coordinator_is_away_begins_its_run_once() {
    let (_, mut again) = replay(in_a_gap().journal()).unwrap();
    let first = again.next(at(16), DayEvent::CoordinatorRestarted { drill: None });
    let note = again.next(at(16), DayEvent::NoteWritten { who: who(), text: "back".to_owned() });
    let timer = again.next(at(17), DayEvent::TimePassed {});
    assert_eq!((begins(&first), begins(&note), begins(&timer)), (1, 0, 0), "{first:?}");
    // A word that comes before the restart is told changes nothing of it.
    let (_, mut again) = replay(in_a_gap().journal()).unwrap();
    let note = again.next(at(16), DayEvent::NoteWritten { who: who(), text: "early".to_owned() });
    let then = again.next(at(16), DayEvent::CoordinatorRestarted { drill: None });
    assert_eq!(begins(&note) + begins(&then), 1, "{note:?} {then:?}");
}

#[test]
fn after_a_long_absence_somebody_looks_before_anything_begins() {
    let restarted = || DayEvent::CoordinatorRestarted { drill: None };
    for kept in [in_a_gap(), running()] {
        let (_, mut again) = replay(kept.journal()).unwrap();
        let commands = again.next(at(120), restarted());
        assert_eq!((begins(&commands), again.state()), (0, DayState::Paused), "{commands:?}");
        assert!(again.why().is_some_and(|why| why.contains("away for")), "{:?}", again.why());
        assert_eq!(begins(&again.next(at(121), DayEvent::ResumeRequested { who: who() })), 1);
    }
}

#[test]
fn a_pause_or_a_closed_window_takes_the_order_to_begin_back() {
    let mut kept = running();
    kept.take(6, DayEvent::PauseRequested { who: who(), reason: "coffee".to_owned() });
    assert!(kept.day.may(at(6), &began(1)).is_err());
    assert_eq!(begins(&kept.take(7, DayEvent::ResumeRequested { who: who() })), 1);
    assert_eq!(kept.day.may(at(7), &began(1)), Ok(()));
    // It waited for another day's drill until the window had closed.
    let why = kept.day.may(at(8 * 60 + 1), &began(1)).unwrap_err();
    assert!(why.contains("window"), "{why}");
}

#[test]
fn an_approval_that_lapses_while_it_is_looked_around_must_be_given_anew() {
    let mut kept = Kept::new(DayPlan { schedule: None, due: None, ..plan() });
    for event in [approved("ben"), approved("cleo"), DayEvent::StartRequested { who: who() }] {
        kept.take(0, event);
    }
    kept.is(DayState::Preflight);
    kept.take(24 * 60 + 1, DayEvent::TimePassed {});
    kept.is(DayState::Draft);
}
