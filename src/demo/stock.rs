//! Reserves goods, of which there are always enough.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use http::StatusCode;

use super::metrics::Metrics;
use super::server::{Handler, Question, Said, no_such_path};

const RESERVATION_TAKES: Duration = Duration::from_millis(3);

pub(super) struct Stock {
    reservations: AtomicU64,
    metrics: Arc<Metrics>,
}

impl Stock {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { reservations: AtomicU64::new(0), metrics }
    }
}

impl Handler for Stock {
    async fn answer(&self, question: Question) -> Said {
        if question.path != "/reserve" {
            return no_such_path(&question);
        }
        tokio::time::sleep(RESERVATION_TAKES).await;
        let reservation = self.reservations.fetch_add(1, Relaxed) + 1;
        (StatusCode::OK, serde_json::json!({ "reservation": reservation }).to_string())
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
