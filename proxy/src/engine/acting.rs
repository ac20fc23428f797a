//! The faults of a route as they act on one TCP connection.

mod stalling;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::armed::{Armed, Decision, Snapshot, Subject};
use super::bucket::Bucket;
use super::hold::Hold;
use super::record::Record;
use crate::fault::{Direction, TrafficFault};

/// Which way bytes flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    Response,
}

impl Side {
    /// Its place where something is kept for each of the two.
    const fn index(self) -> usize {
        match self {
            Self::Request => 0,
            Self::Response => 1,
        }
    }

    const fn meant_by(self, direction: Direction) -> bool {
        match self {
            Self::Request => direction.acts_on_request(),
            Self::Response => direction.acts_on_response(),
        }
    }
}

/// What the bytes of one direction have to expect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Gates {
    pub(super) latency: bool,
    pub(super) bandwidth: bool,
    pub(super) blackhole: bool,
    pub(super) stall: bool,
    /// The connection is cut once so many bytes have passed.
    pub(super) cut_after: Option<u64>,
}

impl Gates {
    /// Whether bytes may not simply pass: they wait, are counted, changed or taken away.
    pub(super) fn touch_bytes(&self) -> bool {
        *self != Self::default()
    }
}

/// The part that one `latency` has in the delay of some bytes.
#[derive(Clone, Debug)]
pub(super) struct Delay {
    pub(super) armed: Arc<Armed>,
    pub(super) ns: u64,
    counted: Rc<Cell<bool>>,
}

impl Delay {
    /// The bytes have left, `late_ns` late on account of this fault.
    pub(super) fn happened(&self, late_ns: u64, bytes: u64) {
        let record = &self.armed.record;
        record.measured(late_ns / 1_000, self.ns / 1_000);
        if late_ns >= self.ns {
            record.bytes.fetch_add(bytes, Relaxed);
            hit_once(record, &self.counted);
        }
    }

    /// The bytes never left, because the connection ended while they were held.
    pub(super) fn felt(&self) {
        hit_once(&self.armed.record, &self.counted);
    }
}

/// What a change of the faults means for what is held.
#[derive(Debug)]
pub(super) enum Change {
    /// The fault acts no more.
    Gone(Arc<Armed>, Held),
    /// A `latency` goes on with other parameters.
    Latency(Arc<Armed>),
}

/// Whether a fault that acts no more has left its mark on the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) swallowed: bool,
}

/// All faults on one connection, in the order in which they act.
#[derive(Debug, Default)]
pub(super) struct Acting {
    acts: Vec<Act>,
    request: Gates,
    response: Gates,
}

/// One fault on one connection.
#[derive(Debug)]
struct Act {
    armed: Arc<Armed>,
    decision: Option<Decision>,
    /// The decision says that the deed is to be done.
    does: bool,
    /// A fault before it ends everything.
    masked: bool,
    accounted: bool,
    counted: Rc<Cell<bool>>,
    /// Which sides have bytes missing.
    swallowed: Vec<Side>,
    request_bucket: Option<Bucket>,
    response_bucket: Option<Bucket>,
    /// Of a `stall`, by [`Side::index`].
    holds: [Hold; 2],
}

impl Acting {
    /// Takes a new snapshot over. What the connection was told before stays as far as the faults stayed.
    pub(super) fn refresh(
        &mut self,
        snapshot: &Snapshot,
        subject: Subject<'_>,
        ordinal: u64,
        now_ns: u64,
    ) -> Vec<Change> {
        let mut before = std::mem::take(&mut self.acts);
        let mut changes = Vec::new();
        for armed in &snapshot.faults {
            let old = before.iter().position(|act| Arc::ptr_eq(&act.armed.record, &armed.record));
            let act = match old.map(|at| before.remove(at)) {
                Some(act) if Arc::ptr_eq(&act.armed, armed) => act,
                Some(act) => act.changed(armed, subject, ordinal, now_ns, &mut changes),
                None => Act::new(armed, subject, ordinal, now_ns, None),
            };
            self.acts.push(act);
        }
        changes.extend(before.into_iter().filter(|act| act.does).map(Act::gone));
        let mut ended = false;
        for act in &mut self.acts {
            act.masked = ended;
            ended |= act.does && act.armed.ends_at_once();
        }
        (self.request, self.response) = (self.gates_of(Side::Request), self.gates_of(Side::Response));
        changes
    }

    pub(super) const fn gates(&self, side: Side) -> Gates {
        match side {
            Side::Request => self.request,
            Side::Response => self.response,
        }
    }

    fn gates_of(&self, side: Side) -> Gates {
        let mut gates = Gates::default();
        for act in self.acts.iter().filter(|act| act.acts()) {
            match &act.armed.spec.fault {
                TrafficFault::Latency(fault) => gates.latency |= side.meant_by(fault.direction),
                TrafficFault::Bandwidth(fault) => gates.bandwidth |= side.meant_by(fault.direction),
                TrafficFault::Blackhole(fault) => gates.blackhole |= side.meant_by(fault.direction),
                TrafficFault::Stall(fault) => gates.stall |= side.meant_by(fault.direction),
                TrafficFault::Reset(fault) if side == Side::Response => {
                    let limit = fault.after_bytes.map(|size| size.bytes());
                    gates.cut_after = [gates.cut_after, limit].into_iter().flatten().min();
                }
                TrafficFault::Reset(_) | TrafficFault::HttpError(_) => {}
            }
        }
        gates
    }

    /// Draws the delays of bytes that have just arrived.
    pub(super) fn delays(&mut self, side: Side) -> Vec<Delay> {
        let acting = self.acts.iter_mut().filter(|act| act.does && !act.masked);
        acting
            .filter_map(|act| {
                let TrafficFault::Latency(latency) = &act.armed.spec.fault else { return None };
                if !side.meant_by(latency.direction) {
                    return None;
                }
                let decision = act.decision.as_mut()?;
                let (first, draws, score) = match side {
                    Side::Request => {
                        let (first, draws) = (&mut decision.request_delay_ns, &mut decision.request_draws);
                        (first, draws, &mut decision.request_score)
                    }
                    Side::Response => {
                        let (first, draws) = (&mut decision.response_delay_ns, &mut decision.response_draws);
                        (first, draws, &mut decision.response_score)
                    }
                };
                // The first delay was drawn with the decision and stands in the ledger.
                let drawn_ns = match std::mem::replace(first, u64::MAX) {
                    u64::MAX => latency.draw_ns(draws, score),
                    drawn => drawn,
                };
                let ns = act.armed.shaped_ns(drawn_ns);
                if ns == 0 {
                    return None;
                }
                Some(Delay { armed: Arc::clone(&act.armed), ns, counted: Rc::clone(&act.counted) })
            })
            .collect()
    }

    /// How late bytes that arrive now can leave.
    pub(super) fn longest_delay_ns(&self, side: Side) -> u64 {
        let acting = self.acts.iter().filter(|act| act.acts());
        let longest = acting.map(|act| match &act.armed.spec.fault {
            TrafficFault::Latency(fault) if side.meant_by(fault.direction) => fault.longest_ns(),
            _ => 0,
        });
        longest.sum()
    }

    /// Bytes have been received that go nowhere.
    pub(super) fn swallow(&mut self, side: Side, bytes: u64) {
        for act in self.acts.iter_mut().filter(|act| act.does && !act.masked) {
            if let TrafficFault::Blackhole(fault) = &act.armed.spec.fault
                && side.meant_by(fault.direction)
            {
                if !act.swallowed.contains(&side) {
                    act.swallowed.push(side);
                }
                act.armed.record.bytes.fetch_add(bytes, Relaxed);
                hit_once(&act.armed.record, &act.counted);
            }
        }
    }

    /// How many of `want` bytes may leave now; otherwise when to ask again.
    pub(super) fn allowance(&mut self, side: Side, want: u64, now_ns: u64) -> Result<u64, u64> {
        let mut allowed = Ok(want);
        for (armed, bucket, _) in self.buckets(side) {
            let answer = bucket.ask(want, now_ns);
            if answer.is_err()
                && let Some(rate) = bucket.waiting(now_ns)
            {
                armed.record.measured(rate, bucket.rate());
            }
            allowed = match (allowed, answer) {
                (Ok(a), Ok(b)) => Ok(a.min(b)),
                (Err(a), Err(b)) => Err(a.max(b)),
                (Err(at), Ok(_)) | (Ok(_), Err(at)) => Err(at),
            };
        }
        allowed
    }

    /// Bytes have left.
    pub(super) fn took(&mut self, side: Side, bytes: u64, now_ns: u64) {
        for (armed, bucket, counted) in self.buckets(side) {
            if bucket.take(bytes, now_ns) {
                armed.record.bytes.fetch_add(bytes, Relaxed);
                hit_once(&armed.record, counted);
            }
        }
    }

    /// No bytes wait to leave.
    pub(super) fn dry(&mut self, side: Side, now_ns: u64) {
        for (armed, bucket, _) in self.buckets(side) {
            if let Some(rate) = bucket.dry(now_ns) {
                armed.record.measured(rate, bucket.rate());
            }
        }
    }

    fn buckets(&mut self, side: Side) -> impl Iterator<Item = (&Armed, &mut Bucket, &Cell<bool>)> {
        self.acts.iter_mut().filter(|act| act.does && !act.masked).filter_map(move |act| {
            let bucket = match side {
                Side::Request => act.request_bucket.as_mut()?,
                Side::Response => act.response_bucket.as_mut()?,
            };
            Some((&*act.armed, bucket, &*act.counted))
        })
    }

    /// When the connection is to be reset; 0 for at once, nothing for never. `began_ns` is when it was accepted.
    pub(super) fn reset_due_ns(&self, began_ns: u64) -> Option<u64> {
        let due = self.acts.iter().filter(|act| act.acts()).filter_map(|act| match &act.armed.spec.fault {
            TrafficFault::Reset(reset) => match (reset.after, reset.after_bytes) {
                (Some(after), _) => Some(began_ns + after.duration().as_nanos() as u64),
                (None, None) => Some(0),
                (None, Some(_)) => None,
            },
            _ => None,
        });
        due.min()
    }

    /// The connection has been reset: counted for the first fault that asked for it.
    pub(super) fn was_reset(&self, began_ns: u64, now_ns: u64, passed_response: u64) {
        let cause = self.acts.iter().filter(|act| act.acts()).find(|act| match &act.armed.spec.fault {
            TrafficFault::Reset(reset) => {
                let timed = reset.after.is_some_and(|t| now_ns >= began_ns + t.duration().as_nanos() as u64);
                let counted = reset.after_bytes.is_some_and(|size| passed_response >= size.bytes());
                timed || counted || (reset.after.is_none() && reset.after_bytes.is_none())
            }
            _ => false,
        });
        if let Some(act) = cause {
            hit_once(&act.armed.record, &act.counted);
        }
    }

    /// Whether any fault was seen to hit this connection.
    pub(super) fn faulted(&self) -> bool {
        self.acts.iter().any(|act| act.counted.get())
    }
}

impl Act {
    fn new(armed: &Arc<Armed>, subject: Subject<'_>, ordinal: u64, now_ns: u64, old: Option<&Self>) -> Self {
        let mut act = Self {
            armed: Arc::clone(armed),
            decision: None,
            does: false,
            masked: false,
            accounted: old.is_some_and(|old| old.accounted),
            counted: old.map_or_else(Rc::default, |old| Rc::clone(&old.counted)),
            swallowed: old.map_or_else(Vec::new, |old| old.swallowed.clone()),
            request_bucket: None,
            response_bucket: None,
            holds: old.map_or_else(Default::default, |old| old.holds),
        };
        if armed.fits(subject) {
            let decision = armed.decide(subject, ordinal);
            // Matched once, however often the parameters change.
            act.does = if std::mem::replace(&mut act.accounted, true) {
                armed.does(&decision)
            } else {
                armed.account(ordinal, &decision)
            };
            act.decision = Some(decision);
        }
        if let TrafficFault::Bandwidth(fault) = &armed.spec.fault
            && act.does
        {
            let bucket = |side: Side, old: Option<&Bucket>| {
                side.meant_by(fault.direction).then(|| {
                    let rate = fault.rate.bytes_per_second();
                    let mut bucket = old.cloned().unwrap_or_else(|| Bucket::new(rate, now_ns));
                    bucket.set_rate(rate, now_ns);
                    bucket
                })
            };
            act.request_bucket = bucket(Side::Request, old.and_then(|old| old.request_bucket.as_ref()));
            act.response_bucket = bucket(Side::Response, old.and_then(|old| old.response_bucket.as_ref()));
        }
        act
    }

    fn changed(
        self,
        armed: &Arc<Armed>,
        subject: Subject<'_>,
        ordinal: u64,
        now_ns: u64,
        changes: &mut Vec<Change>,
    ) -> Self {
        let new = Self::new(armed, subject, ordinal, now_ns, Some(&self));
        let turned_away = match &armed.spec.fault {
            // It goes on, but no longer where bytes are missing.
            TrafficFault::Blackhole(hole) => self.swallowed.iter().any(|side| !side.meant_by(hole.direction)),
            _ => false,
        };
        if self.does && (!new.does || turned_away) {
            changes.push(self.gone());
        } else if matches!(armed.spec.fault, TrafficFault::Latency(_)) {
            changes.push(Change::Latency(Arc::clone(armed)));
        }
        new
    }

    fn gone(self) -> Change {
        Change::Gone(self.armed, Held { swallowed: !self.swallowed.is_empty() })
    }

    const fn acts(&self) -> bool {
        self.does && !self.masked
    }
}

fn hit_once(record: &Record, counted: &Cell<bool>) {
    if !counted.replace(true) {
        record.hit();
    }
}
