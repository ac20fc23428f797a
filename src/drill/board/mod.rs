//! What a running drill looks like to people: folded from its events and commands, for the live view and for status.

mod playbook;
mod step;

pub use playbook::{PlaybookBoard, Standing};
pub use step::{Ask, StepLine, StepState, WayBack};

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::{Command, Event, Judgement, Phase, Record, Sample, Timed};
use super::words::{self, Said};
use crate::fault::{Evidence, Period};
use crate::playbook::plan::Playbook;
use crate::scenario::plan::{Plan, PlannedFault, Until};

/// How many samples of a probe are kept for its curve.
const CURVE_MAX: usize = 40;
/// How many lines of what happened are kept.
const RECENT_MAX: usize = 20;
/// How many answers to the load the percentile is computed from.
const LOAD_MAX: usize = 512;

/// The picture of a drill.
#[derive(Clone, Debug)]
pub struct Board {
    /// Where the drill is.
    pub phase: Phase,
    /// Since when.
    pub phase_since: Duration,
    /// Its probes, in the plan's order.
    pub probes: Vec<ProbeLine>,
    /// Its faults, in the plan's order.
    pub faults: Vec<FaultLine>,
    /// The traffic it brings; absent: none.
    pub load: Option<LoadLine>,
    /// Its playbook; absent: none.
    pub playbook: Option<PlaybookBoard>,
    /// What happened last, oldest first.
    pub recent: VecDeque<(Duration, Said)>,
    active_since: Option<Duration>,
    active_for: Duration,
    stable_for: Duration,
}

/// One probe.
#[derive(Clone, Debug)]
pub struct ProbeLine {
    /// Its name.
    pub name: String,
    /// What its samples are worth.
    pub judgement: Judgement,
    /// Its last samples, oldest first: how long, and whether it failed.
    pub curve: VecDeque<(Duration, bool)>,
    /// The last measured number, where it measures one.
    pub value: Option<f64>,
}

/// One fault.
#[derive(Clone, Debug)]
pub struct FaultLine {
    /// Its id.
    pub id: String,
    /// What it is.
    pub kind: &'static str,
    /// Where.
    pub target: String,
    /// How far it is.
    pub state: FaultState,
    /// What it has done.
    pub evidence: Evidence,
}

/// How far a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FaultState {
    /// Not applied yet, or never.
    Pending,
    /// Being applied.
    Applying,
    /// On; no effect seen yet.
    Applied,
    /// On, and its effect was seen.
    Effective,
    /// Being removed.
    Removing,
    /// Gone, and nothing is left of it.
    Clean,
    /// Gone, but it left something behind.
    Residue,
    /// It could not be applied.
    Refused,
    /// It cannot be removed.
    Stuck,
    /// It ended without the drill's doing.
    Lost,
}

impl FaultState {
    /// The word for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Applying => "applying",
            Self::Applied => "applied",
            Self::Effective => "effective",
            Self::Removing => "removing",
            Self::Clean => "clean",
            Self::Residue => "residue",
            Self::Refused => "refused",
            Self::Stuck => "stuck",
            Self::Lost => "lost",
        }
    }

    /// Whether the fault is or may still be on.
    pub const fn is_on(self) -> bool {
        match self {
            Self::Applying | Self::Applied | Self::Effective | Self::Removing | Self::Stuck => true,
            Self::Pending | Self::Clean | Self::Residue | Self::Refused | Self::Lost => false,
        }
    }
}

/// The traffic that the drill brings.
#[derive(Clone, Debug, Default)]
pub struct LoadLine {
    /// How many requests were answered or given up.
    pub sent: u64,
    /// How many of these failed.
    pub failures: u64,
    recent: VecDeque<Duration>,
}

impl LoadLine {
    /// The 95th percentile of the last answers; absent without any.
    pub fn p95(&self) -> Option<Duration> {
        let mut sorted: Vec<Duration> = self.recent.iter().copied().collect();
        sorted.sort_unstable();
        // Nearest rank: the smallest value that at least 95 % of the values do not exceed.
        sorted.get((sorted.len() * 95).div_ceil(100).checked_sub(1)?).copied()
    }

    fn add(&mut self, samples: &[Sample]) {
        for sample in samples {
            self.sent += 1;
            self.failures += u64::from(sample.failure.is_some());
            push_bounded(&mut self.recent, sample.took, LOAD_MAX);
        }
    }
}

impl Board {
    /// Before anything happened.
    pub fn new(plan: &Plan, playbook: Option<&Playbook>) -> Self {
        let playbook = playbook.cloned().zip(plan.playbook.clone());
        Self {
            phase: Phase::Planned,
            phase_since: Duration::ZERO,
            probes: plan
                .steady_state
                .probes
                .iter()
                .map(|probe| ProbeLine {
                    name: probe.name.clone(),
                    judgement: Judgement::Unknown { why: "no samples yet".to_owned() },
                    curve: VecDeque::with_capacity(CURVE_MAX),
                    value: None,
                })
                .collect(),
            faults: plan
                .faults
                .iter()
                .map(|fault| FaultLine {
                    id: fault.id.clone(),
                    kind: fault.fault.kind(),
                    target: fault.target.to_string(),
                    state: FaultState::Pending,
                    evidence: Evidence::default(),
                })
                .collect(),
            load: plan.load.as_ref().map(|_| LoadLine::default()),
            playbook: playbook.map(|(book, used)| PlaybookBoard::new(book, used)),
            recent: VecDeque::with_capacity(RECENT_MAX),
            active_since: None,
            active_for: active_for(&plan.faults),
            stable_for: plan.steady_state.stable_for.duration(),
        }
    }

    /// The time of day at which the drill began, for texts that name times.
    #[must_use]
    pub fn began(mut self, at: Timestamp) -> Self {
        if let Some(playbook) = &mut self.playbook {
            playbook.set_began(at);
        }
        self
    }

    /// Takes in what happened; gives its words.
    pub fn event(&mut self, timed: &Timed<Event>) -> Said {
        if let Some(playbook) = &mut self.playbook {
            playbook.event(timed.mono, &timed.event);
        }
        match &timed.event {
            Event::ProbeSampled { probe, sample } => {
                if let Some(line) = self.probes.iter_mut().find(|line| line.name == *probe) {
                    push_bounded(&mut line.curve, (sample.took, sample.failure.is_some()), CURVE_MAX);
                    line.value = sample.value;
                }
            }
            Event::LoadAnswered { samples } => self.load.get_or_insert_default().add(samples),
            Event::FaultApplied { fault, .. } => self.fault(fault, FaultState::Applied, None),
            Event::FaultRefused { fault, .. } => self.fault(fault, FaultState::Refused, None),
            Event::FaultMeasured { fault, evidence } => {
                if let Some(line) = self.faults.iter_mut().find(|line| line.id == *fault) {
                    line.evidence = evidence.clone();
                }
            }
            Event::FaultRemoved { fault, evidence, residue } => {
                let state = if residue.is_empty() { FaultState::Clean } else { FaultState::Residue };
                self.fault(fault, state, Some(evidence));
            }
            Event::FaultStuck { fault, .. } => self.fault(fault, FaultState::Stuck, None),
            Event::FaultLost { fault, .. } => self.fault(fault, FaultState::Lost, None),
            Event::PreflightFinished { .. }
            | Event::FaultChanged { .. }
            | Event::CommandFinished { .. }
            | Event::VerifyFinished { .. }
            | Event::HaltRequested { .. }
            | Event::NoteWritten { .. }
            | Event::ActionTaken { .. }
            | Event::PlaybookRequested { .. }
            | Event::StepAnswered { .. }
            | Event::StepAttempted { .. }
            | Event::StepVerified { .. }
            | Event::CoordinatorRestarted {}
            | Event::AlarmReceived { .. }
            | Event::MonitorAsked { .. }
            | Event::TimePassed {} => {}
        }
        let said = words::of_event(&timed.event);
        let said = match &self.playbook {
            Some(playbook) => playbook.event_said(&timed.event, said),
            None => said,
        };
        self.remember(timed.mono, said)
    }

    /// Takes in what the drill decided; gives its words.
    pub fn command(&mut self, timed: &Timed<Command>) -> Said {
        if let Some(playbook) = &mut self.playbook {
            playbook.command(timed.mono, &timed.event);
        }
        let mut said = words::of_command(&timed.event);
        if let Some(playbook) = &self.playbook {
            said = playbook.command_said(&timed.event, said);
        }
        match &timed.event {
            Command::Apply { fault } => self.fault(fault, FaultState::Applying, None),
            Command::Remove { fault, .. } => self.fault(fault, FaultState::Removing, None),
            Command::Record(record) => {
                if !self.record(timed.mono, record) {
                    said.noteworthy = false;
                }
            }
            Command::Preflight {}
            | Command::StartProbes {}
            | Command::StartCommand {}
            | Command::StopCommand {}
            | Command::RunStep(_)
            | Command::VerifyStep { .. }
            | Command::StopStep { .. }
            | Command::WakeAt { .. }
            | Command::Verify {}
            | Command::Close {} => {}
        }
        self.remember(timed.mono, said)
    }

    /// How much longer the drill is expected to take; absent when nobody can say.
    pub fn left(&self, now: Duration) -> Option<Duration> {
        let in_phase = now.saturating_sub(self.phase_since);
        match self.phase {
            Phase::Planned | Phase::Preflight | Phase::Steady => Some(self.active_for + self.stable_for),
            Phase::Active => {
                let active = now.saturating_sub(self.active_since.unwrap_or(self.phase_since));
                Some(self.active_for.saturating_sub(active) + self.stable_for)
            }
            Phase::Recovering => Some(self.stable_for.saturating_sub(in_phase)),
            Phase::Verifying | Phase::Stopping => None,
            Phase::Scored => Some(Duration::ZERO),
        }
    }

    /// Takes in a record; says whether it changed the picture.
    fn record(&mut self, now: Duration, record: &Record) -> bool {
        match record {
            Record::PhaseEntered { phase } => {
                (self.phase, self.phase_since) = (*phase, now);
                if *phase == Phase::Active {
                    self.active_since.get_or_insert(now);
                }
                true
            }
            Record::ProbeJudged { probe, judgement } => {
                let Some(line) = self.probes.iter_mut().find(|line| line.name == *probe) else { return true };
                // The reasons carry measured numbers that move all the time; only the judgement itself is news.
                let news = std::mem::discriminant(&line.judgement) != std::mem::discriminant(judgement);
                line.judgement = judgement.clone();
                news
            }
            Record::FaultEffective { fault } => {
                // The last counts may be the first to show an effect: of a fault that is going, or gone.
                let is_on = |line: &&mut FaultLine| line.id == *fault && line.state == FaultState::Applied;
                if let Some(line) = self.faults.iter_mut().find(is_on) {
                    line.state = FaultState::Effective;
                }
                true
            }
            Record::ImpactSeen { .. }
            | Record::Withstood {}
            | Record::Recovered { .. }
            | Record::PlaybookStarted { .. }
            | Record::StepEntered { .. }
            | Record::StepFinished { .. }
            | Record::PlaybookEnded { .. }
            | Record::PlaybookUndoing { .. }
            | Record::StepUndone { .. }
            | Record::Stopping { .. } => true,
        }
    }

    fn fault(&mut self, id: &str, state: FaultState, evidence: Option<&Evidence>) {
        if let Some(line) = self.faults.iter_mut().find(|line| line.id == id) {
            line.state = state;
            if let Some(evidence) = evidence {
                line.evidence = evidence.clone();
            }
        }
    }

    fn remember(&mut self, at: Duration, said: Said) -> Said {
        if said.noteworthy {
            push_bounded(&mut self.recent, (at, said.clone()), RECENT_MAX);
        }
        said
    }
}

/// From the first apply to the last planned removal.
fn active_for(faults: &[PlannedFault]) -> Duration {
    faults.iter().map(|fault| starts_at(fault, faults) + lasts(fault)).max().unwrap_or_default()
}

/// When a fault is planned to start, since `active` began.
fn starts_at(fault: &PlannedFault, faults: &[PlannedFault]) -> Duration {
    let (mut at, mut current) = (fault.start.delay.duration(), fault);
    // A chain of `after` is at most as long as there are faults, even if someone wrote a circle.
    for _ in 0..faults.len() {
        let Some(before) = current.start.after.as_ref().and_then(|id| faults.iter().find(|f| f.id == *id))
        else {
            break;
        };
        at += before.start.delay.duration();
        current = before;
    }
    at
}

fn lasts(fault: &PlannedFault) -> Duration {
    let max = fault.max.map_or(Duration::ZERO, Period::duration);
    match fault.until {
        Until::Max | Until::Recovered => max,
        Until::For(period) if fault.max.is_none() => period.duration(),
        Until::For(period) => period.duration().min(max),
    }
}

fn push_bounded<T>(queue: &mut VecDeque<T>, item: T, max: usize) {
    if queue.len() == max {
        queue.pop_front();
    }
    queue.push_back(item);
}

#[cfg(test)]
mod tests;
