//! Speaking to a proxy in another process: the methods of [`super::Control`], over HTTP.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::net::TcpStream;

use super::wire::{
    FaultSpec, FaultState, FaultView, Gone, Health, LedgerEntry, Problem, Renewal, Renewed, RouteSpec,
    RouteView,
};
use crate::quantity::Period;

/// How long connecting may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// How long a call may take in all.
const CALL_LIMIT: Duration = Duration::from_secs(10);
/// The longest answer that is read.
const ANSWER_MAX_BYTES: usize = 16 * 1024 * 1024;

/// Why a call failed; each says which address, and what to do.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ClientError {
    /// The address is none.
    #[error("the control address `{address}` is not `host:port`; write for example `127.0.0.1:8474`")]
    Address {
        /// As given.
        address: String,
    },
    /// Nobody answers there.
    #[error(
        "no proxy answers at {address}: {why}; is `firedrill proxy --control {address}` running, and is this host \
         allowed to reach it?"
    )]
    Unreachable {
        /// The address.
        address: String,
        /// Why.
        why: String,
        /// The host itself said that nobody listens there: the proxy's process is gone.
        refused: bool,
    },
    /// Somebody accepted the call and did not answer in time. What was asked may have been done.
    #[error(
        "the proxy at {address} did not answer `{call}` within {limit}; it may have done it, and asking once more \
         does no harm"
    )]
    TimedOut {
        /// The address.
        address: String,
        /// Method and path.
        call: String,
        /// The limit.
        limit: Period,
    },
    /// What answers there is no proxy of ours.
    #[error("what answers at {address} does not speak like a firedrill proxy ({why}); check the address")]
    Foreign {
        /// The address.
        address: String,
        /// What was wrong.
        why: String,
    },
    /// The proxy said no.
    #[error("the proxy at {address} refused: {problem}")]
    Refused {
        /// The address.
        address: String,
        /// What it said.
        problem: Problem,
    },
}

impl ClientError {
    /// Whether the host said that nobody listens there, so that the proxy's process is gone.
    pub const fn is_nobody_there(&self) -> bool {
        matches!(self, Self::Unreachable { refused: true, .. })
    }

    /// The HTTP status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { problem, .. } => Some(problem.status),
            _ => None,
        }
    }
}

/// A proxy's control API, by address. Every call is a connection of its own, so nothing can be stale.
#[derive(Clone, Debug)]
pub struct Client {
    address: String,
}

impl Client {
    /// A client for `host:port`; does not connect yet.
    pub fn new(address: &str) -> Result<Self, ClientError> {
        let fits = address.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty() && port.parse::<u16>().is_ok() && !host.contains(['/', '@', ' '])
        });
        let parses = || address.parse::<http::uri::Authority>().is_ok();
        if fits && parses() {
            Ok(Self { address: address.to_owned() })
        } else {
            Err(ClientError::Address { address: address.chars().take(200).collect() })
        }
    }

    /// The address, `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether the proxy is there, and what it holds.
    pub async fn health(&self) -> Result<Health, ClientError> {
        self.get("/healthCheck".into()).await
    }

    /// All routes.
    pub async fn routes(&self) -> Result<Vec<RouteView>, ClientError> {
        self.get("/v1/routes".into()).await
    }

    /// One route.
    pub async fn route(&self, name: &str) -> Result<RouteView, ClientError> {
        self.get(route_path(name)).await
    }

    /// Makes a route and listens.
    pub async fn add_route(&self, spec: &RouteSpec) -> Result<RouteView, ClientError> {
        self.send(Method::POST, "/v1/routes".into(), spec).await
    }

    /// Takes a route away, its connections and its faults with it.
    pub async fn remove_route(&self, name: &str) -> Result<RouteView, ClientError> {
        self.delete(route_path(name)).await
    }

    /// Sets a fault on a route, or changes the one with its id.
    pub async fn put_fault(&self, route: &str, spec: &FaultSpec) -> Result<FaultView, ClientError> {
        self.send(Method::PUT, fault_path(route, &spec.id), spec).await
    }

    /// Changes single parameters of a fault that stands: `{"delay": "3s"}`.
    pub async fn patch_fault(
        &self,
        route: &str,
        id: &str,
        changes: &Map<String, Value>,
    ) -> Result<FaultView, ClientError> {
        self.send(Method::PATCH, fault_path(route, id), changes).await
    }

    /// A fault as it stands, or how it ended.
    pub async fn fault(&self, route: &str, id: &str) -> Result<FaultState, ClientError> {
        let answer = self.call(Method::GET, fault_path(route, id), Bytes::new()).await?;
        if answer.status == StatusCode::GONE {
            let gone: Gone = self.read(&answer)?;
            return Ok(FaultState::Ended(gone.ended));
        }
        self.accept(&answer).map(FaultState::Standing)
    }

    /// Takes a fault back; one that is already gone is answered with its last evidence.
    pub async fn remove_fault(&self, route: &str, id: &str) -> Result<FaultView, ClientError> {
        self.delete(fault_path(route, id)).await
    }

    /// A sample of a fault's decisions.
    pub async fn ledger(&self, route: &str, id: &str) -> Result<Vec<LedgerEntry>, ClientError> {
        self.get(format!("{}/ledger", fault_path(route, id))).await
    }

    /// Lets every fault of an owner live for `lease` from now on, `max` permitting; says how many there are.
    pub async fn renew(&self, owner: &str, lease: Duration) -> Result<usize, ClientError> {
        let path = format!("/v1/owners/{}/renew", segment(owner));
        let renewed: Renewed = self.send(Method::POST, path, &Renewal { lease: lease.into() }).await?;
        Ok(renewed.faults)
    }

    /// Takes every fault of an owner back; answers with all it had, also those that had ended before.
    pub async fn remove_owner(&self, owner: &str) -> Result<Vec<FaultView>, ClientError> {
        self.delete(format!("/v1/owners/{}", segment(owner))).await
    }

    async fn get<T: DeserializeOwned>(&self, path: String) -> Result<T, ClientError> {
        self.accept(&self.call(Method::GET, path, Bytes::new()).await?)
    }

    async fn delete<T: DeserializeOwned>(&self, path: String) -> Result<T, ClientError> {
        self.accept(&self.call(Method::DELETE, path, Bytes::new()).await?)
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: String,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| self.foreign(error))?;
        self.accept(&self.call(method, path, body.into()).await?)
    }

    fn accept<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, ClientError> {
        if answer.status.is_success() {
            return self.read(answer);
        }
        Err(match serde_json::from_slice::<Problem>(&answer.body) {
            Ok(problem) => ClientError::Refused { address: self.address.clone(), problem },
            Err(_) => self.foreign(format!("status {} without a reason", answer.status)),
        })
    }

    fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, ClientError> {
        serde_json::from_slice(&answer.body).map_err(|error| self.foreign(error))
    }

    async fn call(&self, method: Method, path: String, body: Bytes) -> Result<Answer, ClientError> {
        let call = format!("{method} {path}");
        match tokio::time::timeout(CALL_LIMIT, self.exchange(method, path, body)).await {
            Ok(result) => result,
            Err(_) => {
                Err(ClientError::TimedOut { address: self.address.clone(), call, limit: CALL_LIMIT.into() })
            }
        }
    }

    async fn exchange(&self, method: Method, path: String, body: Bytes) -> Result<Answer, ClientError> {
        let socket = match tokio::time::timeout(CONNECT_LIMIT, TcpStream::connect(&self.address)).await {
            Ok(Ok(socket)) => socket,
            Ok(Err(error)) => {
                let refused = error.kind() == std::io::ErrorKind::ConnectionRefused;
                return Err(self.unreachable(error, refused));
            }
            Err(_) => {
                let why = format!("no connection within {}", Period::from(CONNECT_LIMIT));
                return Err(self.unreachable(why, false));
            }
        };
        let _ = socket.set_nodelay(true);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.address)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONNECTION, "close")
            .body(Full::new(body))
            .map_err(|error| self.foreign(error))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(socket)).await.map_err(|error| self.foreign(error))?;
        let answer = async {
            let response = sender.send_request(request).await.map_err(|error| self.foreign(error))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_MAX_BYTES)
                .collect()
                .await
                .map_err(|error| self.foreign(error))?;
            Ok(Answer { status, body: body.to_bytes() })
        };
        // The connection is driven here and dies with this call, also when the call is given up.
        tokio::pin!(answer);
        tokio::select! {
            biased;
            answer = &mut answer => answer,
            ended = connection => match ended {
                Ok(()) => answer.await,
                Err(error) => Err(self.foreign(error)),
            },
        }
    }

    fn unreachable(&self, why: impl ToString, refused: bool) -> ClientError {
        ClientError::Unreachable { address: self.address.clone(), why: why.to_string(), refused }
    }

    fn foreign(&self, why: impl ToString) -> ClientError {
        ClientError::Foreign { address: self.address.clone(), why: why.to_string() }
    }
}

struct Answer {
    status: StatusCode,
    body: Bytes,
}

fn route_path(name: &str) -> String {
    format!("/v1/routes/{}", segment(name))
}

fn fault_path(route: &str, id: &str) -> String {
    format!("/v1/routes/{}/faults/{}", segment(route), segment(id))
}

/// A name as one segment of a path, whatever is in it; the server says whether it is a name.
fn segment(name: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) || (byte == b'.' && name.len() > 2) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_host_and_port() {
        for good in ["127.0.0.1:8474", "localhost:1", "[::1]:8474", "proxy.example:80"] {
            assert_eq!(Client::new(good).unwrap().address(), good);
        }
        for bad in ["", "8474", "localhost", ":8474", "http://127.0.0.1:8474", "a:99999", "a b:1", "me@a:1"] {
            let error = Client::new(bad).unwrap_err().to_string();
            assert!(error.contains("write for example"), "{bad}: {error}");
        }
    }

    #[test]
    fn any_name_is_one_segment() {
        for (name, path) in [
            ("payments", "payments"),
            ("a/b", "a%2Fb"),
            ("..", "%2E%2E"),
            ("a b?", "a%20b%3F"),
            ("v1.2", "v1.2"),
        ] {
            assert_eq!(segment(name), path);
        }
    }
}
