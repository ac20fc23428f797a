//! What the engine does when things break in the middle of a drill: its record, or the place of a fault.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{PipeReader, Read};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use firedrill_proxy::control::Control;
use firedrill_proxy::engine::Options;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::folder::Folder;
use super::live::Live;
use super::operator::{Order, operate};
use super::outside::World;
use super::preflight::Prepared;
use super::{AlarmsAt, Outcome, RecordError, Setup, Watcher, run_in};
use crate::agent::{GuardianProgram, Policy};
use crate::drill::event::{Phase, Record};
use crate::drill::{Command, Event, Timed};
use crate::fault::{Evidence, Seed};
use crate::scenario::plan::Plan;
use crate::scenario::{Context, NoCatalog, check};
use crate::text::Source;

/// Looks on, and breaks the record when the faults are due.
struct Breaker {
    pipe: Option<PipeReader>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Breaker {
    fn note(&self, value: &impl serde::Serialize) {
        let value = serde_json::to_value(value).unwrap();
        self.seen.lock().unwrap().push(format!("{} {}", value["kind"], value["data"]["fault"]));
    }
}

impl Watcher for Breaker {
    fn event(&mut self, event: &Timed<Event>) {
        self.note(&event.event);
    }

    fn command(&mut self, command: &Timed<Command>) {
        if command.event == Command::Record(Record::PhaseEntered { phase: Phase::Active }) {
            self.pipe = None;
        }
        self.note(&command.event);
    }

    fn tick(&mut self, _: Duration) {}
}

fn plan(upstream: &TcpListener) -> Plan {
    let text = format!(
        "firedrill: v1\nkind: Scenario\nname: broken-record\n\
         routes: {{shop: {{listen: \"127.0.0.1:0\", upstream: \"{0}\"}}}}\n\
         steady_state: [{{tcp: \"{0}\"}}]\n\
         faults: [{{latency: 1s, target: route/shop, max: 10s}}, {{latency: 2s, target: route/shop, max: 10s}}]\n",
        upstream.local_addr().unwrap()
    );
    let nothing = BTreeMap::new();
    let context = Context {
        catalog: &NoCatalog,
        sets: &nothing,
        process_env: &nothing,
        inputs: &nothing,
        environment: None,
    };
    let checked = check(Source::new("broken-record.yaml", &text), &context);
    let problems = format!("{:?}", checked.files);
    checked.value.unwrap_or_else(|| panic!("{problems}")).plan(Seed(1), None)
}

fn setup(folder: &Path, plan: Plan) -> Setup {
    Setup {
        playbook: None,
        drill: "broken-record-1".into(),
        plan,
        inputs: vec![],
        folder: folder.into(),
        runtime_dir: folder.join("run"),
        state_dir: folder.join("state"),
        workers: 1,
        json_on_stdout: false,
        guardian: GuardianProgram { program: "/no/guardian".into(), args: vec![] },
        policy: Policy::default(),
        alarms_at: AlarmsAt::Listen("127.0.0.1:0".into()),
    }
}

/// Runs a drill whose journal is a pipe: it cannot be synced, and not be written once nobody reads. `breaks`: when the
/// faults are due, nobody does.
async fn run(breaks: bool) -> (Result<Outcome, RecordError>, Vec<String>) {
    let (folder, upstream) = (tempfile::tempdir().unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let (mut reader, writer) = std::io::pipe().unwrap();
    let pipe = if breaks {
        Some(reader)
    } else {
        std::thread::spawn(move || reader.read_to_end(&mut Vec::new()));
        None
    };
    let setup = setup(folder.path(), plan(&upstream));
    let journal = File::from(OwnedFd::from(writer));
    let world =
        World { outside: Arc::new(Live::new(&setup)), paper: Box::new(Folder::on(folder.path(), journal)) };
    let (_requests, requests_in) = mpsc::channel(1);
    let (_signals, signals_in) = mpsc::channel(1);
    let mut watcher = Breaker { pipe, seen: Arc::default() };
    let drill = run_in(world, setup, requests_in, signals_in, &mut watcher);
    let outcome = tokio::time::timeout(Duration::from_secs(60), drill).await.expect("every drill ends");
    let seen = watcher.seen.lock().unwrap().clone();
    (outcome, seen)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_injected_that_is_not_on_record() {
    for breaks in [false, true] {
        let (outcome, seen) = run(breaks).await;
        assert!(seen.iter().any(|line| line.starts_with("\"fault.apply\"")), "it came so far: {seen:?}");
        assert!(!seen.iter().any(|line| line.starts_with("\"fault.applied\"")), "{breaks}: {seen:?}");
        let known = outcome.unwrap_err().came_to.expect("it had begun");
        assert_eq!((known.exit, known.clean), (5, true), "stopped, and nothing is left");
        assert!(known.reasons[0].contains("not whole on record"), "{:?}", known.reasons);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_that_is_not_there_is_removed_at_once() {
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let setup = setup(Path::new("/no/folder"), plan(&upstream));
    let control = Control::start(Options::default()).unwrap();
    control.add_route(setup.plan.routes[0].spec.clone()).unwrap();
    // Refused, or lost with the route that held it.
    for with_route in [true, false] {
        if !with_route {
            control.remove_route("shop").unwrap();
        }
        let live = Live::new(&setup);
        live.stand_on(Prepared {
            control: Some(control.clone()),
            clients: BTreeMap::new(),
            agent: None,
            secrets: Arc::default(),
            step_secrets: Arc::default(),
            alarms: None,
            warnings: vec![],
        });
        let fault = "latency-1".to_owned();
        let (orders, orders_in) = mpsc::channel(1);
        let (events, mut events_in) = mpsc::channel(1);
        tokio::spawn(operate(fault.clone(), Arc::new(live), orders_in, CancellationToken::new(), events));
        orders.send(Order::Remove).await.ok().unwrap();
        let event = tokio::time::timeout(Duration::from_secs(10), events_in.recv()).await.unwrap().unwrap();
        assert_eq!(event, Event::FaultRemoved { fault, evidence: Evidence::default(), residue: vec![] });
    }
    control.stop();
}
