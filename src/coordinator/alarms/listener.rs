//! Listens for what monitoring systems post. Whoever posts is answered with 200 only once it is in the record.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use firedrill_proxy::control::wire::Problem;
use http::{HeaderValue, StatusCode, header};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;

use super::{AlarmInput, Way};
use crate::alarm::generic::Mapping;
use crate::alarm::{BODY_MAX_BYTES, BodyError, alertmanager, prometheus};
use crate::coordinator::http::io_words;
use crate::coordinator::serve;
use crate::drill::alarm::Alarm;
use crate::scenario::expectation::GenericSource;

/// Connections at a time; more wait in the listen queue.
const CONNECTIONS_MAX: usize = 256;
/// Messages in memory at a time; more wait.
const MESSAGES_MAX: usize = 16;
/// How long a client may take to send a whole message, waiting for its turn included.
const MESSAGE_WITHIN: Duration = Duration::from_secs(20);
/// How long the engine may take to record a message.
const JOURNALLED_WITHIN: Duration = Duration::from_secs(5);
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
pub(super) async fn serve(
    listener: TcpListener,
    generic: Vec<GenericSource>,
    way: Way,
    stop: CancellationToken,
) {
    let app = router(&generic, way);
    let accept = async move || {
        let (stream, _) = listener.accept().await?;
        // Without it the kernel may hold back the small answers; failing to set it only costs time.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    };
    serve::serve("the alarm listener", CONNECTIONS_MAX, accept, |_| Some(app.clone()), stop).await;
}

/// What every request needs.
#[derive(Clone)]
struct Desk {
    way: Way,
    turns: Arc<Semaphore>,
    /// Forms of their own, by the name of the intake; or why one cannot be used, should a plan hold such.
    mappings: Arc<BTreeMap<String, Result<Mapping, String>>>,
}

fn router(generic: &[GenericSource], way: Way) -> Router {
    let mapping = |source: &GenericSource| {
        let read = Mapping::with(&source.mapping).map_err(|error| error.to_string());
        (source.name.clone(), read)
    };
    let mappings = Arc::new(generic.iter().map(mapping).collect());
    let desk = Desk { way, turns: Arc::new(Semaphore::new(MESSAGES_MAX)), mappings };
    Router::new()
        .route("/v1/alarms/alertmanager", post(from_alertmanager))
        .route("/v1/alarms/generic/{name}", post(from_anyone))
        .route("/v1/emulate/alertmanager/api/v2/alerts", post(from_prometheus))
        .layer(axum::middleware::from_fn_with_state(desk.clone(), wait_for_turn))
        .route("/healthCheck", get(|| async { Json(serde_json::json!({"status": "ok"})) }))
        .fallback(|| async {
            let ways = "post to `/v1/alarms/alertmanager`, `/v1/alarms/generic/NAME` or `/v1/emulate/alertmanager/api/v2/alerts`";
            refusal(404, "no such path", ways.to_owned())
        })
        .method_not_allowed_fallback(|| async {
            refusal(405, "wrong method", "alarms are sent with POST".to_owned())
        })
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .with_state(desk)
}

/// Bounds the messages in memory, and the time that one may take.
async fn wait_for_turn(
    State(desk): State<Desk>,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response {
    let answered = async {
        let _turn = desk.turns.acquire().await;
        next.run(request).await
    };
    tokio::time::timeout(MESSAGE_WITHIN, answered).await.unwrap_or_else(|_| {
        let why = format!("the message was not here within {} s; send it again", MESSAGE_WITHIN.as_secs());
        // 5xx, for Alertmanager drops what any other status answers.
        refusal(503, "too slow", why)
    })
}

type Body = Result<Bytes, BytesRejection>;

async fn from_alertmanager(State(desk): State<Desk>, body: Body) -> Response {
    let received_at = (desk.way.wall)();
    desk.take(body, |body| alertmanager::read(body, received_at)).await
}

async fn from_prometheus(State(desk): State<Desk>, body: Body) -> Response {
    let received_at = (desk.way.wall)();
    desk.take(body, |body| prometheus::read(body, received_at)).await
}

async fn from_anyone(State(desk): State<Desk>, Path(name): Path<String>, body: Body) -> Response {
    const NAME_MAX_BYTES: usize = 100;
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.len() > NAME_MAX_BYTES || !name.chars().all(fits) {
        let why = "the name of a generic intake has up to 100 letters, digits, `-`, `_` and `.`";
        return refusal(400, "bad name", why.to_owned());
    }
    let received_at = (desk.way.wall)();
    let usual = Mapping::default();
    let mapping = match desk.mappings.get(&name) {
        None => &usual,
        Some(Ok(own)) => own,
        Some(Err(why)) => {
            return refusal(
                500,
                "unusable mapping",
                format!("the mapping of `{name}` cannot be used: {why}"),
            );
        }
    };
    desk.take(body, |body| mapping.read(&name, body, received_at)).await
}

impl Desk {
    /// Reads a message, hands its alarms to the engine, and answers once they are recorded.
    async fn take(&self, body: Body, read: impl FnOnce(&[u8]) -> Result<Vec<Alarm>, BodyError>) -> Response {
        let body = match body {
            Ok(body) => body,
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                let why = format!(
                    "the body has more than {BODY_MAX_BYTES} bytes; send fewer alarms in one message"
                );
                return refusal(413, "body too large", why);
            }
            Err(rejection) => return refusal(400, "unreadable body", rejection.body_text()),
        };
        match read(&body) {
            Ok(alarms) if alarms.is_empty() => StatusCode::OK.into_response(),
            Ok(alarms) => self.record(alarms).await,
            Err(error @ BodyError::TooLarge { .. }) => refusal(413, "body too large", error.to_string()),
            Err(error) => refusal(400, "unreadable body", error.to_string()),
        }
    }

    async fn record(&self, mut alarms: Vec<Alarm>) -> Response {
        let marks = self.way.memory.mark(&mut alarms);
        self.way.memory.heard(&alarms);
        let (done, journalled) = oneshot::channel();
        let recorded = async {
            let input = AlarmInput::Alarms { alarms, journalled: Some(done) };
            self.way.to_engine.send(input).await.is_ok() && journalled.await.is_ok()
        };
        let why = match tokio::time::timeout(JOURNALLED_WITHIN, recorded).await {
            Ok(true) => return StatusCode::OK.into_response(),
            Ok(false) => "the drill takes no more alarms; see its report".to_owned(),
            Err(_) => format!("not recorded within {} s; send it again", JOURNALLED_WITHIN.as_secs()),
        };
        self.way.memory.forget(&marks);
        refusal(503, "not recorded", why)
    }
}

/// A problem on its way out (RFC 9457).
fn refusal(status: u16, title: &str, detail: String) -> Response {
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = HeaderValue::from_static("application/problem+json");
    (code, [(header::CONTENT_TYPE, kind)], Json(Problem::new(status, title, detail))).into_response()
}
