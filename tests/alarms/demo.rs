//! The demo with a real Prometheus and Alertmanager, and its watchman beside them, over the same shop and the same
//! rules: what one says, the other says.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use firedrill::coordinator::clock;
use serde_json::Value;

use super::lab;
use super::support::{Child, firedrill, happens_within, processes_with, requires, temp_dir};

/// The three games, and the start of Prometheus.
const PLAYED_WITHIN: Duration = Duration::from_secs(180);
/// Both scrape and evaluate each second, at moments of their own, and `for:` is counted in evaluations.
const APART_MAX: f64 = 5.0;

/// When each rule began to fire, in seconds since the epoch: one entry for each time.
#[derive(Debug, Default)]
struct Seen {
    fired: BTreeMap<String, Vec<f64>>,
    firing: BTreeMap<String, bool>,
}

impl Seen {
    fn look(&mut self, base: &str) {
        let answer = lab::ask(base, "/api/v1/rules?type=alert");
        let groups = answer.pointer("/data/groups").and_then(Value::as_array).cloned().unwrap_or_default();
        for rule in groups.iter().flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default()) {
            let name = rule["name"].as_str().unwrap().to_owned();
            assert_ne!(rule["health"], "err", "{rule:#}");
            let is_firing = rule["state"] == "firing";
            let was = self.firing.insert(name.clone(), is_firing).unwrap_or_default();
            let fired = self.fired.entry(name).or_default();
            if is_firing && !was {
                fired.push(clock::wall().as_millisecond() as f64 / 1e3);
            }
        }
    }
}

#[test]
fn a_real_prometheus_sees_what_the_watchman_sees_and_the_games_show_the_same() {
    if !requires(&["prometheus", "prometheus-alertmanager"]) {
        return;
    }
    let out = temp_dir();
    let folder = out.path().join("report");
    let mut command = firedrill();
    command.env("FIREDRILL_DIR", out.path()).args(["demo", "--real", "--out"]).arg(&folder);
    let demo = Child::spawn(&mut command);
    let line = demo.wait_for_line("Prometheus (http://", Duration::from_secs(60));
    let prometheus = format!("http://{}", line.split("http://").nth(1).unwrap().split('/').next().unwrap());
    let mark = format!("--parent {}", demo.pid());

    let config = std::fs::read_to_string(folder.join("monitoring/prometheus.yml")).unwrap();
    let targets =
        config.split("targets: [").nth(1).unwrap().split(']').next().unwrap().replace(['\'', ' '], "");
    let mut watchman = firedrill();
    watchman.args(["demo", "watchman", "--webhook", "http://127.0.0.1:1/", "--targets", &targets, "--rules"]);
    let watchman = Child::spawn(watchman.arg(folder.join("rules/shop.yml")));
    let line = watchman.wait_for_line("watchman listens on ", Duration::from_secs(10));
    let watching: SocketAddr = line.rsplit(' ').next().unwrap().parse().unwrap();
    let watching = format!("http://{watching}");

    let (mut real, mut ours) = (Seen::default(), Seen::default());
    #[expect(clippy::disallowed_methods, reason = "the demo runs on the clock of the machine")]
    let began = Instant::now();
    let is_over = || demo.stdout().contains("What was learnt");
    while !happens_within(Duration::from_millis(100), is_over) && began.elapsed() < PLAYED_WITHIN {
        real.look(&prometheus);
        ours.look(&watching);
    }
    let ended = demo.wait(Duration::from_secs(30));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for part in ["RESTORED BY PLAYBOOK", "SILENT FAILURE", "no such rule", "RESTORED BY FAULT END"] {
        assert!(ended.stdout.contains(part), "no `{part}`: {ended:?}");
    }
    assert!(processes_with(&mark).is_empty() && processes_with(folder.to_str().unwrap()).len() <= 1);
    assert!(!folder.join("monitoring/data").exists(), "Prometheus' samples are gone");

    println!("{:<22} Prometheus / watchman, fired at", "rule");
    for (rule, fired) in &real.fired {
        println!("{rule:<22} {fired:?} / {:?}", ours.fired[rule]);
    }
    for (rule, fired) in &real.fired {
        let of_ours = &ours.fired[rule];
        assert_eq!(fired.len(), of_ours.len(), "{rule}: {fired:?} and {of_ours:?}");
        assert!(fired.iter().zip(of_ours).all(|(one, other)| (one - other).abs() <= APART_MAX), "{rule}");
    }
    assert_eq!(real.fired["CheckoutSlow"].len(), 1, "{real:?}");
    assert_eq!(real.fired["CheckoutErrors"].len(), 1, "{real:?}");
}
