//! The shipped pairs of a scenario and a playbook, run for real: each on a shop of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Child, Ended, firedrill, free_port, get, happens_within, is_listening, temp_dir};

const SOON: Duration = Duration::from_secs(10);
/// Half a minute on an idle machine.
const DRILL_WITHIN: Duration = Duration::from_secs(110);

/// A shop of its own: four processes, two places for routes, and a folder for drills.
struct Shop {
    dir: tempfile::TempDir,
    front: SocketAddr,
    payments: SocketAddr,
    stock: SocketAddr,
    payments_route: SocketAddr,
    stock_route: SocketAddr,
    _processes: Vec<Child>,
}

impl Shop {
    fn open() -> Self {
        let (payments_process, payments) = process("payments", &[]);
        let (replica_process, replica) = process("replica", &[]);
        let (stock_process, stock) = process("stock", &[]);
        let route = || SocketAddr::from(([127, 0, 0, 1], free_port()));
        let (payments_route, stock_route) = (route(), route());
        // Where no drill has put a route, front goes straight to the process.
        let to = |route: SocketAddr, process: SocketAddr| format!("{route},{process}");
        let (to_payments, to_stock) = (to(payments_route, payments), to(stock_route, stock));
        let replica = replica.to_string();
        let args = ["--payments", &to_payments, "--stock", &to_stock, "--replica", &replica];
        let (front_process, front) = process("front", &args);
        let _processes = vec![front_process, stock_process, replica_process, payments_process];
        Self { dir: temp_dir(), front, payments, stock, payments_route, stock_route, _processes }
    }

    /// Any command of the program, with the variables that `demo --keep` prints.
    fn firedrill(&self, args: &[&str]) -> Command {
        let mut command = firedrill();
        command
            .args(args)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("FIREDRILL_DIR", self.dir.path().join("own"))
            .env("SHOP", format!("http://{}", self.front))
            .env("SHOP_PORT", self.front.port().to_string())
            .env("PAYMENTS", self.payments.to_string())
            .env("PAYMENTS_ROUTE", self.payments_route.to_string())
            .env("PAYMENTS_PORT", self.payments.port().to_string())
            .env("STOCK", self.stock.to_string())
            .env("STOCK_ROUTE", self.stock_route.to_string());
        command
    }

    /// Runs a scenario to its end and answers what its playbook asks meanwhile.
    fn drill(&self, scenario: &Path, answer: Option<&[&str]>) -> Ended {
        let out = self.out();
        let run = ["run", scenario.to_str().unwrap(), "--alarms", "127.0.0.1:0", "--manual", "ask"];
        let args = [&run[..], &["--json", "--out"]].concat();
        let drill = Child::spawn(self.firedrill(&args).arg(&out));
        if let Some(answer) = answer {
            let mut said = None;
            let answered = happens_within(DRILL_WITHIN, || {
                let ended = Child::spawn(&mut self.firedrill(answer)).wait(SOON);
                said = Some(ended);
                said.as_ref().is_some_and(|ended| ended.code == Some(0)) || out.join("summary.json").exists()
            });
            assert!(answered, "{answer:?}: {said:?}\n{}", drill.stdout());
        }
        drill.wait(DRILL_WITHIN)
    }

    fn out(&self) -> PathBuf {
        self.dir.path().join("report")
    }

    fn summary(&self) -> Value {
        let text = std::fs::read(self.out().join("summary.json")).unwrap();
        serde_json::from_slice::<Value>(&text).unwrap()["summary"].take()
    }

    /// The data of the journal's lines of one kind.
    fn journal(&self, kind: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.out().join("journal.jsonl")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["kind"] == kind).map(|mut line| line["data"].take()).collect()
    }

    /// What happened, without the measurements, for a test that fails.
    fn tale(&self) -> String {
        let text = std::fs::read_to_string(self.out().join("journal.jsonl")).unwrap_or_default();
        let noise = ["load.answered", "probe.sampled", "fault.measured", "drill.planned", "time.passed"];
        let told = text.lines().skip(1).filter(|line| !noise.iter().any(|kind| line.contains(kind)));
        told.collect::<Vec<_>>().join("\n")
    }

    /// The flags that are on.
    fn flags(&self) -> Vec<String> {
        let flags: Value = serde_json::from_str(&get(self.front, "/flags").unwrap().body).unwrap();
        let flags = flags.as_object().unwrap().iter();
        flags.filter(|(_, flag)| flag["enabled"] == true).map(|(name, _)| name.clone()).collect()
    }
}

/// One process of the shop.
fn process(role: &str, more: &[&str]) -> (Child, SocketAddr) {
    let child = Child::spawn(firedrill().args(["demo", role]).args(more));
    let line = child.wait_for_line(&format!("{role} listens on "), SOON);
    let address = line.rsplit(' ').next().unwrap().parse().unwrap();
    (child, address)
}

/// Runs a pair: the step that is to bring service back, the flag that it sets, and the answer that it needs.
fn restores(pattern: &str, step: &str, answer: Option<&[&str]>) {
    let shop = Shop::open();
    let scenario = Path::new("scenarios").join(pattern).with_extension("yaml");
    let ended = shop.drill(&scenario, answer);
    assert_eq!(ended.code, Some(0), "{pattern}: {}\n{}", ended.stderr, shop.tale());

    let (summary, tale) = (shop.summary(), shop.tale());
    for (key, word) in [
        ("effect", "confirmed"),
        ("impact", "seen"),
        ("restored_by", "playbook"),
        ("playbook", "restored"),
        ("hypothesis", "confirmed"),
        ("drill", "valid"),
    ] {
        assert_eq!(summary[key], word, "{pattern}: {key}: {summary:#}\n{tale}");
    }
    assert_eq!(summary["clean"], true, "{pattern}: {summary:#}");

    let is_ok = |line: &&Value| line["result"]["is"] == "ok";
    let finished = shop.journal("step.finished");
    let helped = finished.iter().filter(is_ok).find(|line| line["step"] == step);
    assert_eq!(helped.unwrap()["result"]["verified"], true, "{pattern}: {tale}");
    assert_eq!(shop.journal("playbook.ended")[0]["ending"]["is"], "completed", "{pattern}: {tale}");
    let undone = shop.journal("step.undone");
    assert!(undone.len() == 1 && undone[0]["step"] == step, "{pattern}: {tale}");
    assert!(undone[0]["failed"].is_null(), "{pattern}: {tale}");

    // Nothing is left: no flag, no route, and a shop that sells.
    assert_eq!(shop.flags(), [""; 0], "{pattern}");
    assert!(!is_listening(shop.payments_route) && !is_listening(shop.stock_route), "{pattern}");
    assert_eq!(get(shop.front, "/checkout").unwrap().status, 200, "{pattern}");
    let verified = Child::spawn(shop.firedrill(&["verify"]).arg(shop.out())).wait(SOON);
    assert_eq!(verified.code, Some(0), "{pattern}: {verified:?}");
}

/// Several at once: a drill mostly waits.
fn all_restore(pairs: &[(&str, &str, Option<&[&str]>)]) {
    std::thread::scope(|scope| {
        for (pattern, step, answer) in pairs {
            let named = std::thread::Builder::new().name((*pattern).to_owned());
            named.spawn_scoped(scope, || restores(pattern, step, *answer)).unwrap();
        }
    });
}

#[test]
fn a_playbook_restores_service_by_a_timeout_retries_a_breaker_or_a_second_payments() {
    all_restore(&[
        ("timeout", "give-up-early", None),
        ("retry", "ask-again", None),
        ("circuit-breaker", "automatic", None),
        ("failover", "fail-over", Some(&["step", "done", "approved", "--role", "commander"])),
    ]);
}

#[test]
fn a_playbook_restores_service_by_compartments_shedding_failing_fast_or_a_copy() {
    all_restore(&[
        ("bulkhead", "divide", None),
        ("shed-load", "refuse-lookers", None),
        ("fail-fast", "refuse-early", None),
        ("cache", "show-the-copy", None),
    ]);
}

/// The control: what the playbook is credited with does not happen without it.
#[test]
fn without_its_playbook_the_same_fault_is_over_only_when_it_is_taken_away() {
    let shop = Shop::open();
    let written = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/cache.yaml");
    let text = std::fs::read_to_string(written).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("playbook:"));
    let lines = lines.map(|line| line.replace("max: 40s", "max: 12s").replace("playbook, ", ""));
    let without = shop.dir.path().join("cache.yaml");
    std::fs::write(&without, lines.collect::<Vec<_>>().join("\n")).unwrap();
    let ended = shop.drill(&without, None);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stderr, shop.tale());
    let summary = shop.summary();
    for (key, word) in [("effect", "confirmed"), ("impact", "seen"), ("restored_by", "fault_end")] {
        assert_eq!(summary[key], word, "{key}: {summary:#}");
    }
    assert!(summary["playbook"].is_null(), "{summary:#}");
}
