//! A socket under hyper, or under TLS: counts what passes, and can end in a reset.

use std::io::{self, IoSlice};
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::io::Spoken;
use super::wire::Wire;
use crate::engine::gates::Side;
use crate::engine::kernel;
use crate::engine::tls::Below;
use crate::engine::worker::Worker;

/// What is received in one go while it is not known which HTTP it is.
const FIRST_BYTES: usize = 8 << 10;

/// The socket.
#[derive(Debug)]
pub(super) struct Socket {
    /// Nothing once it has been taken out.
    stream: Option<TcpStream>,
    wire: Rc<Wire>,
    worker: Rc<Worker>,
    /// Read before, and to be read first.
    prefix: Vec<u8>,
}

impl Socket {
    pub(super) fn new(worker: &Rc<Worker>, stream: TcpStream, wire: &Rc<Wire>, prefix: Vec<u8>) -> Self {
        wire.is_of(stream.as_raw_fd());
        Self { stream: Some(stream), wire: Rc::clone(wire), worker: Rc::clone(worker), prefix }
    }

    /// The first byte, which stays to be read; nothing when the connection ends before.
    pub(super) fn poll_first(&mut self, cx: &mut Context<'_>) -> Poll<Option<u8>> {
        if self.prefix.is_empty() && !ready!(self.poll_more(cx)) {
            return Poll::Ready(None);
        }
        Poll::Ready(self.prefix.first().copied())
    }

    /// Receives what is looked at before it is read; false at the end.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(false) };
        let mut buffer = self.worker.buffer.borrow_mut();
        let mut room = ReadBuf::new(&mut buffer[..FIRST_BYTES]);
        let read = ready!(Pin::new(stream).poll_read(cx, &mut room));
        if let Err(error) = &read {
            self.wire.note(error);
        }
        self.prefix.extend_from_slice(room.filled());
        Poll::Ready(read.is_ok() && !room.filled().is_empty())
    }

    /// Takes the socket back, with what was read of it and not yet read from here.
    pub(super) fn into_stream(mut self) -> Option<(TcpStream, Vec<u8>)> {
        Some((self.stream.take()?, std::mem::take(&mut self.prefix)))
    }

    /// Which HTTP begins here. What tells it stays to be read; a connection that ends before it has told anything ends
    /// as HTTP/1.
    pub(super) fn poll_spoken(&mut self, cx: &mut Context<'_>) -> Poll<Spoken> {
        loop {
            match Spoken::by(&self.prefix) {
                Spoken::Unknown => {}
                spoken => return Poll::Ready(spoken),
            }
            if !ready!(self.poll_more(cx)) {
                return Poll::Ready(Spoken::Http1);
            }
        }
    }

    /// What is known of it.
    pub(super) const fn wire(&self) -> &Rc<Wire> {
        &self.wire
    }

    /// Reads at most `room` bytes and gives them to `put`; none at the end.
    fn poll_get(
        &mut self,
        cx: &mut Context<'_>,
        room: usize,
        put: impl FnOnce(&[u8]),
    ) -> Poll<io::Result<()>> {
        let edge = &self.wire.edge;
        if edge.is_late(Side::Request) {
            return edge.poll_end(Side::Request).map(Ok);
        }
        let Some(stream) = &mut self.stream else { return Poll::Ready(Ok(())) };
        // Through the worker's buffer: hyper's own is not initialized, and only what came is copied.
        let mut buffer = self.worker.buffer.borrow_mut();
        let mut most = buffer.len().min(room);
        if edge.touches(Side::Request) {
            let prefix = self.prefix.len();
            let there = if prefix > 0 { prefix } else { kernel::unread(stream.as_raw_fd()) };
            // With nothing there a byte is asked for, so that its coming is noticed.
            most = if there == 0 { most.min(1) } else { ready!(edge.ask(Side::Request, most.min(there))) };
        }
        let got = if self.prefix.is_empty() {
            let mut room = ReadBuf::new(&mut buffer[..most]);
            if let Err(error) = ready!(Pin::new(stream).poll_read(cx, &mut room)) {
                self.wire.note(&error);
                self.wire.heard(&[]);
                return Poll::Ready(Err(error));
            }
            room.filled().len()
        } else {
            let got = most.min(self.prefix.len());
            buffer[..got].copy_from_slice(&self.prefix[..got]);
            if got == self.prefix.len() {
                self.prefix = Vec::new();
            } else {
                self.prefix.drain(..got);
            }
            got
        };
        self.wire.heard(&buffer[..got]);
        if got == 0 {
            return edge.poll_end(Side::Request).map(Ok);
        }
        edge.flip(Side::Request, &mut buffer[..got]);
        self.wire.read(got);
        put(&buffer[..got]);
        Poll::Ready(Ok(()))
    }

    fn poll_put(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let room = self.wire.room(bytes.len());
        if room == 0 && !bytes.is_empty() {
            // The connection is about to be reset; its task looks after every turn.
            return Poll::Pending;
        }
        let Some(stream) = &mut self.stream else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        let edge = &self.wire.edge;
        if !edge.touches(Side::Response) {
            let result = Pin::new(stream).poll_write(cx, &bytes[..room]);
            return self.put(result);
        }
        let room = ready!(edge.ask(Side::Response, room));
        let result = {
            let mut buffer = self.worker.buffer.borrow_mut();
            let room = room.min(buffer.len());
            buffer[..room].copy_from_slice(&bytes[..room]);
            edge.flip(Side::Response, &mut buffer[..room]);
            Pin::new(stream).poll_write(cx, &buffer[..room])
        };
        self.put(result)
    }

    fn poll_put_all(&mut self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if self.wire.minds_bytes() {
            let first = parts.iter().find(|part| !part.is_empty()).map_or(&[][..], |part| &**part);
            return self.poll_put(cx, first);
        }
        let Some(stream) = &mut self.stream else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        let result = Pin::new(stream).poll_write_vectored(cx, parts);
        self.put(result)
    }

    fn put(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &result {
            Poll::Ready(Ok(bytes)) => self.wire.wrote(*bytes),
            Poll::Ready(Err(error)) => self.wire.note(error),
            Poll::Pending => {}
        }
        result
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.wire.resets_on_close() {
            return Poll::Ready(Ok(()));
        }
        ready!(self.wire.edge.poll_end(Side::Response));
        let Some(stream) = &mut self.stream else { return Poll::Ready(Ok(())) };
        Pin::new(stream).poll_shutdown(cx)
    }
}

impl Below for Socket {
    fn socket(&self) -> Option<&TcpStream> {
        self.stream.as_ref()
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_get(cx, buf.remaining(), |bytes| buf.put_slice(bytes))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_put(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_put_all(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Nothing is kept back here that could be flushed: whoever asks has written everything.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wire.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_end(cx)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.as_ref().filter(|_| self.wire.resets_on_close()) {
            kernel::reset(stream);
        }
    }
}
