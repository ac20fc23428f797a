//! Charges cards. It takes a moment, as banks do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use http::StatusCode;

use super::metrics::Metrics;
use super::server::{Handler, Question, Said, no_such_path};

const CHARGE_TAKES: Duration = Duration::from_millis(10);

pub(super) struct Payments {
    charges: AtomicU64,
    metrics: Arc<Metrics>,
}

impl Payments {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { charges: AtomicU64::new(0), metrics }
    }
}

impl Handler for Payments {
    async fn answer(&self, question: Question) -> Said {
        if question.path != "/charge" {
            return no_such_path(&question);
        }
        tokio::time::sleep(CHARGE_TAKES).await;
        let charge = self.charges.fetch_add(1, Relaxed) + 1;
        (StatusCode::OK, serde_json::json!({ "charge": charge }).to_string())
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
