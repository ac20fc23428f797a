//! A socket under hyper: counts what passes, says when bytes have left, and can end in a reset.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, RawFd};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::call::{Ended, Hit};
use super::edge::Edge;
use crate::engine::connection;
use crate::engine::gates::Side;
use crate::engine::outq;
use crate::engine::route::Route;
use crate::engine::timer::now_ns;
use crate::engine::worker::Worker;

/// Reads in one go from a connection that is over.
const DISCARDS: usize = 16;

/// What is known of a socket while hyper has it.
#[derive(Debug)]
pub(super) struct Wire {
    /// The route whose bytes are counted here; nothing on the upstream side, where they would count twice.
    route: Option<Arc<Route>>,
    descriptor: Cell<RawFd>,
    reset: Cell<bool>,
    failed: Cell<bool>,
    /// Bytes read and written.
    moved: Cell<u64>,
    /// How many more bytes may be written.
    left: Cell<Option<u64>>,
    deeds: RefCell<Vec<Deed>>,
    /// The faults on the bytes themselves; there are none towards the upstream, where bytes would be counted twice.
    pub(super) edge: Edge,
}

/// What becomes true when the next byte leaves.
#[derive(Debug)]
pub(super) enum Deed {
    /// A latency has been done.
    Late { hit: Hit, arrived_ns: u64, ns: u64, others_ns: u64 },
    /// The proxy itself has answered.
    Answered(Hit),
    /// A call is over, and is counted by being dropped.
    Ended { _call: Ended },
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
            failed: Cell::new(false),
            moved: Cell::new(0),
            left: Cell::new(None),
            deeds: RefCell::default(),
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

    pub(super) fn moved(&self) -> u64 {
        self.moved.get()
    }

    fn wrote(&self, bytes: usize) {
        self.moved.set(self.moved.get() + bytes as u64);
        if let Some(route) = &self.route {
            route.counts.bytes_response.fetch_add(bytes as u64, Relaxed);
            self.edge.moved(Side::Response, bytes);
        }
        self.left.set(self.left.get().map(|left| left - bytes as u64));
        if bytes > 0 && !self.deeds.borrow().is_empty() {
            let now = now_ns();
            self.deeds.take().into_iter().for_each(|deed| deed.done(now, bytes as u64));
        }
    }

    fn note(&self, error: &io::Error) {
        use io::ErrorKind::{BrokenPipe, ConnectionReset};
        if matches!(error.kind(), ConnectionReset | BrokenPipe) {
            self.failed.set(true);
        }
    }
}

impl Deed {
    fn done(self, now_ns: u64, bytes: u64) {
        match self {
            Self::Answered(hit) => hit.done(),
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

/// The socket.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    wire: Rc<Wire>,
    worker: Rc<Worker>,
    /// Read before, and to be read first.
    prefix: Vec<u8>,
}

impl Socket {
    pub(super) fn new(worker: &Rc<Worker>, stream: TcpStream, wire: &Rc<Wire>, prefix: Vec<u8>) -> Self {
        wire.descriptor.set(stream.as_raw_fd());
        wire.failed.set(false);
        Self { stream, wire: Rc::clone(wire), worker: Rc::clone(worker), prefix }
    }

    /// How much of `wanted` may be written.
    fn room(&self, wanted: usize) -> usize {
        self.wire.left.get().map_or(wanted, |left| wanted.min(usize::try_from(left).unwrap_or(usize::MAX)))
    }

    fn wrote(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &result {
            Poll::Ready(Ok(bytes)) => self.wire.wrote(*bytes),
            Poll::Ready(Err(error)) => self.wire.note(error),
            Poll::Pending => {}
        }
        result
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let edge = &this.wire.edge;
        if edge.is_late(Side::Request) {
            return edge.poll_end(Side::Request).map(Ok);
        }
        // Through the worker's buffer: hyper's own is not initialized, and only what came is copied.
        let mut buffer = this.worker.buffer.borrow_mut();
        let mut most = buffer.len().min(buf.remaining());
        if edge.touches(Side::Request) {
            let prefix = this.prefix.len();
            let there = if prefix > 0 { prefix } else { outq::unread(this.stream.as_raw_fd()) };
            // With nothing there a byte is asked for, so that its coming is noticed.
            most = if there == 0 { most.min(1) } else { ready!(edge.ask(Side::Request, most.min(there))) };
        }
        let got = if this.prefix.is_empty() {
            let mut room = ReadBuf::new(&mut buffer[..most]);
            if let Err(error) = ready!(Pin::new(&mut this.stream).poll_read(cx, &mut room)) {
                this.wire.note(&error);
                return Poll::Ready(Err(error));
            }
            room.filled().len()
        } else {
            let got = most.min(this.prefix.len());
            buffer[..got].copy_from_slice(&this.prefix[..got]);
            this.prefix.drain(..got);
            got
        };
        if got == 0 {
            return edge.poll_end(Side::Request).map(Ok);
        }
        edge.flip(Side::Request, &mut buffer[..got]);
        this.wire.read(got);
        buf.put_slice(&buffer[..got]);
        Poll::Ready(Ok(()))
    }
}

impl Wire {
    fn read(&self, bytes: usize) {
        self.moved.set(self.moved.get() + bytes as u64);
        if let Some(route) = &self.route {
            route.counts.bytes_request.fetch_add(bytes as u64, Relaxed);
            self.edge.moved(Side::Request, bytes);
        }
    }
}

impl Write for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let room = self.room(buf.len());
        if room == 0 && !buf.is_empty() {
            // The connection is about to be reset; its task looks after every turn.
            return Poll::Pending;
        }
        let this = &mut *self;
        let edge = &this.wire.edge;
        if !edge.touches(Side::Response) {
            let result = Pin::new(&mut this.stream).poll_write(cx, &buf[..room]);
            return self.wrote(result);
        }
        let room = ready!(edge.ask(Side::Response, room));
        let result = {
            let mut buffer = this.worker.buffer.borrow_mut();
            let room = room.min(buffer.len());
            buffer[..room].copy_from_slice(&buf[..room]);
            edge.flip(Side::Response, &mut buffer[..room]);
            Pin::new(&mut this.stream).poll_write(cx, &buffer[..room])
        };
        self.wrote(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.wire.left.get().is_some() || self.wire.edge.touches(Side::Response) {
            let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| &**buf);
            return self.poll_write(cx, first);
        }
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.wrote(result)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.wire.reset.get() {
            return Poll::Ready(Ok(()));
        }
        ready!(self.wire.edge.poll_end(Side::Response));
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.wire.reset.get() {
            connection::reset(&self.stream);
        }
    }
}
