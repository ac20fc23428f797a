//! TLS under HTTP: the handshake with a client, on which the faults on bytes act already, and that with the upstream.

use std::future::{Future, pending, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsStream};

use super::conn::Conn;
use super::io::{Io, Spoken};
use super::socket::Socket;
use crate::engine::route::Route;
use crate::engine::timer::Alarm;
use crate::engine::tls::Tls;
use crate::engine::{dial, tls};

/// What a client spoke in place of TLS, or how its TLS went wrong, and its socket.
struct Refused {
    error: io::Error,
    socket: Socket,
    /// It began with a request.
    speaks_http: bool,
}

/// Ends TLS with a client; nothing when it does not come about, or the connection is over before.
pub(super) async fn accept(
    conn: &Rc<Conn>,
    config: Arc<ServerConfig>,
    client: TcpStream,
    prefix: Vec<u8>,
) -> Option<(Io, Spoken)> {
    let route = &conn.accepted.route;
    let socket = Socket::new(&conn.worker, client, &conn.client, prefix);
    let attempt = async { Ok(shake(route, config, socket).await) };
    match watched(conn, dial::in_time(&conn.worker, route, attempt)).await? {
        Ok(Ok(stream)) => {
            let spoken = if tls::chose_h2(stream.get_ref().1) { Spoken::Http2 } else { Spoken::Http1 };
            return Some((Io::Tls(Box::new(TokioIo::new(stream))), spoken));
        }
        Ok(Err(refused)) => {
            tls::failed(route, &refused.error);
            turn_away(conn, refused).await;
        }
        Err(error) => tls::failed(route, &error),
    }
    None
}

async fn shake(
    route: &Route,
    config: Arc<ServerConfig>,
    mut socket: Socket,
) -> Result<TlsStream<Socket>, Refused> {
    let first = poll_fn(|cx| socket.poll_first(cx)).await;
    if first.is_some_and(|byte| byte.is_ascii_uppercase()) {
        let error = io::Error::other("it speaks plain HTTP");
        return Err(Refused { error, socket, speaks_http: true });
    }
    // Who says nothing takes no turn.
    let _turn = route.counts.handshakes.turn().await;
    match TlsAcceptor::from(config).accept(socket).into_fallible().await {
        Ok(stream) => Ok(stream.into()),
        Err((error, socket)) => Err(Refused { error, socket, speaks_http: false }),
    }
}

/// Says to a client that speaks plain HTTP what is wrong; any other has got its alert. Then the connection is closed
/// in such a way that this arrives.
async fn turn_away(conn: &Rc<Conn>, mut refused: Refused) {
    if refused.speaks_http {
        let route = &conn.accepted.route;
        let body = format!("firedrill proxy, route `{}`: this port speaks TLS; use https\n", route.spec.name);
        let answer = format!(
            "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{body}",
            body.len()
        );
        let told = dial::in_time(&conn.worker, route, refused.socket.write_all(answer.as_bytes()));
        if !matches!(watched(conn, told).await, Some(Ok(()))) {
            return;
        }
    }
    conn.client.edge.close();
    watched(conn, pending::<()>()).await;
}

/// What comes of it while the faults on the connection act; nothing when that ended the connection, or the route is
/// closed.
async fn watched<T>(conn: &Rc<Conn>, attempt: impl Future<Output = T>) -> Option<T> {
    let (alarm, mut watch) = (Alarm::new(&conn.worker.timers), None);
    let (mut attempt, edge) = (pin!(attempt), &conn.client.edge);
    poll_fn(|cx| {
        watch.get_or_insert_with(|| conn.worker.watch(&conn.accepted.route, cx.waker().clone()));
        if conn.accepted.route.is_closed() {
            return Poll::Ready(None);
        }
        if edge.follow_changes(conn) {
            conn.cut_now(None);
            return Poll::Ready(None);
        }
        if !edge.is_over(conn)
            && let Poll::Ready(done) = attempt.as_mut().poll(cx)
        {
            return Poll::Ready(Some(done));
        }
        // The bytes that just passed may have been the last that a fault allows.
        if edge.is_over(conn) {
            return edge
                .poll_over(&conn.client, &mut conn.worker.buffer.borrow_mut(), &alarm, cx)
                .map(|()| None);
        }
        edge.set_alarm(conn, &alarm, cx);
        if edge.turn_ns() != 0 {
            alarm.set(edge.turn_ns(), cx);
        }
        Poll::Pending
    })
    .await
}

/// Begins TLS with the upstream where the route has it so; and which HTTP is spoken then.
pub(super) async fn connect(
    conn: &Conn,
    tls: &Tls,
    socket: Socket,
    wanted: Spoken,
) -> io::Result<(Io, Spoken)> {
    let route = &conn.accepted.route;
    let Some(outgoing) = &tls.outgoing else { return Ok((Io::from(socket), wanted)) };
    let stream = tls::connect(&conn.worker, route, outgoing, socket, wanted == Spoken::Http2).await?;
    let spoken = if tls::chose_h2(stream.get_ref().1) { Spoken::Http2 } else { Spoken::Http1 };
    Ok((Io::Tls(Box::new(TokioIo::new(stream.into()))), spoken))
}
