//! What leaves no faster than something allows: `bandwidth` and `slicer` on a connection.

use std::sync::atomic::Ordering::Relaxed;

use super::{Acting, Memory, Side};
use crate::engine::hold::both;
use crate::fault::TrafficFault;

impl Acting {
    /// How many of `want` bytes may leave now; otherwise when to ask again.
    pub(in crate::engine) fn allowance(&mut self, side: Side, want: u64, now_ns: u64) -> Result<u64, u64> {
        let mut allowed = Ok(want);
        for act in self.acting_mut() {
            let answer = match (&act.armed.spec.fault, &mut act.memory) {
                (_, Memory::Rates(buckets)) => {
                    let Some(bucket) = &mut buckets[side.index()] else { continue };
                    let answer = bucket.ask(want, now_ns);
                    if answer.is_err()
                        && let Some(rate) = bucket.waiting(now_ns)
                    {
                        act.mark.record().measured(rate, bucket.rate());
                    }
                    answer
                }
                (TrafficFault::Slicer(slicer), Memory::Pieces(pieces)) => {
                    let Some(pieces) = &mut pieces[side.index()] else { continue };
                    pieces.ask(slicer, want, now_ns)
                }
                _ => continue,
            };
            allowed = both(allowed, answer);
        }
        allowed
    }

    /// Bytes have left.
    pub(in crate::engine) fn took(&mut self, side: Side, bytes: u64, now_ns: u64) {
        for act in self.acting_mut() {
            let record = act.mark.record();
            let felt = match (&act.armed.spec.fault, &mut act.memory) {
                (_, Memory::Rates(buckets)) => {
                    buckets[side.index()].as_mut().is_some_and(|bucket| bucket.take(bytes, now_ns))
                }
                (TrafficFault::Slicer(slicer), Memory::Pieces(pieces)) => pieces[side.index()]
                    .as_mut()
                    .is_some_and(|pieces| pieces.take(slicer, bytes, now_ns, record)),
                _ => false,
            };
            if felt {
                record.bytes.fetch_add(bytes, Relaxed);
                act.mark.hit();
            }
        }
    }

    /// No bytes wait to leave.
    pub(in crate::engine) fn dry(&mut self, side: Side, now_ns: u64) {
        for act in self.acting_mut() {
            if let Memory::Rates(buckets) = &mut act.memory
                && let Some(bucket) = &mut buckets[side.index()]
                && let Some(rate) = bucket.dry(now_ns)
            {
                act.mark.record().measured(rate, bucket.rate());
            }
        }
    }
}
