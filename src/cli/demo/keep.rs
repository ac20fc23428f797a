//! The shop stays open: a proxy of its own stands before payments and stock, with a control API to play with, and
//! the addresses of the drills' routes are free for further drills.

use std::net::SocketAddr;

use firedrill_proxy::control::Control;
use firedrill_proxy::control::server::{self, Server, ServerOptions};
use firedrill_proxy::engine::Options;
use tokio::runtime::Runtime;

use super::ground::{Ground, Watcher};
use super::{Interrupts, folder, say};
use crate::fault::{Protocol, RouteSpec};

/// The names of the routes, as in the scenarios.
const PAYMENTS: &str = "payments";
const STOCK: &str = "stock";

/// Keeps the shop open until Ctrl-C or SIGTERM.
pub(super) fn open(runtime: &Runtime, ground: &Ground, interrupts: &mut Interrupts) -> anyhow::Result<()> {
    folder::fill(&ground.folder)?;
    let listener = server::listen("127.0.0.1:0", ServerOptions::default())?;
    let control = Control::start(Options::default())?;
    let (shop, routes) = (&ground.shop, &ground.routes);
    for (name, listen, upstream) in
        [(PAYMENTS, routes.payments_by_hand, shop.payments), (STOCK, routes.stock_by_hand, shop.stock)]
    {
        let (listen, upstream) = (listen.to_string(), upstream.to_string());
        control.add_route(RouteSpec::new(name, listen, upstream, Protocol::Http))?;
    }
    let api = Server::start(listener, control.clone(), ServerOptions::default())?;
    invite(ground, api.address());
    runtime.block_on(interrupts.come());
    drop(api);
    control.stop();
    Ok(())
}

fn invite(ground: &Ground, api: SocketAddr) {
    say("\nThe shop stays open until Ctrl-C. In another terminal:");
    for (what, command) in drills(ground).into_iter().chain(by_hand(ground, api)) {
        say(&format!("  # {what}\n  {command}"));
    }
}

/// Drills find the shop by the environment, so that their commands are short.
fn drills(ground: &Ground) -> Vec<(&'static str, String)> {
    let all =
        ground.variables().into_iter().chain([("FIREDRILL_ALARMS".to_owned(), ground.alarms.to_string())]);
    let all: Vec<String> = all.map(|(name, value)| format!("{name}={value}")).collect();
    let check = "firedrill check scenarios/ --rules rules/ --alertmanager-config monitoring/alertmanager.yml";
    let mut commands = vec![
        ("go to the demo's files, and tell drills where this shop is; once for each terminal", {
            let folder = std::path::absolute(&ground.folder).unwrap_or_else(|_| ground.folder.clone());
            format!("cd {}; export {}", shell(&folder.display().to_string()), all.join(" "))
        }),
        ("which expected alarm can never come? asks nobody, breaks nothing", check.to_owned()),
        ("write the rule that is missing: it is watched from now on", missing_rule()),
    ];
    if let Watcher::Real { prometheus, .. } = ground.watcher {
        commands.push(("have Prometheus read it", format!("curl -X POST http://{prometheus}/-/reload")));
    }
    commands.extend([
        ("the silent failure once more: who notices now?", "firedrill run scenarios/shelves-empty.yaml".into()),
        (
            "other pairs of a fault and a playbook: timeout, retry, bulkhead, shed-load, fail-fast, cache, failover",
            "firedrill run scenarios/retry.yaml".into(),
        ),
        ("all the rules, and how they stand", format!("open {}/", ground.monitoring())),
    ]);
    commands
}

/// A command that writes the rule for empty shelves at the end of the file, as a group of its own.
fn missing_rule() -> String {
    let rule = [
        "  - name: shelves",
        "    rules:",
        "      - alert: ShelvesEmpty",
        "        expr: rate(shop_empty_shelves_total[5s]) > 0",
        "        for: 2s",
        "        labels: {severity: page, team: shelves}",
        "        annotations: {summary: Customers see empty shelves}",
    ];
    format!("cat >> {} <<'RULE'\n{}\nRULE", folder::RULES, rule.join("\n"))
}

fn by_hand(ground: &Ground, api: SocketAddr) -> Vec<(&'static str, String)> {
    let front = ground.shop.front;
    let fault = format!("http://{api}/v1/routes/{PAYMENTS}/faults/slow");
    let slow = "{\"fault\": {\"latency\": {\"delay\": \"2s\"}}}";
    vec![
        ("a fault by hand: payments turns slow", format!("curl -X PUT {fault} --json '{slow}'")),
        ("buy something, and wait", format!("curl http://{front}/checkout")),
        (
            "let the shop leave payments alone meanwhile",
            format!("curl -X PUT http://{front}/flags/pay-later -d '{{\"enabled\":true}}'"),
        ),
        ("see by what else the shop can help itself", format!("curl http://{front}/flags")),
        ("see what the fault has done", format!("curl {fault}")),
        ("take it away", format!("curl -X DELETE {fault}")),
        ("see what the shop measures", format!("curl http://{front}/metrics")),
    ]
}

/// A path as a shell takes it.
fn shell(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if path.chars().all(plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', "'\\''")) }
}
