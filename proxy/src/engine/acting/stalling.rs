//! `stall` on a TCP connection: bytes of a direction, and their end, wait.

use std::sync::atomic::Ordering::Relaxed;

use super::{Acting, Memory, Side};
use crate::engine::hold::both;
use crate::fault::TrafficFault;

impl Acting {
    /// How many bytes may leave, `passed` having left and `waiting` being there; otherwise when to ask again, 0 for when
    /// the faults change.
    pub(in crate::engine) fn passage(
        &mut self,
        side: Side,
        (passed, waiting): (u64, u64),
        now_ns: u64,
    ) -> Result<u64, u64> {
        let mut allowed = Ok(u64::MAX);
        for act in self.acting_mut() {
            let TrafficFault::Stall(stall) = &act.armed.spec.fault else { continue };
            let Memory::Holds(holds) = &mut act.memory else { continue };
            if !side.meant_by(stall.direction) {
                continue;
            }
            let (hold, record) = (&mut holds[side.index()], act.mark.record());
            let answer = hold.ask(stall, passed, now_ns);
            if answer.is_err() {
                record.bytes.fetch_add(hold.keeps(passed, waiting), Relaxed);
                act.mark.hit();
            }
            hold.measure(stall, record, now_ns);
            allowed = both(allowed, answer);
        }
        allowed
    }
}
