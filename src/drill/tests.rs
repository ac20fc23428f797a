//! What a drill concludes from what happened, and how it looks meanwhile.

use std::time::Duration;

use super::board::{Board, FaultState};
use super::event::{Command, Event, Phase, Sample, StopReason, Timed};
use super::state::Drill;
use super::summary::{HypothesisResult, Impact};
use super::{Summary, walk};
use crate::fault::{Evidence, Period};
use crate::scenario::plan::{Hypothesis, Plan, Until};

/// A drill, its board, and the seconds that have passed.
struct Played {
    drill: Drill,
    board: Board,
    at: u64,
}

/// One fault of two seconds.
fn short() -> Plan {
    let mut plan = walk::plan(false);
    plan.faults.truncate(1);
    plan.faults[0].until = Until::For(Period::from_secs(2));
    plan
}

impl Played {
    /// Up to the moment at which the fault is on.
    fn begin(plan: Plan) -> Self {
        let (drill, commands) = Drill::start(plan.clone(), None);
        let mut played = Self { drill, board: Board::new(&plan, None), at: 0 };
        played.show(commands);
        played.happen(Event::PreflightFinished { refusals: vec![], warnings: vec![] });
        played.probe(true);
        played.happen(Event::FaultApplied { fault: "first".into(), detail: "on".into() });
        assert_eq!(played.drill.phase(), Phase::Active);
        played
    }

    fn happen(&mut self, event: Event) {
        let mono = Duration::from_secs(self.at);
        self.board.event(&Timed { mono, event: event.clone() });
        let commands = self.drill.next(mono, event);
        self.show(commands);
    }

    fn show(&mut self, commands: Vec<Command>) {
        for event in commands {
            self.board.command(&Timed { mono: Duration::from_secs(self.at), event });
        }
    }

    fn probe(&mut self, good: bool) {
        let failure = (!good).then(|| "status 500".to_owned());
        let began = Duration::from_secs(self.at);
        let sample = Sample { began, took: Duration::ZERO, failure, value: None, detail: None };
        self.happen(Event::ProbeSampled { probe: "shop".into(), sample });
    }

    /// The fault is removed, and its last counts are the first to show an effect.
    fn removed(&mut self) {
        let evidence = Evidence { matched: 3, faulted: 3, ..Evidence::default() };
        self.happen(Event::FaultRemoved { fault: "first".into(), evidence, residue: vec![] });
    }

    fn end(&mut self) -> Summary {
        for _ in 0..20 {
            self.at += 1;
            self.probe(true);
            self.happen(Event::VerifyFinished { residue: vec![] });
        }
        assert_eq!(self.drill.phase(), Phase::Scored);
        Summary::of(&self.drill)
    }
}

#[test]
fn harm_that_was_seen_before_the_effect_is_impact_even_when_the_effect_is_known_only_at_the_removal() {
    let mut played = Played::begin(short());
    played.at += 1;
    played.probe(false);
    played.at += 1;
    played.happen(Event::TimePassed {});
    played.removed();
    let summary = played.end();
    assert_eq!((summary.impact, summary.times.impact), (Impact::Seen, Some(Duration::from_secs(1))));
}

#[test]
fn harm_on_which_a_guardrail_stopped_is_impact_and_not_withstood() {
    let mut plan = short();
    plan.abort[0].lasting = Period::ZERO;
    let mut played = Played::begin(plan);
    played.at += 1;
    played.probe(false);
    assert_eq!(played.drill.phase(), Phase::Stopping);
    played.removed();
    assert_eq!(played.end().impact, Impact::Seen);
}

#[test]
fn harm_that_came_after_the_last_removal_is_no_impact() {
    let mut played = Played::begin(short());
    played.at += 2;
    played.happen(Event::TimePassed {});
    played.removed();
    played.at += 1;
    played.probe(false);
    assert_eq!(played.end().impact, Impact::Withstood);
}

#[test]
fn a_fault_whose_effect_is_known_only_at_its_removal_does_not_look_as_if_it_were_on() {
    let mut played = Played::begin(short());
    played.at += 2;
    played.happen(Event::TimePassed {});
    assert_eq!(played.board.faults[0].state, FaultState::Removing);
    played.removed();
    assert_eq!(played.board.faults[0].state, FaultState::Clean);
}

#[test]
fn a_hypothesis_can_rest_on_the_drill_being_valid() {
    let mut plan = short();
    let confident_when = vec!["drill".to_owned(), "effect".to_owned()];
    plan.hypothesis = Some(Hypothesis { believe: None, result: None, confident_when });
    let mut played = Played::begin(plan);
    played.at += 2;
    played.happen(Event::TimePassed {});
    played.removed();
    assert_eq!(played.end().hypothesis, HypothesisResult::Confirmed);
}

#[test]
fn a_preflight_that_never_answers_is_given_up() {
    let (mut drill, commands) = Drill::start(short(), None);
    let wakes = commands.iter().find_map(|command| match command {
        Command::WakeAt { at } => Some(*at),
        _ => None,
    });
    let commands = drill.next(wakes.expect("nothing else would wake it"), Event::TimePassed {});
    assert!(commands.contains(&Command::Verify {}), "{commands:?}");
    assert!(matches!(drill.stopped(), Some(StopReason::Refused { .. })));
}
