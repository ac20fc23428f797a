//! The paths that monitoring systems post to. Whoever posts is answered with 200 only once it is in the record.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use firedrill_proxy::control::wire::Problem;
use futures_util::future::BoxFuture;
use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::alarm::generic::Mapping;
use crate::alarm::{BODY_MAX_BYTES, BodyError, alertmanager, prometheus};
use crate::drill::alarm::Alarm;
use crate::scenario::expectation::GenericSource;

/// Messages in memory at a time; more wait.
const MESSAGES_MAX: usize = 16;
/// How long a client may take to send a whole message, waiting for its turn included.
const MESSAGE_WITHIN: Duration = Duration::from_secs(20);

/// Who takes what was posted: the intake of one drill, or a server on behalf of all that run.
pub trait Takes: Send + Sync + 'static {
    /// The form that a running scenario gives to the generic intake of this name; absent: the usual one.
    fn generic(&self, name: &str) -> Option<GenericSource>;

    /// Takes alarms in, all of one message; done once they are on record, or why they are not. Whoever sent them is
    /// told to send them again then.
    fn take(&self, alarms: Vec<Alarm>) -> BoxFuture<'_, Result<(), String>>;

    /// The wall time, for the arrival of messages.
    fn wall(&self) -> Timestamp;
}

/// What every request needs.
#[derive(Clone)]
struct Desk {
    to: Arc<dyn Takes>,
    turns: Arc<Semaphore>,
}

/// The paths themselves, with every bound in place: messages in memory, their size, the time for each.
pub fn routes(to: Arc<dyn Takes>) -> Router {
    let desk = Desk { to, turns: Arc::new(Semaphore::new(MESSAGES_MAX)) };
    Router::new()
        .route("/v1/alarms/alertmanager", post(from_alertmanager))
        .route("/v1/alarms/generic/{name}", post(from_anyone))
        .route("/v1/emulate/alertmanager/api/v2/alerts", post(from_prometheus))
        .layer(axum::middleware::from_fn_with_state(desk.clone(), wait_for_turn))
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
    let received_at = desk.to.wall();
    desk.take(body, |body| alertmanager::read(body, received_at)).await
}

async fn from_prometheus(State(desk): State<Desk>, body: Body) -> Response {
    let received_at = desk.to.wall();
    desk.take(body, |body| prometheus::read(body, received_at)).await
}

async fn from_anyone(State(desk): State<Desk>, Path(name): Path<String>, body: Body) -> Response {
    const NAME_MAX_BYTES: usize = 100;
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.len() > NAME_MAX_BYTES || !name.chars().all(fits) {
        let why = "the name of a generic intake has up to 100 letters, digits, `-`, `_` and `.`";
        return refusal(400, "bad name", why.to_owned());
    }
    let received_at = desk.to.wall();
    let mapping = match desk.to.generic(&name).map(|source| Mapping::with(&source.mapping)) {
        None => Mapping::default(),
        Some(Ok(own)) => own,
        // No file makes such a plan; a plan from elsewhere may hold it.
        Some(Err(why)) => {
            let why = format!("the mapping of `{name}` cannot be used: {why}");
            return refusal(500, "unusable mapping", why);
        }
    };
    desk.take(body, |body| mapping.read(&name, body, received_at)).await
}

impl Desk {
    /// Reads a message, hands its alarms over, and answers once they are recorded.
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
            Ok(alarms) => match self.to.take(alarms).await {
                Ok(()) => StatusCode::OK.into_response(),
                Err(why) => refusal(503, "not recorded", why),
            },
            Err(error @ BodyError::TooLarge { .. }) => refusal(413, "body too large", error.to_string()),
            Err(error) => refusal(400, "unreadable body", error.to_string()),
        }
    }
}

/// A problem on its way out (RFC 9457).
pub(super) fn refusal(status: u16, title: &str, detail: String) -> Response {
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = HeaderValue::from_static("application/problem+json");
    (code, [(header::CONTENT_TYPE, kind)], Json(Problem::new(status, title, detail))).into_response()
}
