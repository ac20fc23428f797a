//! The shop stays open: a proxy of its own takes the place of the drill's route, with a control API to play with.

use std::net::SocketAddr;

use anyhow::Context as _;
use firedrill_proxy::control::Control;
use firedrill_proxy::control::server::{self, Server, ServerOptions};
use firedrill_proxy::engine::Options;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use super::say;
use crate::demo::Shop;
use crate::fault::{Protocol, RouteSpec};

/// The route's name, as in the scenario.
const ROUTE: &str = "payments";

/// Keeps the shop open until Ctrl-C or SIGTERM.
pub(super) fn open(runtime: &Runtime, shop: &Shop, route: SocketAddr) -> anyhow::Result<()> {
    let listener = server::listen("127.0.0.1:0", ServerOptions::default())?;
    let control = Control::start(Options::default())?;
    control.add_route(RouteSpec {
        name: ROUTE.to_owned(),
        listen: route.to_string(),
        upstream: shop.payments.to_string(),
        protocol: Protocol::Http,
    })?;
    let api = Server::start(listener, control.clone(), ServerOptions::default())?;
    let ended = runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        invite(shop, api.address(), route);
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

fn invite(shop: &Shop, api: SocketAddr, route: SocketAddr) {
    let front = shop.front;
    let payments = shop.payments;
    let fault = format!("http://{api}/v1/routes/{ROUTE}/faults/slow");
    say("\nThe shop stays open until Ctrl-C. In another terminal:");
    for (what, command) in [
        ("buy something", format!("curl http://{front}/checkout")),
        (
            "make payments slow",
            format!("curl -X PUT {fault} --json '{{\"fault\": {{\"latency\": {{\"delay\": \"2s\"}}}}}}'"),
        ),
        ("buy again, and wait", format!("curl http://{front}/checkout")),
        (
            "open the circuit breaker",
            format!("curl -X PUT http://{front}/flags/pay-later -d '{{\"enabled\":true}}'"),
        ),
        ("see what the fault has done", format!("curl {fault}")),
        ("take it away", format!("curl -X DELETE {fault}")),
        ("see what the shop measures", format!("curl http://{front}/metrics")),
        (
            "a second, narrow way into payments",
            format!(
                "firedrill proxy --control none --listen 127.0.0.1:9001 --upstream {} --bandwidth 100B/s",
                payments
            ),
        ),
        (
            "a drill on a process of the shop; every file in scenarios/ says what it teaches",
            format!(
                "firedrill run scenarios/payments-paused.yaml --set SHOP=http://{front} --set PAYMENTS_PROCESS=payments"
            ),
        ),
        (
            "a drill on the route: first take it from this proxy, which has the address until then",
            format!(
                "curl -X DELETE http://{api}/v1/routes/{ROUTE}\n  firedrill run scenarios/payments-errors.yaml \\\n    \
                 --set SHOP=http://{front} --set PAYMENTS={payments} --set PAYMENTS_ROUTE={route}"
            ),
        ),
    ] {
        say(&format!("  # {what}\n  {command}"));
    }
}
