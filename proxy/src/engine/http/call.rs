//! A request on its way through the stack, with the faults that hit it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use ::http::{HeaderMap, Request, StatusCode};
use hyper::body::Incoming;

use super::conn::Conn;
use super::envoy;
use super::http2::Fate;
use super::payload::Payload;
use super::wire::{Deed, Unsent};
use crate::engine::armed::{Armed, Decision, Subject};
use crate::engine::gates::Side;
use crate::engine::route::Route;
use crate::engine::switched::Decided;
use crate::engine::timer::now_ns;
use crate::engine::wall;
use crate::fault::{RequestParts, TrafficFault};

/// The connection is over without an answer: the reason is with the connection.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("cut off by a fault")]
pub(super) struct Cut;

/// One request.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) conn: Rc<Conn>,
    pub(super) request: Request<Payload>,
    pub(super) hits: Vec<Hit>,
    pub(super) began_ns: u64,
    /// Which request of the route it is.
    pub(super) ordinal: u64,
    /// The headers by which it opts in.
    pub(super) opt_ins: HeaderMap,
    /// What becomes true when it leaves for the upstream.
    pub(super) when_sent: Unsent,
    /// On HTTP/2, what is to become of the stream.
    pub(super) fate: Option<Rc<Fate>>,
    /// Ends with the call and counts it.
    pub(super) account: Account,
}

/// A fault that is to be done to a request.
#[derive(Clone, Debug)]
pub(super) struct Hit {
    pub(super) armed: Arc<Armed>,
    pub(super) response_delay_ns: u64,
    pub(super) request_delay_ns: u64,
    /// Which of the requests that fit this one is.
    nth: u64,
    counted: Rc<Cell<bool>>,
    touched: Rc<Cell<bool>>,
    /// Whether it is to be done, as far as that is known.
    meant: Rc<Cell<bool>>,
    /// The decision, while the status of the answer is waited for.
    waits: Option<Rc<RefCell<Decision>>>,
}

impl Hit {
    /// What goes on when the connection carries something else after the request.
    pub(super) fn decided(&self) -> Decided {
        Decided { record: Arc::clone(&self.armed.record), nth: self.nth, counted: Rc::clone(&self.counted) }
    }

    fn new(armed: &Arc<Armed>, decision: Decision, nth: Option<u64>, touched: &Rc<Cell<bool>>) -> Self {
        let waits = armed.spec.matching.status.is_some();
        Self {
            armed: Arc::clone(armed),
            response_delay_ns: decision.first_ns(Side::Response),
            request_delay_ns: decision.first_ns(Side::Request),
            nth: nth.unwrap_or(0),
            counted: Rc::default(),
            touched: Rc::clone(touched),
            meant: Rc::new(Cell::new(!waits)),
            waits: waits.then(|| Rc::new(RefCell::new(decision))),
        }
    }

    /// Whether it is to be done. What waits for the status of the answer is not, until that is there and fits.
    pub(super) fn is_meant(&self) -> bool {
        self.meant.get()
    }

    /// Whether only the answer shows if it is meant.
    pub(super) const fn waits_for_status(&self) -> bool {
        self.waits.is_some()
    }

    /// It has been done and seen.
    pub(super) fn done(&self) {
        self.touched.set(true);
        if !self.counted.replace(true) {
            self.armed.record.hit();
        }
    }

    /// It is about to be done to this call, and is counted when it has been.
    pub(super) fn touch(&self) {
        self.touched.set(true);
    }

    pub(super) fn bytes(&self, bytes: u64) {
        self.armed.record.bytes.fetch_add(bytes, Relaxed);
    }
}

/// Settles the hits that wait for the status of the upstream's answer. As everywhere, the first that ends the call keeps
/// those behind it from acting.
pub(super) fn judge(hits: &[Hit], ordinal: u64, status: StatusCode) {
    let mut ended = false;
    for hit in hits {
        let Some(decision) = &hit.waits else {
            hit.meant.set(!ended && hit.is_meant());
            ended |= hit.armed.spec.fault.ends_at_once();
            continue;
        };
        let wanted = hit.armed.spec.matching.status.as_ref();
        if wanted.is_some_and(|wanted| wanted.fits(status.as_u16())) {
            let decision = &mut *decision.borrow_mut();
            hit.armed.settle(decision);
            if hit.armed.account(ordinal, decision) && !ended {
                hit.meant.set(true);
                ended = hit.armed.spec.fault.ends_at_once();
            }
        }
    }
}

/// Counts the request when it is over.
#[derive(Debug)]
pub(super) struct Account {
    conn: Rc<Conn>,
    began_ns: u64,
    touched: Rc<Cell<bool>>,
    error: bool,
    call: u64,
    was_hit: bool,
    /// It is counted elsewhere.
    goes_on: bool,
    /// What becomes true when the answer leaves.
    told: Vec<Deed>,
}

impl Account {
    /// The call was answered with this status.
    pub(super) fn answered(&mut self, status: StatusCode) {
        self.error = status.is_server_error();
    }

    /// What the call began goes on without it, and is counted when that ends. Returns where it says that a fault hit.
    pub(super) fn goes_on(&mut self) -> Rc<Cell<bool>> {
        self.goes_on = true;
        Rc::clone(&self.touched)
    }

    /// A fault has been done once the answer leaves. On HTTP/1 that is the next that can leave; on HTTP/2 other streams
    /// may come before it, until it is handed over.
    pub(super) fn when_told(&mut self, deed: Deed) {
        if self.conn.is_many() {
            self.told.push(deed);
        } else {
            self.conn.client.when_bytes_leave(deed);
        }
    }

    /// The answer is handed over.
    pub(super) fn tells(&mut self) {
        self.told.drain(..).for_each(|deed| self.conn.client.when_bytes_leave(deed));
    }

    /// Another answer takes the place of the one that these were about.
    pub(super) fn forget(&mut self) {
        self.told.clear();
    }

    /// It went wrong after all.
    pub(super) fn failed(&mut self) {
        self.error = true;
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if self.conn.client.edge.faulted() {
            self.touched.set(true);
        }
        if !self.goes_on {
            // Counted when it goes: at once, or when bytes that are still on their way have shown whether a fault hit.
            let ended = Ended {
                route: Arc::clone(&self.conn.accepted.route),
                touched: Rc::clone(&self.touched),
                error: self.error,
                duration_ns: now_ns() - self.began_ns,
            };
            self.conn.client.after_deeds(ended);
        }
        self.conn.call_ended(self.call, self.was_hit);
    }
}

/// A call that is over.
#[derive(Debug)]
pub(super) struct Ended {
    route: Arc<Route>,
    touched: Rc<Cell<bool>>,
    error: bool,
    duration_ns: u64,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.route.red.ended(self.touched.get(), self.error, self.duration_ns);
    }
}

/// The faults that a request meets.
struct Hits<'a> {
    all: Vec<Hit>,
    /// One of them ends the call.
    ended: bool,
    /// How many the request asked for itself.
    asked: u64,
    touched: &'a Rc<Cell<bool>>,
}

impl Hits<'_> {
    /// Lets a fault that fits decide.
    fn meet(&mut self, armed: &Arc<Armed>, parts: &RequestParts<'_>, ordinal: u64, route: &str) {
        if let TrafficFault::EnvoyHeaders(limits) = &armed.spec.fault {
            for one in envoy::asked(parts, limits) {
                self.asked += 1;
                let asked = armed.asked(route, one.kind, one.fault, one.percent);
                self.decide(&Arc::new(asked), parts, ordinal);
            }
        } else {
            self.decide(armed, parts, ordinal);
        }
    }

    fn decide(&mut self, armed: &Arc<Armed>, parts: &RequestParts<'_>, ordinal: u64) {
        let waits = armed.spec.matching.status.is_some();
        let nth = if waits { None } else { Some(armed.next()) };
        let decision = armed.decide(Subject::Request(parts), ordinal, nth);
        if waits {
            self.all.push(Hit::new(armed, decision, nth, self.touched));
        } else if armed.account(ordinal, &decision) && !self.ended {
            self.ended = armed.spec.fault.ends_at_once();
            self.all.push(Hit::new(armed, decision, nth, self.touched));
        }
    }
}

impl Call {
    /// Numbers the request and lets every fault decide.
    pub(super) fn new(conn: &Rc<Conn>, request: Request<Incoming>) -> Self {
        let began_ns = now_ns();
        conn.call_begins();
        let route = &conn.accepted.route;
        let ordinal = route.counts.requests.fetch_add(1, Relaxed);
        let touched = Rc::<Cell<bool>>::default();
        let parts = RequestParts {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            client: conn.accepted.client,
            unix_seconds: wall::unix_seconds,
        };
        let mut places = conn.worker.places.take();
        let mut hits = Hits { all: Vec::new(), ended: false, asked: 0, touched: &touched };
        let faults = route.faults();
        for armed in faults.fitting(Subject::Request(&parts), &mut places) {
            if armed.is_on(began_ns) {
                hits.meet(armed, &parts, ordinal, &route.spec.name);
            }
        }
        let Hits { all: hits, asked, .. } = hits;
        conn.worker.places.replace(places);
        let mut request = request;
        if route.spec.envoy_headers.is_some() {
            let ignored = envoy::take_out(request.headers_mut()).saturating_sub(asked);
            route.counts.headers_ignored.fetch_add(ignored, Relaxed);
        }
        let opt_ins = faults.take_opt_ins(request.headers_mut());
        let was_hit = !hits.is_empty();
        if was_hit {
            conn.call_is_hit();
        }
        let account = Account {
            conn: Rc::clone(conn),
            began_ns,
            touched,
            error: true,
            call: ordinal,
            was_hit,
            goes_on: false,
            told: Vec::new(),
        };
        let request = request.map(|body| Payload::incoming(conn, body));
        Self {
            conn: Rc::clone(conn),
            request,
            hits,
            began_ns,
            ordinal,
            opt_ins,
            when_sent: Unsent::default(),
            fate: None,
            account,
        }
    }

    /// The hits of one kind of fault, in order. One that was removed while the call waited for another is none any more.
    pub(super) fn hits<T>(&self, kind: impl Fn(&TrafficFault) -> Option<&T>) -> Vec<(Hit, T)>
    where
        T: Clone,
    {
        let of_kind = self.hits.iter().filter_map(|hit| Some((hit, kind(&hit.armed.spec.fault)?)));
        let standing = of_kind.filter(|(hit, _)| self.conn.stands(hit));
        standing.map(|(hit, fault)| (hit.clone(), fault.clone())).collect()
    }
}
