//! Until game day files are read: says so.

use crate::fault::Seed;
use crate::gameday::schedule::{Due, Schedule};
use crate::gameday::{DayPlan, Run};
use crate::playbook::plan::Playbook;
use crate::scenario::plan::Plan;
use crate::scenario::{Checked, Context};
use crate::text::{Problems, Source, Span};

pub(in crate::coordinator) struct GameDay {
    pub(in crate::coordinator) schedule: Option<Schedule>,
    pub(in crate::coordinator) seed: Option<Seed>,
    plan: Option<DayPlan>,
}

impl GameDay {
    pub(in crate::coordinator) fn plan(&self, seed: Seed, due: Option<Due>) -> DayPlan {
        match &self.plan {
            Some(plan) => DayPlan { seed, due, ..plan.clone() },
            None => unreachable!("nothing makes one"),
        }
    }

    pub(in crate::coordinator) fn drill(&self, _: &Run) -> Option<(Plan, Option<Playbook>)> {
        None
    }
}

pub(in crate::coordinator) fn check(source: Source, _: &Context<'_>) -> Checked<GameDay> {
    let mut problems = Problems::new();
    problems.error("not-yet", Span::default(), "game day files are not read yet");
    Checked { files: vec![(source, problems)], value: None }
}
