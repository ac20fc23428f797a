//! The faults of a route as they act on one TCP connection.

mod altering;
mod pacing;
mod stalling;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::act::{Act, Mark, Memory};
use super::armed::{Armed, Subject};
use super::gates::{Due, Gates, Side};
use super::snapshot::Snapshot;
use crate::control::wire::FaultSpec;
use crate::fault::TrafficFault;

/// The part that one fault has in the delay of some bytes, or of their end.
#[derive(Clone, Debug)]
pub(super) struct Delay {
    pub(super) mark: Mark,
    pub(super) ns: u64,
}

impl Delay {
    /// The bytes have left, `late_ns` late on account of this fault.
    pub(super) fn happened(&self, late_ns: u64, bytes: u64) {
        let record = self.mark.record();
        record.measured(late_ns / 1_000, self.ns / 1_000);
        if late_ns >= self.ns {
            record.bytes.fetch_add(bytes, Relaxed);
            self.mark.hit();
        }
    }

    /// The bytes never left, because the connection ended while they were held.
    pub(super) fn felt(&self) {
        self.mark.hit();
    }
}

/// Where a connection stands when its faults change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) ordinal: u64,
    pub(super) now_ns: u64,
    /// Bytes that have passed, of each side.
    pub(super) passed: [u64; 2],
}

/// What a change of the faults means for what is held.
#[derive(Debug)]
pub(super) enum Change {
    /// The fault acts no more.
    Gone(Arc<Armed>, Held),
    /// A `latency` or `slow_close` goes on with other parameters.
    Delay(Arc<Armed>),
}

/// Whether a fault that acts no more has left its mark on the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    /// Bytes are missing.
    pub(super) swallowed: bool,
    /// Bytes, or the end of them, have waited for it.
    pub(super) waited: bool,
}

/// All faults on one connection, in the order in which they act.
#[derive(Debug, Default)]
pub(super) struct Acting {
    acts: Vec<Act>,
    request: Gates,
    response: Gates,
}

impl Acting {
    /// Takes a new snapshot over. What the connection was told before stays as far as the faults stayed.
    pub(super) fn refresh(&mut self, snapshot: &Snapshot, subject: Subject<'_>, at: &Moment) -> Vec<Change> {
        let mut places = Vec::new();
        let fitting: Vec<_> = snapshot.fitting(subject, &mut places).collect();
        self.refresh_for(&fitting, |_| (subject, at.ordinal), at)
    }

    /// The same with these faults, where those of different kinds meet the connection as different things: `whom` says as what, and by
    /// which number.
    pub(super) fn refresh_for<'a>(
        &mut self,
        fitting: &[&Arc<Armed>],
        whom: impl Fn(&Armed) -> (Subject<'a>, u64),
        at: &Moment,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut before = std::mem::replace(&mut self.acts, Vec::with_capacity(fitting.len()));
        for armed in fitting {
            let (subject, ordinal) = whom(armed);
            let at = &Moment { ordinal, ..*at };
            let old = before.iter().position(|act| Arc::ptr_eq(&act.armed.record, &armed.record));
            let act = match old.map(|at| before.remove(at)) {
                Some(act) if act.is_as_before(armed, at) => act,
                Some(act) => act.changed(armed, subject, at, &mut changes),
                None => Act::new(armed, subject, at, None),
            };
            self.acts.push(act);
        }
        changes.extend(before.iter().filter(|act| act.does).map(Act::gone));
        let mut ended = false;
        for act in &mut self.acts {
            act.masked = ended;
            ended |= act.does && act.armed.spec.fault.ends_at_once();
        }
        (self.request, self.response) = (self.gates_of(Side::Request), self.gates_of(Side::Response));
        changes
    }

    /// Goes on after a request: with what acts on the connection, and with what was decided for the request.
    pub(super) fn go_on(mut self, of_request: Vec<Act>) -> Self {
        self.acts.retain(|act| act.armed.spec.fault.is_of_connections());
        self.acts.extend(of_request);
        self
    }

    pub(super) const fn gates(&self, side: Side) -> Gates {
        match side {
            Side::Request => self.request,
            Side::Response => self.response,
        }
    }

    fn gates_of(&self, side: Side) -> Gates {
        let mut gates = Gates::default();
        self.acting().for_each(|(n, act)| act.add_to(&mut gates, side, n));
        gates
    }

    /// The faults that act, each with its place.
    fn acting(&self) -> impl Iterator<Item = (usize, &Act)> {
        self.acts.iter().enumerate().filter(|(_, act)| act.acts())
    }

    fn acting_mut(&mut self) -> impl Iterator<Item = &mut Act> {
        self.acts.iter_mut().filter(|act| act.acts())
    }

    /// Draws the delays of bytes that have just arrived.
    pub(super) fn delays(&mut self, side: Side) -> Vec<Delay> {
        self.acting_mut()
            .filter_map(|act| {
                let TrafficFault::Latency(latency) = &act.armed.spec.fault else { return None };
                let drawn_ns = act.delays.as_mut()?[side.index()].as_mut()?.next_ns(latency);
                let ns = act.armed.shaped_ns(drawn_ns);
                if ns == 0 {
                    return None;
                }
                Some(Delay { mark: act.mark.clone(), ns })
            })
            .collect()
    }

    /// How late the end of a stream that comes now can be.
    pub(super) fn longest_delay_ns(&self, side: Side) -> u64 {
        let longest = self.acting().map(|(_, act)| match &act.armed.spec.fault {
            TrafficFault::Latency(fault) if side.meant_by(fault.direction()) => fault.longest_ns(),
            TrafficFault::SlowClose(fault) if side.meant_by(fault.direction) => fault.delay.nanos(),
            _ => 0,
        });
        longest.sum()
    }

    /// Bytes have been received that go nowhere.
    pub(super) fn swallow(&mut self, side: Side, bytes: u64, now_ns: u64) {
        for act in self.acting_mut() {
            if let TrafficFault::Blackhole(fault) = &act.armed.spec.fault
                && side.meant_by(fault.direction)
                && let Memory::Swallowed { sides, heard_ns } = &mut act.memory
            {
                sides[side.index()] = true;
                *heard_ns = now_ns;
                act.mark.record().bytes.fetch_add(bytes, Relaxed);
                act.mark.hit();
            }
        }
    }

    /// Bytes, or the end of them, wait behind a gate that holds everything.
    pub(super) fn wait(&mut self, side: Side, now_ns: u64) {
        for act in self.acting_mut() {
            if let TrafficFault::Reset(fault) = &act.armed.spec.fault
                && side.meant_by(fault.direction())
                && let Memory::First { ns } = &mut act.memory
            {
                ns.get_or_insert(now_ns);
            }
        }
    }

    /// Which fault ends the connection first by its time, the first in file order where several do. `accepted_ns`
    /// is when it was accepted, `began_ns` when what it carries began.
    pub(super) fn due(&self, accepted_ns: u64, began_ns: u64) -> Option<Due> {
        self.acting().filter_map(|(n, act)| act.due(accepted_ns, began_ns, n)).min_by_key(|due| due.at_ns)
    }

    /// The mark of the fault that ends the connection.
    pub(super) fn mark(&self, act: usize) -> Option<Mark> {
        self.acts.get(act).map(|act| act.mark.clone())
    }

    /// Hands over every fault that acts.
    pub(super) fn each(&self, mut see: impl FnMut(&FaultSpec)) {
        self.acting().for_each(|(_, act)| see(&act.armed.spec));
    }

    /// Whether any fault was seen to hit this connection.
    pub(super) fn faulted(&self) -> bool {
        self.acts.iter().any(|act| act.mark.is_hit())
    }
}
