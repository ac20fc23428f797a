//! What a game day looks at by itself before its first inject.

mod clocks;
mod heard;
mod reach;
mod steady;

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::drill::alarm::Alarm;
use crate::gameday::preflight::{Automatic, Checked};
use crate::playbook::plan::Playbook;
use crate::scenario::plan::Plan;

/// What an inject will run.
#[derive(Clone, Debug)]
pub struct Prospect {
    /// Its plan.
    pub plan: Plan,
    /// Its playbook.
    pub playbook: Option<Playbook>,
}

/// Looks at an item. `alarms` gives every alarm that comes in from now on. Dropping the future ends all it began.
pub async fn look(
    at: &Automatic,
    prospects: &[Prospect],
    alarms: broadcast::Receiver<Arc<Alarm>>,
) -> Checked {
    match at {
        Automatic::SteadyState { lasting } => steady::look(prospects, lasting.duration()).await,
        Automatic::Clocks { skew } => clocks::look(prospects, skew.duration()).await,
        Automatic::Hosts {} => reach::hosts(prospects).await,
        Automatic::Playbooks {} => reach::playbooks(prospects).await,
        Automatic::PagerHeartbeat { receiver, within } => {
            heard::look(receiver, within.duration(), alarms).await
        }
    }
}

/// Failed for these reasons; for none, unknown for those; for none of either, passed.
fn judged(failures: Vec<String>, unknown: Vec<String>) -> Checked {
    match (failures.is_empty(), unknown.is_empty()) {
        (false, _) => Checked::Failed { why: failures.join("; ") },
        (true, false) => Checked::Unknown { why: unknown.join("; ") },
        (true, true) => Checked::Passed {},
    }
}

#[cfg(test)]
mod tests;
