//! What customers talk to. `/checkout` reserves the goods and has the order paid; `/browse` shows what is in stock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::client::{Call, CallError, Callee};
use super::flags::{self, Flag, Flags};
use super::levels::{Copy, Levels};
use super::metrics::Metrics;
use super::page::Page;
use super::pool::{Full, Held, Pool};
use super::server::{Handler, Question, Said};
use super::till::Till;

/// Stock is a look into memory: slower than this, it is broken.
const RESERVE_WITHIN: Duration = Duration::from_secs(1);
/// Who only looks around has more patience than a till.
const LEVELS_WITHIN: Duration = Duration::from_secs(2);

/// Where front finds the others. Of several addresses of one, the first is taken where somebody listens.
pub(super) struct Addresses {
    pub(super) stock: Vec<String>,
    pub(super) payments: Vec<String>,
    pub(super) replica: Option<String>,
}

pub(super) struct Front {
    flags: Arc<Flags>,
    pool: Arc<Pool>,
    stock: Callee,
    till: Till,
    levels: Levels,
    orders: AtomicU64,
    in_flight: AtomicU64,
    shed: AtomicU64,
    reserved_in_vain: AtomicU64,
    empty_shelves: AtomicU64,
    metrics: Arc<Metrics>,
}

impl Front {
    pub(super) fn new(addresses: Addresses, metrics: Arc<Metrics>) -> Self {
        let (flags, pool) = (Arc::new(Flags::new()), Pool::new());
        let callee = |name, addresses| Callee::new(name, addresses, Arc::clone(&pool));
        let second = addresses.replica.map(|address| callee("replica", vec![address]));
        let till = Till::new(Arc::clone(&flags), callee("payments", addresses.payments), second);
        let count = || AtomicU64::new(0);
        Self {
            stock: callee("stock", addresses.stock),
            till,
            levels: Levels::default(),
            orders: count(),
            in_flight: count(),
            shed: count(),
            reserved_in_vain: count(),
            empty_shelves: count(),
            flags,
            pool,
            metrics,
        }
    }

    /// What is done in the background; never ends.
    pub(super) async fn chores(&self) {
        self.till.chores().await;
    }

    async fn checkout(&self) -> Said {
        let _here = Held::take(&self.in_flight, u64::MAX);
        if self.till.is_known_to_be_closed() {
            return Said::not_now("payments is not well; nothing was reserved and nothing was charged");
        }
        let n = self.orders.fetch_add(1, Relaxed) + 1;
        // Another front's orders, or those of one before this, have other names.
        let order = format!("order-{}-{n}", std::process::id());
        if let Err(error) = self.ask_stock(&Method::POST, "/reserve", RESERVE_WITHIN).await {
            return failed(&error);
        }
        match self.till.charge(&order).await {
            Ok(payment) => Said::json(&json!({ "order": n, "payment": payment.word() })),
            Err(error) => {
                self.reserved_in_vain.fetch_add(1, Relaxed);
                failed(&error)
            }
        }
    }

    async fn browse(&self) -> Said {
        let most = self.flags.value(Flag::ShedLoad).unwrap_or(u64::MAX);
        let _here = match Held::take(&self.in_flight, most) {
            Ok(here) => here,
            Err(Full(most)) => {
                self.shed.fetch_add(1, Relaxed);
                return Said::not_now(format!("{most} are in the shop already; who buys goes first"));
            }
        };
        let max_age = self.flags.value(Flag::Cache).map(Duration::from_secs);
        if let Some(copy) = max_age.and_then(|max_age| self.levels.without_asking(max_age)) {
            return self.shown(&copy);
        }
        self.levels.asking();
        match self.ask_stock(&Method::GET, "/levels", LEVELS_WITHIN).await {
            Ok(levels) => {
                self.levels.keep(levels.clone());
                self.shown(&Copy { levels, age: Duration::ZERO })
            }
            Err(error) => {
                let copy = max_age.and_then(|max_age| self.levels.instead(max_age));
                copy.map_or_else(|| failed(&error), |copy| self.shown(&copy))
            }
        }
    }

    /// The shelves as a customer sees them. That there is nothing on them is no error: a shop can be sold out.
    fn shown(&self, copy: &Copy) -> Said {
        match serde_json::from_slice::<Value>(&copy.levels) {
            Ok(levels) => {
                let is_empty = levels.as_array().is_some_and(Vec::is_empty);
                self.empty_shelves.fetch_add(u64::from(is_empty), Relaxed);
                let age = copy.age.as_secs();
                Said::json(&json!({ "stale": copy.is_stale(), "age_seconds": age, "levels": levels }))
            }
            Err(error) => Said::problem(StatusCode::BAD_GATEWAY, format!("stock said no JSON: {error}")),
        }
    }

    async fn ask_stock(&self, method: &Method, path: &str, within: Duration) -> Result<Bytes, CallError> {
        let most = self.flags.value(Flag::Bulkhead);
        self.stock.ask(Call { method, path, order: None, within, most }).await
    }

    fn ask_flags(&self, question: &Question) -> Said {
        self.flags.answer(question, |flag| {
            let impossible = flag == Flag::Failover && !self.till.has_second();
            impossible.then(|| "there is no second payments; start front with `--replica ADDRESS`".to_owned())
        })
    }
}

fn failed(error: &CallError) -> Said {
    match error {
        CallError::TooLate(..) => Said::problem(StatusCode::GATEWAY_TIMEOUT, error.to_string()),
        CallError::Full(..) => Said::not_now(error.to_string()),
        _ => Said::problem(StatusCode::BAD_GATEWAY, error.to_string()),
    }
}

impl Handler for Front {
    async fn answer(&self, question: Question) -> Said {
        match (question.path.as_str(), &question.method) {
            ("/checkout", &(Method::GET | Method::POST)) => self.checkout().await,
            ("/browse", &Method::GET) => self.browse().await,
            (path, _) if path == flags::PATH || path.starts_with("/flags/") => self.ask_flags(&question),
            _ => Said::no_such_path(&question),
        }
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    fn measure(&self, page: &mut Page) {
        self.flags.measure(page);
        self.till.measure(page);
        let in_flight = self.till.callees().chain([&self.stock]);
        let in_flight = in_flight.map(|callee| (callee.name, callee.compartment.in_flight()));
        let what = ("shop_calls_in_flight", "Calls on their way to a dependency, or waiting for a slot.");
        page.by("gauge", what, "dependency", in_flight);
        page.gauge("shop_calls_waiting", "Calls that wait for a slot.", self.pool.waiting());
        page.counter("shop_calls_refused_total", "Calls that found no room.", self.pool.refused());
        page.gauge("shop_requests_in_flight", "Customers in the shop.", self.in_flight.load(Relaxed));
        page.counter("shop_shed_total", "Requests refused to make room for buyers.", self.shed.load(Relaxed));
        let (hits, stale) = self.levels.counts();
        page.counter("shop_cache_hits_total", "Stock levels shown out of the copy.", hits);
        page.counter("shop_cache_stale_total", "Of these, out of an old copy.", stale);
        let empty = self.empty_shelves.load(Relaxed);
        page.counter("shop_empty_shelves_total", "Customers who were shown no goods at all.", empty);
        let in_vain = self.reserved_in_vain.load(Relaxed);
        page.counter("shop_reserved_in_vain_total", "Goods reserved for orders that failed.", in_vain);
    }
}
