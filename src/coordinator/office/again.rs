//! What the store refused when a game day was over: its last line, or its next occurrence. Both are tried again, ever
//! less often, and told meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Desk, Refusal, Unfinished};
use crate::coordinator::day::{Keeper, close};

/// How long is waited before the second try; twice as long before each that follows.
const FIRST: Duration = Duration::from_secs(1);
/// The longest that is waited between two tries.
const LONGEST: Duration = Duration::from_secs(5 * 60);
/// After so many tries, about eight hours, it is left to people, and to the next start.
const TRIES_MAX: u32 = 100;

/// Game days that are over and not done with.
pub(super) type Unfinisheds = BTreeMap<String, Waits>;

/// One of them.
pub(super) struct Waits {
    day: Arc<Keeper>,
    told: Unfinished,
}

impl Desk {
    /// Something that belongs to the end of a game day could not be done: `what` is the state of things without it.
    pub(in crate::coordinator) fn try_later(&self, day: &Arc<Keeper>, what: &str, refusal: &Refusal) {
        let mut all = self.unfinisheds();
        let tries = all.get(&day.id).map_or(0, |waits| waits.told.tries) + 1;
        // Only what the store does not take today it may take tomorrow.
        let for_good = !refusal.is_of_the_store();
        let again = (!for_good && tries < TRIES_MAX).then(|| in_a_while(self.now(), tries));
        let told = Unfinished { why: format!("{what}: {refusal}"), tries, again, for_good };
        tracing::error!(gameday = day.id, %told, "a game day is over and not done with");
        all.insert(day.id.clone(), Waits { day: Arc::clone(day), told });
    }

    /// Nothing is left to be done for this game day.
    pub(super) fn is_done_with(&self, day: &Keeper) {
        self.unfinisheds().remove(&day.id);
    }

    /// What could not be done for this game day.
    pub(super) fn unfinished(&self, id: &str) -> Option<Unfinished> {
        self.unfinisheds().get(id).map(|waits| waits.told.clone())
    }

    /// Tries all that is due; gives when the next is.
    pub(super) fn try_again(self: &Arc<Self>, now: Timestamp) -> Option<Timestamp> {
        for day in self.due_again(now) {
            if day.seen().closed {
                self.day_is_over(&day);
            } else {
                let desk = Arc::clone(self);
                self.spawn(async move { close(&desk, &day).await });
            }
        }
        self.unfinisheds().values().filter_map(|waits| waits.told.again).min()
    }

    /// Those whose time has come, which must answer before they are due once more.
    fn due_again(&self, now: Timestamp) -> Vec<Arc<Keeper>> {
        let mut due = Vec::new();
        for waits in self.unfinisheds().values_mut() {
            // A clock that was set back must not make it wait for longer than it ever would.
            let is_due = |at: Timestamp| at <= now || at > later(now, LONGEST);
            if waits.told.again.is_some_and(is_due) {
                waits.told.again = Some(in_a_while(now, waits.told.tries));
                due.push(Arc::clone(&waits.day));
            }
        }
        due
    }
}

/// When it is tried again after so many tries.
fn in_a_while(now: Timestamp, tries: u32) -> Timestamp {
    let doubled = FIRST.saturating_mul(1 << tries.saturating_sub(1).min(16));
    later(now, doubled.min(LONGEST))
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    now.saturating_add(SignedDuration::try_from(by).unwrap_or_default()).unwrap_or(now)
}
