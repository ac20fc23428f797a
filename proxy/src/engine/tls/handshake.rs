//! Handshakes: bounded in time and number, and over when their route is.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use super::{Outgoing, words};
use crate::engine::route::Route;
use crate::engine::worker::Worker;
use crate::engine::{closing, dial};

/// Handshakes with clients under way on one route: each one takes buffers, and may cost a signature.
const HANDSHAKES_MAX: usize = 1_024;

/// Ends TLS with a client; nothing when it does not come about, which is counted and told to the client.
pub(in crate::engine) async fn accept(
    worker: &Rc<Worker>,
    route: &Arc<Route>,
    config: Arc<ServerConfig>,
    client: TcpStream,
) -> Option<server::TlsStream<TcpStream>> {
    let attempt = async {
        // Who says nothing takes no turn.
        client.peek(&mut [0]).await?;
        let _turn = route.counts.handshakes.turn().await;
        Ok(TlsAcceptor::from(config).accept(client).into_fallible().await)
    };
    match guarded(worker, route, attempt).await {
        Ok(Ok(stream)) => return Some(stream),
        Ok(Err((error, mut client))) => {
            failed(route, &error);
            // The alert is to arrive, and a socket that is closed with bytes unread is reset.
            closing::close(worker, &mut client, None).await;
        }
        Err(error) => failed(route, &error),
    }
    None
}

/// Begins TLS with the upstream. An error says why not.
pub(in crate::engine) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    worker: &Rc<Worker>,
    route: &Arc<Route>,
    outgoing: &Outgoing,
    socket: S,
    with_h2: bool,
) -> io::Result<client::TlsStream<S>> {
    let config = if with_h2 { &outgoing.h2 } else { &outgoing.plain };
    let attempt = TlsConnector::from(Arc::clone(config)).connect(outgoing.name.clone(), socket);
    guarded(worker, route, attempt).await.map_err(|error| {
        let why = words(&error).unwrap_or_else(|| match error.kind() {
            io::ErrorKind::UnexpectedEof => "it closed the connection during the TLS handshake".to_owned(),
            io::ErrorKind::TimedOut => format!("TLS with it did not come about: {error}"),
            _ => format!("TLS with it failed: {error}"),
        });
        io::Error::new(error.kind(), why)
    })
}

/// A client's TLS did not come about.
pub(in crate::engine) fn failed(route: &Route, why: &dyn std::fmt::Display) {
    if !route.is_closed() {
        tracing::debug!(route = route.spec.name, %why, "no TLS with a client");
        route.counts.tls_failures.fetch_add(1, Relaxed);
    }
}

/// What comes of an attempt within the time that the route gives a dial; an error also when the route is closed.
pub(super) async fn guarded<T>(
    worker: &Rc<Worker>,
    route: &Arc<Route>,
    attempt: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    let mut watch = None;
    let mut attempt = pin!(dial::in_time(worker, route, attempt));
    poll_fn(|cx| {
        watch.get_or_insert_with(|| worker.watch(route, cx.waker().clone()));
        if route.is_closed() {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        }
        attempt.as_mut().poll(cx)
    })
    .await
}

/// Handshakes under way on a route, and those that wait for one of them to end.
#[derive(Debug)]
pub(in crate::engine) struct Turns(Semaphore);

impl Default for Turns {
    fn default() -> Self {
        Self(Semaphore::new(HANDSHAKES_MAX))
    }
}

impl Turns {
    /// A turn, first come, first served. Whoever asks for one bounds how long it waits.
    pub(in crate::engine) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // Nobody ever closes it.
        self.0.acquire().await.ok()
    }
}
