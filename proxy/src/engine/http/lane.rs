//! One upstream connection of HTTP/1, which carries one call after another.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{Builder, Connection, Parts, SendRequest};
use hyper::rt::Executor;
use tokio::net::TcpStream;

use super::conn::Conn;
use super::crew::Hands;
use super::forward::{failed, reach};
use super::io::{Io, Spoken};
use super::payload::Payload;
use super::wire::Wire;
use crate::engine::timer::now_ns;

/// After so many answers an upstream is known to keep its connections open between requests.
const PROVEN_ANSWERS: u32 = 3;
/// A connection that has waited for longer may be closed at any moment.
const WAITED_NS: u64 = 100_000_000;

/// What moves an upstream connection.
type Driver = Pin<Box<Connection<Io, Payload>>>;

/// The connection; it may be made anew.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) wire: Rc<Wire>,
    /// Dialled before the first request.
    pub(super) dialled: RefCell<Option<TcpStream>>,
    /// What sends on it, while no request is on it.
    kept: RefCell<Option<Kept>>,
    /// Something is to go to the upstream in this turn.
    handed: Cell<bool>,
    driver: RefCell<Option<Driver>>,
    /// A request asks for another protocol than HTTP.
    may_switch: Cell<bool>,
    /// The connection as HTTP has left it.
    switched: RefCell<Option<Parts<Io>>>,
}

/// An upstream connection between two requests.
#[derive(Debug)]
struct Kept {
    sender: SendRequest<Payload>,
    answers: u32,
    since_ns: u64,
}

impl Kept {
    const fn new(sender: SendRequest<Payload>) -> Self {
        Self { sender, answers: 0, since_ns: 0 }
    }

    /// Whether it may be closed just as the next request is on its way: one that has waited, and one whose upstream has
    /// not yet shown that it keeps connections.
    fn may_go_away(&self) -> bool {
        self.answers < PROVEN_ANSWERS || now_ns() > self.since_ns + WAITED_NS
    }

    /// It has answered; it is kept for the next request.
    fn answered(mut self, lane: &Lane) {
        self.answers = self.answers.saturating_add(1);
        self.since_ns = now_ns();
        *lane.kept.borrow_mut() = Some(self);
    }
}

impl Lane {
    pub(super) fn new(dialled: Option<TcpStream>) -> Self {
        Self { dialled: RefCell::new(dialled), ..Self::on(Rc::new(Wire::of_upstream())) }
    }

    /// One whose socket is known by this.
    pub(super) fn on(wire: Rc<Wire>) -> Self {
        Self {
            wire,
            dialled: RefCell::default(),
            kept: RefCell::default(),
            handed: Cell::new(false),
            driver: RefCell::default(),
            may_switch: Cell::new(false),
            switched: RefCell::default(),
        }
    }

    /// A connection has been made, on which requests can be sent from now on.
    pub(super) async fn open(&self, conn: &Conn, io: Io) -> Result<(), String> {
        let made = Builder::new().preserve_header_case(true).handshake(io).await;
        let (sender, connection) = made.map_err(|error| failed(conn, &error))?;
        if conn.is_many() {
            Hands(Rc::clone(&conn.crew)).execute(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "an upstream connection ended");
                }
            });
        } else {
            *self.driver.borrow_mut() = Some(Box::pin(connection));
        }
        *self.kept.borrow_mut() = Some(Kept::new(sender));
        Ok(())
    }

    /// A request is about to be given to the connection.
    fn hand_over(&self) {
        self.handed.set(true);
    }

    /// Whether something was given to the connection since this was last asked.
    pub(super) fn was_handed_over(&self) -> bool {
        self.handed.replace(false)
    }

    /// Moves the connection.
    pub(super) fn drive(&self, cx: &mut Context<'_>) {
        // Taken out while it runs: what it calls may look at this connection.
        let Some(mut driver) = self.driver.borrow_mut().take() else { return };
        match driver.as_mut().poll(cx) {
            Poll::Pending => *self.driver.borrow_mut() = Some(driver),
            Poll::Ready(Err(error)) => tracing::debug!(%error, "an upstream connection ended"),
            Poll::Ready(Ok(())) if self.may_switch.get() => {
                *self.switched.borrow_mut() = Some(Pin::into_inner(driver).into_parts());
            }
            Poll::Ready(Ok(())) => {}
        }
    }

    /// A request asks for another protocol, or does no more. A connection that ended with an answer that declined is closed.
    pub(super) fn may_switch(&self, may: bool) {
        self.may_switch.set(may);
        self.switched.take();
    }

    /// Whether the connection is still there, unless a request is on it.
    pub(super) fn is_open(&self) -> bool {
        self.kept.borrow().as_ref().is_some_and(|kept| !kept.sender.is_closed())
    }

    /// Whether a request would leave on it at once: an answer may be complete before what it answers has been sent.
    pub(super) fn is_free(&self) -> bool {
        self.kept.borrow().as_ref().is_some_and(|kept| kept.sender.is_ready())
    }

    /// Waits until a request can leave on it.
    pub(super) async fn ready(&self) {
        let kept = self.kept.borrow_mut().take();
        if let Some(mut kept) = kept
            && kept.sender.ready().await.is_ok()
        {
            *self.kept.borrow_mut() = Some(kept);
        }
    }

    /// The connection, once HTTP has left it.
    pub(super) fn take_switched(&self) -> Option<Parts<Io>> {
        self.switched.borrow_mut().take()
    }

    /// Closes it.
    pub(super) fn close(&self) {
        self.kept.borrow_mut().take();
        self.driver.borrow_mut().take();
        self.switched.borrow_mut().take();
    }
}

/// Sends on the upstream connection that is there, or on a new one.
pub(super) async fn send(
    conn: &Rc<Conn>,
    lane: &Lane,
    request: Request<Payload>,
) -> Result<Response<Incoming>, String> {
    let mut request = request;
    let kept = lane.kept.borrow_mut().take();
    if let Some(mut kept) = kept
        && kept.sender.ready().await.is_ok()
    {
        // What is safe to send twice and has no body is sent again if the connection goes away, as HTTP allows.
        let spare = (kept.may_go_away() && is_repeatable(&request)).then(|| request_again(conn, &request));
        lane.hand_over();
        match kept.sender.try_send_request(request).await {
            Ok(response) => {
                kept.answered(lane);
                return Ok(response);
            }
            Err(mut error) => match error.take_message().or(spare.filter(|_| went_away(lane, error.error())))
            {
                Some(unsent) => request = unsent,
                None => return Err(failed(conn, error.error())),
            },
        }
    }
    let dialled = lane.dialled.borrow_mut().take();
    let (io, _) = reach(conn, dialled, &lane.wire, Spoken::Http1).await?;
    lane.open(conn, io).await?;
    let made = lane.kept.borrow_mut().take();
    let Some(mut kept) = made else { return Err("its connection is gone".into()) };
    lane.hand_over();
    let response = kept.sender.send_request(request).await.map_err(|error| failed(conn, &error))?;
    kept.answered(lane);
    Ok(response)
}

fn is_repeatable(request: &Request<Payload>) -> bool {
    request.method().is_idempotent() && request.body().is_end_stream()
}

/// Whether the connection ended instead of giving an answer, however wrong.
fn went_away(lane: &Lane, error: &hyper::Error) -> bool {
    error.is_incomplete_message() || error.is_canceled() || error.is_closed() || lane.wire.failed()
}

/// The same request without a body.
pub(super) fn request_again(conn: &Rc<Conn>, request: &Request<Payload>) -> Request<Payload> {
    let mut again = Request::new(Payload::own(conn, ""));
    *again.method_mut() = request.method().clone();
    *again.uri_mut() = request.uri().clone();
    *again.version_mut() = request.version();
    *again.headers_mut() = request.headers().clone();
    *again.extensions_mut() = request.extensions().clone();
    again
}
