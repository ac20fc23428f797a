//! HTTP: a client connection with an upstream connection of its own.
//!
//! Server and client are hyper's; between them stands a stack of services, one per fault. One upstream connection
//! per client connection keeps what an upstream ties to a connection. On HTTP/1 everything is in one task: whatever
//! wakes it (a socket, a timer, a change of the route) moves all of it. On HTTP/2 each stream and the upstream connection
//! have a task of their own on the same thread (`crew`): a stream takes memory only while it lives, and one that waits
//! costs the others nothing.

mod answer;
mod blackhole;
mod body;
mod call;
mod conn;
mod crew;
mod cut;
mod edge;
mod envoy;
mod expect;
mod forward;
mod head;
mod headers;
mod holds;
mod http2;
mod io;
mod judged;
mod lane;
mod late_body;
mod latency;
mod layer;
mod leaving;
mod many;
mod marked;
mod parted;
mod payload;
mod secure;
mod server;
mod socket;
mod stage;
mod stalled;
mod switch;
mod throttle;
mod wire;
mod wires;

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::net::TcpStream;
use tower::ServiceBuilder;

use super::accepted::Accepted;
use super::timer::{Alarm, now_ns};
use super::worker::Burden;
use conn::Conn;
use io::Io;
pub(super) use io::Spoken;
use layer::{Stack, around};
use server::Server;
use socket::Socket;

/// Serves a client connection until it ends. `prefix` was read from it already, `upstream` may be dialled already.
pub(super) async fn serve(
    worker: Burden,
    client: TcpStream,
    accepted: Accepted,
    prefix: Vec<u8>,
    upstream: Option<TcpStream>,
) {
    let conn = Conn::new(&worker, accepted, upstream);
    // Declared before the server, so closed after it: closing the sockets is the deed, and only then it counts.
    let _closing = Closing(Rc::clone(&conn));
    let incoming = conn.accepted.route.tls().and_then(|tls| tls.incoming.clone());
    let (io, spoken) = match incoming {
        None => {
            let socket = Socket::new(&conn.worker, client, &conn.client, prefix);
            (Io::from(socket), Spoken::Unknown)
        }
        // In a box: a connection without TLS is not to be as large as a handshake.
        Some(config) => match Box::pin(secure::accept(&conn, config, client, prefix)).await {
            Some(secured) => secured,
            None => return,
        },
    };
    // The stack reads as a sentence: a call is marked, parted from, delayed, throttled, stalled, cut, swallowed, given
    // another head, another body, answered here, or forwarded.
    let stack = ServiceBuilder::new()
        .layer_fn(around::<marked::Marked, _>)
        .layer_fn(around::<parted::Parted, _>)
        .layer_fn(around::<latency::Delayed, _>)
        .layer_fn(around::<throttle::Throttled, _>)
        .layer_fn(around::<stalled::Stalled, _>)
        .layer_fn(around::<cut::CutOff, _>)
        .layer_fn(around::<blackhole::Swallowed, _>)
        .layer_fn(around::<head::Headed, _>)
        .layer_fn(around::<body::Reshaped, _>)
        .layer_fn(around::<answer::Answered, _>)
        .layer_fn(around::<judged::Judged, _>)
        .service(forward::Forward);
    let mut server = Server::new(&conn, io, spoken, &stack);
    let mut watch = None;
    let alarm = Alarm::new(&worker.timers);
    poll_fn(|cx| {
        watch.get_or_insert_with(|| worker.watch(&conn.accepted.route, cx.waker().clone()));
        step(&conn, &mut server, &stack, &alarm, cx)
    })
    .await;
    if conn.left_http.get()
        && let Some((client, read)) = server.into_switched()
    {
        switch::go_on(worker, &conn, client, &read).await;
    }
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
    server: &mut Server<S>,
    stack: &S,
    alarm: &Alarm,
    cx: &mut Context<'_>,
) -> Poll<()>
where
    S: Stack,
{
    if conn.accepted.route.is_closed() {
        return Poll::Ready(());
    }
    conn.turn_begins(cx);
    conn.follow_changes();
    let edge = &conn.client.edge;
    if edge.follow_changes(conn) {
        conn.cut_now(None);
        return Poll::Ready(());
    }
    if edge.is_over(conn) {
        return edge.poll_over(&conn.client, &mut conn.worker.buffer.borrow_mut(), alarm, cx);
    }
    conn.lane.drive(cx);
    if let Poll::Ready(result) = server.poll(conn, stack, cx) {
        match result {
            Ok(()) => conn.left_http.set(conn.agreed.borrow().is_some()),
            Err(error) => tracing::debug!(%error, "an HTTP connection ended"),
        }
        return Poll::Ready(());
    }
    if conn.leaves_now() {
        return Poll::Ready(());
    }
    // What the server has just handed over goes out in the same turn.
    if conn.lane.was_handed_over() {
        conn.lane.drive(cx);
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
