//! A flow that a `stall` keeps from flowing.

use super::{Flow, Surroundings};

impl Flow {
    /// How many bytes may leave; nothing may while a stall lasts.
    pub(super) fn passage(&mut self, with: &mut Surroundings<'_>, now_ns: u64) -> Result<u64, ()> {
        let stream = (self.passed, self.held.bytes());
        with.acting.passage(self.side, stream, now_ns).map_err(|at| (self.wake_ns, self.stalled) = (at, true))
    }

    /// Whether bytes, or the end of them, wait for the end of a stall.
    pub(in crate::engine) const fn is_stalled(&self) -> bool {
        self.stalled
    }
}
