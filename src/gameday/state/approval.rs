//! Who agreed, and for how long that counts.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Day, later, record};
use crate::gameday::event::DayCommand;
use crate::gameday::preflight::ItemState;
use crate::gameday::record::{DayRecord, DayState};

/// Somebody agreed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Approval {
    /// Who said so.
    pub who: String,
    /// In whose stead.
    pub in_stead_of: Option<String>,
    /// When.
    pub at: Timestamp,
}

impl Approval {
    /// Whose word it is.
    pub fn person(&self) -> &str {
        self.in_stead_of.as_deref().unwrap_or(&self.who)
    }
}

impl Day {
    pub(super) fn approved(
        &mut self,
        out: &mut Vec<DayCommand>,
        now: Timestamp,
        who: String,
        in_stead_of: Option<String>,
    ) {
        self.approvals.push(Approval { who, in_stead_of, at: now });
        self.approve_if_enough(out, now);
    }

    pub(super) fn approve_if_enough(&mut self, out: &mut Vec<DayCommand>, now: Timestamp) {
        if self.state != DayState::Draft || self.missing_approvals() > 0 {
            return;
        }
        self.enter(out, DayState::Approved, None);
        if self.is_due {
            self.due(out, now);
        }
    }

    /// How many more must agree.
    pub fn missing_approvals(&self) -> usize {
        (self.plan.approvals.count as usize).saturating_sub(self.approvals.len())
    }

    /// Forgets what was said too long ago.
    pub(super) fn expire(&mut self, out: &mut Vec<DayCommand>, now: Timestamp) {
        let Some(lasting) = self.plan.approvals.expires else { return };
        let (old, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.approvals)
            .into_iter()
            .partition(|approval| later(approval.at, lasting.duration()) <= now);
        self.approvals = kept;
        for approval in old {
            record(out, DayRecord::ApprovalExpired { who: approval.person().to_owned() });
        }
        let may_lapse = matches!(self.state, DayState::Approved | DayState::Preflight);
        if may_lapse && self.missing_approvals() > 0 {
            // What was looked at for an approval that lapsed is looked at anew.
            self.items.fill(ItemState::Open {});
            self.enter(out, DayState::Draft, Some("an approval is too old".to_owned()));
        }
    }

    /// When the first approval becomes too old.
    pub(super) fn first_expiry(&self) -> Option<Timestamp> {
        let lasting = self.plan.approvals.expires?;
        self.approvals.iter().map(|approval| later(approval.at, lasting.duration())).min()
    }
}
