//! What a playbook promises, and whether the drill saw it kept.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::course::Course;
use super::word::ObjectiveWord;
use crate::drill::summary::{RestoredBy, Summary, Validity};
use crate::fault::Period;
use crate::playbook::plan::Objectives as Promised;

/// Each promise; absent: none was given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Objectives {
    /// From impact to recovery.
    pub rto: Option<Objective>,
    /// The span of data that may be lost.
    pub rpo: Option<Objective>,
}

/// One promise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Objective {
    /// What was promised.
    pub target: Period,
    /// What was measured.
    pub took: Option<Duration>,
    /// Whether it was kept.
    pub kept: ObjectiveWord,
    /// Why it could not be judged.
    pub why: Option<String>,
}

impl Objectives {
    pub(super) fn of(promised: Promised, summary: &Summary, course: &Course) -> Self {
        let rpo = |target| Objective {
            target,
            took: None,
            kept: ObjectiveWord::NotJudged,
            why: Some("it needs an invariant probe that counts what was lost".to_owned()),
        };
        Self { rto: promised.rto.map(|target| rto(target, summary, course)), rpo: promised.rpo.map(rpo) }
    }
}

fn rto(target: Period, summary: &Summary, course: &Course) -> Objective {
    let times = &summary.times;
    let took = times.impact.zip(times.recovered).map(|(from, to)| to.saturating_sub(from));
    let watched = times.impact.map(|impact| course.end.saturating_sub(impact));
    let is_over = |took: Option<Duration>| took.is_some_and(|took| took > target.duration());
    let (kept, why) = match (summary.drill, took, summary.restored_by) {
        (Validity::Invalid, ..) => (ObjectiveWord::NotJudged, Some("the drill is invalid")),
        _ if times.impact.is_none() => (ObjectiveWord::NotJudged, Some("there was no impact")),
        (_, Some(_), _) if is_over(took) => (ObjectiveWord::Missed, None),
        (_, Some(_), RestoredBy::Playbook | RestoredBy::Itself | RestoredBy::Unknown) => {
            (ObjectiveWord::Met, None)
        }
        (_, Some(_), RestoredBy::FaultEnd | RestoredBy::Abort | RestoredBy::None) => {
            (ObjectiveWord::NotJudged, Some("the fault was taken away before"))
        }
        (_, None, _) if is_over(watched) => (ObjectiveWord::Missed, None),
        (_, None, _) => (ObjectiveWord::NotJudged, Some("nobody looked any longer before it had passed")),
    };
    Objective { target, took, kept, why: why.map(str::to_owned) }
}
