//! Listens for what monitoring systems post to one drill.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::Way;
use super::routes::{refusal, routes};
use crate::coordinator::http::io_words;
use crate::coordinator::serve;

/// Connections at a time; more wait in the listen queue.
const CONNECTIONS_MAX: usize = 256;

/// Why nothing listens for alarms.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Anybody on the network could post.
    #[error("`{0}` is not on this host only, and whoever can reach it can post alarms; listen on 127.0.0.1")]
    Open(SocketAddr),
    /// The system says no.
    #[error("cannot listen for alarms on `{address}`: {why}; give another address, or end who listens there")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// Why not.
        why: String,
    },
}

/// Listens on an address of this host; on one that others can reach only when `open` says so.
pub async fn bind(address: SocketAddr, open: bool) -> Result<TcpListener, BindError> {
    if !open && !address.ip().is_loopback() {
        return Err(BindError::Open(address));
    }
    TcpListener::bind(address).await.map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::AddrInUse => "it is in use".to_owned(),
            _ => io_words(&error),
        };
        BindError::Bind { address, why }
    })
}

/// Serves until `stop`; then lets open requests finish for a second.
pub(super) async fn serve(listener: TcpListener, way: Way, stop: CancellationToken) {
    let app = router(way);
    let accept = async move || {
        let (stream, _) = listener.accept().await?;
        // Without it the kernel may hold back the small answers; failing to set it only costs time.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    };
    serve::serve("the alarm listener", CONNECTIONS_MAX, accept, |_| Some(app.clone()), stop).await;
}

fn router(way: Way) -> Router {
    routes(Arc::new(way))
        .route("/healthCheck", get(|| async { Json(serde_json::json!({"status": "ok"})) }))
        .fallback(|| async {
            let ways = "post to `/v1/alarms/alertmanager`, `/v1/alarms/generic/NAME` or `/v1/emulate/alertmanager/api/v2/alerts`";
            refusal(404, "no such path", ways.to_owned())
        })
        .method_not_allowed_fallback(|| async {
            refusal(405, "wrong method", "alarms are sent with POST".to_owned())
        })
}
