//! How the simulated drills ended: what the simulation covers.

use std::collections::BTreeMap;
use std::fmt;

use firedrill::drill::StopReason;
use firedrill::drill::summary::CommandResult;

use crate::course::Course;

/// How many drills had each ending.
#[derive(Clone, Debug, Default)]
pub struct Tally(BTreeMap<String, u64>);

/// What must occur, so that the simulation is known to cover it.
const WANTED: &[&str] = &[
    "exit 0",
    "exit 1",
    "exit 2",
    "exit 3",
    "exit 4",
    "exit 5",
    "exit 6",
    "exit 7",
    "stop none",
    "stop refused",
    "stop gate-not-met",
    "stop guardrail",
    "stop fault-refused",
    "stop fault-lost",
    "stop halted by person",
    "stop halted by SIGTERM",
    "stop halted by the file HALT",
    "stop halted by firedrill",
    "effect confirmed",
    "effect none",
    "impact seen",
    "impact withstood",
    "impact none",
    "restored_by playbook",
    "restored_by self",
    "restored_by fault_end",
    "restored_by abort",
    "restored_by none",
    "restored_by unknown",
    "steady_state held",
    "steady_state lost",
    "hypothesis confirmed",
    "hypothesis refuted",
    "hypothesis untested",
    "command passed",
    "command failed",
    "command stopped",
    "command none",
    "alarms sound",
    "alarms late",
    "alarms silent",
    "alarms noisy",
    "alarms not-due",
    "alarms none",
    "playbook restored",
    "playbook not-restored",
    "playbook not-exercised",
    "residue",
    "record lost",
];

impl Tally {
    pub fn take(&mut self, course: &Course) {
        let Some(ended) = &course.ended else { return };
        let Some(summary) = course.summary() else { return self.add("record never begun".into()) };
        self.add(format!("exit {}", summary.exit));
        self.add(match &summary.stopped {
            None => "stop none".into(),
            Some(StopReason::Halted { who, .. }) if who.starts_with("person") => {
                "stop halted by person".into()
            }
            Some(StopReason::Halted { who, .. }) => format!("stop halted by {who}"),
            Some(reason) => format!("stop {}", word(reason, "by")),
        });
        for (name, value) in [
            ("effect", serde_json::to_value(summary.effect)),
            ("impact", serde_json::to_value(summary.impact)),
            ("restored_by", serde_json::to_value(summary.restored_by)),
            ("steady_state", serde_json::to_value(summary.steady_state)),
            ("hypothesis", serde_json::to_value(summary.hypothesis)),
        ] {
            self.add(format!("{name} {}", value.unwrap().as_str().unwrap()));
        }
        self.add(format!("command {}", word::<CommandResult>(&summary.command, "is")));
        if let Some(playbook) = summary.playbook {
            let word = serde_json::to_value(playbook).unwrap();
            self.add(format!("playbook {}", word.as_str().unwrap()));
        }
        if !summary.clean {
            self.add("residue".into());
        }
        match ended {
            Err(_) => self.add("record lost".into()),
            Ok(outcome) => {
                if let Some(card) = &outcome.card {
                    let word = serde_json::to_value(card.alarms.word).unwrap();
                    self.add(format!("alarms {}", word.as_str().unwrap()));
                }
            }
        }
    }

    fn add(&mut self, ending: String) {
        *self.0.entry(ending).or_default() += 1;
    }

    pub fn join(&mut self, other: Self) {
        for (ending, count) in other.0 {
            *self.0.entry(ending).or_default() += count;
        }
    }

    /// What should have occurred and did not.
    pub fn missing(&self) -> Vec<&'static str> {
        WANTED.iter().copied().filter(|wanted| !self.0.contains_key(*wanted)).collect()
    }
}

fn word<T: serde::Serialize>(value: &T, tag: &str) -> String {
    serde_json::to_value(value).unwrap()[tag].as_str().unwrap().to_owned()
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (ending, count) in &self.0 {
            writeln!(out, "{count:>7}  {ending}")?;
        }
        Ok(())
    }
}
