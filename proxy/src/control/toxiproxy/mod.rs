//! Toxiproxy's HTTP API beside the native one, over the same engine: a proxy is a route, a toxic is a fault.
//!
//! Answers are byte for byte what Toxiproxy's clients have always been sent, except where that was a defect: nothing
//! is half done, nothing hangs, nothing that can be sent ends the process. `docs/toxiproxy.md` lists what differs.

mod address;
mod desk;
mod kind;
mod mapping;
mod memory;
mod metrics;
mod paths;
mod populate;
mod proxies;
mod proxy;
mod reading;
mod refusal;
mod request_id;
mod reset;
mod toxic;
mod toxics;
mod writing;

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;

pub(super) use paths::belongs;

use super::api::read;
use super::handle::Control;
use crate::seed::Seed;
use address::Listen;
use desk::Office;
use paths::{Endpoint, Found};
use populate::Populated;
use proxy::Wanted;
use reading::first_value;
use refusal::{Refusal, plain};
use request_id::RequestIds;
use toxic::Toxic;

/// The version of Toxiproxy's API that is spoken; clients choose their ways by it.
pub const VERSION: &str = "2.12.0";
/// What a page in a browser calls itself; it is not let in.
const BROWSER: &str = "Mozilla/";

/// How Toxiproxy's API is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToxiproxyOptions {
    /// The seed of every toxic.
    pub seed: Seed,
    /// In the place of a Toxiproxy server: `/metrics` and unknown paths are Toxiproxy's too.
    pub in_its_place: Option<ToxiproxyMetrics>,
}

impl Default for ToxiproxyOptions {
    fn default() -> Self {
        Self { seed: Seed(0), in_its_place: None }
    }
}

/// Which numbers a Toxiproxy server was asked to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ToxiproxyMetrics {
    /// Bytes by proxy.
    pub proxies: bool,
    /// The process itself.
    pub runtime: bool,
}

/// The API.
#[derive(Debug)]
pub(super) struct Toxiproxy {
    control: Control,
    office: Office,
    ids: RequestIds,
    metrics: Option<ToxiproxyMetrics>,
}

impl Toxiproxy {
    pub(super) fn new(control: Control, options: ToxiproxyOptions) -> Self {
        let office = Office::new(control.clone(), options.seed);
        Self { control, office, ids: RequestIds::default(), metrics: options.in_its_place }
    }

    pub(super) const fn is_in_its_place(&self) -> bool {
        self.metrics.is_some()
    }

    /// Makes the proxies of a list, as `populate` does; how many there are, and why there are no more.
    pub(super) async fn configure(&self, list: &[u8]) -> (usize, Option<String>) {
        let (proxies, refusal) = match populate::read(list, false) {
            Ok(wanted) => self.make(wanted).await,
            Err(refusal) => (Vec::new(), Some(refusal)),
        };
        (proxies.len(), refusal.map(|refusal| refusal.message()))
    }

    /// The answer; the request comes back when its path is not one of this API.
    pub(super) async fn answer(&self, request: Request) -> Result<Response, Request> {
        let not_found = || plain(404, "404 page not found\n");
        match paths::find(request.method(), request.uri()) {
            Found::Foreign if self.metrics.is_none() || request.uri().path().starts_with("/v1/") => {
                Err(request)
            }
            Found::Foreign | Found::NoSuchPath => Ok(not_found()),
            Found::Here(Endpoint::Metrics) if !self.has_metrics() => Ok(not_found()),
            Found::WrongMethod => Ok(StatusCode::METHOD_NOT_ALLOWED.into_response()),
            Found::Moved(to) => Ok((StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, to)]).into_response()),
            Found::Here(endpoint) => {
                let mut response = if is_browser(&request) {
                    plain(403, "User agent not allowed\n")
                } else {
                    self.serve(endpoint, request).await.unwrap_or_else(IntoResponse::into_response)
                };
                if let Ok(id) = HeaderValue::from_str(&self.ids.next()) {
                    response.headers_mut().insert(request_id::HEADER, id);
                }
                Ok(response)
            }
        }
    }

    fn has_metrics(&self) -> bool {
        self.metrics.is_some_and(|metrics| metrics.proxies || metrics.runtime)
    }

    async fn serve(&self, endpoint: Endpoint, request: Request) -> Result<Response, Refusal> {
        let strict = request.uri().query().unwrap_or("").split('&').any(|pair| pair == "strict=true");
        // Only these have a body that means something.
        let body = match endpoint {
            Endpoint::Populate
            | Endpoint::CreateProxy
            | Endpoint::UpdateProxy(_)
            | Endpoint::CreateToxic(_)
            | Endpoint::UpdateToxic(..) => read(request.into_body()).await?,
            _ => bytes::Bytes::new(),
        };
        match endpoint {
            Endpoint::Version => Ok(version()),
            Endpoint::Metrics => Ok(self.numbers()),
            Endpoint::Proxies => {
                let proxies = self.office.desk().proxies();
                let by_name: std::collections::BTreeMap<_, _> =
                    proxies.iter().map(|proxy| (proxy.name.as_str(), proxy)).collect();
                json(StatusCode::OK, &by_name)
            }
            Endpoint::CreateProxy => self.create_proxy(&body, strict).await,
            Endpoint::Proxy(name) => json(StatusCode::OK, &self.office.desk().proxy(&name)?),
            Endpoint::UpdateProxy(name) => self.update_proxy(&name, &body, strict).await,
            Endpoint::DeleteProxy(name) => self.office.desk().delete(&name).map(|()| done()),
            Endpoint::Toxics(name) => {
                let mut desk = self.office.desk();
                json(StatusCode::OK, &desk.proxy(&name)?.toxics)
            }
            Endpoint::CreateToxic(proxy) => {
                let mut desk = self.office.desk();
                desk.route(&proxy)?;
                let toxic = Toxic::read(&value(&body)?, strict)?;
                json(StatusCode::OK, &desk.add_toxic(&proxy, toxic)?)
            }
            Endpoint::Toxic(proxy, name) => json(StatusCode::OK, &self.office.desk().toxic(&proxy, &name)?),
            Endpoint::UpdateToxic(proxy, name) => {
                let mut desk = self.office.desk();
                let toxic = desk.toxic(&proxy, &name)?.changed(&value(&body)?, strict)?;
                desk.put_toxic(&proxy, &toxic)?;
                json(StatusCode::OK, &toxic)
            }
            Endpoint::DeleteToxic(proxy, name) => {
                self.office.desk().delete_toxic(&proxy, &name).map(|()| done())
            }
            Endpoint::Populate => self.populate(&body, strict).await,
            Endpoint::Reset => self.office.desk().reset().map(|()| done()),
        }
    }

    async fn create_proxy(&self, body: &[u8], strict: bool) -> Result<Response, Refusal> {
        let wanted = Wanted::read(&value(body)?, strict)?;
        let listen = Listen::look_up(wanted.listen.clone().unwrap_or_default()).await;
        json(StatusCode::CREATED, &self.office.desk().create(&wanted, &listen)?)
    }

    async fn update_proxy(&self, name: &str, body: &[u8], strict: bool) -> Result<Response, Refusal> {
        self.office.desk().route(name)?;
        let wanted = Wanted::read(&value(body)?, strict)?;
        let listen = match wanted.listen.clone() {
            Some(said) => Some(Listen::look_up(said).await),
            None => None,
        };
        json(StatusCode::OK, &self.office.desk().update(name, &wanted, listen.as_ref())?)
    }

    async fn populate(&self, body: &[u8], strict: bool) -> Result<Response, Refusal> {
        let (proxies, refusal) = match populate::read(body, strict) {
            Ok(wanted) => self.make(wanted).await,
            Err(refusal) => (Vec::new(), Some(refusal)),
        };
        let status = refusal.as_ref().map_or(StatusCode::CREATED, |refusal| {
            StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
        });
        json(status, &Populated::new(proxies, refusal.as_ref()))
    }

    async fn make(&self, wanted: Vec<Wanted>) -> (Vec<proxy::Proxy>, Option<Refusal>) {
        let mut looked_up = Vec::with_capacity(wanted.len());
        for proxy in wanted {
            let listen = Listen::look_up(proxy.listen.clone().unwrap_or_default()).await;
            looked_up.push((proxy, listen));
        }
        self.office.desk().populate(&looked_up)
    }

    fn numbers(&self) -> Response {
        let metrics = self.metrics.unwrap_or_default();
        let mut text = String::new();
        if metrics.proxies {
            text += &metrics::of_proxies(&self.control.routes());
        }
        if metrics.runtime {
            text += &metrics::of_process();
        }
        ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response()
    }
}

fn value(body: &[u8]) -> Result<Box<RawValue>, Refusal> {
    Ok(first_value(body)?)
}

fn is_browser(request: &Request) -> bool {
    let agent = request.headers().get(header::USER_AGENT);
    agent.is_some_and(|agent| agent.as_bytes().starts_with(BROWSER.as_bytes()))
}

fn version() -> Response {
    let body = format!("{{\"version\": \"{VERSION}\"}}\n");
    ([(header::CONTENT_TYPE, "application/json;charset=utf-8")], body).into_response()
}

fn json(status: StatusCode, value: &impl Serialize) -> Result<Response, Refusal> {
    let body = writing::json(value).map_err(|error| Refusal::Other {
        status: 500,
        message: format!("cannot write the answer: {error}"),
    })?;
    Ok((status, [(header::CONTENT_TYPE, "application/json")], body).into_response())
}

fn done() -> Response {
    StatusCode::NO_CONTENT.into_response()
}
