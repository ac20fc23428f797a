//! HTTP/1 on any listener of a drill, with every bound in place: connections, header time, the last grace.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long a client may take to send its headers.
const HEADERS_WITHIN: Duration = Duration::from_secs(5);
/// How long open requests may take once the drill is over.
const FINISH_WITHIN: Duration = Duration::from_secs(1);
/// After a failure to accept (no descriptors left), before the next try.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Serves until `stop`; then lets open requests finish for a second. At most `connections_max` connections at a time;
/// more wait in the listen queue. `admit` gives what a connection is served with, or hangs up on it. `what` names the
/// listener in the log.
pub(super) async fn serve<I>(
    what: &'static str,
    connections_max: usize,
    accept: impl AsyncFn() -> io::Result<I>,
    admit: impl Fn(&I) -> Option<Router>,
    stop: CancellationToken,
) where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let permits = Arc::new(Semaphore::new(connections_max));
    let mut connections = JoinSet::new();
    loop {
        let accepted = async {
            let permit = Arc::clone(&permits).acquire_owned().await.ok()?;
            Some((permit, accept().await))
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = accepted => match accepted {
                Some((permit, Ok(stream))) => {
                    let Some(app) = admit(&stream) else { continue };
                    let stop = stop.clone();
                    connections.spawn(async move {
                        connection(what, stream, app, stop).await;
                        drop(permit);
                    });
                }
                Some((_, Err(error))) => {
                    tracing::warn!(%error, "{what} cannot accept");
                    tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
                }
                None => break,
            },
        }
    }
    // The listener goes with it: nobody new is let in while the last answers are given.
    drop(accept);
    let _ =
        tokio::time::timeout(FINISH_WITHIN, async { while connections.join_next().await.is_some() {} }).await;
}

async fn connection<I>(what: &'static str, stream: I, app: Router, stop: CancellationToken)
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection of {what} broke");
            }
        }
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}
