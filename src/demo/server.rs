//! The shop's HTTP server: bounded, and it finishes what it began before it ends.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::metrics::Metrics;

const CONNECTIONS_MAX: usize = 1_024;
const BODY_MAX_BYTES: usize = 64 * 1024;
const HEADER_WITHIN: Duration = Duration::from_secs(10);
const END_WITHIN: Duration = Duration::from_secs(1);

/// What a handler is asked.
pub(super) struct Question {
    pub(super) method: http::Method,
    pub(super) path: String,
    pub(super) body: Bytes,
}

/// What a handler says: a status and a JSON or text body.
pub(super) type Said = (StatusCode, String);

/// One process of the shop.
pub(super) trait Handler: Send + Sync + 'static {
    /// Answers what is not answered for every process alike.
    fn answer(&self, question: Question) -> impl Future<Output = Said> + Send;
    /// Its counts.
    fn metrics(&self) -> &Metrics;
}

/// Serves until `ended`, then gives open requests a second.
pub(super) async fn run(listener: TcpListener, handler: impl Handler, ended: impl Future<Output = ()>) {
    let handler = Arc::new(handler);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(ended);
    loop {
        while connections.try_join_next().is_some() {}
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await.map_err(io::Error::other)?;
            Ok::<_, io::Error>((place, listener.accept().await?.0))
        };
        tokio::select! {
            () = &mut ended => break,
            accepted = next => match accepted {
                Ok((place, stream)) => {
                    let (handler, stopped) = (Arc::clone(&handler), stopped.clone());
                    connections.spawn(async move {
                        connection(stream, handler, stopped).await;
                        drop(place);
                    });
                }
                // Out of descriptors, most likely: wait a little instead of spinning.
                Err(_) => sleep(Duration::from_millis(50)).await,
            },
        }
    }
    drop(listener);
    let _ = stop.send(true);
    let _ = timeout(END_WITHIN, async { while connections.join_next().await.is_some() {} }).await;
}

async fn connection<H: Handler>(stream: TcpStream, handler: Arc<H>, mut stopped: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let handler = Arc::clone(&handler);
        async move { Ok::<_, Infallible>(respond(&*handler, request).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_WITHIN);
    let serving = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    // A broken connection is its client's affair and needs no word here.
    tokio::select! {
        _ = serving.as_mut() => {}
        () = async { drop(stopped.wait_for(|stop| *stop).await) } => {
            serving.as_mut().graceful_shutdown();
            let _ = serving.await;
        }
    }
}

async fn respond<H: Handler>(handler: &H, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let (status, text) = match parts.uri.path() {
        "/healthCheck" => (StatusCode::OK, r#"{"status":"ok"}"#.to_owned()),
        "/metrics" => (StatusCode::OK, handler.metrics().text()),
        path => {
            let began = Instant::now();
            let said = match Limited::new(body, BODY_MAX_BYTES).collect().await {
                Ok(body) => {
                    let question =
                        Question { method: parts.method, path: path.to_owned(), body: body.to_bytes() };
                    handler.answer(question).await
                }
                Err(_) => problem(StatusCode::PAYLOAD_TOO_LARGE, "the body broke off or is over 64 KiB"),
            };
            handler.metrics().count(said.0, began.elapsed());
            said
        }
    };
    let kind = if text.starts_with('{') { "application/json" } else { "text/plain; version=0.0.4" };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response
}

/// A refusal or a failure, in words.
pub(super) fn problem(status: StatusCode, why: impl Into<String>) -> Said {
    (status, serde_json::json!({ "error": why.into() }).to_string())
}

/// The answer to a path that is not there.
pub(super) fn no_such_path(question: &Question) -> Said {
    problem(StatusCode::NOT_FOUND, format!("there is no {} {}", question.method, question.path))
}
