//! HTTP/1.1: one task per client connection, with one upstream connection of its own.
//!
//! Server and client are hyper's; between them stands a stack of services, one per fault. One upstream connection
//! per client connection keeps what an upstream ties to a connection, and keeps everything in one task: whatever
//! wakes it (a socket, a timer, a change of the route) moves all of it.

mod answer;
mod blackhole;
mod call;
mod conn;
mod cut;
mod edge;
mod forward;
mod holds;
mod latency;
mod marked;
mod payload;
mod socket;
mod stalled;
mod throttle;

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use ::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use tokio::net::TcpStream;
use tower::{Service, ServiceBuilder};

use super::connection::Accepted;
use super::timer::{Alarm, now_ns};
use super::worker::Worker;
use call::{Call, Cut};
use conn::Conn;
use payload::Payload;
use socket::{Socket, Wire};

/// Serves a client connection until it ends. `prefix` was read from it already, `upstream` may be dialled already.
pub(super) async fn serve(
    worker: &Rc<Worker>,
    client: TcpStream,
    accepted: Accepted,
    prefix: Vec<u8>,
    upstream: Option<TcpStream>,
) {
    let conn = Conn::new(worker, accepted, upstream);
    // Declared before the server, so closed after it: closing the sockets is the deed, and only then it counts.
    let _closing = Closing(Rc::clone(&conn));
    let socket = Socket::new(&conn.worker, client, &conn.client, prefix);
    // The stack reads as a sentence: a call is marked, delayed, throttled, stalled, cut, swallowed, answered here, or forwarded.
    let stack = ServiceBuilder::new()
        .layer_fn(marked::Marked)
        .layer_fn(latency::Delayed)
        .layer_fn(throttle::Throttled)
        .layer_fn(stalled::Stalled)
        .layer_fn(cut::CutOff)
        .layer_fn(blackhole::Swallowed)
        .layer_fn(answer::Answered)
        .service(forward::Forward);
    let entry = Entry { conn: Rc::clone(&conn), stack };
    let mut server = Box::pin(
        http1::Builder::new()
            .auto_date_header(false)
            // A client that closes has given up: what it asked for is given up too, here and at the upstream. Kept
            // half open, requests in a black hole would stay until the fault is removed.
            .half_close(false)
            .header_read_timeout(None)
            .preserve_header_case(true)
            .serve_connection(socket, entry),
    );
    let mut watch = None;
    let alarm = Alarm::new(&worker.timers);
    poll_fn(|cx| {
        watch.get_or_insert_with(|| worker.watch(&conn.accepted.route, cx.waker().clone()));
        step(&conn, server.as_mut(), &alarm, cx)
    })
    .await;
}

/// Closes what is left when the connection is over, also when it is over because its thread stops: an upstream that is
/// being sent a body refers to the connection, which refers to it.
struct Closing(Rc<Conn>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Moves everything that can be moved. Ready when the connection is over.
fn step<S>(
    conn: &Rc<Conn>,
    server: Pin<&mut http1::Connection<Socket, S>>,
    alarm: &Alarm,
    cx: &mut Context<'_>,
) -> Poll<()>
where
    S: hyper::service::HttpService<Incoming, ResBody = Payload>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if conn.accepted.route.is_closed() {
        return Poll::Ready(());
    }
    conn.follow_changes();
    let edge = &conn.client.edge;
    if edge.follow_changes(&conn.accepted) {
        conn.cut_now(None);
        return Poll::Ready(());
    }
    if edge.is_over(conn) {
        return edge.poll_over(&conn.client, &mut conn.worker.buffer.borrow_mut(), alarm, cx);
    }
    conn.drive_upstream(cx);
    if let Poll::Ready(result) = std::future::Future::poll(server, cx) {
        if let Err(error) = result {
            tracing::debug!(%error, "an HTTP connection ended");
        }
        return Poll::Ready(());
    }
    // What the server has just handed over goes out in the same turn.
    if conn.was_handed_over() {
        conn.drive_upstream(cx);
    }
    if edge.is_over(conn) {
        return edge.poll_over(&conn.client, &mut conn.worker.buffer.borrow_mut(), alarm, cx);
    }
    edge.set_alarm(conn, alarm, cx);
    let Some(idle_due_ns) = conn.idle_due_ns() else { return Poll::Ready(()) };
    if idle_due_ns != 0 {
        alarm.set(idle_due_ns, cx);
    }
    if edge.turn_ns() != 0 {
        alarm.set(edge.turn_ns(), cx);
    }
    match conn.pending_cut(now_ns()) {
        None => Poll::Pending,
        Some(0) => Poll::Ready(()),
        Some(due_ns) => {
            alarm.set(due_ns, cx);
            Poll::Pending
        }
    }
}

/// Where a request becomes a call: it gets its number and its decisions.
#[derive(Debug)]
struct Entry<S> {
    conn: Rc<Conn>,
    stack: S,
}

impl<S> hyper::service::Service<Request<Incoming>> for Entry<S>
where
    S: Service<Call, Response = ::http::Response<Payload>, Error = Cut> + Clone,
{
    type Response = ::http::Response<Payload>;
    type Error = Cut;
    type Future = S::Future;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.stack.clone().call(Call::new(&self.conn, request))
    }
}

/// The wires count for the route, whichever socket they are of.
fn counters(conn: &Accepted) -> (Wire, Wire) {
    (Wire::of_client(&conn.route), Wire::of_upstream())
}
