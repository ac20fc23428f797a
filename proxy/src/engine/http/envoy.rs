//! The headers by which Envoy lets clients ask for faults: what they ask for, and that it stays here.

use http::{HeaderMap, HeaderName};

use crate::fault::{Bandwidth, Direction, EnvoyHeaders, RequestParts};
use crate::fault::{GrpcError, GrpcStatus, HttpError, Latency, TrafficFault};
use crate::quantity::{ByteRate, Percent, Period};

static ABORT: HeaderName = HeaderName::from_static("x-envoy-fault-abort-request");
static ABORT_GRPC: HeaderName = HeaderName::from_static("x-envoy-fault-abort-grpc-request");
static ABORT_SHARE: HeaderName = HeaderName::from_static("x-envoy-fault-abort-request-percentage");
static DELAY: HeaderName = HeaderName::from_static("x-envoy-fault-delay-request");
static DELAY_SHARE: HeaderName = HeaderName::from_static("x-envoy-fault-delay-request-percentage");
static THROUGHPUT: HeaderName = HeaderName::from_static("x-envoy-fault-throughput-response");
static THROUGHPUT_SHARE: HeaderName = HeaderName::from_static("x-envoy-fault-throughput-response-percentage");

/// A longer delay is no delay that a test waits for.
const DELAY_MAX_MS: u64 = 3_600_000;

/// One fault that a request asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asked {
    /// Which one, for its decisions.
    pub(super) kind: &'static str,
    pub(super) fault: TrafficFault,
    pub(super) percent: Percent,
}

/// What a request asks for, in the order in which it is done.
pub(super) fn asked(request: &RequestParts<'_>, limits: &EnvoyHeaders) -> Vec<Asked> {
    let headers = request.headers;
    if !asks(headers) || limits.clients.is_none() && !request.client.to_canonical().is_loopback() {
        return Vec::new();
    }
    let share = |header| share(headers, header, limits.max_percent);
    let delay = delay(headers).zip(share(&DELAY_SHARE)).map(|(fault, percent)| ("delay", fault, percent));
    let slow = throughput(headers)
        .zip(share(&THROUGHPUT_SHARE))
        .map(|(fault, percent)| ("throughput", fault, percent));
    let abort = abort(request).zip(share(&ABORT_SHARE)).map(|(fault, percent)| ("abort", fault, percent));
    let all = [delay, slow, abort].into_iter().flatten();
    all.map(|(kind, fault, percent)| Asked { kind, fault, percent }).collect()
}

fn asks(headers: &HeaderMap) -> bool {
    [&ABORT, &ABORT_GRPC, &DELAY, &THROUGHPUT].into_iter().any(|name| headers.contains_key(name))
}

/// Takes the headers out of a request, so that nobody behind obeys them once more. The number is that of the faults that
/// they asked for, obeyed or not.
pub(super) fn take_out(headers: &mut HeaderMap) -> u64 {
    let asking = [&ABORT, &ABORT_GRPC, &DELAY, &THROUGHPUT].map(|name| headers.remove(name).is_some());
    for name in [&ABORT_SHARE, &DELAY_SHARE, &THROUGHPUT_SHARE] {
        headers.remove(name);
    }
    asking.into_iter().map(u64::from).sum()
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    let text = headers.get(name)?.to_str().ok()?;
    text.bytes().all(|c| c.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// The share that is asked for, never above the limit; nothing where what is written is no share.
fn share(headers: &HeaderMap, name: &HeaderName, max: Percent) -> Option<Percent> {
    if !headers.contains_key(name) {
        return Some(max);
    }
    let percent = u32::try_from(number(headers, name)?).ok().filter(|percent| *percent <= 100)?;
    Some(Percent::from_parts_per_million(percent * 10_000).min(max))
}

fn delay(headers: &HeaderMap) -> Option<TrafficFault> {
    let ms = number(headers, &DELAY).filter(|ms| (1..=DELAY_MAX_MS).contains(ms))?;
    let delay =
        Latency { delay: Period::from_millis(ms), direction: Direction::Request, ..Latency::default() };
    Some(TrafficFault::Latency(delay))
}

fn throughput(headers: &HeaderMap) -> Option<TrafficFault> {
    let rate = number(headers, &THROUGHPUT).filter(|rate| *rate > 0)?.checked_mul(1024)?;
    let rate = ByteRate::from_bytes_per_second(rate)?;
    Some(TrafficFault::Bandwidth(Bandwidth { rate, direction: Direction::Response }))
}

/// The status of HTTP wins where both are given.
fn abort(request: &RequestParts<'_>) -> Option<TrafficFault> {
    if request.headers.contains_key(&ABORT) {
        let status = u16::try_from(number(request.headers, &ABORT)?).ok()?;
        let error = HttpError { status, ..HttpError::default() };
        return (200..600).contains(&status).then_some(TrafficFault::HttpError(error));
    }
    let status = GrpcStatus::from_code(number(request.headers, &ABORT_GRPC)?)?;
    Some(TrafficFault::GrpcError(GrpcError::new(status))).filter(|fault| fault.is_for(request))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&str, &str)], client: &str, clients: Option<&str>) -> Vec<String> {
        let mut request = http::Request::get("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        let parts = RequestParts {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            client: client.parse().unwrap(),
            unix_seconds: || 0,
        };
        let limits = EnvoyHeaders {
            max_percent: "25%".parse().unwrap(),
            clients: clients.map(|clients| crate::fault::Clients(clients.into())),
        };
        let all = asked(&parts, &limits).into_iter();
        all.map(|one| format!("{} {} {}", one.kind, one.percent, serde_json::to_string(&one.fault).unwrap()))
            .collect()
    }

    #[test]
    fn what_is_asked_for_is_read_in_its_order_and_never_for_a_larger_share_than_allowed() {
        let all = [
            ("x-envoy-fault-abort-request", "503"),
            ("x-envoy-fault-abort-request-percentage", "10"),
            ("x-envoy-fault-delay-request", "150"),
            ("x-envoy-fault-delay-request-percentage", "99"),
            ("x-envoy-fault-throughput-response", "64"),
        ];
        assert_eq!(
            read(&all, "::1", None),
            [
                r#"delay 25% {"latency":{"delay":"150ms","direction":"request"}}"#,
                r#"throughput 25% {"bandwidth":{"rate":"64KiB/s","direction":"response"}}"#,
                r#"abort 10% {"http_error":{"status":503}}"#,
            ]
        );
        assert_eq!(read(&all, "10.0.0.7", None), [""; 0], "only loopback unless the route says so");
        assert_eq!(read(&all, "10.0.0.7", Some("10.0.0.0/8")).len(), 3, "whom the matcher let through");
    }

    #[test]
    fn a_grpc_status_is_for_calls_of_grpc_and_yields_to_one_of_http() {
        let grpc = ("content-type", "application/grpc");
        let status = ("x-envoy-fault-abort-grpc-request", "14");
        assert_eq!(
            read(&[grpc, status], "::1", None),
            [r#"abort 25% {"grpc_error":{"status":"UNAVAILABLE"}}"#]
        );
        assert_eq!(read(&[status], "::1", None), [""; 0]);
        let both = [grpc, status, ("x-envoy-fault-abort-request", "500")];
        assert_eq!(read(&both, "::1", None), [r#"abort 25% {"http_error":{"status":500}}"#]);
    }

    #[test]
    fn what_is_no_value_asks_for_nothing() {
        for (name, value) in [
            ("x-envoy-fault-abort-request", "199"),
            ("x-envoy-fault-abort-request", "600"),
            ("x-envoy-fault-abort-request", "503 "),
            ("x-envoy-fault-abort-request", "+503"),
            ("x-envoy-fault-abort-request", ""),
            ("x-envoy-fault-delay-request", "0"),
            ("x-envoy-fault-delay-request", "1.5"),
            ("x-envoy-fault-delay-request", "3600001"),
            ("x-envoy-fault-delay-request", "99999999999999999999999"),
            ("x-envoy-fault-throughput-response", "0"),
            ("x-envoy-fault-throughput-response", "18446744073709551615"),
        ] {
            let read = read(&[(name, value)], "::1", None);
            assert!(read.is_empty() || value.ends_with(' '), "{name}: {value}: {read:?}");
        }
        for share in ["101", "-1", "1%", "4294967396"] {
            let asked =
                [("x-envoy-fault-abort-request", "503"), ("x-envoy-fault-abort-request-percentage", share)];
            assert_eq!(read(&asked, "::1", None), [""; 0], "{share}");
        }
    }

    #[test]
    fn nothing_of_it_goes_on() {
        let mut headers = HeaderMap::new();
        for name in [&ABORT, &ABORT_GRPC, &ABORT_SHARE, &DELAY, &DELAY_SHARE, &THROUGHPUT, &THROUGHPUT_SHARE]
        {
            headers.insert(name, "1".parse().unwrap());
            headers.append(name, "2".parse().unwrap());
        }
        headers.insert("x-other", "1".parse().unwrap());
        assert_eq!((take_out(&mut headers), headers.len()), (4, 1));
    }
}
