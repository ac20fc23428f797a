//! Serves the control socket: HTTP in, requests to the engine, answers out.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use firedrill_proxy::control::wire::Problem;
use http::{HeaderValue, StatusCode, header};
use serde::de::DeserializeOwned;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::peer::Peer;
use super::wire::{Changed, Drills, Halt, Note, Said, Status};
use super::{Request, asked};
use crate::coordinator::said::Unfit;
use crate::coordinator::serve;

/// Connections at a time; more wait in the listen queue.
const CONNECTIONS_MAX: usize = 32;
/// The largest request body.
const BODY_MAX_BYTES: usize = 64 * 1024;
/// How long the engine may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Serves until `shutdown`; then lets open requests finish for a second.
pub async fn serve(listener: UnixListener, requests: mpsc::Sender<Request>, shutdown: CancellationToken) {
    let app = router(requests);
    let accept = async move || listener.accept().await.map(|(stream, _)| stream);
    // A stranger is hung up on; the file's mode keeps strangers out before that.
    let admit = |stream: &UnixStream| Some(app.clone().layer(Extension(Peer::let_in(stream)?)));
    serve::serve("the control socket", CONNECTIONS_MAX, accept, admit, shutdown).await;
}

fn router(requests: mpsc::Sender<Request>) -> Router {
    Router::new()
        .route("/v1/drills", get(drills))
        .route("/v1/drills/{id}", get(drill))
        .route("/v1/drills/{id}/notes", post(note))
        .route("/v1/drills/{id}/faults/{fault}", post(set_fault))
        .route("/v1/drills/{id}/steps/{step}", post(answer))
        .route("/v1/drills/{id}/playbook/start", post(start_playbook))
        .route("/v1/halt", post(halt))
        .fallback(|| async { Refusal::new(404, "no such path", "see `GET /v1/drills`".to_owned()) })
        .method_not_allowed_fallback(|| async {
            Refusal::new(405, "wrong method", "read with GET, change with POST".to_owned())
        })
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .with_state(Engine { requests })
}

async fn drills(State(engine): State<Engine>) -> Result<Json<Drills>, Refusal> {
    Ok(Json(Drills { drills: vec![engine.status().await?] }))
}

async fn drill(State(engine): State<Engine>, Path(id): Path<String>) -> Result<Json<Status>, Refusal> {
    engine.drill(&id).await.map(Json)
}

async fn halt(
    State(engine): State<Engine>,
    Extension(peer): Extension<Peer>,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    // Nobody in a hurry should be turned away for a missing body.
    let Halt { reason } = if body.is_empty() { Halt::default() } else { read(&body)? };
    engine.ask(|reply| Request::Halt { who: peer.who, reason, reply }).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn note(
    State(engine): State<Engine>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    let Note { text, action } = read(&body)?;
    engine.drill(&id).await?;
    engine.ask(|reply| Request::Note { who: peer.who, text, action, reply }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn answer(
    State(engine): State<Engine>,
    Extension(peer): Extension<Peer>,
    Path((id, step)): Path<(String, String)>,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    let Said { answer, role } = read(&body)?;
    engine.drill(&id).await?;
    let asked = engine.ask(|reply| Request::Answer { who: peer.who, step, role, answer, reply }).await?;
    asked.map(|()| StatusCode::NO_CONTENT).map_err(|why| Refusal::new(409, "answer not taken", why))
}

async fn start_playbook(
    State(engine): State<Engine>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    engine.drill(&id).await?;
    let asked = engine.ask(|reply| Request::StartPlaybook { who: peer.who, reply }).await?;
    asked.map(|()| StatusCode::NO_CONTENT).map_err(|why| Refusal::new(409, "playbook not started", why))
}

async fn set_fault(
    State(engine): State<Engine>,
    Extension(peer): Extension<Peer>,
    Path((id, fault)): Path<(String, String)>,
    body: Bytes,
) -> Result<Json<Changed>, Refusal> {
    let changes = asked::changes(read(&body)?)?;
    let status = engine.drill(&id).await?;
    asked::known_fault(&status, &fault).map_err(|why| Refusal::new(404, "no such fault", why))?;
    match engine.ask(|reply| Request::SetFault { who: peer.who, fault, changes, reply }).await? {
        Ok(change) => Ok(Json(Changed { change })),
        Err(why) => Err(Refusal::new(422, "fault not changed", why)),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        Refusal::new(400, "unreadable body", format!("the body is not what is expected: {error}"))
    })
}

/// The way to the engine.
#[derive(Clone)]
struct Engine {
    requests: mpsc::Sender<Request>,
}

impl Engine {
    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        let request = asked::fit(request(reply))?;
        let asked = async {
            self.requests.send(request).await.map_err(|_| ())?;
            answer.await.map_err(|_| ())
        };
        match tokio::time::timeout(ANSWER_WITHIN, asked).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(())) => Err(Refusal::new(
                503,
                "the drill is ending",
                "the drill takes no more requests; see its report".to_owned(),
            )),
            Err(_) => Err(Refusal::new(
                504,
                "no answer",
                format!("the drill did not answer within {} s; ask again", ANSWER_WITHIN.as_secs()),
            )),
        }
    }

    async fn status(&self) -> Result<Status, Refusal> {
        self.ask(|reply| Request::Status { reply }).await
    }

    async fn drill(&self, id: &str) -> Result<Status, Refusal> {
        let status = self.status().await?;
        if status.drill == id {
            return Ok(status);
        }
        let why = format!("no drill `{}` is running here; `{}` is", id.escape_debug(), status.drill);
        Err(Refusal::new(404, "no such drill", why))
    }
}

/// A problem on its way out (RFC 9457).
struct Refusal(Problem);

impl Refusal {
    fn new(status: u16, title: &str, detail: String) -> Self {
        Self(Problem { status, title: title.to_owned(), detail })
    }
}

impl From<Unfit> for Refusal {
    fn from(Unfit { title, detail }: Unfit) -> Self {
        Self::new(422, title, detail)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind = HeaderValue::from_static("application/problem+json");
        (status, [(header::CONTENT_TYPE, kind)], Json(self.0)).into_response()
    }
}
