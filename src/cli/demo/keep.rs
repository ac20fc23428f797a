//! The shop stays open: a proxy of its own stands before payments and stock, with a control API to play with, and
//! the addresses of the drills' routes are free for further drills.

use std::net::SocketAddr;

use anyhow::Context as _;
use firedrill_proxy::control::Control;
use firedrill_proxy::control::server::{self, Server, ServerOptions};
use firedrill_proxy::engine::Options;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use super::{Routes, say};
use crate::demo::Shop;
use crate::fault::{Protocol, RouteSpec};

/// The names of the routes, as in the scenarios.
const PAYMENTS: &str = "payments";
const STOCK: &str = "stock";

/// Keeps the shop open until Ctrl-C or SIGTERM.
pub(super) fn open(runtime: &Runtime, shop: &Shop, routes: &Routes) -> anyhow::Result<()> {
    let listener = server::listen("127.0.0.1:0", ServerOptions::default())?;
    let control = Control::start(Options::default())?;
    for (name, listen, upstream) in
        [(PAYMENTS, routes.payments_by_hand, shop.payments), (STOCK, routes.stock_by_hand, shop.stock)]
    {
        control.add_route(RouteSpec {
            name: name.to_owned(),
            listen: listen.to_string(),
            upstream: upstream.to_string(),
            protocol: Protocol::Http,
        })?;
    }
    let api = Server::start(listener, control.clone(), ServerOptions::default())?;
    let ended = runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        invite(shop, api.address(), routes);
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        Ok::<_, std::io::Error>(())
    });
    drop(api);
    control.stop();
    ended.context("cannot wait for Ctrl-C")?;
    say("The shop is closed.");
    Ok(())
}

fn invite(shop: &Shop, api: SocketAddr, routes: &Routes) {
    say("\nThe shop stays open until Ctrl-C. In another terminal:");
    for (what, command) in by_hand(shop, api).into_iter().chain(drills(shop, routes)) {
        say(&format!("  # {what}\n  {command}"));
    }
}

fn by_hand(shop: &Shop, api: SocketAddr) -> Vec<(&'static str, String)> {
    let (front, payments) = (shop.front, shop.payments);
    let fault = format!("http://{api}/v1/routes/{PAYMENTS}/faults/slow");
    let slow = "{\"fault\": {\"latency\": {\"delay\": \"2s\"}}}";
    let narrow = "firedrill proxy --control none --listen 127.0.0.1:9001 --upstream";
    vec![
        ("buy something", format!("curl http://{front}/checkout")),
        ("make payments slow", format!("curl -X PUT {fault} --json '{slow}'")),
        ("buy again, and wait", format!("curl http://{front}/checkout")),
        (
            "leave payments alone meanwhile",
            format!("curl -X PUT http://{front}/flags/pay-later -d '{{\"enabled\":true}}'"),
        ),
        ("see by what else the shop can help itself", format!("curl http://{front}/flags")),
        ("see what the fault has done", format!("curl {fault}")),
        ("take it away", format!("curl -X DELETE {fault}")),
        ("see what the shop measures", format!("curl http://{front}/metrics")),
        ("a second, narrow way into payments", format!("{narrow} {payments} --bandwidth 100B/s")),
    ]
}

/// Drills find the shop by the environment, so that their commands are short.
fn drills(shop: &Shop, routes: &Routes) -> Vec<(&'static str, String)> {
    let Shop { front, payments, stock, .. } = shop;
    let addresses = [
        ("SHOP", format!("http://{front}")),
        ("SHOP_PORT", front.port().to_string()),
        ("PAYMENTS", payments.to_string()),
        ("PAYMENTS_ROUTE", routes.payments.to_string()),
        ("PAYMENTS_PORT", payments.port().to_string()),
        ("PAYMENTS_PROCESS", "payments".to_owned()),
        ("STOCK", stock.to_string()),
        ("STOCK_ROUTE", routes.stock.to_string()),
    ];
    let all: Vec<String> = addresses.iter().map(|(name, value)| format!("{name}={value}")).collect();
    vec![
        ("tell drills where this shop is; once for each terminal", format!("export {}", all.join(" "))),
        (
            "a fault, and the playbook that helps against it",
            "firedrill run scenarios/circuit-breaker.yaml".into(),
        ),
        (
            "the other pairs: timeout, retry, bulkhead, shed-load, fail-fast, cache, failover; see docs/patterns.md",
            "firedrill run scenarios/retry.yaml".into(),
        ),
        (
            "a drill without a playbook; every file in scenarios/ says what it teaches",
            "firedrill run scenarios/payments-paused.yaml".into(),
        ),
    ]
}
