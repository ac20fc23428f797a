//! The playbook of a drill: when it starts, what its steps learn of the drill, and how it is taken back in the end.

use std::time::Duration;

use super::alarm::{Alarm, AlarmKind};
use super::event::{Command, Judgement, Phase, Record};
use super::state::Drill;
use super::watch::Watch;
use crate::fault::Period;
use crate::playbook::event::{Attempt, Noted, StartedBy, StepAnswer, Wish};
use crate::playbook::progress::{Progress, Spoken, Surroundings};
use crate::scenario::plan::PlaybookStart;

/// What the steps may know of the drill.
struct Around<'a> {
    watch: &'a Watch,
    impact: Option<Duration>,
}

impl Surroundings for Around<'_> {
    fn impact(&self) -> Option<Duration> {
        self.impact
    }

    fn is_good(&self, probe: Option<&str>, after: Duration) -> Result<(), String> {
        let Some(name) = probe else {
            let why = self.watch.not_good_after(after);
            return if why.is_empty() { Ok(()) } else { Err(why.join("; ")) };
        };
        match self.watch.probes.iter().find(|watched| watched.plan.name == name) {
            None => Err(format!("there is no probe `{name}`")),
            Some(watched) => match watched.judged() {
                Judgement::Good {} if !watched.has_measured_since(after) => {
                    Err(format!("{name}: not measured since then"))
                }
                Judgement::Good {} => Ok(()),
                Judgement::Violated { why } => Err(format!("{name}: {why}")),
                Judgement::Unknown { why } => Err(format!("{name}: cannot be judged ({why})")),
            },
        }
    }
}

impl Drill {
    /// The playbook and how far it is, when the drill has one.
    pub fn playbook(&self) -> Option<&Progress> {
        self.playbook.as_ref()
    }

    /// Whether somebody may start the playbook now.
    ///
    /// # Errors
    /// Why not, and what to do instead.
    pub fn may_start_playbook(&self) -> Result<(), String> {
        let Some(playbook) = &self.playbook else {
            return Err("this drill has no playbook; name one in the scenario: `playbook: NAME`".into());
        };
        playbook.may_start()?;
        match self.phase {
            Phase::Recovering if self.is_given_up() => Err("the drill is ending".into()),
            Phase::Active | Phase::Recovering => Ok(()),
            Phase::Planned | Phase::Preflight | Phase::Steady => {
                Err("no fault has been applied yet; there is nothing to restore".into())
            }
            Phase::Stopping | Phase::Verifying | Phase::Scored => Err("the drill is ending".into()),
        }
    }

    /// Whether this may be said about a step now.
    ///
    /// # Errors
    /// Why not, and what to do instead.
    pub fn may_answer(&self, spoken: Spoken<'_>) -> Result<(), String> {
        match &self.playbook {
            None => Err("this drill has no playbook, so there is no step to answer".into()),
            Some(playbook) => playbook.may_answer(spoken),
        }
    }

    /// Lets the playbook take part in what happened, and carries out what it wishes.
    fn with_playbook(&mut self, act: impl FnOnce(&mut Progress, &dyn Surroundings) -> Vec<Wish>) {
        let Some(playbook) = &mut self.playbook else { return };
        let around = Around { watch: &self.watch, impact: self.impact.as_ref().map(|(at, _)| *at) };
        let wishes = act(playbook, &around);
        self.out.extend(wishes.into_iter().map(command));
    }

    pub(super) fn on_playbook_requested(&mut self, now: Duration, who: String) {
        if self.may_start_playbook().is_ok() {
            self.with_playbook(|playbook, around| playbook.start(now, StartedBy::Hand { who }, around));
        }
    }

    pub(super) fn on_step_answered(
        &mut self,
        now: Duration,
        (step, who, role): (&str, &str, Option<&str>),
        answer: &StepAnswer,
    ) {
        let spoken = Spoken { step, who, role, answer };
        self.with_playbook(|playbook, around| playbook.on_answer(now, spoken, around));
    }

    pub(super) fn on_step_attempted(&mut self, now: Duration, which: (&str, u32, bool), outcome: Attempt) {
        self.with_playbook(|playbook, around| playbook.on_attempt(now, which, outcome, around));
    }

    pub(super) fn on_step_verified(&mut self, now: Duration, step: &str) {
        self.with_playbook(|playbook, around| playbook.on_verified(now, step, around));
    }

    /// An alarm that fits a trigger, or an expected one, calls for the playbook.
    pub(super) fn note_call(&mut self, alarm: &Alarm) {
        let Some(playbook) = &self.playbook else { return };
        let after_a_fault = self.injects.iter().any(|inject| inject.applied.is_some());
        let fits = |labels| {
            let triggers = playbook.book().triggers.iter().any(|trigger| trigger.fits(labels));
            triggers || self.plan.alarms.expected.iter().any(|expected| expected.matching.fits(labels))
        };
        if self.called_by.is_none() && after_a_fault && alarm.kind == AlarmKind::Fired && fits(&alarm.labels)
        {
            self.called_by = Some(alarm.name().to_owned());
        }
    }

    /// Starts the playbook when what it waits for has come, and lets it go on.
    pub(super) fn step_playbook(&mut self, now: Duration) {
        let Some(playbook) = &self.playbook else { return };
        let by = match playbook.used().start {
            _ if playbook.was_started() => None,
            // Nothing is left to restore.
            PlaybookStart::Alarm | PlaybookStart::Impact if self.recovered.is_some() => None,
            // It would be cut short at once.
            _ if self.is_overdue(now) => None,
            PlaybookStart::Alarm => self.called_by.clone().map(|name| StartedBy::Alarm { name }),
            PlaybookStart::Impact => self.impact.is_some().then_some(StartedBy::Impact {}),
            PlaybookStart::AtOnce => Some(StartedBy::Command {}),
            PlaybookStart::Manual => None,
        };
        if let Some(by) = by {
            self.with_playbook(|playbook, around| playbook.start(now, by, around));
        }
        self.with_playbook(|playbook, around| playbook.advance(now, around));
    }

    pub(super) fn cut_playbook_short(&mut self, now: Duration, why: &str) {
        self.with_playbook(|playbook, _| playbook.cut_short(now, why));
    }

    /// Whether the playbook runs.
    pub(super) fn playbook_runs(&self) -> bool {
        self.playbook.as_ref().is_some_and(Progress::is_running)
    }

    /// Whether it runs without a drill around it: then the drill lasts as long as it does.
    pub(super) fn playbook_is_all(&self) -> bool {
        let used = self.playbook.as_ref().map(|playbook| playbook.used().start);
        used == Some(PlaybookStart::AtOnce)
    }

    /// How long recovery may take: as long as any promise about it allows.
    pub(super) fn recovery_within(&self) -> Duration {
        let promised = self.playbook.as_ref().filter(|playbook| playbook.was_started());
        let rto = promised.and_then(|playbook| playbook.book().objectives.rto);
        let expected = self.plan.recovery.and_then(|recovery| recovery.within);
        let all = [Some(self.plan.steady_state.recovery_within), rto, expected];
        all.into_iter().flatten().max().map_or(Duration::ZERO, Period::duration)
    }

    /// Takes back what the playbook changed; says whether nothing is left to do about it.
    pub(super) fn take_playbook_back(&mut self, now: Duration) -> bool {
        if self.playbook_runs() {
            return false;
        }
        self.with_playbook(|playbook, around| playbook.take_back(now, around));
        self.with_playbook(|playbook, around| playbook.advance(now, around));
        !self.playbook.as_ref().is_some_and(|playbook| playbook.taken_back().is_going())
    }

    /// When everything that the playbook changed was taken back; from then on the steady state is looked at once more.
    pub(super) fn taken_back_at(&self) -> Option<Duration> {
        self.playbook.as_ref()?.taken_back().over
    }
}

fn command(wish: Wish) -> Command {
    match wish {
        Wish::Run(job) => Command::RunStep(job),
        Wish::Verify { step, probe } => Command::VerifyStep { step, probe },
        Wish::Stop { step } => Command::StopStep { step },
        Wish::Note(noted) => Command::Record(match noted {
            Noted::Started { by } => Record::PlaybookStarted { by },
            Noted::Entered { step } => Record::StepEntered { step },
            Noted::Finished { step, result } => Record::StepFinished { step, result },
            Noted::Ended { ending } => Record::PlaybookEnded { ending },
            Noted::Undoing { steps } => Record::PlaybookUndoing { steps },
            Noted::Undone { step, failed } => Record::StepUndone { step, failed },
        }),
    }
}
