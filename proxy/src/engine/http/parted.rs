//! `keep_alive_kill`: the answer is complete, and then the connection is gone.

use std::rc::Rc;

use futures_util::future::Either;
use http::{HeaderMap, HeaderValue, Request, StatusCode, Version, header};

use super::call::{Call, Hit};
use super::layer::{Answering, Layer, Stack};
use super::wire::Deed;
use crate::fault::{KeepAliveKill, TrafficFault};

/// Parts with clients after their calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parted;

impl Layer for Parted {
    fn call<S: Stack>(inner: &mut S, call: Call) -> Answering<S> {
        let (conn, ordinal, nth) = (Rc::clone(&call.conn), call.ordinal, call.conn.calls());
        let hits = call
            .hits(|fault| if let TrafficFault::KeepAliveKill(fault) = fault { Some(fault) } else { None });
        let kills: Vec<_> = hits.into_iter().filter(|(_, fault)| fault.kills_after(nth)).collect();
        if kills.is_empty() || ends_anyway(&call.request) {
            return Either::Left(inner.call(call));
        }
        let answer = inner.call(call);
        Either::Right(Box::pin(async move {
            let mut answer = answer.await?;
            // What has become a stream of bytes has no end that could be announced.
            let is_stream = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
            let meant = |(hit, _): &(Hit, KeepAliveKill)| conn.means(hit);
            let Some((hit, fault)) = kills.into_iter().find(meant).filter(|_| !is_stream) else {
                return Ok(answer);
            };
            // Closed unannounced, HTTP/2 would lose what waits for the client's window.
            if fault.silent && !conn.is_many() {
                conn.leave_after(ordinal, &hit);
                return Ok(answer);
            }
            if conn.is_many() {
                conn.go_away();
            } else {
                answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            answer.body_mut().when_told(Deed::Done(hit));
            Ok(answer)
        }))
    }
}

/// Whether the client will not use the connection again, whatever is done here.
fn ends_anyway<B>(request: &Request<B>) -> bool {
    match request.version() {
        Version::HTTP_2 => false,
        Version::HTTP_10 => !says(request.headers(), "keep-alive"),
        _ => says(request.headers(), "close"),
    }
}

fn says(headers: &HeaderMap, word: &str) -> bool {
    let values = headers.get_all(header::CONNECTION).iter();
    let words = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    words.into_iter().any(|found| found.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_ends_anyway_is_known_by_what_the_client_says() {
        for (version, connection, ends) in [
            (Version::HTTP_11, "", false),
            (Version::HTTP_11, "keep-alive, Close", true),
            (Version::HTTP_10, "", true),
            (Version::HTTP_10, "Keep-Alive", false),
            (Version::HTTP_2, "", false),
        ] {
            let request =
                Request::builder().version(version).header("connection", connection).body(()).unwrap();
            assert_eq!(ends_anyway(&request), ends, "{version:?} {connection}");
        }
    }
}
