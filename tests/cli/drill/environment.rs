//! Drills on the routes of an environment: a proxy that outlives them, and what happens when either dies.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::user::ask;
use super::world::{Proxy, SOON, World, now, scenario, watching};
use crate::support::{Upstream, put, wait_until};

const MS: Duration = Duration::from_millis(1);
const RUN: [&str; 5] = ["run", "paid.yaml", "--environment", "staging", "--out"];

/// A proxy, an environment that names it, and a scenario on its route.
fn staging(world: &World, service: &Upstream, policy: &str, fault: &str) -> Proxy {
    let proxy = Proxy::start(world, service.address);
    world.write("environments/staging.yaml", &proxy.environment(service.address, policy));
    let rest = format!("faults:\n  - {fault}\n");
    world.write("paid.yaml", &scenario("paid", "", &watching(proxy.listen), &rest));
    proxy
}

fn run(world: &World, out: &str) -> crate::support::Ended {
    let mut args = RUN.to_vec();
    args.push(out);
    world.run(&args)
}

fn start(world: &World, out: &str) -> crate::support::Child {
    let mut args = RUN.to_vec();
    args.push(out);
    let child = world.start(&args);
    world.wait_for(out, "fault.effective", "slow");
    child
}

#[test]
fn a_fault_on_an_environments_route_is_felt_and_removed_and_the_proxy_serves_on() {
    let (world, service) = (World::new(), Upstream::start());
    let fault = "{id: slow, target: route/payments, latency: 200ms, until: 1s, max: 10s}";
    let proxy = staging(&world, &service, "", fault);
    let ended = run(&world, "out");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let summary = world.summary("out");
    assert_eq!((&summary["effect"], &summary["clean"]), (&"confirmed".into(), &true.into()), "{summary:#}");
    assert!(summary["faults"][0]["evidence"]["achieved"]["min"].as_f64().unwrap() >= 200.0, "{summary:#}");
    assert_eq!(proxy.faults(), 0);
    assert_eq!(ask(proxy.listen, "GET /after", &[]).unwrap().status, 200);
    let again = run(&world, "again");
    assert_eq!(again.code, Some(0), "the same proxy serves the next drill: {again:?}");
}

#[test]
fn a_route_with_a_fault_set_by_hand_is_refused_before_the_first_fault() {
    let (world, service) = (World::new(), Upstream::start());
    let fault = "{id: slow, target: route/payments, latency: 200ms, until: 1s, max: 10s}";
    let proxy = staging(&world, &service, "", fault);
    let by_hand =
        put(proxy.control, "/v1/routes/payments/faults/mine", r#"{"fault":{"latency":{"delay":"10ms"}}}"#);
    assert_eq!(by_hand.unwrap().status, 200);
    let refused = run(&world, "out");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(said.contains("set by hand (mine)") && said.contains("remove it first"), "{said}");
    assert!(!world.kinds("out").contains(&"fault.apply".to_owned()));
    assert_eq!(proxy.faults(), 1, "what a person set stands");
}

#[test]
fn a_drill_that_is_killed_leaves_no_fault_behind_when_its_lease_ends() {
    let (world, service) = (World::new(), Upstream::start());
    let fault = "{id: slow, target: route/payments, latency: 300ms, max: 5m}";
    let proxy = staging(&world, &service, "", fault);
    let child = start(&world, "out");
    child.signal(Signal::SIGKILL);
    let killed = now();
    assert_eq!(child.wait(SOON).signal, Some(9));
    assert_eq!(proxy.faults(), 1, "the proxy did not hear of it");
    wait_until("the lease ends", Duration::from_secs(20), || proxy.faults() == 0);
    assert!(killed.elapsed() < Duration::from_secs(20), "{:?}", killed.elapsed());
    let got = ask(proxy.listen, "GET /after", &[]).unwrap();
    assert!(got.status == 200 && got.took < 300 * MS, "{got:?}");
    let none = world.run(&["status"]);
    assert_eq!(none.code, Some(1), "its socket is known to be dead: {none:?}");
    let next = {
        let fault = "{id: slow, target: route/payments, latency: 300ms, until: 600ms, max: 5m}";
        let rest = format!("faults:\n  - {fault}\n");
        world.write("paid.yaml", &scenario("paid", "", &watching(proxy.listen), &rest));
        run(&world, "next")
    };
    assert_eq!(next.code, Some(0), "{next:?}");
}

#[test]
fn a_proxy_that_dies_ends_the_drill_which_says_why() {
    let (world, service) = (World::new(), Upstream::start());
    let fault = "{id: slow, target: route/payments, latency: 100ms, max: 5m}";
    let proxy = staging(&world, &service, "", fault);
    let child = start(&world, "out");
    let address = proxy.control.to_string();
    proxy.child.signal(Signal::SIGKILL);
    proxy.child.wait(SOON);
    let began = now();
    let ended = child.wait(Duration::from_secs(75));
    let took = began.elapsed();
    let summary = world.summary("out");
    assert!(matches!(ended.code, Some(5 | 6)), "{ended:?} {summary:#}");
    assert_eq!(summary["clean"], true, "a route dies with its process, and its faults with it: {summary:#}");
    let reasons = summary["reasons"].to_string();
    assert!(reasons.contains("slow") && reasons.contains(&address), "{summary:#}");
    assert!(took < Duration::from_secs(40), "{took:?}");
}

#[test]
fn the_policy_of_the_environment_refuses_what_is_above_its_ceilings() {
    let (world, service) = (World::new(), Upstream::start());
    let policy = "policy: {percent_max: 25%, duration_max: 1m, faults: {deny: [reset]}}\n";
    let proxy = staging(&world, &service, policy, "{target: route/payments, latency: 10ms, max: 10s}");
    for (fault, says) in [
        ("{target: route/payments, latency: 10ms, scope: 26%, max: 10s}", &["26%", "25%"][..]),
        ("{target: route/payments, latency: 10ms, max: 10s}", &["100%", "25%", "scope"]),
        ("{target: route/payments, latency: 10ms, scope: 25%, max: 61s}", &["1m1s", "1m", "duration_max"]),
        ("{target: route/payments, reset: {}, scope: 25%, max: 10s}", &["denies `reset`"]),
    ] {
        let rest = format!("faults:\n  - {fault}\n");
        world.write("paid.yaml", &scenario("paid", "", &watching(proxy.listen), &rest));
        let refused = run(&world, "out");
        assert_eq!(refused.code, Some(1), "{fault}: {refused:?}");
        for part in says {
            assert!(refused.stderr.contains(part), "{fault} names {part}: {}", refused.stderr);
        }
        assert!(!world.path("out").exists(), "nothing was begun");
    }
    let rest = "faults:\n  - {target: route/payments, latency: 10ms, scope: 25%, until: 2s, max: 1m}\n";
    world.write("paid.yaml", &scenario("paid", "", &watching(proxy.listen), rest));
    let passed = run(&world, "out");
    assert_eq!(passed.code, Some(0), "at the ceiling is not above it: {passed:?}");
}

#[test]
fn a_change_by_hand_is_held_to_the_ceiling_as_well() {
    let (world, service) = (World::new(), Upstream::start());
    let fault = "{id: slow, target: route/payments, latency: 10ms, scope: 25%, max: 1m}";
    let proxy = staging(&world, &service, "policy: {percent_max: 50%}\n", fault);
    let child = start(&world, "out");
    for above in ["percent=51%", "percent=100%"] {
        let refused = world.run(&["fault", "set", "slow", above]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains("`percent_max` 50%"), "{}", refused.stderr);
    }
    let share = || {
        let answer = crate::support::get(proxy.control, "/v1/routes/payments/faults/slow").unwrap();
        serde_json::from_str::<serde_json::Value>(&answer.body).unwrap()["spec"]["scope"]["percent"]
            .to_string()
    };
    assert_eq!(share(), "\"25%\"");
    assert!(world.pass(&["fault", "set", "slow", "percent=50%"]).contains("50%"));
    assert_eq!(share(), "\"50%\"");
    child.signal(Signal::SIGTERM);
    assert_eq!(child.wait(SOON).code, Some(5));
    assert_eq!(proxy.faults(), 0);
}
