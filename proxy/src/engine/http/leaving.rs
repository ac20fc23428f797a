//! How a connection ends after an answer because a fault wants it to.

use std::cell::{Cell, RefCell};

use super::call::Hit;

/// What a connection has been told about its end.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    after: RefCell<Option<After>>,
    away: Cell<bool>,
}

/// The answer after which it ends.
#[derive(Debug)]
struct After {
    call: u64,
    hit: Hit,
    /// How often everything had been written when the call ended.
    flushes: Option<u64>,
}

impl Leaving {
    /// It ends after this call. The first fault that wants it is the one that does it.
    pub(super) fn after(&self, call: u64, hit: &Hit) {
        self.after.borrow_mut().get_or_insert_with(|| After { call, hit: hit.clone(), flushes: None });
    }

    /// A call has ended; what has been written of its answer is not all yet.
    pub(super) fn call_ended(&self, call: u64, flushes: u64) {
        if let Some(after) = self.after.borrow_mut().as_mut().filter(|after| after.call == call) {
            after.flushes = Some(flushes);
        }
    }

    /// The fault that ends it now, because the whole answer has been written.
    pub(super) fn now(&self, flushes: u64) -> Option<Hit> {
        let after = self.after.borrow();
        after
            .as_ref()
            .filter(|after| after.flushes.is_some_and(|then| flushes > then))
            .map(|after| after.hit.clone())
    }

    /// Clients that may have several calls under way are told to make no more.
    pub(super) fn go_away(&self) {
        self.away.set(true);
    }

    /// Whether they are to be told, once.
    pub(super) fn goes_away(&self) -> bool {
        self.away.replace(false)
    }
}
