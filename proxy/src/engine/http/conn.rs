//! What the parts of one HTTP connection share. They all run in one task, so cells are enough.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Context;

use hyper::client::conn::http1::Connection;
use tokio::net::TcpStream;

use super::call::Hit;
use super::forward::Kept;
use super::payload::Payload;
use super::socket::{Socket, Wire};
use crate::engine::armed::Armed;
use crate::engine::connection::Accepted;
use crate::engine::idle::Idle;
use crate::engine::outq;
use crate::engine::timer::now_ns;
use crate::engine::worker::Worker;
use crate::fault::Direction;

/// How long bytes let through by `after_bytes` may take to arrive before the reset follows.
pub(super) const LAST_BYTES_NS: u64 = 1_000_000_000;
pub(super) const LAST_BYTES_STEP_NS: u64 = 1_000_000;

type Driver = Pin<Box<Connection<Socket, Payload>>>;

/// One client connection and its upstream connection.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) worker: Rc<Worker>,
    pub(super) accepted: Accepted,
    pub(super) client: Rc<Wire>,
    pub(super) upstream: Rc<Wire>,
    /// Dialled before the first request.
    pub(super) dialled: RefCell<Option<TcpStream>>,
    /// The upstream connection while no request is on it.
    pub(super) kept: RefCell<Option<Kept>>,
    /// Something is to go to the upstream in this turn.
    handed: Cell<bool>,
    driver: RefCell<Option<Driver>>,
    cut: RefCell<Option<PendingCut>>,
    /// The fault whose reset ends the connection.
    cause: RefCell<Option<Hit>>,
    /// Since when all bytes that may pass have passed.
    passed_ns: Cell<u64>,
    idle: RefCell<Idle>,
    /// Goes up when a call begins and when it ends, so that it is odd while one is under way.
    turns: Cell<u64>,
    /// Whether the call under way is hit by a fault, which may keep everything still.
    hit: Cell<bool>,
}

/// A reset that waits for its time or its bytes.
#[derive(Clone, Debug)]
struct PendingCut {
    hit: Hit,
    /// 0 when only bytes count.
    due_ns: u64,
    by_bytes: bool,
}

/// What has become of a fault since it was decided.
#[derive(Debug)]
pub(super) enum Standing {
    Here(Arc<Armed>),
    Gone,
}

impl Conn {
    pub(super) fn new(worker: &Rc<Worker>, accepted: Accepted, dialled: Option<TcpStream>) -> Rc<Self> {
        let (client, upstream) = super::counters(&accepted);
        let idle = RefCell::new(Idle::new(&accepted.route));
        Rc::new(Self {
            worker: Rc::clone(worker),
            accepted,
            client: Rc::new(client),
            upstream: Rc::new(upstream),
            dialled: RefCell::new(dialled),
            kept: RefCell::default(),
            handed: Cell::new(false),
            driver: RefCell::default(),
            cut: RefCell::default(),
            cause: RefCell::default(),
            passed_ns: Cell::new(0),
            idle,
            turns: Cell::new(0),
            hit: Cell::new(false),
        })
    }

    /// How the fault stands now.
    pub(super) fn standing(&self, armed: &Armed) -> Standing {
        let now = self.accepted.route.faults();
        let same = |other: &&Arc<Armed>| Arc::ptr_eq(&other.record, &armed.record);
        let standing =
            now.faults.iter().find(same).filter(|armed| !armed.is_timed() || armed.is_on(now_ns()));
        standing.map_or(Standing::Gone, |armed| Standing::Here(Arc::clone(armed)))
    }

    /// A new upstream connection is to be driven.
    pub(super) fn adopt(&self, connection: Connection<Socket, Payload>) {
        *self.driver.borrow_mut() = Some(Box::pin(connection));
    }

    /// A request is about to be given to the upstream connection.
    pub(super) fn hand_over(&self) {
        self.handed.set(true);
    }

    /// Whether something was given to the upstream connection since this was last asked.
    pub(super) fn was_handed_over(&self) -> bool {
        self.handed.replace(false)
    }

    /// Moves the upstream connection.
    pub(super) fn drive_upstream(&self, cx: &mut Context<'_>) {
        // Taken out while it runs: what it calls may look at this connection.
        let Some(mut driver) = self.driver.borrow_mut().take() else { return };
        match driver.as_mut().poll(cx) {
            std::task::Poll::Pending => *self.driver.borrow_mut() = Some(driver),
            std::task::Poll::Ready(result) => {
                if let Err(error) = result {
                    tracing::debug!(%error, "an upstream connection ended");
                }
            }
        }
    }

    /// The next request: nothing that waited for the last one counts any more.
    pub(super) fn call_begins(&self) {
        self.turns.set(self.turns.get() | 1);
        self.hit.set(false);
        self.cut.borrow_mut().take();
        self.let_pass();
    }

    fn let_pass(&self) {
        self.client.limit(None);
        self.upstream.limit(None);
        self.passed_ns.set(0);
    }

    /// The answer is complete as far as the services are concerned; bytes may still be on their way.
    pub(super) fn call_ended(&self) {
        self.turns.set((self.turns.get() | 1) + 1);
        let mut cut = self.cut.borrow_mut();
        if let Some(pending) = cut.as_mut() {
            pending.due_ns = 0;
            if !pending.by_bytes {
                cut.take();
            }
        }
    }

    /// A fault hits the call that has begun.
    pub(super) fn call_is_hit(&self) {
        self.hit.set(true);
    }

    /// When the connection will have been idle for too long, 0 for never; nothing when it has been. Between calls only
    /// a whole head of a request counts, so that one which comes byte by byte keeps nothing open.
    pub(super) fn idle_due_ns(&self) -> Option<u64> {
        let turns = self.turns.get();
        let under_way = turns % 2 == 1;
        let bytes = if under_way { self.client.moved() + self.upstream.moved() } else { 0 };
        let busy = under_way && self.hit.get();
        self.idle.borrow_mut().due_ns(&self.accepted.route, (turns << 48) ^ bytes, busy)
    }

    /// The connection is to be reset as soon as the current turn ends.
    pub(super) fn cut_now(&self, cause: Option<&Hit>) {
        self.client.reset_on_close();
        self.upstream.reset_on_close();
        *self.cause.borrow_mut() = cause.cloned();
    }

    /// The connection is to be reset at a time, or once so many bytes have gone that way, or whichever is first.
    pub(super) fn cut_later(&self, hit: &Hit, due_ns: Option<u64>, after_bytes: Option<(u64, Direction)>) {
        if let Some((bytes, way)) = after_bytes {
            self.client.limit(way.acts_on_response().then_some(bytes));
            self.upstream.limit(way.acts_on_request().then_some(bytes));
        }
        let cut =
            PendingCut { hit: hit.clone(), due_ns: due_ns.unwrap_or(0), by_bytes: after_bytes.is_some() };
        *self.cut.borrow_mut() = Some(cut);
    }

    /// Lets everything pass again when the fault that was to reset the connection is gone. To be called before the
    /// server has its turn, which nobody would give it again.
    pub(super) fn follow_changes(&self) {
        let mut cut = self.cut.borrow_mut();
        if cut.as_ref().is_some_and(|cut| matches!(self.standing(&cut.hit.armed), Standing::Gone)) {
            cut.take();
            self.let_pass();
        }
    }

    /// When to look again for a reset that waits; 0 when the connection is to end now.
    pub(super) fn pending_cut(&self, now_ns: u64) -> Option<u64> {
        if self.client.resets_on_close() {
            return Some(0);
        }
        let pending = self.cut.borrow().clone()?;
        if pending.due_ns != 0 && pending.due_ns <= now_ns {
            self.cut_now(Some(&pending.hit));
            return Some(0);
        }
        let Some(wire) = [&self.client, &self.upstream].into_iter().find(|wire| wire.is_at_limit()) else {
            return Some(pending.due_ns).filter(|due| *due != 0);
        };
        if self.passed_ns.get() == 0 {
            self.passed_ns.set(now_ns);
        }
        if now_ns > self.passed_ns.get() + LAST_BYTES_NS || outq::unsent(wire.descriptor()) == 0 {
            self.cut_now(Some(&pending.hit));
            return Some(0);
        }
        Some(now_ns + LAST_BYTES_STEP_NS)
    }

    /// Closes what is left of the upstream. The client's socket is closed already.
    pub(super) fn close(&self) {
        self.kept.borrow_mut().take();
        if self.client.failed() {
            self.upstream.reset_on_close();
        }
        self.driver.borrow_mut().take();
        if let Some(cause) = self.cause.borrow_mut().take() {
            cause.done();
        }
    }
}
