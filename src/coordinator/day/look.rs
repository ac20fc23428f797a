//! Looking at preflight items, for real; people's items are theirs.

use std::sync::Arc;

use super::Keeper;
use super::exercise::{self, read_bundle};
use crate::coordinator::office::Desk;
use crate::coordinator::preflight::{self, Prospect};
use crate::gameday::preflight::{Automatic, Checked, LookedAt};

/// Looks at one item. Nothing, when the coordinator ends meanwhile.
pub(super) async fn at(desk: &Arc<Desk>, day: &Arc<Keeper>, item: &str) -> Option<Checked> {
    let unknown = |why: &str| Checked::Unknown { why: why.to_owned() };
    let Some(planned) = day.planned.plan.preflight.iter().find(|planned| planned.id == item) else {
        return Some(unknown("there is no such item"));
    };
    let LookedAt::Itself { at } = &planned.looked_at else { return Some(unknown("people answer it")) };
    let prospects: Vec<Prospect> = match exercise::plans(day) {
        Ok(plans) => plans.into_iter().map(|(plan, playbook)| Prospect { plan, playbook }).collect(),
        Err(why) => return Some(Checked::Failed { why }),
    };
    let look = preflight::look(at, &prospects, desk.alarms_heard());
    let seen = desk.closing_token().run_until_cancelled(look).await?;
    Some(match (at, seen) {
        (Automatic::Playbooks {}, Checked::Passed {}) => said_of_playbooks(day),
        (_, seen) => seen,
    })
}

/// Nothing is to be said about the file of any playbook, not even a warning.
fn said_of_playbooks(day: &Keeper) -> Checked {
    let mut wrong = Vec::new();
    for (source, problems) in read_bundle(&day.planned.files).files {
        let is_playbook = source.path.contains("playbook") || source.text.contains("kind: Playbook");
        if let Some(first) = problems.into_sorted().into_iter().next().filter(|_| is_playbook) {
            wrong.push(format!("{}: {}", source.path, first.message));
        }
    }
    if wrong.is_empty() { Checked::Passed {} } else { Checked::Failed { why: wrong.join("; ") } }
}
