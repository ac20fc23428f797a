//! The HTTP API of `firedrill serve`: HTTP/1, JSON, problems by RFC 9457, live events by SSE.
//!
//! One table ([`table`]) says what there is; the router and the document are both made from it. A handler reads, asks
//! the office, and writes.

mod alarms;
mod auth;
mod day_files;
mod drills;
mod events;
mod files;
mod gamedays;
mod guard;
mod host;
mod metrics;
mod openapi;
mod person;
mod problem;
mod sent;
mod state;
mod table;
#[cfg(test)]
mod tests;
pub mod wire;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::routing::MethodRouter;
use axum::{Extension, Router};
use bytes::Bytes;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub use auth::{Auth, Caller, Printed, is_same_origin};
pub use openapi::document;
pub use problem::Refused;

use crate::coordinator::office::Office;
use crate::coordinator::serve;
use guard::Door;
use metrics::Numbers;

/// Connections at a time; more wait in the listen queue.
const CONNECTIONS_MAX: usize = 512;
/// Streams of events at a time, so that there is always room to ask, and to halt.
const STREAMS_MAX: usize = 256;
/// Reports that are made at a time; more wait.
const HEAVY_MAX: usize = 2;

/// Where a request comes from: an extension of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);

/// The API of an office. A clone is the same API.
#[derive(Clone)]
pub struct Api {
    office: Office,
    auth: Auth,
    inner: Arc<Inner>,
}

struct Inner {
    listen: SocketAddr,
    /// Further names it is reached by.
    hosts: Vec<String>,
    stop: CancellationToken,
    heavy: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    numbers: Numbers,
    document: Bytes,
}

impl Api {
    /// The API of an office that listens there, and is reached by these names too. Streams end with `stop`.
    pub fn new(
        office: Office,
        auth: Auth,
        listen: SocketAddr,
        hosts: Vec<String>,
        stop: CancellationToken,
    ) -> Self {
        let inner = Inner {
            listen,
            hosts,
            stop,
            heavy: Arc::new(Semaphore::new(HEAVY_MAX)),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            numbers: Numbers::default(),
            document: openapi::text(),
        };
        Self { office, auth, inner: Arc::new(inner) }
    }

    /// Its routes, with pages beside them that look after who may see them themselves.
    pub fn router(&self, pages: Router) -> Router {
        let mut app: Router<Self> = Router::new();
        for route in table::all() {
            let Some(to) = route.to else { continue };
            let handler: MethodRouter<Self> = to();
            let door = Door::of(self, &route);
            let handler = handler.route_layer(axum::middleware::from_fn_with_state(door, guard::let_in));
            app = app.route(route.path, handler);
        }
        let intake = alarms::router(self.office.clone());
        let door = Door::of_intake(self);
        let intake = intake.route_layer(axum::middleware::from_fn_with_state(door, guard::let_in));
        app.with_state(self.clone())
            .merge(intake)
            .merge(pages)
            .fallback(guard::no_such_path)
            .method_not_allowed_fallback(guard::no_such_method)
            .layer(axum::middleware::from_fn_with_state(self.clone(), guard::every))
    }

    /// Serves until the stop; then lets open requests finish for a second.
    pub async fn serve(&self, listener: TcpListener, pages: Router) {
        let app = self.router(pages);
        let accept = async move || {
            let (stream, _) = listener.accept().await?;
            // Without it the kernel may hold back small events; failing to set it only costs time.
            let _ = stream.set_nodelay(true);
            Ok(stream)
        };
        let admit = |stream: &TcpStream| {
            let peer = PeerAddress(stream.peer_addr().ok()?);
            // The one service around all routes; a layer on the router itself would be put on each of them.
            Some(Router::new().fallback_service(app.clone()).layer(Extension(peer)))
        };
        serve::serve("the API", CONNECTIONS_MAX, accept, admit, self.inner.stop.clone()).await;
    }

    /// Does what takes long away from the threads that answer, and not too much of it at a time.
    async fn heavy<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refused> {
        let gone = || Refused::new(500, "not made", "making it failed; the server's log says more");
        let turn = Arc::clone(&self.inner.heavy).acquire_owned().await.map_err(|_| gone())?;
        let made = tokio::task::spawn_blocking(move || {
            let made = work();
            drop(turn);
            made
        });
        made.await.map_err(|_| gone())
    }

    fn streams(&self) -> Arc<Semaphore> {
        Arc::clone(&self.inner.streams)
    }

    fn ended(&self) -> CancellationToken {
        self.inner.stop.clone()
    }

    fn document(&self) -> Bytes {
        self.inner.document.clone()
    }
}
