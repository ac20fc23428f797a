//! A TCP connection as one hand-written future: both directions, the faults on them, and their end.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::net::TcpStream;

use super::accepted::Accepted;
use super::act::Mark;
use super::acting::{Acting, Change, Moment};
use super::armed::{Armed, Subject};
use super::closing::Closing;
use super::cut::cut;
use super::flow::{Flow, Outcome, Surroundings};
use super::gates::{Due, Fate, Side};
use super::idle::Idle;
use super::kernel;
use super::plain::Dialling;
use super::switched::Switched;
use super::timer::{Alarm, now_ns};
use super::vigil::Vigil;
use super::worker::{Burden, Watch};
use crate::control::wire::OnRemove;

/// The faults on a connection that may not have its upstream yet.
#[derive(Debug)]
pub(super) struct Faults {
    pub(super) accepted: Accepted,
    pub(super) acting: Acting,
    epoch: u64,
    /// When a schedule next changes what acts; 0 for never.
    turn_ns: u64,
    /// It was of HTTP before.
    switched: Option<Box<Switched>>,
}

impl Faults {
    pub(super) fn new(accepted: Accepted) -> Self {
        Self { accepted, acting: Acting::default(), epoch: 0, turn_ns: 0, switched: None }
    }

    /// Those of a connection that was of HTTP until a request asked for something else.
    pub(super) fn switched(accepted: Accepted, acting: Acting, switched: Switched) -> Self {
        Self { accepted, acting, epoch: 0, turn_ns: 0, switched: Some(Box::new(switched)) }
    }

    /// How many bytes of each side passed before the connection came to be carried here.
    fn passed_before(&self) -> [u64; 2] {
        self.switched.as_ref().map_or([0; 2], |switched| switched.passed)
    }

    /// Looks whether the route changed, or a schedule did. Costs one atomic load when there is neither.
    pub(super) fn refresh(&mut self, passed: [u64; 2]) -> Vec<Change> {
        let epoch = self.accepted.route.epoch();
        if epoch == self.epoch && (self.turn_ns == 0 || now_ns() < self.turn_ns) {
            return Vec::new();
        }
        self.epoch = epoch;
        let snapshot = self.accepted.route.faults();
        let subject = Subject::Connection { client: self.accepted.client };
        let moment = Moment { ordinal: self.accepted.ordinal, now_ns: now_ns(), passed };
        self.turn_ns = snapshot.turn_ns(moment.now_ns);
        let Some(switched) = &self.switched else {
            return self.acting.refresh(&snapshot, subject, &moment);
        };
        let parts = switched.parts(self.accepted.client);
        let whom = |armed: &Armed| {
            (Switched::subject(armed, &parts), switched.ordinal(armed, self.accepted.ordinal))
        };
        let mut places = Vec::new();
        self.acting.refresh_for(&snapshot.of_switched(&parts, &mut places), whom, &moment)
    }

    /// The same while no bytes pass.
    pub(super) fn refresh_before_bytes(&mut self) {
        self.refresh(self.passed_before());
    }

    /// When to look again though nothing came; 0 for never.
    pub(super) const fn turn_ns(&self) -> u64 {
        self.turn_ns
    }

    /// When a fault ends the connection by its time.
    pub(super) fn due(&self) -> Option<Due> {
        self.acting.due(self.accepted.at_ns, self.began_ns())
    }

    /// When what it carries began.
    fn began_ns(&self) -> u64 {
        self.switched.as_ref().map_or(self.accepted.at_ns, |switched| switched.began_ns)
    }

    /// The connection has ended, and counts.
    fn ended(&self, error: bool) {
        let touched = self.switched.as_ref().is_some_and(|switched| switched.touched.get());
        let faulted = self.acting.faulted() || touched;
        self.accepted.route.red.ended(faulted, error, now_ns() - self.began_ns());
    }

    /// The connection ended before bytes could flow.
    pub(super) fn ended_early(&self) {
        self.ended(true);
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Both sides said all they had to say, or the route is gone.
    Closed,
    /// One side reset it, or a fault did.
    Reset,
}

/// The future. Ready when the connection is over and its sockets are closed or reset.
pub(super) struct Relay {
    worker: Burden,
    faults: Faults,
    client: TcpStream,
    upstream: TcpStream,
    request: Flow,
    response: Flow,
    alarm: Alarm,
    idle: Idle,
    /// So that changes of the route wake it.
    _watch: Option<Watch>,
    client_vigil: Vigil,
    upstream_vigil: Vigil,
    /// It has been reset and is counted; only its sockets are still to be closed.
    over: Option<Ended>,
    /// A fault is ending it. Rare, and so in a box: idle connections must stay small.
    closing: Option<Box<Closing>>,
}

impl Relay {
    /// The dial is over.
    pub(super) fn new(dialled: Dialling, upstream: TcpStream) -> Self {
        let Dialling { worker, mut faults, client, prefix, answer, alarm, watch, .. } = dialled;
        let passed = faults.passed_before();
        faults.refresh(passed);
        let (mut request, mut response) = (Flow::new(Side::Request), Flow::new(Side::Response));
        [request.passed, response.passed] = passed;
        request.begin_with(&prefix, &worker, &mut faults.acting);
        response.begin_with(&answer, &worker, &mut faults.acting);
        let idle = Idle::new(&faults.accepted.route);
        Self {
            worker,
            idle,
            faults,
            client,
            upstream,
            request,
            response,
            alarm,
            _watch: watch,
            client_vigil: Vigil::default(),
            upstream_vigil: Vigil::default(),
            over: None,
            closing: None,
        }
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Option<Ended> {
        if self.faults.accepted.route.is_closed() {
            return Some(Ended::Closed);
        }
        if let Some(ended) = self.follow_changes() {
            return Some(ended);
        }
        if self.closing.is_none() {
            if let Some(due) = self.faults.due().filter(|due| due.at_ns <= now_ns()) {
                if let Some(ended) = self.end_by(due) {
                    return Some(ended);
                }
            } else if let Some(ended) = self.pump(cx) {
                return Some(ended);
            }
        }
        if let Some(closing) = &mut self.closing {
            let mut buffer = self.worker.buffer.borrow_mut();
            if closing.step(&mut self.client, Some(&mut self.upstream), &mut buffer, cx) {
                return Some(if closing.fate == Fate::Reset { Ended::Reset } else { Ended::Closed });
            }
        } else {
            self.watch_unread(cx);
        }
        let Some(idle_due) = self.idle_due_ns() else { return Some(Ended::Closed) };
        self.set_alarm(cx, idle_due);
        None
    }

    /// When nothing will have passed for too long; nothing when that is so. What a fault holds back is still to pass.
    fn idle_due_ns(&mut self) -> Option<u64> {
        let held = self.request.held() + self.response.held() > 0;
        let late = self.request.is_end_late() || self.response.is_end_late();
        let passed = self.request.passed + self.response.passed;
        self.idle.due_ns(&self.faults.accepted.route, passed, held || late)
    }

    fn pump(&mut self, cx: &mut Context<'_>) -> Option<Ended> {
        let counts = &self.faults.accepted.route.counts;
        let request = self.request.pump(
            cx,
            &mut Surroundings {
                worker: &self.worker,
                acting: &mut self.faults.acting,
                from: &mut self.client,
                to: &mut self.upstream,
                counter: &counts.bytes_request,
                held_elsewhere: self.response.held(),
                is_last: self.response.is_told(),
            },
        );
        let response = self.response.pump(
            cx,
            &mut Surroundings {
                worker: &self.worker,
                acting: &mut self.faults.acting,
                from: &mut self.upstream,
                to: &mut self.client,
                counter: &counts.bytes_response,
                held_elsewhere: self.request.held(),
                is_last: self.request.is_told(),
            },
        );
        match (request, response) {
            (Outcome::Limit, _) => self.end_at_limit(Side::Request),
            (_, Outcome::Limit) => self.end_at_limit(Side::Response),
            (Outcome::Reset, _) | (_, Outcome::Reset) => return Some(Ended::Reset),
            (Outcome::Done, Outcome::Done) => return Some(Ended::Closed),
            _ if self.request.is_over() && self.response.is_over() => return Some(Ended::Closed),
            _ => self.pass_on_failures(cx),
        }
        None
    }

    /// As much has passed as a fault allows.
    fn end_at_limit(&mut self, side: Side) {
        let Some(limit) = self.faults.acting.gates(side).limit else { return };
        let mark = self.faults.acting.mark(limit.act);
        self.closing = Some(Box::new(Closing::new(limit.fate, side, mark)));
    }

    /// The time that a fault gave it is over. What a reset finds on its way is lost with it.
    fn end_by(&mut self, due: Due) -> Option<Ended> {
        let mark = self.faults.acting.mark(due.act);
        if due.fate == Fate::Reset {
            self.reset_sockets();
            mark.as_ref().map(Mark::hit);
            return Some(Ended::Reset);
        }
        self.closing = Some(Box::new(Closing::new(due.fate, Side::Response, mark)));
        None
    }

    /// A socket that cannot be written to was reset; that is news for the other direction once it has been read dry.
    fn pass_on_failures(&mut self, cx: &Context<'_>) {
        if self.request.is_broken() && !self.response.ends_in_reset() {
            self.response.will_end_in_reset();
            cx.waker().wake_by_ref();
        }
        if self.response.is_broken() && !self.request.ends_in_reset() {
            self.request.will_end_in_reset();
            cx.waker().wake_by_ref();
        }
    }

    fn follow_changes(&mut self) -> Option<Ended> {
        for change in self.faults.refresh([self.request.passed, self.response.passed]) {
            if let Change::Gone(armed, held) = &change {
                let reset = armed.spec.on_remove == OnRemove::Reset;
                if held.swallowed {
                    // Bytes are missing, so going on would corrupt the stream.
                    return Some(if reset { Ended::Reset } else { Ended::Closed });
                }
                if held.waited && reset {
                    return Some(Ended::Reset);
                }
            }
            let acting = &self.faults.acting;
            if self.request.follow(&change, acting) | self.response.follow(&change, acting) {
                return Some(Ended::Reset);
            }
        }
        self.request.see_light(&self.faults.acting);
        self.response.see_light(&self.faults.acting);
        None
    }

    /// Makes closing these sockets a reset. Of many that are to be reset at once none waits for the others' closing.
    fn reset_sockets(&self) {
        for socket in [&self.client, &self.upstream] {
            if !(self.worker.is_telling() && cut(socket)) {
                kernel::reset(socket);
            }
        }
    }

    /// Watches for resets that reading does not show. What came before them is passed on first.
    fn watch_unread(&mut self, cx: &mut Context<'_>) {
        // A peer that has closed and is told nothing would never be found out.
        if self.response.is_stalled() {
            self.client_vigil.probe(&self.client);
        }
        if self.request.is_stalled() {
            self.upstream_vigil.probe(&self.upstream);
        }
        let sides = [
            (&mut self.request, &self.client, &mut self.client_vigil),
            (&mut self.response, &self.upstream, &mut self.upstream_vigil),
        ];
        for (flow, socket, vigil) in sides {
            if flow.is_end_swallowed() {
                vigil.probe(socket);
            }
            if !flow.ends_in_reset() && vigil.was_reset(socket, flow.is_unread(), cx) {
                flow.will_end_in_reset();
                cx.waker().wake_by_ref();
            }
        }
    }

    fn set_alarm(&mut self, cx: &Context<'_>, idle_due: u64) {
        let wakes = [
            if self.closing.is_none() { self.faults.due().map_or(0, |due| due.at_ns.max(1)) } else { 0 },
            idle_due,
            self.faults.turn_ns(),
            self.request.wake_ns,
            self.response.wake_ns,
            self.client_vigil.wake_ns(),
            self.upstream_vigil.wake_ns(),
            if self.closing.is_some() { Closing::wake_ns() } else { 0 },
        ];
        if let Some(due) = wakes.into_iter().filter(|due| *due != 0).min() {
            self.alarm.set(due, cx);
        }
    }
}

impl Future for Relay {
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended> {
        let this = &mut *self;
        if let Some(ended) = this.over {
            if !this.worker.is_telling() {
                return Poll::Ready(ended);
            }
            // The next change came before its turn: it has to be woken after that one too.
            this.worker.close_later(cx.waker());
            return Poll::Pending;
        }
        let Some(ended) = this.step(cx) else { return Poll::Pending };
        if ended == Ended::Reset {
            this.reset_sockets();
        }
        let error = ended == Ended::Reset;
        this.faults.ended(error);
        if error && this.worker.is_telling() {
            this.over = Some(ended);
            this.worker.close_later(cx.waker());
            return Poll::Pending;
        }
        Poll::Ready(ended)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.request.clear(&self.worker);
        self.response.clear(&self.worker);
    }
}
