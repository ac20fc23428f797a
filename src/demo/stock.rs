//! Reserves goods, of which there are always enough, and says how many are left of each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use serde_json::{Value, json};

use super::metrics::Metrics;
use super::server::{Handler, Question, Said};

const RESERVATION_TAKES: Duration = Duration::from_millis(3);
/// Enough that the list is some kilobytes long, as lists are.
const ITEMS: u64 = 100;
const LEVEL_MAX: u64 = 500;

pub(super) struct Stock {
    reservations: AtomicU64,
    metrics: Arc<Metrics>,
}

impl Stock {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { reservations: AtomicU64::new(0), metrics }
    }

    /// Every item with what is left of it. A reservation takes one of the next item; what is sold out is filled up.
    fn levels(&self) -> Value {
        let reserved = self.reservations.load(Relaxed);
        let taken = |item: u64| (reserved + ITEMS - 1 - item) / ITEMS % LEVEL_MAX;
        (0..ITEMS)
            .map(|item| json!({ "item": format!("item-{item:02}"), "level": LEVEL_MAX - taken(item) }))
            .collect()
    }
}

impl Handler for Stock {
    async fn answer(&self, question: Question) -> Said {
        match question.path.as_str() {
            "/reserve" => {
                tokio::time::sleep(RESERVATION_TAKES).await;
                let reservation = self.reservations.fetch_add(1, Relaxed) + 1;
                Said::json(&json!({ "reservation": reservation }))
            }
            "/levels" => Said::json(&self.levels()),
            _ => Said::no_such_path(&question),
        }
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_takes_one_of_the_next_item() {
        let stock = Stock::new(Arc::new(Metrics::new("stock")));
        let left = || {
            stock.levels().as_array().unwrap().iter().map(|item| item["level"].as_u64().unwrap()).sum::<u64>()
        };
        let full = left();
        stock.reservations.store(150, Relaxed);
        assert_eq!((full, left()), (ITEMS * LEVEL_MAX, full - 150));
        let levels = stock.levels();
        assert_eq!((&levels[0]["level"], &levels[99]["level"]), (&498.into(), &499.into()));
    }
}
