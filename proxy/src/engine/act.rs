//! One fault on one TCP connection, and what it remembers of it.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use super::acting::{Change, Held, Moment};
use super::armed::{Armed, Delays, Subject};
use super::bucket::Bucket;
use super::gates::{Due, Fate, Gates, Limit, Pace, Side};
use super::hold::Hold;
use super::pieces::Pieces;
use super::record::Record;
use crate::fault::TrafficFault;

/// One fault on one connection.
#[derive(Debug)]
pub(super) struct Act {
    pub(super) armed: Arc<Armed>,
    /// The delays that a `latency` draws for it.
    pub(super) delays: Option<Box<Delays>>,
    /// The decision says that the deed is to be done.
    pub(super) does: bool,
    /// A fault before it ends everything.
    pub(super) masked: bool,
    /// Its schedule lets it act at this time.
    on: bool,
    accounted: bool,
    /// Which of the connections that fit this one is.
    nth: u64,
    pub(super) mark: Mark,
    pub(super) memory: Memory,
}

/// What a fault remembers of a connection; a change of its parameters does not make it forget.
#[derive(Debug, Default)]
pub(super) enum Memory {
    #[default]
    Nothing,
    /// The rate limit of each side.
    Rates(Box<[Option<Bucket>; 2]>),
    /// Which sides have bytes missing, and when the last byte arrived.
    Swallowed { sides: [bool; 2], heard_ns: u64 },
    /// The stall of each side.
    Holds([Hold; 2]),
    /// Where each side is cut.
    Pieces(Box<[Option<Pieces>; 2]>),
    /// How many bytes of each side had passed when it met the connection.
    Since([u64; 2]),
    /// Which connection it is.
    Stream { ordinal: u64 },
    /// When bytes first had to wait.
    First { ns: Option<u64> },
}

/// Lets a fault be counted once for a connection that it hit.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub(super) armed: Arc<Armed>,
    counted: Rc<Cell<bool>>,
}

impl Mark {
    /// The fault has hit.
    pub(super) fn hit(&self) {
        if !self.counted.replace(true) {
            self.armed.record.hit();
        }
    }

    pub(super) fn is_hit(&self) -> bool {
        self.counted.get()
    }

    pub(super) fn record(&self) -> &Record {
        &self.armed.record
    }
}

impl Memory {
    /// What is remembered under these parameters, of what was remembered before.
    fn follow(old: Self, armed: &Armed, at: &Moment) -> Self {
        match (&armed.spec.fault, old) {
            (TrafficFault::Bandwidth(fault), old) => {
                let mut before = if let Self::Rates(buckets) = old { *buckets } else { [None, None] };
                Self::Rates(Box::new(Side::BOTH.map(|side| {
                    let rate = fault.rate.bytes_per_second();
                    let old = before[side.index()].take();
                    side.meant_by(fault.direction).then(|| {
                        let mut bucket = old.unwrap_or_else(|| Bucket::new(rate, at.now_ns));
                        bucket.set_rate(rate, at.now_ns);
                        bucket
                    })
                })))
            }
            (TrafficFault::Blackhole(_), old @ Self::Swallowed { .. }) => old,
            (TrafficFault::Blackhole(_), _) => Self::Swallowed { sides: [false; 2], heard_ns: at.now_ns },
            (TrafficFault::Reset(_), old @ Self::First { .. }) => old,
            (TrafficFault::Reset(_), _) => Self::First { ns: None },
            (TrafficFault::Stall(_), old @ Self::Holds(_)) => old,
            (TrafficFault::Stall(_), _) => Self::Holds(Default::default()),
            (TrafficFault::Slicer(slicer), old) => {
                let mut before = if let Self::Pieces(pieces) = old { *pieces } else { [None, None] };
                Self::Pieces(Box::new(Side::BOTH.map(|side| {
                    let old = before[side.index()].take();
                    side.meant_by(slicer.direction).then(|| match old {
                        Some(mut pieces) => {
                            pieces.follow(slicer);
                            pieces
                        }
                        None => Pieces::new(slicer, armed.seed_of(side).draws_at(at.ordinal, 0)),
                    })
                })))
            }
            (TrafficFault::LimitData(_), old @ Self::Since(_)) => old,
            (TrafficFault::LimitData(_), _) => Self::Since(at.passed),
            (TrafficFault::Corrupt(_), _) => Self::Stream { ordinal: at.ordinal },
            (
                TrafficFault::Latency(_)
                | TrafficFault::SlowClose(_)
                | TrafficFault::LimitTime(_)
                | TrafficFault::HttpError(_)
                | TrafficFault::HttpBody(_)
                | TrafficFault::HttpHeaders(_)
                | TrafficFault::GrpcError(_)
                | TrafficFault::KeepAliveKill(_)
                | TrafficFault::HttpRedirectLoop(_)
                | TrafficFault::EnvoyHeaders(_)
                | TrafficFault::Refuse(_)
                | TrafficFault::AcceptStall(_)
                | TrafficFault::ConnectionLimit(_),
                _,
            ) => Self::Nothing,
        }
    }
}

impl Act {
    /// Meets the connection, or goes on under other parameters when it was there before.
    pub(super) fn new(armed: &Arc<Armed>, subject: Subject<'_>, at: &Moment, old: Option<Self>) -> Self {
        let (accounted, nth, counted, memory) = match old {
            Some(old) => (old.accounted, old.nth, old.mark.counted, old.memory),
            None => (false, 0, Rc::default(), Memory::Nothing),
        };
        let mut act = Self {
            armed: Arc::clone(armed),
            delays: None,
            does: false,
            masked: false,
            on: armed.is_on(at.now_ns),
            accounted,
            nth,
            mark: Mark { armed: Arc::clone(armed), counted },
            memory: Memory::Nothing,
        };
        if act.on && armed.fits(subject) {
            if !act.accounted {
                act.nth = armed.next();
            }
            let decision = armed.decide(subject, at.ordinal, Some(act.nth));
            // Matched once, however often the parameters change.
            act.does = if std::mem::replace(&mut act.accounted, true) {
                armed.does(&decision)
            } else {
                armed.account(at.ordinal, &decision)
            };
            act.delays = decision.delays.filter(|_| act.does);
        }
        if act.does {
            act.memory = Memory::follow(memory, armed, at);
        }
        act
    }

    /// Goes on with a connection after a request, for which it was decided. `hit` is there when it was to be done: whether
    /// it was counted for the request, and which of those that fit that was.
    pub(super) fn of_request(
        armed: &Arc<Armed>,
        subject: Subject<'_>,
        at: &Moment,
        hit: Option<(Rc<Cell<bool>>, u64)>,
    ) -> Self {
        let does = hit.is_some();
        let (counted, nth) = hit.unwrap_or_default();
        Self {
            armed: Arc::clone(armed),
            delays: if does { armed.decide(subject, at.ordinal, Some(nth)).delays } else { None },
            does,
            masked: false,
            on: armed.is_on(at.now_ns),
            accounted: true,
            nth,
            mark: Mark { armed: Arc::clone(armed), counted },
            memory: if does { Memory::follow(Memory::Nothing, armed, at) } else { Memory::Nothing },
        }
    }

    /// Whether nothing has changed for it.
    pub(super) fn is_as_before(&self, armed: &Arc<Armed>, at: &Moment) -> bool {
        Arc::ptr_eq(&self.armed, armed) && self.on == armed.is_on(at.now_ns)
    }

    /// Follows a change of the parameters, or the turns of the schedule.
    pub(super) fn changed(
        self,
        armed: &Arc<Armed>,
        subject: Subject<'_>,
        at: &Moment,
        changes: &mut Vec<Change>,
    ) -> Self {
        let (did, gone) = (self.does, self.gone());
        let turned_away = match (&self.memory, &armed.spec.fault) {
            // It goes on, but no longer where bytes are missing.
            (Memory::Swallowed { sides, .. }, TrafficFault::Blackhole(hole)) => {
                Side::BOTH.into_iter().any(|side| sides[side.index()] && !side.meant_by(hole.direction))
            }
            _ => false,
        };
        let new = Self::new(armed, subject, at, Some(self));
        if did && (!new.does || turned_away) {
            changes.push(gone);
        } else if matches!(armed.spec.fault, TrafficFault::Latency(_) | TrafficFault::SlowClose(_)) {
            changes.push(Change::Delay(Arc::clone(armed)));
        }
        new
    }

    pub(super) fn gone(&self) -> Change {
        let swallowed = matches!(self.memory, Memory::Swallowed { sides, .. } if sides != [false; 2]);
        let waited = matches!(self.memory, Memory::First { ns: Some(_) });
        Change::Gone(Arc::clone(&self.armed), Held { swallowed, waited })
    }

    pub(super) const fn acts(&self) -> bool {
        self.does && !self.masked
    }

    /// Adds what the bytes of a side have to expect from this fault, the `act`-th of its connection.
    pub(super) fn add_to(&self, gates: &mut Gates, side: Side, act: usize) {
        match &self.armed.spec.fault {
            TrafficFault::Latency(fault) => gates.latency |= side.meant_by(fault.direction()),
            TrafficFault::Bandwidth(fault) if side.meant_by(fault.direction) => gates.at(Pace::Rate),
            TrafficFault::Blackhole(fault) => gates.blackhole |= side.meant_by(fault.direction),
            TrafficFault::Stall(fault) => gates.stall |= side.meant_by(fault.direction),
            TrafficFault::Reset(fault) if side.meant_by(fault.direction()) => {
                gates.hold |= !fault.from.is_accept();
                let limit = fault.after_bytes.map(|size| size.bytes());
                gates.end_at(limit.map(|at| Limit { at, fate: Fate::Reset, waits: false, act }));
            }
            TrafficFault::LimitData(fault) if side.meant_by(fault.direction) => {
                let Memory::Since(since) = &self.memory else { return };
                let (at, waits) = (fault.ends_at(since[side.index()]), fault.bytes.bytes() == 0);
                gates.end_at(Some(Limit { at, fate: Fate::Close, waits, act }));
            }
            TrafficFault::Slicer(fault) if side.meant_by(fault.direction) => gates.at(Pace::Pieces),
            TrafficFault::Corrupt(fault) => gates.corrupt |= side.meant_by(fault.direction),
            // An end that is late and a time that is over need no look at bytes.
            TrafficFault::Bandwidth(_)
            | TrafficFault::Slicer(_)
            | TrafficFault::Reset(_)
            | TrafficFault::LimitData(_)
            | TrafficFault::LimitTime(_)
            | TrafficFault::SlowClose(_)
            | TrafficFault::HttpError(_)
            | TrafficFault::HttpBody(_)
            | TrafficFault::HttpHeaders(_)
            | TrafficFault::GrpcError(_)
            | TrafficFault::KeepAliveKill(_)
            | TrafficFault::HttpRedirectLoop(_)
            | TrafficFault::EnvoyHeaders(_)
            | TrafficFault::Refuse(_)
            | TrafficFault::AcceptStall(_)
            | TrafficFault::ConnectionLimit(_) => {}
        }
    }

    /// When it ends a connection that was accepted at `accepted_ns`, and began to be carried at `began_ns`.
    pub(super) fn due(&self, accepted_ns: u64, began_ns: u64, act: usize) -> Option<Due> {
        match (&self.armed.spec.fault, &self.memory) {
            (TrafficFault::Reset(reset), Memory::First { ns }) => {
                reset.due_ns(began_ns, *ns).map(|at_ns| Due { at_ns, fate: Fate::Reset, act })
            }
            (TrafficFault::Blackhole(hole), Memory::Swallowed { heard_ns, .. }) => {
                hole.closes_ns(*heard_ns).map(|at_ns| Due { at_ns, fate: Fate::Close, act })
            }
            (TrafficFault::LimitTime(limit), _) => {
                Some(Due { at_ns: limit.due_ns(accepted_ns), fate: Fate::Close, act })
            }
            _ => None,
        }
    }
}
