//! A running drill, seen and steered from another terminal.

use std::net::SocketAddr;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::user::ask;
use super::world::{SOON, World, now, route, scenario, watching};
use crate::support::{Child, Upstream, free_port, wait_until};

const MS: Duration = Duration::from_millis(1);

fn here(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// A drill that slows its route by 40 ms until somebody stops it.
fn slow(world: &World, service: &Upstream, name: &str) -> (Child, SocketAddr) {
    let listen = here(free_port());
    let rest = "faults:\n  - {id: slow, target: route/shop, latency: 40ms, max: 2m}\n";
    let text = scenario(name, &route(listen, service.address), &watching(listen), rest);
    let file = world.write(&format!("{name}.yaml"), &text);
    let child = world.start(&["run", file.to_str().unwrap(), "--seed", "9", "--out", name]);
    world.wait_for(name, "fault.effective", "slow");
    (child, listen)
}

/// What three requests took at least, and the middle of it.
fn felt(listen: SocketAddr) -> (Duration, Duration) {
    let mut took: Vec<Duration> = (0..5).map(|_| ask(listen, "GET /felt", &[]).unwrap().took).collect();
    took.sort();
    (took[0], took[2])
}

fn delay(world: &World, name: &str) -> String {
    let lines = world.journal(name);
    lines
        .iter()
        .filter(|line| line["kind"] == "fault.changed")
        .map(|line| line["data"]["change"].to_string())
        .collect()
}

#[test]
fn a_drill_is_seen_noted_changed_and_halted_from_another_terminal() {
    let (world, service) = (World::new(), Upstream::start());
    let (child, listen) = slow(&world, &service, "steered");

    let text = world.pass(&["status"]);
    for part in ["drill steered-", "seed 9", "phase active", "PROBES", "shop", "FAULTS", "slow", "effective"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let status = world.status(&[]).unwrap();
    assert_eq!(
        (&status["phase"], &status["scenario"], &status["seed"]),
        (&"active".into(), &"steered".into(), &9.into())
    );
    assert_eq!((&status["probes"][0]["name"], &status["faults"][0]["id"]), (&"shop".into(), &"slow".into()));
    assert!(status["faults"][0]["matched"].as_u64().unwrap() > 0, "{status:#}");
    assert!(status["faults"][0]["faulted"].as_u64().unwrap() > 0, "{status:#}");

    assert!(world.pass(&["note", "the", "pager", "rang"]).contains("noted in drill steered-"));
    let note = world.wait_for("steered", "note.written", "the pager rang");
    assert!(!note["who"].as_str().unwrap().is_empty(), "{note}");

    let (least, before) = felt(listen);
    assert!(least >= 40 * MS, "never early: {least:?}");
    let said = world.pass(&["fault", "set", "slow", "delay=300ms"]);
    assert_eq!(said.trim(), "fault slow: delay 40ms → 300ms");
    let changed = world.wait_for("steered", "fault.changed", "delay 40ms → 300ms");
    assert!(!changed["who"].as_str().unwrap().is_empty(), "{changed}");
    let (least, after) = felt(listen);
    assert!(least >= 300 * MS && before < after, "{before:?} {after:?}");

    for (args, says) in [
        (["slow", "delya=1s"], &["delya", "delay"][..]),
        (["slow", "delay=soon"], &["soon", "300ms"]),
        (["slow", "delay=0s"], &["delay", "slow"]),
        (["slow", "percent=140%"], &["140%", "100%"]),
        (["fast", "delay=1s"], &["`fast`", "slow"]),
    ] {
        let ended = world.run(&["fault", "set", args[0], args[1]]);
        assert_eq!(ended.code, Some(1), "{args:?}: {ended:?}");
        for part in says {
            assert!(ended.stderr.contains(part), "{args:?} names {part}: {}", ended.stderr);
        }
    }
    assert_eq!(delay(&world, "steered"), "\"delay 40ms → 300ms\"", "what was refused changed nothing");
    assert!(felt(listen).0 >= 300 * MS, "the fault stands as it was");

    let said = world.pass(&["halt", "--reason", "seen enough"]);
    // The second when the drill was over before it was asked again, which is as good.
    let ended = ["every fault is gone (slow clean)", "ended; what it came to stands in"];
    assert!(ended.iter().any(|words| said.contains(words)), "{said}");
    // `halt` came back, so nobody is slowed any more: the route serves without a fault, or is gone with its drill.
    if let Ok(got) = ask(listen, "GET /after", &[]) {
        assert!(got.took < 300 * MS, "{got:?}");
    }
    assert!(world.kinds("steered").contains(&"fault.removed".to_owned()), "{:?}", world.kinds("steered"));
    let ended = child.wait(SOON);
    assert_eq!(ended.code, Some(5), "{ended:?}");
    let summary = world.summary("steered");
    assert_eq!((&summary["exit"], &summary["clean"]), (&5.into(), &true.into()), "{summary:#}");
    assert_eq!(summary["stopped"]["by"], "halted", "{summary:#}");
    assert!(summary["reasons"].to_string().contains("seen enough"), "{summary:#}");
    world.pass(&["verify", "steered"]);

    lever_is_engaged_until_released(&world, &service, "seen enough");
}

fn lever_is_engaged_until_released(world: &World, service: &Upstream, why: &str) {
    let listen = here(free_port());
    let rest = "faults:\n  - {id: slow, target: route/shop, latency: 20ms, until: 600ms, max: 10s}\n";
    let text = scenario("next", &route(listen, service.address), &watching(listen), rest);
    world.write("next.yaml", &text);
    let refused = world.run(&["run", "next.yaml", "--out", "refused"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(said.contains(why) && said.contains("firedrill halt release --reason"), "{said}");
    assert!(!world.kinds("refused").contains(&"fault.apply".to_owned()));
    assert!(world.pass(&["halt", "release", "--reason", "looked at"]).contains("released"));
    let passed = world.run(&["run", "next.yaml", "--out", "next"]);
    assert_eq!(passed.code, Some(0), "{passed:?}");
}

#[test]
fn the_halt_file_stops_a_drill_with_the_reason_it_holds() {
    let (world, service) = (World::new(), Upstream::start());
    let (child, _) = slow(&world, &service, "halted");
    world.write("own/run/HALT", "smoke in the hall\n");
    let ended = child.wait(SOON);
    assert_eq!(ended.code, Some(5), "{ended:?}");
    let summary = world.summary("halted");
    assert!(summary["reasons"].to_string().contains("smoke in the hall"), "{summary:#}");
    assert_eq!(summary["faults"][0]["state"], "clean", "{summary:#}");
    lever_is_engaged_until_released(&world, &service, "smoke in the hall");
}

#[test]
fn of_two_drills_the_one_that_is_named_is_steered() {
    let (world, service) = (World::new(), Upstream::start());
    let (one, _) = slow(&world, &service, "one");
    let (two, _) = slow(&world, &service, "two");
    let unclear = world.run(&["status"]);
    assert_eq!(unclear.code, Some(1));
    assert!(
        unclear.stderr.contains("--drill: one-") && unclear.stderr.contains("two-"),
        "{}",
        unclear.stderr
    );
    let id = unclear.stderr.split([' ', ',', '\n']).find(|word| word.starts_with("two-")).unwrap().to_owned();
    assert_eq!(world.status(&["--drill", &id]).unwrap()["scenario"], "two");
    world.pass(&["fault", "set", "--drill", &id, "slow", "delay=60ms"]);
    assert_eq!((delay(&world, "one"), delay(&world, "two")), (String::new(), "\"delay 40ms → 60ms\"".into()));
    world.pass(&["halt", "--drill", &id, "--reason", "only this"]);
    assert_eq!(two.wait(SOON).code, Some(5));
    assert_eq!(world.status(&[]).unwrap()["scenario"], "one", "the other goes on");
    let began = now();
    one.signal(Signal::SIGTERM);
    assert_eq!(one.wait(SOON).code, Some(5));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let reasons: Value = world.summary("one")["reasons"].take();
    assert!(reasons.to_string().contains("SIGTERM"), "{reasons}");
    wait_until("no socket is left", SOON, || {
        std::fs::read_dir(world.path("own/run"))
            .unwrap()
            .flatten()
            .all(|file| !file.file_name().to_string_lossy().ends_with(".sock"))
    });
}
