//! Faults on the bytes of a client's connection, whatever requests they carry.

use std::cell::{Cell, RefCell};
use std::task::{Context, Poll};

use super::conn::Conn;
use super::wire::Wire;
use crate::control::wire::{FaultSpec, OnRemove};
use crate::engine::act::Mark;
use crate::engine::acting::{Acting, Change, Moment};
use crate::engine::armed::Subject;
use crate::engine::ending::LateEnd;
use crate::engine::gates::{Gates, Side};
use crate::engine::kernel;
use crate::engine::timer::{Alarm, now_ns};
use crate::fault::TrafficFault;

/// Between the client's socket and the HTTP that is spoken on it.
#[derive(Debug, Default)]
pub(super) struct Edge {
    acting: RefCell<Acting>,
    epoch: Cell<u64>,
    /// When a schedule next changes what acts, on requests too; 0 for never.
    turn_ns: Cell<u64>,
    /// Bytes that have passed, of each side.
    passed: [Cell<u64>; 2],
    /// Ends that have come, and are not told yet.
    late: [RefCell<Option<Box<LateEnd>>>; 2],
    over: RefCell<Option<Over>>,
    /// When to look again; 0 for never.
    wake_ns: Cell<u64>,
}

/// A fault has ended the connection.
#[derive(Debug)]
struct Over {
    since_ns: u64,
    told: bool,
    mark: Option<Mark>,
}

impl Edge {
    /// Looks whether the faults changed, or a schedule did. True when the connection must be reset because of it.
    pub(super) fn follow_changes(&self, conn: &Conn) -> bool {
        let accepted = &conn.accepted;
        let epoch = accepted.route.epoch();
        let turn_ns = self.turn_ns.get();
        if self.epoch.replace(epoch) == epoch && (turn_ns == 0 || now_ns() < turn_ns) {
            return false;
        }
        let moment = Moment {
            ordinal: accepted.ordinal,
            now_ns: now_ns(),
            passed: [self.passed[0].get(), self.passed[1].get()],
        };
        let subject = Subject::Stream { client: accepted.client };
        conn.crew.wake();
        let snapshot = accepted.route.faults();
        self.turn_ns.set(snapshot.turn_ns(moment.now_ns));
        let changes = self.acting.borrow_mut().refresh(&snapshot, subject, &moment);
        changes.iter().any(|change| self.late.iter().any(|late| follow(late, change)))
    }

    /// When to look again because of a schedule; 0 for never.
    pub(super) const fn turn_ns(&self) -> u64 {
        self.turn_ns.get()
    }

    fn gates(&self, side: Side) -> Gates {
        self.acting.borrow().gates(side)
    }

    /// Whether bytes of that side may not simply pass.
    pub(super) fn touches(&self, side: Side) -> bool {
        self.gates(side).touch_bytes()
    }

    /// How many of `want` bytes, which are there, may pass now; pending when none may.
    pub(super) fn ask(&self, side: Side, want: usize) -> Poll<usize> {
        let (gates, passed) = (self.gates(side), self.passed[side.index()].get());
        if gates.reached(passed, want > 0).is_some() {
            self.end_at_limit(gates);
            return Poll::Pending;
        }
        let mut room = gates.room(passed, want as u64);
        if gates.is_paced() {
            match self.acting.borrow_mut().allowance(side, room, now_ns()) {
                Ok(allowed) => room = allowed,
                Err(at) => {
                    self.wake_by(at);
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(room as usize)
    }

    /// How many bytes have passed, of each side, without so many of the last of the request.
    pub(super) fn passed_but(&self, read_ahead: u64) -> [u64; 2] {
        [self.passed[0].get().saturating_sub(read_ahead), self.passed[1].get()]
    }

    /// What acts goes on elsewhere.
    pub(super) fn take_acting(&self) -> Acting {
        self.acting.take()
    }

    /// Changes bytes that pass next.
    pub(super) fn flip(&self, side: Side, bytes: &mut [u8]) {
        if self.gates(side).corrupt {
            self.acting.borrow().flip(side, self.passed[side.index()].get(), bytes);
        }
    }

    /// Bytes have passed.
    pub(super) fn moved(&self, side: Side, bytes: usize) {
        let gates = self.gates(side);
        let passed = &self.passed[side.index()];
        let before = passed.replace(passed.get() + bytes as u64);
        if !gates.touch_bytes() {
            return;
        }
        self.acting.borrow_mut().took(side, bytes as u64, now_ns());
        if gates.corrupt {
            self.acting.borrow().flipped(side, before, bytes as u64);
        }
        if gates.reached(passed.get(), false).is_some() {
            self.end_at_limit(gates);
        }
    }

    /// That side has ended: ready when that may be told.
    pub(super) fn poll_end(&self, side: Side) -> Poll<()> {
        let mut late = self.late[side.index()].borrow_mut();
        if late.is_none() {
            *late = LateEnd::new(self.acting.borrow().end_delays(side));
        }
        let Some(end) = late.as_mut() else { return Poll::Ready(()) };
        if end.due_ns() > now_ns() {
            self.wake_by(end.due_ns());
            return Poll::Pending;
        }
        end.told();
        Poll::Ready(())
    }

    /// Whether the end of that side has come and is kept back.
    pub(super) fn is_late(&self, side: Side) -> bool {
        self.late[side.index()].borrow().is_some()
    }

    /// Whether a fault was seen to hit this connection.
    pub(super) fn faulted(&self) -> bool {
        self.acting.borrow().faulted()
    }

    /// Hands over every fault that acts on this connection.
    pub(super) fn each_acting(&self, see: impl FnMut(&FaultSpec)) {
        self.acting.borrow().each(see);
    }

    /// The connection is to be closed in order, and no fault does it.
    pub(super) fn close(&self) {
        self.end(None);
    }

    fn end_at_limit(&self, gates: Gates) {
        let Some(limit) = gates.limit else { return };
        self.end(self.acting.borrow().mark(limit.act));
    }

    fn end(&self, mark: Option<Mark>) {
        self.over.borrow_mut().get_or_insert(Over { since_ns: now_ns(), told: false, mark });
    }

    fn wake_by(&self, at_ns: u64) {
        let set = self.wake_ns.get();
        if set <= now_ns() || at_ns < set {
            self.wake_ns.set(at_ns);
        }
    }

    /// Whether a fault has ended the connection, or does now by its time.
    pub(super) fn is_over(&self, conn: &Conn) -> bool {
        let due = self.acting.borrow().due(conn.accepted.at_ns, conn.accepted.at_ns);
        if let Some(due) = due.filter(|due| due.at_ns <= now_ns()) {
            self.end(self.acting.borrow().mark(due.act));
        }
        self.over.borrow().is_some()
    }

    /// Ready once what was let through is with the client, or has had long enough: then the connection is closed.
    pub(super) fn poll_over(
        &self,
        wire: &Wire,
        buffer: &mut [u8],
        alarm: &Alarm,
        cx: &Context<'_>,
    ) -> Poll<()> {
        let mut over = self.over.borrow_mut();
        let Some(over) = over.as_mut() else { return Poll::Pending };
        if !std::mem::replace(&mut over.told, true) {
            wire.shut_down();
        }
        wire.discard(buffer);
        let now = now_ns();
        if now <= over.since_ns + kernel::LAST_BYTES_NS && kernel::unsent(wire.descriptor()) > 0 {
            alarm.set(now + kernel::LAST_BYTES_STEP_NS, cx);
            return Poll::Pending;
        }
        over.mark.iter().for_each(Mark::hit);
        Poll::Ready(())
    }

    /// Sets the alarm for what is still to come.
    pub(super) fn set_alarm(&self, conn: &Conn, alarm: &Alarm, cx: &Context<'_>) {
        let due = self.acting.borrow().due(conn.accepted.at_ns, conn.accepted.at_ns).map(|due| due.at_ns);
        let wake = Some(self.wake_ns.get()).filter(|at| *at != 0 && *at > now_ns());
        if let Some(at) = [due, wake].into_iter().flatten().min() {
            alarm.set(at, cx);
        }
    }
}

/// Fits an end that is kept back to a change. True when the connection is to be reset instead.
fn follow(late: &RefCell<Option<Box<LateEnd>>>, change: &Change) -> bool {
    let mut late = late.borrow_mut();
    let Some(late) = late.as_mut() else { return false };
    match change {
        Change::Delay(armed) => {
            if let TrafficFault::SlowClose(slow) = &armed.spec.fault {
                late.shorten(armed, slow.delay.nanos());
            }
            false
        }
        Change::Gone(armed, _) => match armed.spec.on_remove {
            OnRemove::Drain => false,
            OnRemove::Release => {
                late.shorten(armed, 0);
                false
            }
            OnRemove::Reset => late.waits_for(armed),
        },
    }
}
