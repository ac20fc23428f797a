//! What is known of a socket while hyper has it: what has passed, what happens when bytes leave, whether it ends in a
//! reset.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Waker};

use tokio::sync::oneshot;

use super::call::{Ended, Hit};
use super::edge::Edge;
use super::head::SlowHead;
use super::io::Spoken;
use crate::engine::gates::Side;
use crate::engine::route::Route;
use crate::engine::timer::now_ns;

/// Reads in one go from a connection that is over.
const DISCARDS: usize = 16;

/// What is known of a socket while hyper has it.
#[derive(Debug)]
pub(super) struct Wire {
    /// The route whose bytes are counted here; nothing on the upstream side, where they would count twice.
    route: Option<Arc<Route>>,
    descriptor: Cell<RawFd>,
    reset: Cell<bool>,
    /// What passes is counted elsewhere.
    elsewhere: Cell<bool>,
    failed: Cell<bool>,
    /// Bytes read and written.
    moved: Cell<u64>,
    /// How many more bytes may be written.
    left: Cell<Option<u64>>,
    deeds: RefCell<Vec<Deed>>,
    /// How often everything that was handed over had been written.
    flushes: Cell<u64>,
    /// Who waits for the next time.
    waiting: RefCell<Vec<Waker>>,
    /// Who waits for what the other side says first.
    listens: RefCell<Option<oneshot::Sender<Spoken>>>,
    /// The head that leaves slowly.
    slow: RefCell<Option<Box<SlowHead>>>,
    /// The faults on the bytes themselves; there are none towards the upstream, where bytes would be counted twice.
    pub(super) edge: Edge,
}

/// What becomes true when the next byte leaves.
#[derive(Debug)]
pub(super) enum Deed {
    /// A latency has been done.
    Late { hit: Hit, arrived_ns: u64, ns: u64, others_ns: u64 },
    /// A fault has been done.
    Done(Hit),
    /// A call is over, and is counted by being dropped.
    Ended { _call: Ended },
}

/// What becomes true when a request leaves for its upstream. One that is given up before was kept waiting all the same.
#[derive(Debug, Default)]
pub(super) struct Unsent(Vec<Deed>);

impl Unsent {
    pub(super) fn extend(&mut self, deeds: impl IntoIterator<Item = Deed>) {
        self.0.extend(deeds);
    }

    /// It leaves on this wire.
    pub(super) fn leaves_on(&mut self, wire: &Wire) {
        self.0.drain(..).for_each(|deed| wire.when_bytes_leave(deed));
    }
}

impl Drop for Unsent {
    fn drop(&mut self) {
        for deed in &self.0 {
            if let Deed::Late { hit, .. } = deed {
                hit.done();
            }
        }
    }
}

impl Wire {
    pub(super) fn of_client(route: &Arc<Route>) -> Self {
        Self::new(Some(Arc::clone(route)))
    }

    pub(super) fn of_upstream() -> Self {
        Self::new(None)
    }

    fn new(route: Option<Arc<Route>>) -> Self {
        Self {
            route,
            descriptor: Cell::new(-1),
            reset: Cell::new(false),
            elsewhere: Cell::new(false),
            failed: Cell::new(false),
            moved: Cell::new(0),
            left: Cell::new(None),
            deeds: RefCell::default(),
            flushes: Cell::new(0),
            waiting: RefCell::default(),
            listens: RefCell::default(),
            slow: RefCell::default(),
            edge: Edge::default(),
        }
    }

    pub(super) fn when_bytes_leave(&self, deed: Deed) {
        self.deeds.borrow_mut().push(deed);
    }

    /// Counts a call, after the deeds that bytes on their way will show.
    pub(super) fn after_deeds(&self, call: Ended) {
        let mut deeds = self.deeds.borrow_mut();
        if !deeds.is_empty() {
            deeds.push(Deed::Ended { _call: call });
        }
    }

    /// Everything that was handed over has been written.
    pub(super) fn flushed(&self) {
        self.flushes.set(self.flushes.get() + 1);
        if !self.waiting.borrow().is_empty() {
            self.waiting.take().into_iter().for_each(Waker::wake);
        }
    }

    /// How often everything had been written.
    pub(super) fn flushes(&self) -> u64 {
        self.flushes.get()
    }

    /// Wakes when everything has been written.
    pub(super) fn wake_when_flushed(&self, waker: &Waker) {
        let mut waiting = self.waiting.borrow_mut();
        if !waiting.iter().any(|other| other.will_wake(waker)) {
            waiting.push(waker.clone());
        }
    }

    /// Which HTTP the other side answers in that was spoken to in HTTP/2; unknown when it ends before.
    pub(super) fn listen(&self) -> oneshot::Receiver<Spoken> {
        let (says, hears) = oneshot::channel();
        *self.listens.borrow_mut() = Some(says);
        hears
    }

    /// These bytes have come; none at the end. Nothing in HTTP/1 begins with the byte that a frame of settings does.
    pub(super) fn heard(&self, bytes: &[u8]) {
        let Some(says) = self.listens.borrow_mut().take() else { return };
        let spoken = match bytes.first() {
            None => Spoken::Unknown,
            Some(0) => Spoken::Http2,
            Some(_) => Spoken::Http1,
        };
        // Whoever asked may have given up.
        let _ = says.send(spoken);
    }

    /// The next head leaves slowly.
    pub(super) fn slow_down(&self, head: SlowHead) {
        *self.slow.borrow_mut() = Some(Box::new(head));
    }

    /// Nothing leaves slowly any more.
    pub(super) fn hurry(&self) {
        self.slow.borrow_mut().take();
    }

    /// Whether a head is leaving slowly.
    pub(super) fn is_slow(&self) -> bool {
        self.slow.borrow().is_some()
    }

    /// How many of these bytes may be written now.
    pub(super) fn poll_slow(&self, bytes: &[u8], cx: &Context<'_>) -> Poll<usize> {
        self.slow.borrow_mut().as_mut().map_or(Poll::Ready(bytes.len()), |head| head.poll_room(bytes, cx))
    }

    /// These bytes have been written.
    pub(super) fn wrote_slowly(&self, bytes: &[u8]) {
        let mut slow = self.slow.borrow_mut();
        if slow.as_mut().is_some_and(|head| head.wrote(bytes)) {
            slow.take();
        }
    }

    pub(super) fn reset_on_close(&self) {
        self.reset.set(true);
    }

    pub(super) fn resets_on_close(&self) -> bool {
        self.reset.get()
    }

    /// Whether the socket was reset by its other side.
    pub(super) fn failed(&self) -> bool {
        self.failed.get()
    }

    pub(super) fn limit(&self, bytes: Option<u64>) {
        self.left.set(bytes);
    }

    pub(super) fn is_at_limit(&self) -> bool {
        self.left.get() == Some(0)
    }

    pub(super) fn descriptor(&self) -> RawFd {
        self.descriptor.get()
    }

    /// Says to the other side that nothing more comes.
    pub(super) fn shut_down(&self) {
        if let Err(error) =
            nix::sys::socket::shutdown(self.descriptor.get(), nix::sys::socket::Shutdown::Write)
        {
            tracing::debug!(%error, "ending a connection");
        }
    }

    /// Reads what has come and does nothing with it: a socket that is closed with bytes unread is reset.
    pub(super) fn discard(&self, buffer: &mut [u8]) {
        use nix::sys::socket::{MsgFlags, recv};
        for _ in 0..DISCARDS {
            if !matches!(recv(self.descriptor.get(), buffer, MsgFlags::MSG_DONTWAIT), Ok(1..)) {
                return;
            }
        }
    }

    /// The socket is this one.
    pub(super) fn is_of(&self, descriptor: RawFd) {
        self.descriptor.set(descriptor);
        self.failed.set(false);
    }

    /// How much of `wanted` may be written.
    pub(super) fn room(&self, wanted: usize) -> usize {
        self.left.get().map_or(wanted, |left| wanted.min(usize::try_from(left).unwrap_or(usize::MAX)))
    }

    /// Whether a fault minds how many bytes are written in one go, or which.
    pub(super) fn minds_bytes(&self) -> bool {
        self.left.get().is_some() || self.edge.touches(Side::Response)
    }

    pub(super) fn moved(&self) -> u64 {
        self.moved.get()
    }

    /// Bytes have been read.
    pub(super) fn read(&self, bytes: usize) {
        self.moved.set(self.moved.get() + bytes as u64);
        if let Some(route) = self.route.as_ref().filter(|_| !self.elsewhere.get()) {
            route.counts.bytes_request.fetch_add(bytes as u64, Relaxed);
            self.edge.moved(Side::Request, bytes);
        }
    }

    /// What passes is counted elsewhere from now on.
    pub(super) fn counts_no_more(&self) {
        self.elsewhere.set(true);
    }

    /// Bytes that were read are read again elsewhere, and counted there.
    pub(super) fn unread(&self, bytes: u64) {
        if let Some(route) = self.route.as_ref().filter(|_| !self.elsewhere.get()) {
            route.counts.bytes_request.fetch_sub(bytes, Relaxed);
        }
    }

    /// Bytes have been written.
    pub(super) fn wrote(&self, bytes: usize) {
        self.moved.set(self.moved.get() + bytes as u64);
        if let Some(route) = self.route.as_ref().filter(|_| !self.elsewhere.get()) {
            route.counts.bytes_response.fetch_add(bytes as u64, Relaxed);
            self.edge.moved(Side::Response, bytes);
        }
        self.left.set(self.left.get().map(|left| left - bytes as u64));
        if bytes > 0 && !self.deeds.borrow().is_empty() {
            let now = now_ns();
            self.deeds.take().into_iter().for_each(|deed| deed.done(now, bytes as u64));
        }
    }

    /// Keeps in mind that the other side has reset the socket, if that is what the error says.
    pub(super) fn note(&self, error: &io::Error) {
        use io::ErrorKind::{BrokenPipe, ConnectionReset};
        if matches!(error.kind(), ConnectionReset | BrokenPipe) {
            self.failed.set(true);
        }
    }
}

impl Deed {
    fn done(self, now_ns: u64, bytes: u64) {
        match self {
            Self::Done(hit) => hit.done(),
            Self::Ended { .. } => {}
            Self::Late { hit, arrived_ns, ns, others_ns } => {
                let late_ns = (now_ns - arrived_ns).saturating_sub(others_ns);
                hit.armed.record.measured(late_ns / 1_000, ns / 1_000);
                if late_ns >= ns {
                    hit.bytes(bytes);
                    hit.done();
                }
            }
        }
    }
}
