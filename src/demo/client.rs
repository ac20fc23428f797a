//! The shop's HTTP client: one request on one connection, within a slot of the pool, given up after a time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::pool::{Compartment, Full, Pool};

const BODY_MAX_BYTES: usize = 64 * 1024;
/// The header that names the order.
pub(super) const ORDER: &str = "x-order";
/// The header by which payments knows a question that it has been asked before.
pub(super) const KEY: &str = "idempotency-key";

/// Why another process of the shop was of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    #[error("{0} did not answer within {1:?}")]
    TooLate(&'static str, Duration),
    #[error("{0} cannot be reached: {1}")]
    Unreachable(&'static str, io::Error),
    #[error("{0} broke off: {1}")]
    BrokeOff(&'static str, Box<dyn std::error::Error + Send + Sync>),
    #[error("{0} said {1}")]
    Said(&'static str, StatusCode),
    #[error("there is no room for another call to {0}: {1} are on their way")]
    Full(&'static str, u64),
}

impl CallError {
    /// Whether asking again at once may help. Who was late once has already had the caller's patience.
    pub(super) fn is_worth_a_retry(&self) -> bool {
        match self {
            Self::Unreachable(..) | Self::BrokeOff(..) => true,
            Self::Said(_, status) => status.is_server_error(),
            Self::TooLate(..) | Self::Full(..) => false,
        }
    }
}

/// One question to another process of the shop.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    /// The order that it is about.
    pub(super) order: Option<&'a str>,
    /// How long the answer may take, with all waiting for it.
    pub(super) within: Duration,
    /// How many calls there may be in flight to this dependency.
    pub(super) most: Option<u64>,
}

/// Another process of the shop.
pub(super) struct Callee {
    pub(super) name: &'static str,
    /// Where it may be: where nobody listens, the next is tried.
    addresses: Vec<String>,
    pool: Arc<Pool>,
    pub(super) compartment: Compartment,
}

impl Callee {
    pub(super) fn new(name: &'static str, addresses: Vec<String>, pool: Arc<Pool>) -> Self {
        Self { name, addresses, pool, compartment: Compartment::default() }
    }

    /// Asks; anything but success within the time is an error.
    pub(super) async fn ask(&self, call: Call<'_>) -> Result<Bytes, CallError> {
        let exchange = async {
            let slot = self.pool.enter(&self.compartment, call.most).await;
            let _slot = slot.map_err(|Full(most)| CallError::Full(self.name, most))?;
            self.exchange(call).await
        };
        timeout(call.within, exchange).await.map_err(|_| CallError::TooLate(self.name, call.within))?
    }

    async fn exchange(&self, call: Call<'_>) -> Result<Bytes, CallError> {
        let broke_off = |error: hyper::Error| CallError::BrokeOff(self.name, error.into());
        let (stream, address) =
            self.connect().await.map_err(|error| CallError::Unreachable(self.name, error))?;
        let _ = stream.set_nodelay(true);
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broke_off)?;
        let mut request =
            Request::builder().method(call.method).uri(call.path).header(http::header::HOST, address);
        if let Some(order) = call.order {
            request = request.header(ORDER, order).header(KEY, order);
        }
        let request = request
            .body(Empty::<Bytes>::new())
            .map_err(|error| CallError::BrokeOff(self.name, error.into()))?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(broke_off)?;
            let status = response.status();
            let body = Limited::new(response.into_body(), BODY_MAX_BYTES).collect().await;
            let body = body.map_err(|error| CallError::BrokeOff(self.name, error))?.to_bytes();
            if status.is_success() { Ok(body) } else { Err(CallError::Said(self.name, status)) }
        };
        // Driven in place, not spawned: when the caller gives up, the connection is gone with it.
        tokio::pin!(exchange);
        tokio::select! {
            biased;
            answer = &mut exchange => return answer,
            _ = connection => {}
        }
        exchange.await
    }

    /// Connects to the first address where somebody listens.
    async fn connect(&self) -> io::Result<(TcpStream, &str)> {
        let mut refused = io::Error::new(io::ErrorKind::NotFound, "it has no address");
        for address in &self.addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok((stream, address)),
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => refused = error,
                Err(error) => return Err(error),
            }
        }
        Err(refused)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::super::metrics::Metrics;
    use super::super::server;
    use super::super::stock::Stock;
    use super::*;

    fn call(path: &str) -> Call<'_> {
        Call { method: &Method::POST, path, order: None, within: Duration::from_secs(10), most: None }
    }

    #[tokio::test]
    async fn the_next_address_is_tried_where_nobody_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = listener.local_addr().unwrap().to_string();
        // Bound and not listening: it stays nobody's for as long as the test lasts.
        let nobody = tokio::net::TcpSocket::new_v4().unwrap();
        nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let not_there = nobody.local_addr().unwrap().to_string();

        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let stock = Arc::new(Stock::new(Arc::new(Metrics::new("stock"))));
        let serving = tokio::spawn(server::run(listener, stock, async move { drop(ended.await) }));
        let found = Callee::new("stock", vec![not_there.clone(), there], Pool::new());
        assert!(found.ask(call("/reserve")).await.is_ok());
        assert!(matches!(
            found.ask(call("/nowhere")).await,
            Err(CallError::Said("stock", StatusCode::NOT_FOUND))
        ));
        let lost = Callee::new("stock", vec![not_there], Pool::new());
        assert!(matches!(lost.ask(call("/reserve")).await, Err(CallError::Unreachable("stock", _))));
        drop(end);
        serving.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_is_given_up_with_its_slot() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let silent = vec![listener.local_addr().unwrap().to_string()];
        let callee = Callee::new("payments", silent, Pool::new());
        let late = callee.ask(call("/charge")).await;
        assert!(matches!(late, Err(CallError::TooLate("payments", _))), "{late:?}");
        assert_eq!(callee.compartment.in_flight(), 0);
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let io = || io::Error::other("gone");
        for (error, again) in [
            (CallError::Unreachable("p", io()), true),
            (CallError::BrokeOff("p", io().into()), true),
            (CallError::Said("p", StatusCode::SERVICE_UNAVAILABLE), true),
            (CallError::Said("p", StatusCode::BAD_REQUEST), false),
            (CallError::TooLate("p", Duration::from_secs(3)), false),
            (CallError::Full("p", 3), false),
        ] {
            assert_eq!(error.is_worth_a_retry(), again, "{error}");
        }
    }
}
