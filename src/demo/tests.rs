//! Each way of bearing trouble, in a whole front that talks to dependencies which do what a test tells them to.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use http::{HeaderMap, Method};
use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::front::{Addresses, Front};
use super::server::{Handler, Question, Said};
use super::*;

/// What a dependency does with every question.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Well,
    Failing,
    /// It does what it is asked, and never says so.
    Mute,
    /// Every other question fails, as does its repetition if that is the next one.
    Moody,
}

/// A dependency: it counts what it is asked, by order.
struct Puppet {
    mood: watch::Sender<Mood>,
    asked: AtomicU64,
    keys: Mutex<Vec<String>>,
    metrics: Metrics,
}

impl Handler for Puppet {
    async fn answer(&self, question: Question) -> Said {
        let nth = self.asked.fetch_add(1, Relaxed);
        if let Some(key) = question.header(client::KEY) {
            self.keys.lock().unwrap().push(key.to_owned());
        }
        let mut mood = self.mood.subscribe();
        let fails = || Said::problem(http::StatusCode::INTERNAL_SERVER_ERROR, "as told");
        let now = *mood.borrow();
        match now {
            Mood::Failing => fails(),
            Mood::Moody if nth.is_multiple_of(2) => fails(),
            Mood::Mute => {
                // Ends with the test, or when it is told to do something else.
                let _ = mood.wait_for(|mood| *mood != Mood::Mute).await;
                fails()
            }
            Mood::Well | Mood::Moody => Said::json(&json!([])),
        }
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

/// A front and its dependencies. They end when it is dropped.
struct World {
    front: Arc<Front>,
    stock: Arc<Puppet>,
    payments: Arc<Puppet>,
    replica: Arc<Puppet>,
    _serving: JoinSet<()>,
    _ends: Vec<oneshot::Sender<()>>,
}

impl World {
    async fn new() -> Self {
        let (mut serving, mut ends) = (JoinSet::new(), Vec::new());
        let mut puppet = async |name| {
            let (asked, keys, metrics) = (AtomicU64::new(0), Mutex::default(), Metrics::new(name));
            let puppet = Arc::new(Puppet { mood: watch::Sender::new(Mood::Well), asked, keys, metrics });
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap().to_string();
            let (end, ended) = oneshot::channel::<()>();
            ends.push(end);
            serving.spawn(server::run(listener, Arc::clone(&puppet), async move { drop(ended.await) }));
            (puppet, address)
        };
        let (stock, stock_at) = puppet("stock").await;
        let (payments, payments_at) = puppet("payments").await;
        let (replica, replica_at) = puppet("replica").await;
        let addresses =
            Addresses { stock: vec![stock_at], payments: vec![payments_at], replica: Some(replica_at) };
        let front = Arc::new(Front::new(addresses, Arc::new(Metrics::new("front"))));
        let chores = Arc::clone(&front);
        serving.spawn(async move { chores.chores().await });
        Self { front, stock, payments, replica, _serving: serving, _ends: ends }
    }

    async fn ask(&self, method: Method, path: &str, body: &str) -> (u16, Value) {
        let body = bytes::Bytes::copy_from_slice(body.as_bytes());
        let question =
            Question { method, path: path.to_owned(), query: None, headers: HeaderMap::new(), body };
        let said = self.front.answer(question).await;
        (said.status.as_u16(), serde_json::from_str(&said.text).unwrap())
    }

    async fn set(&self, flag: &str, body: &str) {
        let (status, said) = self.ask(Method::PUT, &format!("/flags/{flag}"), body).await;
        assert_eq!(status, 200, "{flag}: {said}");
    }

    async fn buy(&self) -> (u16, String) {
        let (status, said) = self.ask(Method::POST, "/checkout", "").await;
        (status, said["payment"].as_str().unwrap_or_default().to_owned())
    }

    async fn browse(&self) -> (u16, Value) {
        self.ask(Method::GET, "/browse", "").await
    }

    /// A number off the page of metrics; labels are part of the name.
    fn metric(&self, name: &str) -> u64 {
        let mut page = self.front.metrics().page();
        self.front.measure(&mut page);
        let text = page.into_text();
        let start = format!("{} ", name.replace('{', "{role=\"front\","));
        let start = if name.contains('{') { start } else { format!("{name}{{role=\"front\"}} ") };
        let line = text.lines().find_map(|line| line.strip_prefix(&start));
        line.unwrap_or_else(|| panic!("no {start} in\n{text}")).parse().unwrap()
    }

    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !holds(self) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(20), waiting).await.unwrap_or_else(|_| panic!("waited in vain: {what}"));
    }
}

fn ok(payment: &str) -> (u16, String) {
    (200, payment.to_owned())
}

#[tokio::test]
async fn a_short_timeout_takes_the_order_and_charges_it_later_under_the_same_key() {
    let world = World::new().await;
    world.set("timeout", r#"{"value":100}"#).await;
    world.payments.mood.send_replace(Mood::Mute);
    assert_eq!(world.buy().await, ok("pending"));
    world.until("the charge is asked for again", |world| world.payments.asked.load(Relaxed) >= 2).await;
    assert_eq!(world.metric("shop_orders_confirmed_later_total"), 0);
    world.payments.mood.send_replace(Mood::Well);
    world.until("it is confirmed", |world| world.metric("shop_orders_confirmed_later_total") == 1).await;
    assert_eq!(world.metric("shop_orders_unconfirmed"), 0);
    let keys = world.payments.keys.lock().unwrap().clone();
    assert!(keys.windows(2).all(|pair| pair[0] == pair[1]), "{keys:?}");
}

#[tokio::test]
async fn what_broke_off_is_asked_again_under_the_same_key_and_only_when_told() {
    let world = World::new().await;
    world.payments.mood.send_replace(Mood::Moody);
    assert_eq!(world.buy().await.0, 502);
    world.payments.asked.store(0, Relaxed);
    world.set("retry", r#"{"enabled":true}"#).await;
    assert_eq!(world.buy().await, ok("charged"));
    assert_eq!(world.metric("shop_retries_total"), 1);
    let keys = world.payments.keys.lock().unwrap().clone();
    assert!(keys.len() == 3 && keys[0] != keys[1] && keys[1] == keys[2], "{keys:?}");

    world.payments.mood.send_replace(Mood::Failing);
    world.payments.asked.store(0, Relaxed);
    assert_eq!(world.buy().await.0, 502);
    assert_eq!(world.payments.asked.load(Relaxed), 4, "so many attempts in all");
    assert_eq!(world.metric("shop_reserved_in_vain_total"), 2);
}

#[tokio::test]
async fn an_open_breaker_spares_payments_and_a_good_trial_closes_it() {
    let world = World::new().await;
    world.set("breaker", r#"{"value":3}"#).await;
    world.payments.mood.send_replace(Mood::Failing);
    for _ in 0..3 {
        assert_eq!(world.buy().await.0, 502);
    }
    assert_eq!(world.metric("shop_breaker_open"), 1);
    assert_eq!(world.buy().await, ok("pay later"));
    assert_eq!((world.payments.asked.load(Relaxed), world.metric("shop_breaker_spared_total")), (3, 1));

    world.payments.mood.send_replace(Mood::Well);
    let began = Instant::now();
    while world.buy().await != ok("charged") {
        assert!(began.elapsed() < Duration::from_secs(20), "it never closed");
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!((world.metric("shop_breaker_open"), world.metric("shop_breaker_opened_total")), (0, 1));
}

#[tokio::test]
async fn a_compartment_keeps_a_silent_payments_from_the_calls_to_stock() {
    let world = World::new().await;
    world.payments.mood.send_replace(Mood::Mute);
    let buy = |world: &World, n: usize| {
        let mut buying = JoinSet::new();
        for _ in 0..n {
            let front = Arc::clone(&world.front);
            buying.spawn(async move { front.answer(Question::of(Method::POST, "/checkout", "")).await });
        }
        buying
    };
    let in_flight = r#"shop_calls_in_flight{dependency="payments"}"#;
    let buying = buy(&world, 64);
    world.until("payments has every slot", |world| world.metric(in_flight) == 64).await;
    let browsing = timeout(Duration::from_millis(300), world.browse()).await;
    assert!(browsing.is_err(), "no slot is left to ask stock: {browsing:?}");
    drop(buying);
    world.until("they are gone", |world| world.metric(in_flight) == 0).await;

    world.set("bulkhead", r#"{"value":8}"#).await;
    // One after the other past stock, which has a compartment too.
    let mut buying = Vec::new();
    for n in 1..=8 {
        buying.push(buy(&world, 1));
        world.until("it waits for payments", |world| world.metric(in_flight) == n).await;
    }
    assert_eq!(world.buy().await.0, 503, "the ninth finds no room, at once");
    assert_eq!(world.browse().await.0, 200);
    assert_eq!(world.metric("shop_calls_refused_total"), 1);
}

#[tokio::test]
async fn browsing_is_shed_when_too_many_are_in_the_shop_and_buying_never() {
    let world = World::new().await;
    world.set("shed-load", r#"{"value":2}"#).await;
    world.stock.mood.send_replace(Mood::Mute);
    let mut browsing = JoinSet::new();
    for _ in 0..2 {
        let front = Arc::clone(&world.front);
        browsing.spawn(async move { front.answer(Question::of(Method::GET, "/browse", "")).await });
    }
    world.until("two browse", |world| world.stock.asked.load(Relaxed) == 2).await;
    assert_eq!(world.browse().await.0, 503);
    assert_eq!(world.metric("shop_shed_total"), 1);
    assert_eq!(world.buy().await.0, 504, "a buyer is let in, and here waits for stock in vain");
    world.stock.mood.send_replace(Mood::Well);
    while browsing.join_next().await.is_some() {}
    assert_eq!(world.browse().await.0, 200);
    assert_eq!(world.metric("shop_requests_in_flight"), 0);
}

#[tokio::test]
async fn an_order_that_cannot_be_paid_is_refused_before_goods_are_reserved() {
    // A puppet's server answers the health check itself, whatever its mood: this payments has to be gone.
    let nobody = tokio::net::TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let gone = vec![nobody.local_addr().unwrap().to_string()];
    let addresses = Addresses { stock: vec![], payments: gone, replica: None };
    let front = Arc::new(Front::new(addresses, Arc::new(Metrics::new("front"))));
    let chores = Arc::clone(&front);
    let _chores = tokio::spawn(async move { chores.chores().await });
    let world = World { front, ..World::new().await };
    assert_eq!(world.buy().await.0, 502, "without the flag stock is asked first, and is gone too");
    world.set("fail-fast", r#"{"enabled":true}"#).await;
    world.until("payments is known to be ill", |world| world.metric("shop_payments_healthy") == 0).await;
    assert_eq!(world.buy().await.0, 503);
    assert_eq!(world.metric("shop_failed_fast_total"), 1);
    let (status, said) = world.ask(Method::PUT, "/flags/failover", r#"{"enabled":true}"#).await;
    assert_eq!((status, said["error"].as_str().unwrap().contains("--replica")), (409, true));
}

#[tokio::test]
async fn stock_levels_are_shown_as_last_known_when_stock_fails_and_only_when_told() {
    let world = World::new().await;
    assert_eq!(world.browse().await, (200, json!({"stale": false, "age_seconds": 0, "levels": []})));
    world.stock.mood.send_replace(Mood::Failing);
    assert_eq!(world.browse().await.0, 502);
    world.set("cache", r#"{"enabled":true}"#).await;
    let asked = world.stock.asked.load(Relaxed);
    for _ in 0..20 {
        assert_eq!(world.browse().await.0, 200);
    }
    assert!(world.stock.asked.load(Relaxed) <= asked + 1, "stock is left alone for a second");
    world.until("the copy grows old", |world| world.metric("shop_cache_hits_total") >= 20).await;
    sleep(Duration::from_millis(1_100)).await;
    let (status, said) = world.browse().await;
    assert_eq!((status, &said["stale"]), (200, &true.into()), "{said}");
    assert!(world.metric("shop_cache_stale_total") >= 1);
}

#[tokio::test]
async fn orders_are_charged_at_the_second_payments_when_told() {
    let world = World::new().await;
    world.payments.mood.send_replace(Mood::Failing);
    assert_eq!(world.buy().await.0, 502);
    world.set("failover", r#"{"enabled":true}"#).await;
    assert_eq!(world.buy().await, ok("charged"));
    assert_eq!((world.payments.asked.load(Relaxed), world.replica.asked.load(Relaxed)), (1, 1));
    world.set("failover", r#"{"enabled":false}"#).await;
    assert_eq!(world.buy().await.0, 502);
}
