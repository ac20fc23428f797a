//! The state machine of a drill. Read [`Drill::next`] first: it takes what happened and says what to do.

use std::collections::BTreeMap;
use std::time::Duration;

use super::event::{Command, Event, Judgement, Phase, Record, RemoveReason, StopReason};
use super::heard::Heard;
use super::inject::{ANSWER_WITHIN, Inject, InjectState};
use super::watch::Watch;
use crate::fault::Evidence;
use crate::playbook::plan::Playbook;
use crate::playbook::progress::Progress;
use crate::scenario::plan::Plan;

/// One execution of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Drill {
    pub(super) plan: Plan,
    pub(super) phase: Phase,
    /// When the phase was entered.
    pub(super) phase_since: Duration,
    pub(super) injects: Vec<Inject>,
    pub(super) watch: Watch,
    pub(super) heard: Heard,
    /// What people and machines do about it.
    pub(super) playbook: Option<Progress>,
    /// The alarm that called for the playbook.
    pub(super) called_by: Option<String>,
    /// What people did that no step says, and when.
    pub(super) actions: Vec<Duration>,
    pub(super) stop: Option<StopReason>,
    pub(super) under_test: UnderTest,
    /// When `active` began.
    pub(super) active_since: Option<Duration>,
    pub(super) impact: Option<(Duration, String)>,
    pub(super) withstood: bool,
    /// When each probe was first violated, from the first fault on.
    pub(super) violated: BTreeMap<String, Duration>,
    /// The start of the good run that counts as recovery, and whether a fault was on then.
    pub(super) recovered: Option<(Duration, bool)>,
    /// Whether the time for recovery is over.
    pub(super) given_up: bool,
    /// Why recovery was given up.
    pub(super) not_recovered: Option<String>,
    /// Whether that was because of taking back what the playbook changed.
    pub(super) undo_broke: bool,
    /// What the last look found.
    pub(super) residue: Vec<String>,
    pub(super) out: Vec<Command>,
}

/// The command under test.
#[derive(Clone, Debug, PartialEq)]
pub enum UnderTest {
    /// There is none, or it has not begun.
    NotStarted,
    /// It runs.
    Running,
    /// Its end was ordered, because the faults are over or the drill stops.
    Ending {
        /// When.
        since: Duration,
    },
    /// It ended.
    Finished {
        /// What that says.
        end: CommandEnding,
        /// How, in words.
        detail: String,
    },
}

/// What the end of the command under test says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandEnding {
    /// It ended by itself, with status 0.
    Passed,
    /// It failed, or had to be ended.
    Failed,
    /// It was ended because the drill stopped: nothing.
    Stopped,
}

impl Drill {
    /// A drill of this plan, with the playbook that it uses, and the first commands.
    pub fn start(plan: Plan, playbook: Option<Playbook>) -> (Self, Vec<Command>) {
        let mut drill = Self {
            injects: plan.faults.iter().cloned().map(Inject::new).collect(),
            watch: Watch::new(&plan),
            heard: Heard::new(&plan.alarms),
            playbook: playbook.zip(plan.playbook.clone()).map(|(book, used)| Progress::new(book, used)),
            called_by: None,
            actions: Vec::new(),
            plan,
            phase: Phase::Planned,
            phase_since: Duration::ZERO,
            stop: None,
            under_test: UnderTest::NotStarted,
            active_since: None,
            impact: None,
            withstood: false,
            violated: BTreeMap::new(),
            recovered: None,
            given_up: false,
            not_recovered: None,
            undo_broke: false,
            residue: Vec::new(),
            out: Vec::new(),
        };
        drill.enter(Duration::ZERO, Phase::Preflight);
        drill.out.push(Command::Preflight {});
        // Should the preflight never answer, nothing else would wake the drill.
        drill.out.extend(drill.wake_after(Duration::ZERO).map(|at| Command::WakeAt { at }));
        let commands = std::mem::take(&mut drill.out);
        (drill, commands)
    }

    /// Takes what happened at `now` (since the drill began; never earlier than the last) and says what to do.
    pub fn next(&mut self, now: Duration, event: Event) -> Vec<Command> {
        if self.phase == Phase::Scored {
            return Vec::new();
        }
        match event {
            Event::PreflightFinished { refusals, warnings: _ } => self.on_preflight(now, refusals),
            Event::ProbeSampled { probe, sample } => {
                let changed = self.watch.on_probe(now, &probe, &sample);
                self.out.extend(changed.into_iter().map(Command::Record));
            }
            Event::LoadAnswered { samples } => {
                let changed = self.watch.on_load(now, &samples);
                self.out.extend(changed.into_iter().map(Command::Record));
            }
            Event::FaultApplied { fault, detail: _ } => self.with(&fault, |inject| inject.on_applied(now)),
            Event::FaultRefused { fault, why } => {
                self.with(&fault, |inject| inject.on_refused(why.clone()));
                self.stop(now, StopReason::FaultRefused { fault, why });
            }
            Event::FaultMeasured { fault, evidence } => {
                if self.injects.iter_mut().any(|i| i.plan.id == fault && i.on_measured(now, evidence.clone()))
                {
                    self.out.push(Command::Record(Record::FaultEffective { fault }));
                }
            }
            Event::FaultRemoved { fault, evidence, residue } => {
                self.on_removed(now, fault, &evidence, &residue);
            }
            Event::FaultStuck { fault, why } => self.with(&fault, |inject| inject.on_stuck(why.clone())),
            // A fault whose removal is ordered already cannot be lost any more.
            Event::FaultLost { fault, why } => {
                if self.injects.iter().any(|i| i.plan.id == fault && matches!(i.state, InjectState::Applied))
                {
                    self.stop(now, StopReason::FaultLost { fault, why });
                }
            }
            Event::CommandFinished { status, detail } => self.on_command_finished(status, detail),
            Event::VerifyFinished { residue } => self.on_verified(now, residue),
            Event::HaltRequested { who, reason } => self.stop(now, StopReason::Halted { who, reason }),
            Event::AlarmReceived { alarm } => {
                self.heard.on_alarm(&alarm);
                self.note_call(&alarm);
            }
            Event::PlaybookRequested { who } => self.on_playbook_requested(now, who),
            Event::StepAnswered { step, who, role, answer } => {
                self.on_step_answered(now, (&step, &who, role.as_deref()), &answer);
            }
            Event::StepAttempted { step, attempt, undo, outcome } => {
                self.on_step_attempted(now, (&step, attempt, undo), outcome);
            }
            Event::StepVerified { step } => self.on_step_verified(now, &step),
            Event::ActionTaken { .. } => self.actions.push(now),
            Event::CoordinatorRestarted {} => self.on_restarted(now),
            Event::MonitorAsked { .. }
            | Event::FaultChanged { .. }
            | Event::NoteWritten { .. }
            | Event::TimePassed {} => {}
        }
        self.advance(now);
        std::mem::take(&mut self.out)
    }

    /// The last counts may be the first to show an effect.
    fn on_removed(&mut self, now: Duration, fault: String, evidence: &Evidence, residue: &[String]) {
        let effective = self.injects.iter_mut().any(|inject| {
            inject.plan.id == fault && {
                let first = inject.on_measured(now, evidence.clone());
                inject.on_removed(now, residue.to_vec());
                first
            }
        });
        if effective {
            self.out.push(Command::Record(Record::FaultEffective { fault }));
        }
    }

    fn with(&mut self, fault: &str, act: impl FnOnce(&mut Inject)) {
        if let Some(inject) = self.injects.iter_mut().find(|inject| inject.plan.id == fault) {
            act(inject);
        }
    }

    pub(super) fn enter(&mut self, now: Duration, phase: Phase) {
        (self.phase, self.phase_since) = (phase, now);
        self.out.push(Command::Record(Record::PhaseEntered { phase }));
    }

    fn on_preflight(&mut self, now: Duration, refusals: Vec<String>) {
        if self.phase != Phase::Preflight {
            return;
        }
        if refusals.is_empty() {
            self.enter(now, Phase::Steady);
            self.out.push(Command::StartProbes {});
        } else {
            self.stop(now, StopReason::Refused { why: refusals });
        }
    }

    fn on_command_finished(&mut self, status: Option<i32>, detail: String) {
        let end = match self.under_test {
            UnderTest::Running if status == Some(0) => CommandEnding::Passed,
            UnderTest::Ending { .. } if self.stop.is_some() => CommandEnding::Stopped,
            _ => CommandEnding::Failed,
        };
        let detail = match self.under_test {
            UnderTest::Ending { .. } if self.stop.is_none() => {
                format!("{detail}; it was still running when the last fault reached its end (raise `max`)")
            }
            _ => detail,
        };
        self.under_test = UnderTest::Finished { end, detail };
    }

    fn on_verified(&mut self, now: Duration, residue: Vec<String>) {
        if self.phase == Phase::Verifying {
            self.residue = residue;
            self.enter(now, Phase::Scored);
            self.out.push(Command::Close {});
        }
    }

    /// The first reason to stop wins; from then on everything is taken back and nothing is injected.
    pub(super) fn stop(&mut self, now: Duration, reason: StopReason) {
        if self.stop.is_some() || matches!(self.phase, Phase::Verifying | Phase::Scored) {
            return;
        }
        self.out.push(Command::Record(Record::Stopping { reason: reason.clone() }));
        self.stop = Some(reason);
        self.enter(now, Phase::Stopping);
        for inject in &mut self.injects {
            self.out.extend(inject.remove(now, RemoveReason::Stopping));
        }
        self.cut_playbook_short(now, "the drill stops");
        self.end_command(now);
    }

    pub(super) fn end_command(&mut self, now: Duration) {
        if self.under_test == UnderTest::Running {
            self.under_test = UnderTest::Ending { since: now };
            self.out.push(Command::StopCommand {});
        }
    }

    /// Goes as far as time and state allow, then asks to be woken when time alone would change something.
    fn advance(&mut self, now: Duration) {
        let changed = self.watch.on_time(now);
        self.out.extend(changed.into_iter().map(Command::Record));
        // Each turn enters a later phase or orders something once, so this ends; the bound is for a mistake of ours.
        for _ in 0..16 {
            let before = (self.phase, self.out.len());
            self.step(now);
            if before == (self.phase, self.out.len()) {
                break;
            }
        }
        if let Some(at) = self.wake_after(now) {
            self.out.push(Command::WakeAt { at });
        }
    }

    fn step(&mut self, now: Duration) {
        self.give_up_on_overdue_answers(now);
        match self.phase {
            Phase::Planned | Phase::Scored => {}
            Phase::Preflight => {
                if now >= self.phase_since + ANSWER_WITHIN {
                    self.stop(now, StopReason::Refused { why: vec!["preflight did not answer".into()] });
                }
            }
            Phase::Steady => self.step_steady(now),
            Phase::Active => self.step_active(now),
            Phase::Recovering => self.step_recovering(now),
            Phase::Stopping => self.step_stopping(now),
            Phase::Verifying => {
                if now >= self.phase_since + ANSWER_WITHIN {
                    self.on_verified(now, vec!["the last look for residue did not answer".into()]);
                }
            }
        }
    }

    fn give_up_on_overdue_answers(&mut self, now: Duration) {
        let mut late_apply = None;
        for inject in self.injects.iter_mut().filter(|inject| inject.overdue().is_some_and(|at| now >= at)) {
            if matches!(inject.state, InjectState::Applying { .. }) {
                late_apply = Some(inject.plan.id.clone());
            } else {
                inject.on_stuck("its removal was not answered".into());
            }
        }
        if let Some(fault) = late_apply {
            self.stop(now, StopReason::FaultRefused { fault, why: "applying it was not answered".into() });
        }
    }

    fn step_steady(&mut self, now: Duration) {
        if let Some(why) = self.watch.broken_invariant() {
            self.stop(now, StopReason::Guardrail { why });
        } else if self.watch.good_since().is_some() || self.playbook_is_all() {
            // A playbook that runs without a fault may be called because all is not well.
            self.enter(now, Phase::Active);
            self.active_since = Some(now);
        } else if now >= self.phase_since + self.plan.steady_state.gate_within.duration() {
            self.stop(now, StopReason::GateNotMet { why: self.watch.not_good() });
        }
    }

    /// Whether the command under test needs no more waiting: there is none, it ended, or it will not end.
    pub(super) fn command_is_over(&self, now: Duration) -> bool {
        match self.under_test {
            UnderTest::Running => false,
            UnderTest::Ending { since } => now >= since + ANSWER_WITHIN,
            UnderTest::NotStarted | UnderTest::Finished { .. } => true,
        }
    }

    pub(super) fn verify_once_all_is_over(&mut self, now: Duration) {
        if self.command_is_over(now) && self.injects.iter().all(Inject::is_over) {
            self.enter(now, Phase::Verifying);
            self.out.push(Command::Verify {});
        }
    }

    /// Where the drill is.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The plan it executes.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Its faults.
    pub fn injects(&self) -> &[Inject] {
        &self.injects
    }

    /// Its probes.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Why it stops before its end, if it does.
    pub fn stopped(&self) -> Option<&StopReason> {
        self.stop.as_ref()
    }

    /// Whether any probe is judged violated now.
    pub fn is_violated(&self) -> bool {
        self.watch.probes.iter().any(|probe| matches!(probe.judgement, Judgement::Violated { .. }))
    }
}
