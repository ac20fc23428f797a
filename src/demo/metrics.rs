//! The shop's metrics, in the Prometheus text format.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use http::StatusCode;

/// Upper bounds of the duration histogram, in milliseconds.
const BOUNDS_MS: [u64; 9] = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500];

/// The counts of one process of the shop.
pub(super) struct Metrics {
    role: &'static str,
    requests: AtomicU64,
    errors: AtomicU64,
    took_us: AtomicU64,
    buckets: [AtomicU64; BOUNDS_MS.len()],
    pub(super) pay_later: AtomicBool,
}

impl Metrics {
    pub(super) fn new(role: &'static str) -> Self {
        Self {
            role,
            requests: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            took_us: AtomicU64::new(0),
            buckets: Default::default(),
            pay_later: AtomicBool::new(false),
        }
    }

    /// Counts one answered request. An error is what the customer cannot be blamed for.
    pub(super) fn count(&self, status: StatusCode, took: Duration) {
        self.requests.fetch_add(1, Relaxed);
        self.errors.fetch_add(u64::from(status.is_server_error()), Relaxed);
        self.took_us.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
        for (bucket, bound) in self.buckets.iter().zip(BOUNDS_MS) {
            bucket.fetch_add(u64::from(took <= Duration::from_millis(bound)), Relaxed);
        }
    }

    /// All of it as Prometheus reads it.
    pub(super) fn text(&self) -> String {
        let (role, requests) = (self.role, self.requests.load(Relaxed));
        let mut text = String::new();
        let mut line = |line: std::fmt::Arguments<'_>| {
            let _ = writeln!(text, "{line}");
        };
        line(format_args!("# TYPE shop_requests_total counter"));
        line(format_args!("shop_requests_total{{role=\"{role}\"}} {requests}"));
        line(format_args!("# TYPE shop_errors_total counter"));
        line(format_args!("shop_errors_total{{role=\"{role}\"}} {}", self.errors.load(Relaxed)));
        line(format_args!("# TYPE shop_request_duration_seconds histogram"));
        let name = "shop_request_duration_seconds";
        for (bucket, bound) in self.buckets.iter().zip(BOUNDS_MS) {
            let (seconds, count) = (Duration::from_millis(bound).as_secs_f64(), bucket.load(Relaxed));
            line(format_args!("{name}_bucket{{role=\"{role}\",le=\"{seconds}\"}} {count}"));
        }
        line(format_args!("{name}_bucket{{role=\"{role}\",le=\"+Inf\"}} {requests}"));
        let seconds = Duration::from_micros(self.took_us.load(Relaxed)).as_secs_f64();
        line(format_args!("{name}_sum{{role=\"{role}\"}} {seconds}"));
        line(format_args!("{name}_count{{role=\"{role}\"}} {requests}"));
        line(format_args!(
            "# HELP shop_breaker_open Whether checkout says \"pay later\" instead of asking payments."
        ));
        line(format_args!("# TYPE shop_breaker_open gauge"));
        line(format_args!("shop_breaker_open{{role=\"{role}\"}} {}", u8::from(self.pay_later.load(Relaxed))));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_errors_are_the_shops_own() {
        let metrics = Metrics::new("front");
        metrics.count(StatusCode::OK, Duration::from_millis(7));
        metrics.count(StatusCode::NOT_FOUND, Duration::from_millis(300));
        metrics.count(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(3));
        let text = metrics.text();
        for line in [
            r#"shop_requests_total{role="front"} 3"#,
            r#"shop_errors_total{role="front"} 1"#,
            r#"shop_request_duration_seconds_bucket{role="front",le="0.005"} 0"#,
            r#"shop_request_duration_seconds_bucket{role="front",le="0.01"} 1"#,
            r#"shop_request_duration_seconds_bucket{role="front",le="0.5"} 2"#,
            r#"shop_request_duration_seconds_bucket{role="front",le="+Inf"} 3"#,
            r#"shop_request_duration_seconds_sum{role="front"} 3.307"#,
            r#"shop_breaker_open{role="front"} 0"#,
        ] {
            assert!(text.lines().any(|had| had == line), "no `{line}` in\n{text}");
        }
    }
}
