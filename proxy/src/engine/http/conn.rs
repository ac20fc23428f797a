//! What the parts of one client connection share. They all run on one thread, so cells are enough.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};

use tokio::net::TcpStream;

use super::call::Hit;
use super::crew::Crew;
use super::lane::Lane;
use super::leaving::Leaving;
use super::many::Upstream;
use super::switch::Agreed;
use super::wire::Wire;
use super::wires::Wires;
use crate::engine::accepted::Accepted;
use crate::engine::armed::Armed;
use crate::engine::idle::Idle;
use crate::engine::kernel;
use crate::engine::timer::now_ns;
use crate::engine::worker::Worker;
use crate::fault::Direction;

/// One client connection: on HTTP/1 its calls come one after another, on HTTP/2 many are under way at once.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) worker: Rc<Worker>,
    pub(super) accepted: Accepted,
    pub(super) client: Rc<Wire>,
    /// The upstream connection of a client that speaks HTTP/1.
    pub(super) lane: Lane,
    /// The upstream of a client that speaks HTTP/2.
    pub(super) upstream: Upstream,
    /// The tasks of this connection, beside its own.
    pub(super) crew: Rc<Crew>,
    /// Calls may be under way at the same time.
    many: Cell<bool>,
    cuts: RefCell<Vec<PendingCut>>,
    /// The upstream has agreed to leave HTTP.
    pub(super) agreed: RefCell<Option<Agreed>>,
    /// HTTP is over on both sides, and what was agreed to begins.
    pub(super) left_http: Cell<bool>,
    /// The fault whose reset ends the connection.
    cause: RefCell<Option<Hit>>,
    /// Since when all bytes that may pass have passed.
    passed_ns: Cell<u64>,
    idle: RefCell<Idle>,
    /// Goes up when a call begins and when it ends.
    turns: Cell<u64>,
    under_way: Cell<u32>,
    /// How many of the calls under way are hit by a fault, which may keep everything still.
    hit: Cell<u32>,
    /// Other upstream connections than the lane's.
    upstreams: Wires,
    /// Calls that have begun.
    calls: Cell<u64>,
    pub(super) leaving: Leaving,
    /// The connection's own task.
    waker: RefCell<Option<Waker>>,
}

/// A reset that waits for its time or its bytes.
#[derive(Clone, Debug)]
struct PendingCut {
    call: u64,
    hit: Hit,
    /// 0 when only bytes count.
    due_ns: u64,
    by_bytes: bool,
    /// As many bytes as it lets through have been handed over.
    reached: bool,
}

/// What has become of a fault since it was decided.
#[derive(Debug)]
pub(super) enum Standing {
    Here(Arc<Armed>),
    Gone,
}

impl Conn {
    pub(super) fn new(worker: &Rc<Worker>, accepted: Accepted, dialled: Option<TcpStream>) -> Rc<Self> {
        let client = Rc::new(Wire::of_client(&accepted.route));
        let idle = RefCell::new(Idle::new(&accepted.route));
        Rc::new(Self {
            worker: Rc::clone(worker),
            accepted,
            client,
            lane: Lane::new(dialled),
            upstream: Upstream::default(),
            crew: Rc::default(),
            many: Cell::new(false),
            cuts: RefCell::default(),
            agreed: RefCell::default(),
            left_http: Cell::new(false),
            cause: RefCell::default(),
            passed_ns: Cell::new(0),
            idle,
            turns: Cell::new(0),
            under_way: Cell::new(0),
            hit: Cell::new(0),
            upstreams: Wires::default(),
            calls: Cell::new(0),
            leaving: Leaving::default(),
            waker: RefCell::default(),
        })
    }

    /// The client speaks HTTP/2.
    pub(super) fn has_many_calls(&self) {
        self.many.set(true);
    }

    /// Whether calls may be under way at the same time.
    pub(super) fn is_many(&self) -> bool {
        self.many.get()
    }

    /// An upstream connection is to be made, beside the lane's.
    pub(super) fn new_upstream(&self) -> Rc<Wire> {
        let wire = Rc::new(Wire::of_upstream());
        self.upstreams.add(&wire);
        wire
    }

    /// How the fault stands now.
    pub(super) fn standing(&self, armed: &Armed) -> Standing {
        let now = self.accepted.route.faults();
        let standing = now.standing(armed).filter(|armed| !armed.is_timed() || armed.is_on(now_ns()));
        standing.map_or(Standing::Gone, |armed| Standing::Here(Arc::clone(armed)))
    }

    /// Whether the fault is still to be done, now that the answer is there.
    pub(super) fn means(&self, hit: &Hit) -> bool {
        hit.is_meant() && self.stands(hit)
    }

    /// Whether the fault is still there.
    pub(super) fn stands(&self, hit: &Hit) -> bool {
        matches!(self.standing(&hit.armed), Standing::Here(_))
    }

    /// The task that moves the connection has its turn. Streams of HTTP/2 have turns of their own, and wake it.
    pub(super) fn turn_begins(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }

    /// The connection's own task is to have its turn.
    fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    /// The next request. On HTTP/1 nothing that waited for the last one counts any more.
    pub(super) fn call_begins(&self) {
        self.calls.set(self.calls.get() + 1);
        self.turns.set(self.turns.get() + 1);
        self.under_way.set(self.under_way.get() + 1);
        if !self.is_many() {
            self.cuts.borrow_mut().clear();
            self.let_pass();
        }
    }

    /// How many calls have begun.
    pub(super) fn calls(&self) -> u64 {
        self.calls.get()
    }

    /// The connection is closed, unannounced, as soon as the answer of this call has been written.
    pub(super) fn leave_after(&self, call: u64, hit: &Hit) {
        hit.touch();
        self.leaving.after(call, hit);
    }

    /// The client is told that the connection takes no more calls; it ends with those that are under way.
    pub(super) fn go_away(&self) {
        self.leaving.go_away();
        self.wake();
    }

    /// Whether a fault ends the connection now.
    pub(super) fn leaves_now(&self) -> bool {
        let Some(hit) = self.leaving.now(self.client.flushes()) else { return false };
        *self.cause.borrow_mut() = Some(hit);
        true
    }

    /// No limit on bytes holds any more.
    pub(super) fn let_pass(&self) {
        self.client.limit(None);
        self.lane.wire.limit(None);
        self.passed_ns.set(0);
    }

    /// The answer is complete as far as the services are concerned; bytes may still be on their way.
    pub(super) fn call_ended(&self, call: u64, was_hit: bool) {
        self.leaving.call_ended(call, self.client.flushes());
        self.turns.set(self.turns.get() + 1);
        self.under_way.set(self.under_way.get() - 1);
        self.hit.set(self.hit.get() - u32::from(was_hit));
        let many = self.is_many();
        self.cuts.borrow_mut().retain_mut(|cut| {
            if cut.call != call {
                return true;
            }
            cut.due_ns = 0;
            cut.by_bytes && (!many || cut.reached)
        });
    }

    /// A fault hits a call that has begun.
    pub(super) fn call_is_hit(&self) {
        self.hit.set(self.hit.get() + 1);
    }

    /// When the connection will have been idle for too long, 0 for never; nothing when it has been. Between calls only
    /// a whole head of a request counts, so that one which comes byte by byte keeps nothing open.
    pub(super) fn idle_due_ns(&self) -> Option<u64> {
        if self.accepted.route.spec.idle_timeout.is_none() {
            return Some(0);
        }
        let under_way = self.under_way.get() > 0;
        let bytes = if under_way { self.client.moved() + self.moved_upstream() } else { 0 };
        let moved = (self.turns.get() << 48) ^ bytes;
        self.idle.borrow_mut().due_ns(&self.accepted.route, moved, self.hit.get() > 0)
    }

    fn moved_upstream(&self) -> u64 {
        self.lane.wire.moved() + self.upstreams.moved()
    }

    /// The connection is to be reset as soon as the current turn ends.
    pub(super) fn cut_now(&self, cause: Option<&Hit>) {
        self.client.reset_on_close();
        self.lane.wire.reset_on_close();
        self.upstreams.reset_on_close();
        *self.cause.borrow_mut() = cause.cloned();
        self.wake();
    }

    /// The connection is to be reset at a time, or once so many bytes have gone that way, or whichever is first. On
    /// HTTP/2 the bytes are those of one body, which says itself when they have passed.
    pub(super) fn cut_later(
        &self,
        call: u64,
        hit: &Hit,
        due_ns: Option<u64>,
        after_bytes: Option<(u64, Direction)>,
    ) {
        if let Some((bytes, way)) = after_bytes.filter(|_| !self.is_many()) {
            self.client.limit(way.acts_on_response().then_some(bytes));
            self.lane.wire.limit(way.acts_on_request().then_some(bytes));
        }
        self.cuts.borrow_mut().push(PendingCut {
            call,
            hit: hit.clone(),
            due_ns: due_ns.unwrap_or(0),
            by_bytes: after_bytes.is_some(),
            reached: false,
        });
        self.wake();
    }

    /// All bytes of a body that a pending reset lets through have been handed over.
    pub(super) fn cut_is_reached(&self, hit: &Hit) {
        let mut cuts = self.cuts.borrow_mut();
        let of = |cut: &&mut PendingCut| !cut.reached && Arc::ptr_eq(&cut.hit.armed, &hit.armed);
        if let Some(cut) = cuts.iter_mut().find(of) {
            cut.reached = true;
            self.wake();
        }
    }

    /// Lets everything pass again when the fault that was to reset the connection is gone. To be called before the
    /// server has its turn, which nobody would give it again.
    pub(super) fn follow_changes(&self) {
        let mut cuts = self.cuts.borrow_mut();
        let before = cuts.len();
        cuts.retain(|cut| matches!(self.standing(&cut.hit.armed), Standing::Here(_)));
        if cuts.len() < before {
            self.let_pass();
        }
    }

    /// When to look again for a reset that waits; 0 when the connection is to end now.
    pub(super) fn pending_cut(&self, now_ns: u64) -> Option<u64> {
        if self.client.resets_on_close() {
            return Some(0);
        }
        let (mut due_ns, mut reached) = (None::<u64>, None);
        for cut in self.cuts.borrow().iter() {
            if cut.due_ns != 0 && cut.due_ns <= now_ns {
                self.cut_now(Some(&cut.hit));
                return Some(0);
            }
            due_ns = due_ns.into_iter().chain(Some(cut.due_ns).filter(|due| *due != 0)).min();
            let wire = [&self.client, &self.lane.wire].into_iter().find(|wire| wire.is_at_limit());
            if let Some(wire) = wire.or(cut.reached.then_some(&self.client)) {
                reached = Some((cut.hit.clone(), Rc::clone(wire)));
            }
        }
        let Some((hit, wire)) = reached else { return due_ns };
        if self.passed_ns.get() == 0 {
            self.passed_ns.set(now_ns);
        }
        if now_ns > self.passed_ns.get() + kernel::LAST_BYTES_NS || kernel::unsent(wire.descriptor()) == 0 {
            self.cut_now(Some(&hit));
            return Some(0);
        }
        Some(now_ns + kernel::LAST_BYTES_STEP_NS)
    }

    /// Closes what is left of the upstream. The client's socket is closed already.
    pub(super) fn close(&self) {
        if self.client.failed() {
            self.lane.wire.reset_on_close();
            self.upstreams.reset_on_close();
        }
        self.client.hurry();
        self.agreed.take();
        self.lane.close();
        self.crew.dismiss();
        if let Some(cause) = self.cause.borrow_mut().take() {
            cause.done();
        }
    }
}
