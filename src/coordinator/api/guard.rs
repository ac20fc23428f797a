//! What stands before every request: whose name it uses, who asks, how long it may take, and what becomes of a panic.

use std::net::{IpAddr, Ipv4Addr};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::{HeaderValue, header};
use http_body_util::BodyExt;

use super::problem::{Refused, shown};
use super::table::{Guard, Route};
use super::{Api, PeerAddress, host};
use crate::coordinator::clock;

/// How long a request may take, its body included. Streams of events only begin within it.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// What guards one route.
#[derive(Clone)]
pub(super) struct Door {
    api: Api,
    guard: Guard,
    id: &'static str,
    /// Whether it understands a query.
    has_query: bool,
}

/// Which route answered, for the numbers.
#[derive(Clone, Copy)]
struct Answered(&'static str);

impl Door {
    pub(super) fn of(api: &Api, route: &Route) -> Self {
        Self { api: api.clone(), guard: route.guard, id: route.id, has_query: route.query.is_some() }
    }

    pub(super) fn of_intake(api: &Api) -> Self {
        Self { api: api.clone(), guard: Guard::Intake, id: "alarms", has_query: true }
    }

    fn check(&self, request: &mut Request) -> Result<(), Refused> {
        let peer = peer(request);
        let auth = &self.api.auth;
        match self.guard {
            Guard::Open => {}
            Guard::Admin => {
                let caller = auth.caller(request.method(), request.headers(), peer)?;
                request.extensions_mut().insert(caller);
            }
            Guard::Intake => auth.may_hand_in(request.headers(), request.uri().query(), peer)?,
        }
        match request.uri().query() {
            Some(query) if !self.has_query && !query.is_empty() => {
                let why =
                    format!("`{}` takes no query, and `{}` came with it", request.uri().path(), shown(query));
                Err(Refused::new(400, "no query here", why))
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn peer(request: &Request) -> IpAddr {
    // Only a test without a socket has none.
    let unknown = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    request.extensions().get::<PeerAddress>().map_or(unknown, |PeerAddress(peer)| peer.ip())
}

/// Before one route: who asks.
pub(super) async fn let_in(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let mut response = match door.check(&mut request) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    };
    response.extensions_mut().insert(Answered(door.id));
    response
}

/// Before all routes.
pub(super) async fn every(State(api): State<Api>, request: Request, next: Next) -> Response {
    let began = clock::instant();
    let is_page = !request.uri().path().starts_with("/v1/");
    let answered = async {
        host::check(&request, api.inner.listen, &api.inner.hosts)?;
        match tokio::time::timeout(ANSWER_WITHIN, AssertUnwindSafe(next.run(request)).catch_unwind()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(_)) => {
                let why = "firedrill made a mistake here; its log says where. Nothing else was touched by it";
                Err(Refused::new(500, "a mistake of ours", why))
            }
            Err(_) => {
                let why = format!(
                    "no answer within {} s; send the request at once, or ask again",
                    ANSWER_WITHIN.as_secs()
                );
                Err(Refused::new(503, "too slow", why).header(header::RETRY_AFTER, 5))
            }
        }
    };
    let response = answered.await.unwrap_or_else(IntoResponse::into_response);
    let mut response = if is_page { response } else { as_problem(response).await };
    let route = response.extensions().get::<Answered>().map_or("none", |Answered(id)| id);
    api.inner.numbers.answered(route, response.status(), began.elapsed());
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    response
}

/// What the framework refuses by itself comes as plain text; here every refusal has one form.
async fn as_problem(response: Response) -> Response {
    const TEXT_MAX: usize = 1_000;
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    if !(status.is_client_error() || status.is_server_error()) || kind.starts_with("application/problem+json")
    {
        return response;
    }
    let allow = response.headers().get(header::ALLOW).cloned();
    let body = response.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let detail: String = String::from_utf8_lossy(&body).chars().take(TEXT_MAX).collect();
    let title = status.canonical_reason().unwrap_or("refused").to_lowercase();
    let mut response = Refused::new(status.as_u16(), &title, detail).into_response();
    if let Some(allow) = allow {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

pub(super) async fn no_such_path(request: Request) -> Refused {
    let path = shown(request.uri().path());
    Refused::new(
        404,
        "no such path",
        format!("there is nothing at `{path}`; `/v1/openapi.json` lists what there is"),
    )
}

pub(super) async fn no_such_method(request: Request) -> Refused {
    let path = shown(request.uri().path());
    let method = shown(request.method().as_str());
    let why =
        format!("`{path}` does not know {method}; the header `Allow` of this answer says what it knows");
    Refused::new(405, "no such method", why)
}
