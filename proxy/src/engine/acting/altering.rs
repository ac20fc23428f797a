//! What changes bytes, and what keeps the news of their end back: `corrupt` and `slow_close` on a connection.

use std::sync::atomic::Ordering::Relaxed;

use super::{Acting, Delay, Memory, Side};
use crate::fault::TrafficFault;

impl Acting {
    /// Flips bits of bytes that leave, the first of which is at `position` in the stream.
    pub(in crate::engine) fn flip(&self, side: Side, position: u64, bytes: &mut [u8]) {
        for (_, act) in self.acting() {
            if let (TrafficFault::Corrupt(corrupt), Memory::Stream { ordinal }) =
                (&act.armed.spec.fault, &act.memory)
                && side.meant_by(corrupt.direction)
            {
                corrupt.flip(act.armed.seed_of(side), *ordinal, position, bytes);
            }
        }
    }

    /// So many bytes from `position` on have left with their bits flipped.
    pub(in crate::engine) fn flipped(&self, side: Side, position: u64, len: u64) {
        for (_, act) in self.acting() {
            if let (TrafficFault::Corrupt(corrupt), Memory::Stream { ordinal }) =
                (&act.armed.spec.fault, &act.memory)
                && side.meant_by(corrupt.direction)
            {
                let changed = corrupt.changed(act.armed.seed_of(side), *ordinal, position, len);
                if changed > 0 {
                    act.mark.record().bytes.fetch_add(changed, Relaxed);
                    act.mark.hit();
                }
            }
        }
    }

    /// How late the end of a stream is to be, that has just come.
    pub(in crate::engine) fn end_delays(&self, side: Side) -> Vec<Delay> {
        let delays = self.acting().filter_map(|(_, act)| match &act.armed.spec.fault {
            TrafficFault::SlowClose(fault) if side.meant_by(fault.direction) => {
                Some(Delay { mark: act.mark.clone(), ns: fault.delay.nanos() })
            }
            _ => None,
        });
        delays.collect()
    }
}
