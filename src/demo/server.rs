//! The shop's HTTP server: bounded, and it finishes what it began before it ends.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
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
use super::page::Page;

const CONNECTIONS_MAX: usize = 1_024;
const BODY_MAX_BYTES: usize = 64 * 1024;
const HEADER_WITHIN: Duration = Duration::from_secs(10);
const END_WITHIN: Duration = Duration::from_secs(1);
const METRICS_TYPE: &str = "text/plain; version=0.0.4";
const JSON_TYPE: &str = "application/json";
const HTML_TYPE: &str = "text/html; charset=utf-8";

/// What a handler is asked.
pub(super) struct Question {
    pub(super) method: http::Method,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) headers: http::HeaderMap,
    pub(super) body: Bytes,
}

impl Question {
    /// A header that is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    #[cfg(test)]
    pub(super) fn of(method: http::Method, path: &str, body: &str) -> Self {
        let body = Bytes::copy_from_slice(body.as_bytes());
        Self { method, path: path.to_owned(), query: None, headers: http::HeaderMap::new(), body }
    }
}

/// What a handler says: a status and a body, which is JSON or a page.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) status: StatusCode,
    pub(super) text: String,
    kind: &'static str,
    /// Whether to say that it is worth coming again in a second.
    come_again: bool,
}

impl Said {
    /// 200 and a JSON value.
    pub(super) fn json(value: &serde_json::Value) -> Self {
        Self { status: StatusCode::OK, text: value.to_string(), kind: JSON_TYPE, come_again: false }
    }

    /// 200 and a page to look at.
    pub(super) fn html(text: String) -> Self {
        Self { status: StatusCode::OK, text, kind: HTML_TYPE, come_again: false }
    }

    /// A refusal or a failure, in words.
    pub(super) fn problem(status: StatusCode, why: impl Into<String>) -> Self {
        let text = serde_json::json!({ "error": why.into() }).to_string();
        Self { status, text, kind: JSON_TYPE, come_again: false }
    }

    /// A refusal that will not last: 503 with `retry-after`.
    pub(super) fn not_now(why: impl Into<String>) -> Self {
        Self { come_again: true, ..Self::problem(StatusCode::SERVICE_UNAVAILABLE, why) }
    }

    /// The answer to a path that is not there.
    pub(super) fn no_such_path(question: &Question) -> Self {
        let why = format!("there is no {} {}", question.method, question.path);
        Self::problem(StatusCode::NOT_FOUND, why)
    }
}

/// One process of the shop.
pub(super) trait Handler: Send + Sync + 'static {
    /// Answers what is not answered for every process alike.
    fn answer(&self, question: Question) -> impl Future<Output = Said> + Send;
    /// Its counts.
    fn metrics(&self) -> &Metrics;
    /// Writes down what it alone counts.
    fn measure(&self, _page: &mut Page) {}
}

/// Serves until `ended`, then gives open requests a second.
pub(super) async fn run(listener: TcpListener, handler: Arc<impl Handler>, ended: impl Future<Output = ()>) {
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
    let said = match parts.uri.path() {
        "/healthCheck" => Said::json(&serde_json::json!({ "status": "ok" })),
        "/metrics" => {
            let mut page = handler.metrics().page();
            handler.measure(&mut page);
            return response(StatusCode::OK, page.into_text(), METRICS_TYPE);
        }
        path => {
            let (path, began) = (path.to_owned(), Instant::now());
            let query = parts.uri.query().map(str::to_owned);
            let said = match Limited::new(body, BODY_MAX_BYTES).collect().await {
                Ok(body) => {
                    let (method, headers, body) = (parts.method, parts.headers, body.to_bytes());
                    handler.answer(Question { method, path, query, headers, body }).await
                }
                Err(_) => {
                    Said::problem(StatusCode::PAYLOAD_TOO_LARGE, "the body broke off or is over 64 KiB")
                }
            };
            handler.metrics().count(said.status, began.elapsed());
            said
        }
    };
    let mut response = response(said.status, said.text, said.kind);
    if said.come_again {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

fn response(status: StatusCode, text: String, kind: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
