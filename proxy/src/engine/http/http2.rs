//! HTTP/2 towards the client: each stream is a call.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;

use super::call::{Call, Cut};
use super::conn::Conn;
use super::crew::Hands;
use super::io::Io;
use super::layer::Stack;
use super::payload::Payload;

/// Streams that a client may have under way on one connection.
const STREAMS_MAX: u32 = 256;
/// What one stream may have received that nobody has read yet.
pub(super) const STREAM_WINDOW: u32 = 64 << 10;
/// The same for all streams of a connection together. Streams that a fault holds use it up: all of them fit, so that no
/// stream waits for another.
pub(super) const CONNECTION_WINDOW: u32 = STREAMS_MAX * STREAM_WINDOW;
/// What of one stream may wait to be sent.
pub(super) const SEND_BUFFER: usize = 64 << 10;
/// The head of a message, as HTTP/2 counts it.
pub(super) const HEADERS_MAX: u32 = 64 << 10;
/// Streams that a client has reset and that nobody has looked at yet; more end the connection.
const RESETS_MAX: usize = 64;

/// hyper's server of one connection.
pub(super) type Server<S> = Pin<Box<http2::Connection<Io, Streams<S>, Hands>>>;

/// A server for the client.
pub(super) fn serve<S>(conn: &Rc<Conn>, io: Io, stack: &S) -> Server<S>
where
    S: Stack,
{
    conn.has_many_calls();
    Box::pin(
        http2::Builder::new(Hands(Rc::clone(&conn.crew)))
            .auto_date_header(false)
            .max_concurrent_streams(STREAMS_MAX)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(SEND_BUFFER)
            .max_header_list_size(HEADERS_MAX)
            .max_pending_accept_reset_streams(RESETS_MAX)
            .max_local_error_reset_streams(RESETS_MAX)
            .serve_connection(io, Streams { conn: Rc::clone(conn), stack: stack.clone() }),
    )
}

/// Where a stream becomes a call.
#[derive(Debug)]
pub(super) struct Streams<S> {
    conn: Rc<Conn>,
    stack: S,
}

/// How the upstream reset a stream before it answered; the client's is reset in the same way.
#[derive(Debug, Default)]
pub(super) struct Fate(RefCell<Option<NoAnswer>>);

impl Fate {
    pub(super) fn is(&self, why: NoAnswer) {
        *self.0.borrow_mut() = Some(why);
    }
}

/// Why a stream has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    #[error(transparent)]
    Cut(Cut),
    #[error(transparent)]
    Upstream(hyper::Error),
    /// The client may send it again (RFC 9113, section 8.7).
    #[error("the upstream left without having looked at it")]
    NotLookedAt(#[source] h2::Error),
}

impl<S> hyper::service::Service<Request<Incoming>> for Streams<S>
where
    S: Stack,
{
    type Response = Response<Payload>;
    type Error = NoAnswer;
    type Future = LocalBoxFuture<'static, Result<Response<Payload>, NoAnswer>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let fate = Rc::<Fate>::default();
        let mut call = Call::new(&self.conn, request);
        call.fate = Some(Rc::clone(&fate));
        let answer = self.stack.clone().call(call);
        Box::pin(async move {
            let mut answer = answer.await;
            answer.iter_mut().for_each(|answer| answer.body_mut().tells());
            answer.map_err(|cut| fate.0.take().unwrap_or(NoAnswer::Cut(cut)))
        })
    }
}
