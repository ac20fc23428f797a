//! What is looked at before the first inject.

use jiff::Timestamp;

use super::Day;
use crate::gameday::event::DayCommand;
use crate::gameday::preflight::{Checked, ItemState};
use crate::gameday::record::DayState;

impl Day {
    /// Begins to look.
    pub(super) fn look(&mut self, out: &mut Vec<DayCommand>, now: Timestamp) {
        self.enter(out, DayState::Preflight, None);
        out.extend(self.looks());
        self.begin_if_good(out, now);
    }

    /// Looks once more at what was not as it must be.
    pub(super) fn look_again(&mut self, out: &mut Vec<DayCommand>) {
        for (state, item) in self.items.iter_mut().zip(&self.plan.preflight) {
            if item.is_automatic() && matches!(state, ItemState::Failed { .. } | ItemState::Unknown { .. }) {
                *state = ItemState::Open {};
                out.push(DayCommand::CheckPreflight { item: item.id.clone() });
            }
        }
    }

    /// The automatic items that nobody has looked at yet.
    pub(super) fn looks(&self) -> impl Iterator<Item = DayCommand> {
        let open = self
            .items
            .iter()
            .zip(&self.plan.preflight)
            .filter(|(state, item)| item.is_automatic() && matches!(state, ItemState::Open {}));
        open.map(|(_, item)| DayCommand::CheckPreflight { item: item.id.clone() })
    }

    pub(super) fn checked(&mut self, out: &mut Vec<DayCommand>, now: Timestamp, item: &str, result: Checked) {
        // What people said in the meantime counts.
        if self.item(item) != Some(&ItemState::Open {}) {
            return;
        }
        let state = match result {
            Checked::Passed {} => ItemState::Passed {},
            Checked::Failed { why } => ItemState::Failed { why },
            Checked::Unknown { why } => ItemState::Unknown { why },
        };
        self.item_becomes(out, now, item, state);
    }

    pub(super) fn item_becomes(
        &mut self,
        out: &mut Vec<DayCommand>,
        now: Timestamp,
        item: &str,
        state: ItemState,
    ) {
        if let Some(place) = self.place_of(item) {
            self.items[place] = state;
        }
        self.begin_if_good(out, now);
    }

    fn begin_if_good(&mut self, out: &mut Vec<DayCommand>, now: Timestamp) {
        if self.state == DayState::Preflight && self.items.iter().all(ItemState::is_good) {
            self.is_due = false;
            self.began = Some(now);
            self.enter(out, DayState::Running, None);
            self.proceed(out, now);
        }
    }

    /// How far an item is.
    pub fn item(&self, id: &str) -> Option<&ItemState> {
        self.items.get(self.place_of(id)?)
    }

    fn place_of(&self, id: &str) -> Option<usize> {
        self.plan.preflight.iter().position(|item| item.id == id)
    }

    /// The items that keep the day from beginning.
    pub fn open_items(&self) -> Vec<&str> {
        let items = self.items.iter().zip(&self.plan.preflight);
        items.filter(|(state, _)| !state.is_good()).map(|(_, item)| item.id.as_str()).collect()
    }
}
