//! The shop's HTTP client: one request on one connection, given up after a time.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

const BODY_MAX_BYTES: usize = 64 * 1024;

/// Why another process of the shop was of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    #[error("{0} did not answer within {1:?}")]
    TooLate(&'static str, Duration),
    #[error("{0} cannot be reached: {1}")]
    Unreachable(&'static str, std::io::Error),
    #[error("{0} broke off: {1}")]
    BrokeOff(&'static str, Box<dyn std::error::Error + Send + Sync>),
    #[error("{0} said {1}")]
    Said(&'static str, StatusCode),
}

/// Another process of the shop.
pub(super) struct Callee {
    pub(super) name: &'static str,
    pub(super) address: String,
    pub(super) patience: Duration,
}

impl Callee {
    /// Posts to a path; anything but success within the time is an error.
    pub(super) async fn post(&self, path: &str) -> Result<Bytes, CallError> {
        let answer = timeout(self.patience, self.exchange(path)).await;
        answer.map_err(|_| CallError::TooLate(self.name, self.patience))?
    }

    async fn exchange(&self, path: &str) -> Result<Bytes, CallError> {
        let broke_off = |error: hyper::Error| CallError::BrokeOff(self.name, error.into());
        let unreachable = |error| CallError::Unreachable(self.name, error);
        let stream = TcpStream::connect(&self.address).await.map_err(unreachable)?;
        let _ = stream.set_nodelay(true);
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broke_off)?;
        let request = Request::post(path)
            .header(http::header::HOST, &self.address)
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
}
