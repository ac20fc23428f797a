//! One HTTP request of the watchman: a scrape, or a message.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

const ANSWER_MAX_BYTES: usize = 1 << 20;

/// Asks `address` for `path`, with a JSON body or with none; anything but success within the time is an error.
pub(super) async fn exchange(
    address: &str,
    path: &str,
    body: Option<String>,
    within: Duration,
) -> Result<Bytes, String> {
    let exchange = async {
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let request = Request::builder().method(method).uri(path).header(HOST, address);
        let request = request.header(CONTENT_TYPE, "application/json");
        let request = request
            .body(Full::new(Bytes::from(body.unwrap_or_default())))
            .map_err(|error| error.to_string())?;
        let asking = async {
            let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_MAX_BYTES).collect().await;
            Ok::<_, String>((status, body.map_err(|error| error.to_string())?.to_bytes()))
        };
        // Driven in place, not spawned: given up, the connection is gone with it.
        tokio::pin!(asking);
        tokio::select! {
            biased;
            answer = &mut asking => return answer,
            _ = connection => {}
        }
        asking.await
    };
    match timeout(within, exchange).await {
        Ok(Ok((status, body))) if status.is_success() => Ok(body),
        Ok(Ok((status, _))) => Err(said(status)),
        Ok(Err(why)) => Err(why),
        Err(_) => Err(format!("no answer within {within:?}")),
    }
}

fn said(status: StatusCode) -> String {
    format!("it said {status}")
}

/// Address and path of an `http://` URL.
pub(super) fn parts(url: &str) -> Option<(String, String)> {
    let rest = url.strip_prefix("http://")?;
    let (address, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = if path.is_empty() { "/" } else { path };
    address.contains(':').then(|| (address.to_owned(), path.to_owned()))
}
