//! What all drills of a scenario say together: never a bare percent, always of how many.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::gameday::plan::{DayPlan, RunWhat};
use crate::score::Share;

/// A drill of the past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// Its scenario.
    pub scenario: String,
    /// When it began.
    pub began: Timestamp,
    /// Whether it was a placebo: that says nothing about the service.
    pub is_control: bool,
    /// Its exit status.
    pub exit: u8,
    /// Whether it proves anything.
    pub is_valid: bool,
    /// Whether the service was harmed.
    pub is_harmed: bool,
    /// The word for its alarms; absent: they were not judged.
    pub alarms: Option<String>,
    /// What brought the service back.
    pub restored_by: String,
}

/// What all drills of one scenario say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The scenario.
    pub scenario: String,
    /// How many drills say something about the service; the others are not counted below.
    pub valid: u64,
    /// How many there were, without placebos.
    pub drills: u64,
    /// The first of them.
    pub since: Option<Timestamp>,
    /// With exit status 0.
    pub passed: Share,
    /// With the right alarms in time, of those whose alarms were judged.
    pub told: Share,
    /// Restored by the playbook or by the service itself, of those that were harmed.
    pub restored: Share,
}

/// Of each scenario of a game day, in the order in which they first come.
pub(super) fn of(plan: &DayPlan, past: &[Past]) -> Vec<History> {
    let mut names: Vec<&str> = Vec::new();
    for run in &plan.runs {
        if let RunWhat::Drill { scenario, .. } = &run.what
            && !names.contains(&scenario.as_str())
        {
            names.push(scenario);
        }
    }
    names.into_iter().map(|name| one(name, past)).collect()
}

fn one(scenario: &str, past: &[Past]) -> History {
    let all: Vec<&Past> = past.iter().filter(|past| past.scenario == scenario && !past.is_control).collect();
    let valid: Vec<&&Past> = all.iter().filter(|past| past.is_valid).collect();
    let count = |is: &dyn Fn(&Past) -> bool| valid.iter().filter(|past| is(past)).count() as u64;
    let judged = |past: &Past| {
        past.alarms.as_deref().filter(|word| !matches!(*word, "none" | "not-due" | "not-judged")).is_some()
    };
    let harmed = |past: &Past| past.is_harmed;
    let back = |past: &Past| harmed(past) && matches!(past.restored_by.as_str(), "playbook" | "self");
    History {
        scenario: scenario.to_owned(),
        valid: valid.len() as u64,
        drills: all.len() as u64,
        since: all.iter().map(|past| past.began).min(),
        passed: Share::of(count(&|past| past.exit == 0), valid.len() as u64),
        told: Share::of(count(&|past| past.alarms.as_deref() == Some("sound")), count(&judged)),
        restored: Share::of(count(&back), count(&harmed)),
    }
}

/// `3 of 4 (95 %: 30 to 95 %)`; of none: a dash.
pub(super) fn share(share: &Share) -> String {
    if share.denominator == 0 {
        return "–".to_owned();
    }
    let percent = |value: f64| (value * 100.0).round();
    format!(
        "{} of {} (95 %: {} to {} %)",
        share.numerator,
        share.denominator,
        percent(share.low),
        percent(share.high)
    )
}
