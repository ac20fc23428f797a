//! Charges cards. It takes a moment, as banks do.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Method;
use serde_json::json;

use super::client::{KEY, ORDER};
use super::metrics::Metrics;
use super::page::Page;
use super::server::{Handler, Question, Said};

const CHARGE_TAKES: Duration = Duration::from_millis(10);
/// How many questions and orders are remembered.
const REMEMBERED_MAX: usize = 10_000;

/// What was charged.
#[derive(Default)]
struct Ledger {
    charges: u64,
    repeated: u64,
    doubled: u64,
    by_key: HashMap<String, u64>,
    orders: HashSet<String>,
    oldest_first: VecDeque<(Option<String>, Option<String>)>,
}

impl Ledger {
    /// The number of the charge: a new one, or the one that was made when the same was asked before.
    fn charge(&mut self, key: Option<&str>, order: Option<&str>) -> u64 {
        if let Some(charge) = key.and_then(|key| self.by_key.get(key)) {
            self.repeated += 1;
            return *charge;
        }
        self.charges += 1;
        let is_known = order.is_some_and(|order| !self.orders.insert(order.to_owned()));
        self.doubled += u64::from(is_known);
        if let Some(key) = key {
            self.by_key.insert(key.to_owned(), self.charges);
        }
        self.oldest_first.push_back((key.map(str::to_owned), order.map(str::to_owned)));
        if self.oldest_first.len() > REMEMBERED_MAX
            && let Some((key, order)) = self.oldest_first.pop_front()
        {
            key.map(|key| self.by_key.remove(&key));
            order.map(|order| self.orders.remove(&order));
        }
        self.charges
    }
}

pub(super) struct Payments {
    ledger: Mutex<Ledger>,
    metrics: Arc<Metrics>,
}

impl Payments {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { ledger: Mutex::default(), metrics }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Handler for Payments {
    async fn answer(&self, question: Question) -> Said {
        match (question.path.as_str(), &question.method) {
            ("/charge", _) => {
                // Written down first: the same question may come again before this one is answered.
                let charge = self.lock().charge(question.header(KEY), question.header(ORDER));
                tokio::time::sleep(CHARGE_TAKES).await;
                Said::json(&json!({ "charge": charge }))
            }
            ("/charges", &Method::GET) => {
                let ledger = self.lock();
                let (charges, repeated, doubled) = (ledger.charges, ledger.repeated, ledger.doubled);
                Said::json(&json!({ "charges": charges, "repeated": repeated, "doubled": doubled }))
            }
            _ => Said::no_such_path(&question),
        }
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    fn measure(&self, page: &mut Page) {
        let ledger = self.lock();
        page.counter("shop_charges_total", "Charges that were made.", ledger.charges);
        let help = "Questions that were known, and answered with the charge made before.";
        page.counter("shop_charges_repeated_total", help, ledger.repeated);
        page.counter("shop_charges_doubled_total", "Orders charged once more.", ledger.doubled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_question_is_charged_once_and_the_same_order_twice_is_seen() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.charge(Some("a"), Some("order-1")), 1);
        assert_eq!(ledger.charge(Some("a"), Some("order-1")), 1);
        assert_eq!((ledger.charges, ledger.repeated, ledger.doubled), (1, 1, 0));
        assert_eq!(ledger.charge(Some("b"), Some("order-1")), 2, "a shop that makes a key for each attempt");
        assert_eq!((ledger.charge(None, None), ledger.charge(None, None)), (3, 4));
        assert_eq!((ledger.charges, ledger.repeated, ledger.doubled), (4, 1, 1));
    }

    #[test]
    fn only_so_much_is_remembered() {
        let mut ledger = Ledger::default();
        for n in 0..=REMEMBERED_MAX {
            ledger.charge(Some(&n.to_string()), Some(&n.to_string()));
        }
        let sizes = (ledger.by_key.len(), ledger.orders.len(), ledger.oldest_first.len());
        assert_eq!(sizes, (REMEMBERED_MAX, REMEMBERED_MAX, REMEMBERED_MAX));
        assert!(!ledger.by_key.contains_key("0"));
    }
}
