//! A TCP probe: does `host:port` let us connect?

use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::{Finding, seconds};
use crate::coordinator::http::{DialTimes, HttpFailure, Phase, connect_tcp};
use crate::coordinator::secrets::Secrets;

pub(super) async fn measure(address: &str, timeout: Duration, secrets: &Secrets) -> Finding {
    let began = Instant::now();
    let (mut phase, mut times) = (Phase::Resolving, DialTimes::default());
    let failure = match split(&secrets.reveal(address)) {
        None => Some(HttpFailure::Request(format!("`{address}` is not `host:port`"))),
        Some((host, port)) => {
            let dial = connect_tcp(&host, port, timeout, &mut phase, &mut times);
            match tokio::time::timeout(timeout, dial).await {
                Ok(Ok(_)) => None,
                Ok(Err(failure)) => Some(failure),
                Err(_) => Some(HttpFailure::TimedOut { after: timeout, phase }),
            }
        }
    };
    let took = began.elapsed();
    let reached = |time: Option<Duration>| seconds(time.unwrap_or_default());
    let detail: Map<String, Value> = [
        ("time_namelookup_seconds", reached(times.resolved)),
        ("time_connect_seconds", reached(times.connected)),
        ("time_total_seconds", seconds(took)),
        ("address", address.into()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect();
    Finding { took, failure: failure.map(|failure| failure.to_string()), value: None, detail }
}

/// `host:port`, `1.2.3.4:80`, `[::1]:80`.
fn split(address: &str) -> Option<(String, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    // A bare IPv6 address would be split at the wrong colon.
    if bare.is_empty() || (bare == host && host.contains(':')) {
        return None;
    }
    Some((bare.to_owned(), port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        let good = [("localhost:80", "localhost"), ("127.0.0.1:80", "127.0.0.1"), ("[::1]:80", "::1")];
        for (text, host) in good {
            assert_eq!(split(text), Some((host.to_owned(), 80)), "{text}");
        }
        for text in ["", "localhost", ":80", "localhost:", "localhost:99999", "::1:80", "localhost:http"] {
            assert_eq!(split(text), None, "{text}");
        }
    }
}
