//! A request on its way through the stack, with the faults that hit it.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use ::http::Request;
use hyper::body::Incoming;

use super::conn::Conn;
use super::http2::Fate;
use super::payload::Payload;
use super::wire::Unsent;
use crate::engine::armed::{Armed, Subject};
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
}

impl Hit {
    /// What goes on when the connection carries something else after the request.
    pub(super) fn decided(&self) -> Decided {
        Decided { record: Arc::clone(&self.armed.record), nth: self.nth, counted: Rc::clone(&self.counted) }
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
}

impl Account {
    /// The call was answered with this status.
    pub(super) fn answered(&mut self, status: ::http::StatusCode) {
        self.error = status.is_server_error();
    }

    /// What the call began goes on without it, and is counted when that ends. Returns where it says that a fault hit.
    pub(super) fn goes_on(&mut self) -> Rc<Cell<bool>> {
        self.goes_on = true;
        Rc::clone(&self.touched)
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
        let subject = Subject::Request(&parts);
        let (mut hits, mut ended) = (Vec::new(), false);
        let faults = route.faults();
        for armed in &faults.faults {
            let acts = !armed.spec.fault.acts_at_the_door() && armed.is_on(began_ns);
            if !acts || !armed.fits(subject) {
                continue;
            }
            let nth = armed.next();
            let decision = armed.decide(subject, ordinal, nth);
            let does = armed.account(ordinal, &decision);
            if does && !ended {
                ended = armed.spec.fault.ends_at_once();
                hits.push(Hit {
                    armed: Arc::clone(armed),
                    response_delay_ns: decision.first_ns(Side::Response),
                    request_delay_ns: decision.first_ns(Side::Request),
                    nth,
                    counted: Rc::default(),
                    touched: Rc::clone(&touched),
                });
            }
        }
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
        };
        let request = request.map(|body| Payload::incoming(conn, body));
        Self {
            conn: Rc::clone(conn),
            request,
            hits,
            began_ns,
            ordinal,
            when_sent: Unsent::default(),
            fate: None,
            account,
        }
    }

    /// The hits of one kind of fault, in order.
    pub(super) fn hits<T>(&self, kind: impl Fn(&TrafficFault) -> Option<&T>) -> Vec<(Hit, T)>
    where
        T: Clone,
    {
        self.hits.iter().filter_map(|hit| Some((hit.clone(), kind(&hit.armed.spec.fault)?.clone()))).collect()
    }
}
