//! What every process of the shop counts: its requests, their errors, and how long they took.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use http::StatusCode;

use super::page::Page;

/// Upper bounds of the duration histogram, in milliseconds.
const BOUNDS_MS: [u64; 9] = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500];

/// The counts of one process of the shop.
pub(super) struct Metrics {
    role: &'static str,
    requests: AtomicU64,
    errors: AtomicU64,
    took_us: AtomicU64,
    buckets: [AtomicU64; BOUNDS_MS.len()],
}

impl Metrics {
    pub(super) fn new(role: &'static str) -> Self {
        Self {
            role,
            requests: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            took_us: AtomicU64::new(0),
            buckets: Default::default(),
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

    /// All of it as Prometheus reads it; a process adds what it alone counts.
    pub(super) fn page(&self) -> Page {
        let requests = self.requests.load(Relaxed);
        let mut page = Page::of(self.role);
        page.counter("shop_requests_total", "Requests that were answered.", requests);
        page.counter("shop_errors_total", "Answers with a status of 500 or more.", self.errors.load(Relaxed));
        let name = "shop_request_duration_seconds";
        page.head(name, "histogram", "How long answers took.");
        let bucket_name = format!("{name}_bucket");
        for (bucket, bound) in self.buckets.iter().zip(BOUNDS_MS) {
            let seconds = Duration::from_millis(bound).as_secs_f64().to_string();
            page.sample(&bucket_name, &[("le", &seconds)], bucket.load(Relaxed));
        }
        page.sample(&bucket_name, &[("le", "+Inf")], requests);
        let seconds = Duration::from_micros(self.took_us.load(Relaxed)).as_secs_f64();
        page.sample(&format!("{name}_sum"), &[], seconds);
        page.sample(&format!("{name}_count"), &[], requests);
        page
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
        let text = metrics.page().into_text();
        for line in [
            r#"shop_requests_total{role="front"} 3"#,
            r#"shop_errors_total{role="front"} 1"#,
            r#"shop_request_duration_seconds_bucket{role="front",le="0.005"} 0"#,
            r#"shop_request_duration_seconds_bucket{role="front",le="0.01"} 1"#,
            r#"shop_request_duration_seconds_bucket{role="front",le="0.5"} 2"#,
            r#"shop_request_duration_seconds_bucket{role="front",le="+Inf"} 3"#,
            r#"shop_request_duration_seconds_sum{role="front"} 3.307"#,
        ] {
            assert!(text.lines().any(|had| had == line), "no `{line}` in\n{text}");
        }
    }
}
