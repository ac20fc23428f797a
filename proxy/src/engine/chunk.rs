//! Bytes that are held back.

use std::sync::Arc;

use super::acting::Delay;
use super::armed::Armed;

/// What a chunk costs besides its bytes: many tiny ones must not slip through the bound.
const COST: usize = 256;

/// Bytes that arrived together and leave together.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) bytes: Box<[u8]>,
    /// How many of them have left.
    pub(super) left: usize,
    arrived_ns: u64,
    pub(super) due_ns: u64,
    delays: Vec<Delay>,
}

impl Drop for Chunk {
    /// The connection ended while the bytes were held: nothing will leave late, and yet the fault was felt.
    fn drop(&mut self) {
        self.delays.iter().for_each(Delay::felt);
    }
}

impl Chunk {
    pub(super) fn new(bytes: &[u8], arrived_ns: u64, delays: Vec<Delay>) -> Self {
        let due_ns = arrived_ns + delays.iter().map(|delay| delay.ns).sum::<u64>();
        Self { bytes: bytes.into(), left: 0, arrived_ns, due_ns, delays }
    }

    /// What it counts against the bound of held bytes.
    pub(super) fn cost(&self) -> usize {
        self.bytes.len() + COST
    }

    pub(super) fn waits_for(&self, armed: &Armed) -> bool {
        self.delays.iter().any(|delay| delay.is_of(armed))
    }

    /// Waits for this fault at most so long; not at all is as if it had never been delayed by it.
    pub(super) fn shorten(&mut self, armed: &Armed, longest_ns: u64) {
        for delay in self.delays.iter_mut().filter(|delay| delay.is_of(armed)) {
            let cut = delay.ns.saturating_sub(longest_ns);
            delay.ns -= cut;
            self.due_ns -= cut;
        }
        if longest_ns == 0 {
            self.delays.retain(|delay| !delay.is_of(armed));
        }
    }

    /// The first byte has left: each delay is measured without the others' share.
    pub(super) fn account(&mut self, now_ns: u64) {
        let late_ns = now_ns - self.arrived_ns;
        let total: u64 = self.delays.iter().map(|delay| delay.ns).sum();
        for delay in self.delays.drain(..) {
            delay.happened(late_ns.saturating_sub(total - delay.ns), self.bytes.len() as u64);
        }
    }
}

impl Delay {
    pub(super) fn is_of(&self, armed: &Armed) -> bool {
        std::ptr::eq(Arc::as_ptr(&self.mark.armed.record), Arc::as_ptr(&armed.record))
    }
}
