//! What stops a drill early, and a service that heals itself.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::world::{SOON, World, route, scenario, watching};
use crate::support::{Upstream, free_port};

const MS: Duration = Duration::from_millis(1);

fn listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], free_port()))
}

/// From the first bad sample of a probe to the removal of the fault.
fn stopped_after(world: &World, out: &str) -> Duration {
    let bad = world.at(out, "probe.sampled", "\"failure\":\"");
    world.at(out, "fault.removed", "slow").saturating_sub(bad)
}

#[test]
fn one_violation_of_an_invariant_takes_the_fault_off_and_is_named() {
    let (world, service) = (World::new(), Upstream::start());
    let listen = listen();
    let probes = format!(
        "{}, {{name: no-errors, invariant: true, http: \"http://{listen}/checked\", timeout: 1s}}",
        watching(service.address)
    );
    let rest = "faults:\n  - {id: slow, target: route/shop, match: /checked, http_error: 503, max: 1m}\n";
    world.write("guarded.yaml", &scenario("guarded", &route(listen, service.address), &probes, rest));
    let ended = world.run(&["run", "guarded.yaml", "--out", "out"]);
    assert_eq!(ended.code, Some(5), "{ended:?}");
    let summary = world.summary("out");
    assert_eq!(
        (&summary["stopped"]["by"], &summary["clean"]),
        (&"guardrail".into(), &true.into()),
        "{summary:#}"
    );
    let reasons = summary["reasons"].to_string();
    assert!(reasons.contains("no-errors") && reasons.contains("503"), "{summary:#}");
    assert!(
        stopped_after(&world, "out") < 600 * MS,
        "one period and its time-out: {:?}",
        stopped_after(&world, "out")
    );
}

#[test]
fn an_abort_rule_with_its_own_tolerance_waits_as_long_as_it_says() {
    let (world, service) = (World::new(), Upstream::start());
    let listen = listen();
    let rest = "abort:\n  - {probe: shop, tolerance: {p50: 60ms, over: 5s}, for: 500ms}\n\
                faults:\n  - {id: slow, target: route/shop, latency: 120ms, max: 1m}\n";
    let probe = format!(
        "{{name: shop, http: \"http://{listen}/watch\", timeout: 1s, tolerance: {{failures: 0 of 1}}}}"
    );
    let text = scenario("slowed", &route(listen, service.address), &probe, rest)
        .replace("every: 100ms", "every: 50ms");
    world.write("slowed.yaml", &text);
    let ended = world.run(&["run", "slowed.yaml", "--out", "out"]);
    assert_eq!(ended.code, Some(5), "{ended:?}");
    let summary = world.summary("out");
    let reasons = summary["reasons"].to_string();
    assert!(["shop", "p50", "60ms"].iter().all(|part| reasons.contains(part)), "{summary:#}");
    let on = world.at("out", "fault.removed", "slow") - world.at("out", "fault.applied", "slow");
    assert!(on >= 500 * MS && on < Duration::from_secs(20), "{on:?}");
    assert_eq!(summary["restored_by"], "none", "nothing was lost by the probe's own tolerance: {summary:#}");
}

#[test]
fn a_service_that_heals_itself_ends_the_fault_and_gets_the_credit() {
    let (world, service) = (World::new(), Upstream::start());
    let listen = listen();
    let rest = "faults:\n  - {id: slow, target: route/shop, latency: 30ms, until: recovered, max: 1m}\n";
    world.write("healed.yaml", &scenario("healed", &route(listen, service.address), &watching(listen), rest));
    let child = world.start(&["run", "healed.yaml", "--out", "out"]);
    world.wait_for("out", "fault.effective", "slow");
    service.broken.store(true, Ordering::Relaxed);
    world.wait_for("out", "impact.seen", "shop");
    service.broken.store(false, Ordering::Relaxed);
    let ended = child.wait(SOON);
    let summary = world.summary("out");
    assert_eq!(ended.code, Some(0), "{ended:?} {summary:#}");
    assert_eq!(
        (&summary["restored_by"], &summary["impact"]),
        (&"self".into(), &"seen".into()),
        "{summary:#}"
    );
    let removal = world.wait_for("out", "fault.remove", "slow");
    assert_eq!(removal["reason"], "recovered");
    let good = world.wait_for("out", "steady_state.recovered", "since");
    assert_eq!(good["fault_on"], true);
    let since = Duration::new(
        good["since"]["secs"].as_u64().unwrap(),
        u32::try_from(good["since"]["nanos"].as_u64().unwrap()).unwrap(),
    );
    let stable = world.at("out", "fault.remove", "slow") - since;
    assert!(stable >= 300 * MS && stable < Duration::from_secs(3), "after stable_for: {stable:?}");
}
