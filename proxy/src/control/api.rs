//! The paths of the native API: each handler is one call of [`Control`].

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use super::connection::REQUEST_LIMIT;
use super::handle::{Control, gone};
use super::metrics;
use super::toxiproxy::{self, Toxiproxy};
use super::wire::{FaultSpec, FaultState, Gone, Health, Problem, Renewal, Renewed, RouteChange, RouteSpec};

/// The longest body that is read.
pub(super) const BODY_MAX_BYTES: usize = 1024 * 1024;
/// The longest body of a fault, which may carry a whole ledger.
const LONG_BODY_MAX_BYTES: usize = 8 * 1024 * 1024;
/// Long bodies take turns, so that all of them together stay small.
static LONG_BODIES: Semaphore = Semaphore::const_new(2);

/// Whose `Host` header is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hosts {
    /// `localhost` and addresses only. A page in a browser whose name was re-bound to loopback is refused.
    LocalOnly,
    /// Any: for listeners that no browser reaches by a name of its choice.
    Any,
}

/// The native API over a running proxy.
pub(super) fn router(control: Control, hosts: Hosts, toxiproxy: Arc<Toxiproxy>) -> Router {
    let in_its_place = toxiproxy.is_in_its_place();
    let elsewhere = move |request: Request| {
        let toxiproxy = Arc::clone(&toxiproxy);
        async move {
            let answer = toxiproxy.answer(request).await;
            answer.unwrap_or_else(|request| no_such_path(&request).into_response())
        }
    };
    let native =
        if in_its_place { Router::new() } else { Router::new().route("/metrics", get(metrics_text)) };
    let route = get(route).patch(change_route).delete(remove_route);
    let fault = get(fault).put(put_fault).patch(patch_fault).delete(remove_fault);
    native
        .route("/v1/routes", get(routes).post(add_route))
        .route("/v1/routes/{name}", route)
        .route("/v1/routes/{name}/faults/{id}", fault)
        .route("/v1/routes/{name}/faults/{id}/ledger", get(ledger))
        .route("/v1/owners/{owner}/renew", post(renew))
        .route("/v1/owners/{owner}", axum::routing::delete(remove_owner))
        .route("/healthCheck", get(health))
        .fallback(elsewhere)
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn_with_state((hosts, in_its_place), check_host))
        .layer(from_fn(in_time))
        .with_state(control)
}

async fn routes(State(control): State<Control>) -> Response {
    Json(control.routes()).into_response()
}

async fn add_route(State(control): State<Control>, Json(spec): Json<RouteSpec>) -> Result<Response, Problem> {
    Ok((StatusCode::CREATED, Json(control.add_route(spec)?)).into_response())
}

async fn route(State(control): State<Control>, Path(name): Path<String>) -> Result<Response, Problem> {
    Ok(Json(control.route(&name)?).into_response())
}

async fn change_route(
    State(control): State<Control>,
    Path(name): Path<String>,
    Json(change): Json<RouteChange>,
) -> Result<Response, Problem> {
    Ok(Json(control.change_route(&name, &change)?).into_response())
}

async fn remove_route(State(control): State<Control>, Path(name): Path<String>) -> Result<Response, Problem> {
    Ok(Json(control.remove_route(&name)?).into_response())
}

async fn fault(
    State(control): State<Control>,
    Path((name, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    Ok(match control.fault(&name, &id)? {
        FaultState::Standing(view) => Json(view).into_response(),
        FaultState::Ended(ended) => {
            let problem = gone(&ended);
            let mut response = Json(Gone { problem, ended }).into_response();
            *response.status_mut() = StatusCode::GONE;
            as_problem(response)
        }
    })
}

async fn put_fault(
    State(control): State<Control>,
    Path((name, id)): Path<(String, String)>,
    Long(mut body): Long<Map<String, Value>>,
) -> Result<Response, Problem> {
    // The id stands in the path; in the body it may be said again, but not differently.
    let said = body.entry("id").or_insert_with(|| id.as_str().into());
    if said.as_str() != Some(&id) {
        return Err(Problem::new(
            422,
            "two ids",
            format!("the path names fault `{id}` and the body {said}; leave `id` out of the body"),
        ));
    }
    let spec: FaultSpec = serde_json::from_value(body.into()).map_err(|error| unreadable(&error))?;
    Ok(Json(control.put_fault(&name, spec)?).into_response())
}

async fn patch_fault(
    State(control): State<Control>,
    Path((name, id)): Path<(String, String)>,
    Json(changes): Json<Map<String, Value>>,
) -> Result<Response, Problem> {
    Ok(Json(control.patch_fault(&name, &id, &changes)?).into_response())
}

async fn remove_fault(
    State(control): State<Control>,
    Path((name, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    Ok(Json(control.remove_fault(&name, &id)?).into_response())
}

async fn ledger(
    State(control): State<Control>,
    Path((name, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    Ok(Json(control.ledger(&name, &id)?).into_response())
}

async fn renew(
    State(control): State<Control>,
    Path(owner): Path<String>,
    Json(Renewal { lease }): Json<Renewal>,
) -> Result<Response, Problem> {
    Ok(Json(Renewed { faults: control.renew(&owner, lease.duration())? }).into_response())
}

async fn remove_owner(State(control): State<Control>, Path(owner): Path<String>) -> Response {
    Json(control.remove_owner(&owner)).into_response()
}

async fn health(State(control): State<Control>) -> Response {
    let (routes, faults) = control.counts();
    Json(Health { status: "ok".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned(), routes, faults })
        .into_response()
}

async fn metrics_text(State(control): State<Control>) -> Result<Response, Problem> {
    let text = metrics::text(&control)
        .map_err(|error| Problem::new(500, "no metrics", format!("cannot write the metrics: {error}")))?;
    Ok(([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response())
}

fn no_such_path(request: &Request) -> Problem {
    let path: String = request.uri().path().chars().take(200).collect();
    Problem::new(404, "no such path", format!("there is nothing at `{path}`; `/v1/routes` is a good start"))
}

async fn no_such_method(request: Request) -> Problem {
    Problem::new(
        405,
        "no such method",
        format!(
            "`{}` does not know {}; `docs/proxy.md` lists what does",
            request.uri().path(),
            request.method()
        ),
    )
}

/// No request takes longer than [`REQUEST_LIMIT`], however slowly its body comes.
async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_LIMIT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail =
                format!("the request took longer than {} s; send it at once", REQUEST_LIMIT.as_secs());
            Problem::new(408, "too slow", detail).into_response()
        }
    }
}

/// Refuses names that someone else's DNS may have pointed at us.
async fn check_host(
    State((hosts, toxiproxy_is_open)): State<(Hosts, bool)>,
    request: Request,
    next: Next,
) -> Response {
    // In the place of a Toxiproxy server its paths are as open as they were there; browsers they refuse by themselves.
    if hosts == Hosts::LocalOnly
        && !(toxiproxy_is_open && toxiproxy::belongs(request.uri().path()))
        && let Some(host) = said_host(&request)
        && !is_local(&host)
    {
        let host: String = host.chars().take(80).flat_map(char::escape_debug).collect();
        let detail = format!("the host `{host}` is not `localhost` or an address; use 127.0.0.1 in the URL");
        return Problem::new(421, "not for this host", detail).into_response();
    }
    next.run(request).await
}

fn said_host(request: &Request) -> Option<String> {
    let header = request.headers().get(header::HOST).map(|host| String::from_utf8_lossy(host.as_bytes()));
    header.map(Into::into).or_else(|| request.uri().authority().map(ToString::to_string))
}

fn is_local(host: &str) -> bool {
    if host.parse::<std::net::SocketAddr>().is_ok() || host.parse::<std::net::IpAddr>().is_ok() {
        return true;
    }
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if bare.is_some_and(|bare| bare.parse::<std::net::Ipv6Addr>().is_ok()) {
        return true;
    }
    let name = host.rsplit_once(':').map_or(host, |(name, port)| match port.parse::<u16>() {
        Ok(_) => name,
        Err(_) => host,
    });
    name.eq_ignore_ascii_case("localhost")
}

/// JSON in and out; what cannot be read is answered with a [`Problem`].
struct Json<T>(T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(mut body) => {
                body.push(b'\n');
                ([(header::CONTENT_TYPE, "application/json")], body).into_response()
            }
            Err(error) => {
                // Only a map with keys that are no text could come here, and there is none.
                tracing::error!(%error, "cannot write an answer");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        check_content_type(request.headers())?;
        let body = read(request.into_body()).await?;
        serde_json::from_slice(&body).map(Self).map_err(|error| unreadable(&error))
    }
}

/// JSON that may carry a whole ledger to replay.
struct Long<T>(T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Long<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let said =
            request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if said.is_none_or(|length: usize| length <= BODY_MAX_BYTES) {
            return Json::from_request(request, state).await.map(|Json(body)| Self(body));
        }
        check_content_type(request.headers())?;
        let Ok(_one_of_few) = LONG_BODIES.try_acquire() else {
            let detail = "two long bodies are being read already; send it again in a moment";
            return Err(Problem::new(503, "busy", detail));
        };
        let body = read_up_to(LONG_BODY_MAX_BYTES, request.into_body()).await?;
        serde_json::from_slice(&body).map(Self).map_err(|error| unreadable(&error))
    }
}

/// A page in a browser can send other content types across origins without asking; this one it cannot.
fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let kind = said.split(';').next().unwrap_or("").trim();
    if kind.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let said: String = said.chars().take(80).flat_map(char::escape_debug).collect();
    let detail = format!("the content type `{said}` is not `application/json`; with curl use `--json`");
    Err(Problem::new(415, "not JSON", detail))
}

pub(super) async fn read(body: Body) -> Result<bytes::Bytes, Problem> {
    read_up_to(BODY_MAX_BYTES, body).await
}

async fn read_up_to(most: usize, body: Body) -> Result<bytes::Bytes, Problem> {
    use http_body_util::BodyExt;
    match http_body_util::Limited::new(body, most).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            let detail = format!("the body is larger than {most} bytes");
            Err(Problem::new(413, "too large", detail))
        }
        Err(error) => Err(Problem::new(400, "no whole body", format!("the body did not arrive: {error}"))),
    }
}

fn unreadable(error: &serde_json::Error) -> Problem {
    Problem::new(422, "unreadable", format!("the body is not what is expected here: {error}"))
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = Json(self).into_response();
        *response.status_mut() = status;
        as_problem(response)
    }
}

fn as_problem(mut response: Response) -> Response {
    let kind = header::HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn only_localhost_and_addresses_are_local() {
        for (host, local) in [
            ("localhost", true),
            ("LOCALHOST:8474", true),
            ("127.0.0.1", true),
            ("127.0.0.1:8474", true),
            ("[::1]:8474", true),
            ("[::1]", true),
            ("192.0.2.7:80", true),
            ("evil.example", false),
            ("evil.example:8474", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("localhost:x", false),
            ("", false),
        ] {
            assert_eq!(is_local(host), local, "{host}");
        }
    }
}
