//! Serving HTTP/1 on any listener with every bound in place: connections, header time, request time, the last grace.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Connections served at a time; more wait in the listener's backlog.
const CONNECTIONS_MAX: usize = 256;
/// How long the head of a request may take, and so how long a connection may be idle.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// How long one request may take, its body included.
pub(super) const REQUEST_LIMIT: Duration = Duration::from_secs(10);
/// What a connection gets to finish its answer when the server stops.
const GRACE: Duration = Duration::from_secs(1);

/// Serves until `shutdown` is ready, then finishes the answers under way.
pub async fn serve<L: Listener>(mut listener: L, app: Router, shutdown: impl Future<Output = ()>) {
    let (closing, closed) = watch::channel(false);
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let slot = tokio::select! {
            () = &mut shutdown => break,
            slot = Arc::clone(&slots).acquire_owned() => slot,
        };
        let io = tokio::select! {
            () = &mut shutdown => break,
            (io, _) = listener.accept() => io,
        };
        while connections.try_join_next().is_some() {}
        let (app, closed) = (app.clone(), closed.clone());
        connections.spawn(async move {
            let _slot = slot;
            connection(io, app, closed).await;
        });
    }
    drop(listener);
    closing.send_replace(true);
    while connections.join_next().await.is_some() {}
}

async fn connection<I: AsyncRead + AsyncWrite + Unpin>(
    io: I,
    app: Router,
    mut closed: watch::Receiver<bool>,
) {
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(io), TowerToHyperService::new(app));
    let mut serving = pin!(serving);
    let result = tokio::select! {
        result = serving.as_mut() => result,
        () = async { drop(closed.wait_for(|closed| *closed).await) } => {
            serving.as_mut().graceful_shutdown();
            match tokio::time::timeout(GRACE, serving).await {
                Ok(result) => result,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "control connection ended");
    }
}
