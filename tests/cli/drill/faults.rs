//! Several faults at once, and which requests they hit, counted by the service and its users.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::user::ask;
use super::world::{SOON, World, route, scenario, watching};
use crate::support::{Child, Upstream, free_port};

const MS: Duration = Duration::from_millis(1);

/// A drill with these faults on one route; the probe goes past it, so that the test's users are alone there.
fn drill(world: &World, service: &Upstream, faults: &str, last: &str) -> (Child, SocketAddr) {
    let listen = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let rest = format!("faults:\n{faults}");
    let text = scenario("several", &route(listen, service.address), &watching(service.address), &rest);
    world.write("several.yaml", &text);
    let child = world.start(&["run", "several.yaml", "--seed", "11", "--out", "out"]);
    world.wait_for("out", "fault.applied", last);
    (child, listen)
}

fn stop(child: Child) {
    child.signal(Signal::SIGTERM);
    assert_eq!(child.wait(SOON).code, Some(5));
}

#[test]
fn delays_add_up_and_the_first_terminal_fault_wins() {
    let (world, service) = (World::new(), Upstream::start());
    let faults = "  - {id: one, target: route/shop, latency: 80ms, max: 1m}\n\
                  \x20 - {id: two, target: route/shop, latency: 120ms, max: 1m}\n\
                  \x20 - {id: busy, target: route/shop, match: /terminal, http_error: 503, max: 1m}\n\
                  \x20 - {id: gone, target: route/shop, match: /terminal, http_error: 410, max: 1m}\n";
    let (child, listen) = drill(&world, &service, faults, "gone");
    let both = ask(listen, "GET /both", &[]).unwrap();
    assert_eq!(both.status, 200);
    assert!(both.took >= 200 * MS, "80 ms and 120 ms: {both:?}");
    let terminal = ask(listen, "GET /terminal", &[]).unwrap();
    assert_eq!(terminal.status, 503, "the first in the file");
    assert_eq!((service.count("/both"), service.count("/terminal")), (1, 0), "answered by the proxy itself");
    stop(child);
    let summary = world.summary("out");
    let faulted = |n: usize| summary["faults"][n]["evidence"]["faulted"].as_u64().unwrap();
    assert!(faulted(0) >= 1 && faulted(1) >= 1 && faulted(2) == 1 && faulted(3) == 0, "{summary:#}");
}

#[test]
fn faults_start_in_their_order_and_when_they_say() {
    let (world, service) = (World::new(), Upstream::start());
    let listen = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let rest = "faults:\n\
                \x20 - {id: third, target: route/shop, latency: 20ms, start: {after: second, delay: 400ms}, until: 500ms, max: 1m}\n\
                \x20 - {id: first, target: route/shop, latency: 20ms, until: 1500ms, max: 1m}\n\
                \x20 - {id: second, target: route/shop, latency: 20ms, start: {after: first, delay: 300ms}, until: 500ms, max: 1m}\n";
    world.write("timed.yaml", &scenario("timed", &route(listen, service.address), &watching(listen), rest));
    let ended = world.run(&["run", "timed.yaml", "--out", "out"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let at = |id: &str| world.at("out", "fault.applied", id);
    let (first, second, third) = (at("first"), at("second"), at("third"));
    assert!((300 * MS..1500 * MS).contains(&(second - first)), "{first:?} {second:?}");
    assert!((400 * MS..1600 * MS).contains(&(third - second)), "{second:?} {third:?}");
    for id in ["first", "second", "third"] {
        let fault = world.summary("out")["faults"]
            .as_array()
            .unwrap()
            .iter()
            .find(|fault| fault["id"] == id)
            .unwrap()
            .clone();
        assert_eq!((&fault["state"], &fault["effective"]), (&"clean".into(), &true.into()), "{fault:#}");
    }
}

#[test]
fn a_sticky_share_hits_the_same_users_always() {
    let (world, service) = (World::new(), Upstream::start());
    let faults = "  - {id: some, target: route/shop, http_error: 503, max: 1m, \
                  scope: {percent: 30%, sticky: {header: x-user-id}}}\n";
    let (child, listen) = drill(&world, &service, faults, "some");
    let mut hit: BTreeMap<u32, Vec<u16>> = BTreeMap::new();
    for round in 0..3 {
        for user in 0..60 {
            // Not in the same order each time: what counts is who asks, not when.
            let user = if round == 1 { 59 - user } else { user };
            let got = ask(listen, "GET /buy", &[&format!("x-user-id: user-{user}")]).unwrap();
            hit.entry(user).or_default().push(got.status);
        }
    }
    stop(child);
    for (user, statuses) in &hit {
        assert!(statuses.iter().all(|status| status == &statuses[0]), "user {user}: {statuses:?}");
    }
    let users = hit.values().filter(|statuses| statuses[0] == 503).count();
    assert!((8..=30).contains(&users), "about 30% of 60 users: {users}");
    assert_eq!(service.count("/buy"), (60 - users) * 3, "the others reached the service");
}

#[test]
fn only_requests_that_match_are_hit() {
    let (world, service) = (World::new(), Upstream::start());
    let faults = "  - {id: charges, target: route/shop, http_error: 503, max: 1m, \
                  match: {method: POST, path: \"/v1/charge/*\", headers: {x-tenant: acme}}, \
                  scope: {percent: 100%, exclude: {headers: {x-synthetic: \"*\"}}}}\n";
    let (child, listen) = drill(&world, &service, faults, "charges");
    for (first, headers, status) in [
        ("POST /v1/charge/7", &["x-tenant: acme"][..], 503),
        ("POST /v1/charge/7?retry=1", &["X-Tenant: acme"], 503),
        ("GET /v1/charge/7", &["x-tenant: acme"], 200),
        ("POST /v1/refund/7", &["x-tenant: acme"], 200),
        ("POST /v1/charge/7", &["x-tenant: other"], 200),
        ("POST /v1/charge/7", &[], 200),
        ("POST /v1/charge/7", &["x-tenant: acme", "x-synthetic: probe"], 200),
    ] {
        assert_eq!(ask(listen, first, headers).unwrap().status, status, "{first} {headers:?}");
    }
    assert_eq!(service.count("/v1/"), 5);
    stop(child);
    assert_eq!(world.summary("out")["faults"][0]["evidence"]["faulted"], 2);
}
