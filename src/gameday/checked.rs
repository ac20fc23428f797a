//! A game day that nothing is wrong with: it lacks only a seed to be a plan.

use super::plan::{Approvals, DayPlan, Purpose, ReportTo, Review, Run, RunWhat};
use super::preflight::PreflightItem;
use super::schedule::{Due, Schedule};
use crate::fault::{Period, Seed};
use crate::playbook::Exercise;
use crate::playbook::plan::Playbook;
use crate::scenario::plan::{Control, Plan, PlannedFault, Until};

/// Where the seeds of drills are drawn from: numbers that every program reads whole.
const SEEDS: u64 = 1 << 48;

/// A game day that nothing is wrong with.
#[derive(Debug)]
pub struct GameDay {
    /// Its name.
    pub name: String,
    pub(super) title: Option<String>,
    pub(super) goal: Option<String>,
    pub(super) purpose: Option<Purpose>,
    /// Where its drills run.
    pub environment: Option<String>,
    /// When it happens; absent: when somebody starts it.
    pub schedule: Option<Schedule>,
    pub(super) facilitator: Option<String>,
    pub(super) approvals: Approvals,
    pub(super) preflight: Vec<PreflightItem>,
    pub(super) is_shuffled: bool,
    pub(super) gap: (Period, Period),
    /// What is injected, in the order of the file.
    pub injects: Vec<Inject>,
    pub(super) review: Review,
    pub(super) report: ReportTo,
    /// The seed that the file fixes, if it does.
    pub seed: Option<Seed>,
    pub(super) not_acted_on: Vec<String>,
}

/// One entry of a game day.
#[derive(Debug)]
pub struct Inject {
    /// How often it happens.
    pub repeat: u32,
    /// What it is.
    pub what: InjectWhat,
}

/// What is injected.
#[derive(Debug)]
pub enum InjectWhat {
    /// A scenario with its playbook, as it is different here.
    Drill {
        /// What is run.
        exercise: Box<Exercise>,
        /// Whether as a placebo.
        control: Option<Control>,
    },
    /// A question to the people in the room.
    Ask {
        /// What is asked.
        text: String,
    },
}

impl GameDay {
    /// The day with a seed (the file's, or one that was chosen), for one occurrence of its schedule or for whenever
    /// somebody starts it. The same seed gives the same order, gaps and drills.
    pub fn plan(&self, seed: Seed, due: Option<Due>) -> DayPlan {
        let mut entries: Vec<u32> = Vec::new();
        for (inject, number) in self.injects.iter().zip(1..) {
            entries.extend((0..inject.repeat).map(|_| number));
        }
        if self.is_shuffled {
            let mut draws = seed.of_fault("gameday", "order").draws(0);
            for at in (1..entries.len()).rev() {
                let with = usize::try_from(draws.below(at as u64 + 1)).unwrap_or(at);
                entries.swap(at, with);
            }
        }
        let runs = entries.into_iter().zip(1..).map(|(inject, number)| self.run(seed, inject, number));
        DayPlan {
            gameday: self.name.clone(),
            title: self.title.clone(),
            goal: self.goal.clone(),
            purpose: self.purpose,
            environment: self.environment.clone(),
            seed,
            schedule: self.schedule.clone(),
            due,
            facilitator: self.facilitator.clone(),
            approvals: self.approvals.clone(),
            preflight: self.preflight.clone(),
            runs: runs.collect(),
            review: self.review.clone(),
            report: self.report.clone(),
            not_acted_on: self.not_acted_on.clone(),
        }
    }

    fn run(&self, seed: Seed, inject: u32, number: u32) -> Run {
        let gap = if number == 1 { Period::ZERO } else { self.gap(seed, number) };
        let what = match self.inject(inject).map(|inject| &inject.what) {
            Some(InjectWhat::Drill { exercise, control }) => {
                let drawn = seed.of_fault("gameday", "drill").draws(u64::from(number)).below(SEEDS);
                let plan = exercise.scenario.plan(Seed(drawn), None);
                RunWhat::Drill {
                    scenario: exercise.scenario.name().to_owned(),
                    title: plan.title.clone(),
                    control: *control,
                    seed: exercise.scenario.seed().unwrap_or(Seed(drawn)),
                    estimate: estimate(&plan),
                }
            }
            Some(InjectWhat::Ask { text }) => RunWhat::Ask { text: text.clone() },
            None => RunWhat::Ask { text: String::new() },
        };
        Run { number, inject, gap, what }
    }

    /// Whole seconds between the two ends.
    fn gap(&self, seed: Seed, number: u32) -> Period {
        let (from, to) = (self.gap.0.duration(), self.gap.1.duration());
        let span = to.saturating_sub(from).as_secs();
        let drawn = seed.of_fault("gameday", "gap").draws(u64::from(number)).below(span + 1);
        if span == 0 { self.gap.0 } else { Period::from_secs(from.as_secs() + drawn) }
    }

    /// An entry by its number, from 1.
    pub fn inject(&self, number: u32) -> Option<&Inject> {
        self.injects.get(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    /// What the drill of a run is started with; nothing for a question.
    pub fn drill(&self, run: &Run) -> Option<(Plan, Option<Playbook>)> {
        let (RunWhat::Drill { seed, control, .. }, InjectWhat::Drill { exercise, .. }) =
            (&run.what, &self.inject(run.inject)?.what)
        else {
            return None;
        };
        let mut plan = exercise.scenario.plan(*seed, None);
        if *control == Some(Control::Sham) {
            plan = placebo(plan);
        }
        Some((plan, exercise.playbook.clone()))
    }
}

/// The same drill with every fault left out: what monitoring says then, it says about nothing.
fn placebo(plan: Plan) -> Plan {
    let lasting = longest(&plan.faults);
    // What is claimed is claimed of the faults.
    Plan { faults: Vec::new(), placebo: Some(lasting), hypothesis: None, ..plan }
}

/// About how long a drill takes: its faults, and a stable time before and after.
fn estimate(plan: &Plan) -> Period {
    let stable = plan.steady_state.stable_for.duration();
    let whole = longest(&plan.faults).duration() + stable + stable;
    Period::from_millis(u64::try_from(whole.as_millis()).unwrap_or(u64::MAX))
}

/// From the first moment to the planned end of the last fault.
fn longest(faults: &[PlannedFault]) -> Period {
    let end = |fault: &PlannedFault| {
        let lasting = match fault.until {
            Until::For(time) => Some(time),
            Until::Max | Until::Recovered => fault.max,
        };
        begins(faults, fault) + lasting.map_or_else(Default::default, |time| time.duration())
    };
    let whole = faults.iter().map(end).max().unwrap_or_default();
    Period::from_millis(u64::try_from(whole.as_millis()).unwrap_or(u64::MAX))
}

fn begins(faults: &[PlannedFault], fault: &PlannedFault) -> std::time::Duration {
    let (mut at, mut delay) = (fault, fault.start.delay.duration());
    // No chain is longer than there are faults.
    for _ in faults {
        let Some(after) = &at.start.after else { break };
        let Some(before) = faults.iter().find(|other| other.id == *after) else { break };
        delay += before.start.delay.duration();
        at = before;
    }
    delay
}
