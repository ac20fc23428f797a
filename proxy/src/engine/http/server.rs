//! The server that a client talks to: hyper's, once it is known which HTTP is spoken.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;

use super::call::{Call, Cut};
use super::conn::Conn;
use super::http2;
use super::io::{Io, Spoken};
use super::layer::Stack;
use super::payload::Payload;

/// Serves one connection.
pub(super) enum Server<S>
where
    S: Stack,
{
    /// Nobody has spoken yet.
    Unknown(Option<Io>),
    Http1(Pin<Box<http1::Connection<Io, Entry<S>>>>),
    Http2(http2::Server<S>),
}

impl<S> Server<S>
where
    S: Stack,
{
    /// A server for a client of which this is known.
    pub(super) fn new(conn: &Rc<Conn>, io: Io, spoken: Spoken, stack: &S) -> Self {
        match spoken {
            Spoken::Unknown => Self::Unknown(Some(io)),
            Spoken::Http2 => Self::Http2(http2::serve(conn, io, stack)),
            Spoken::Http1 => Self::Http1(Box::pin(
                http1::Builder::new()
                    .auto_date_header(false)
                    // A client that closes has given up: what it asked for is given up too, here and at the upstream.
                    // Kept half open, requests in a black hole would stay until the fault is removed.
                    .half_close(false)
                    .header_read_timeout(None)
                    .preserve_header_case(true)
                    .serve_connection(io, Entry { conn: Rc::clone(conn), stack: stack.clone() }),
            )),
        }
    }

    /// The client's side once HTTP/1 has left it, and what was read ahead.
    pub(super) fn into_switched(self) -> Option<(Io, Bytes)> {
        let Self::Http1(server) = self else { return None };
        let parts = Pin::into_inner(server).into_parts();
        Some((parts.io, parts.read_buf))
    }

    /// Moves it; ready when the connection has ended.
    pub(super) fn poll(
        &mut self,
        conn: &Rc<Conn>,
        stack: &S,
        cx: &mut Context<'_>,
    ) -> Poll<hyper::Result<()>> {
        if let Self::Unknown(io) = self {
            let Some(waiting) = io else { return Poll::Ready(Ok(())) };
            let spoken = ready!(waiting.poll_spoken(cx));
            if let Some(io) = io.take() {
                *self = Self::new(conn, io, spoken, stack);
            }
        }
        match self {
            Self::Unknown(_) => Poll::Ready(Ok(())),
            Self::Http1(server) => server.as_mut().poll(cx),
            Self::Http2(server) => {
                if conn.leaving.goes_away() {
                    server.as_mut().graceful_shutdown();
                }
                server.as_mut().poll(cx)
            }
        }
    }
}

/// Where a request becomes a call: it gets its number and its decisions.
#[derive(Debug)]
pub(super) struct Entry<S> {
    conn: Rc<Conn>,
    stack: S,
}

impl<S: Stack> hyper::service::Service<Request<Incoming>> for Entry<S> {
    type Response = Response<Payload>;
    type Error = Cut;
    type Future = S::Future;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.stack.clone().call(Call::new(&self.conn, request))
    }
}
