//! `stall` on a TCP connection: bytes of a direction, and their end, wait.

use std::sync::atomic::Ordering::Relaxed;

use super::{Acting, Side, hit_once};
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
        for act in self.acts.iter_mut().filter(|act| act.does && !act.masked) {
            let TrafficFault::Stall(stall) = &act.armed.spec.fault else { continue };
            if !side.meant_by(stall.direction) {
                continue;
            }
            let (hold, record) = (&mut act.holds[side.index()], &act.armed.record);
            let answer = hold.ask(stall, passed, now_ns);
            if answer.is_err() {
                record.bytes.fetch_add(hold.keeps(passed, waiting), Relaxed);
                hit_once(record, &act.counted);
            }
            hold.measure(stall, record, now_ns);
            allowed = both(allowed, answer);
        }
        allowed
    }
}
