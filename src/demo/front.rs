//! What customers talk to. `/checkout` reserves the goods and charges the card; when the circuit breaker is open (the
//! flag `pay-later`), it reserves and says "pay later", and payments is left alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use http::{Method, StatusCode};
use serde::Deserialize;

use super::client::{CallError, Callee};
use super::metrics::Metrics;
use super::server::{Handler, Question, Said, no_such_path, problem};

/// Stock is a look into memory: slower than this, it is broken.
const STOCK_WITHIN: Duration = Duration::from_secs(1);
/// A bank may be slow; a customer waits no longer.
const PAYMENTS_WITHIN: Duration = Duration::from_secs(3);

pub(super) struct Front {
    stock: Callee,
    payments: Callee,
    orders: AtomicU64,
    metrics: Arc<Metrics>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Flag {
    enabled: bool,
}

impl Front {
    pub(super) fn new(payments: String, stock: String, metrics: Arc<Metrics>) -> Self {
        Self {
            stock: Callee { name: "stock", address: stock, patience: STOCK_WITHIN },
            payments: Callee { name: "payments", address: payments, patience: PAYMENTS_WITHIN },
            orders: AtomicU64::new(0),
            metrics,
        }
    }

    async fn checkout(&self) -> Said {
        match self.buy().await {
            Ok(payment) => {
                let order = self.orders.fetch_add(1, Relaxed) + 1;
                (StatusCode::OK, serde_json::json!({ "order": order, "payment": payment }).to_string())
            }
            Err(error @ CallError::TooLate(..)) => problem(StatusCode::GATEWAY_TIMEOUT, error.to_string()),
            Err(error) => problem(StatusCode::BAD_GATEWAY, error.to_string()),
        }
    }

    async fn buy(&self) -> Result<&'static str, CallError> {
        self.stock.post("/reserve").await?;
        if self.metrics.pay_later.load(Relaxed) {
            return Ok("pay later");
        }
        self.payments.post("/charge").await?;
        Ok("charged")
    }

    fn set_pay_later(&self, body: &[u8]) -> Said {
        match serde_json::from_slice::<Flag>(body) {
            Ok(Flag { enabled }) => {
                self.metrics.pay_later.store(enabled, Relaxed);
                self.pay_later()
            }
            Err(error) => {
                let why = format!("the flag is no {{\"enabled\": true}} or {{\"enabled\": false}}: {error}");
                problem(StatusCode::BAD_REQUEST, why)
            }
        }
    }

    fn pay_later(&self) -> Said {
        let enabled = self.metrics.pay_later.load(Relaxed);
        (StatusCode::OK, serde_json::json!({ "enabled": enabled }).to_string())
    }
}

impl Handler for Front {
    async fn answer(&self, question: Question) -> Said {
        match (question.path.as_str(), &question.method) {
            ("/checkout", &(Method::GET | Method::POST)) => self.checkout().await,
            ("/flags/pay-later", &Method::PUT) => self.set_pay_later(&question.body),
            ("/flags/pay-later", &Method::GET) => self.pay_later(),
            _ => no_such_path(&question),
        }
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
