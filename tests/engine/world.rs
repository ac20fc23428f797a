//! A small world for a drill: an upstream that answers, a plan with a route to it, and someone who looks on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use firedrill::agent::{GuardianProgram, Policy};
use firedrill::coordinator::control::Request;
use firedrill::coordinator::engine::{AlarmsAt, Outcome, RecordError, Setup, Watcher, run};
use firedrill::drill::{Command, Event, Timed};
use firedrill::fault::{
    Fault, Latency, OnRemove, Period, Protocol, RequestMatch, RouteSpec, Scope, Seed, TrafficFault, UndoClass,
};
use firedrill::scenario::plan::{
    HttpRequest, Level, Plan, PlannedFault, PlannedRoute, Probe, ProbeAction, Start, SteadyState, Tolerance,
    Until,
};
use tokio::sync::mpsc;

use crate::support::{free_port, temp_dir};

/// A plan with one route to the upstream, one probe through it, and one latency on it.
pub fn plan(upstream: SocketAddr) -> Plan {
    let port = free_port();
    let request = HttpRequest {
        method: "GET".into(),
        url: format!("http://127.0.0.1:{port}/"),
        headers: BTreeMap::new(),
        body: None,
        ca: None,
    };
    let probe = Probe {
        name: "shop".into(),
        level: Level::Application,
        impact: true,
        invariant: false,
        every: Period::from_millis(100),
        timeout: Period::from_millis(300),
        action: ProbeAction::Http(request),
        tolerance: Tolerance { over: Period::from_secs(5), ..Tolerance::default() },
    };
    let spec = RouteSpec::new("shop", format!("127.0.0.1:{port}"), upstream.to_string(), Protocol::Http);
    Plan {
        scenario: "engine-test".into(),
        title: None,
        environment: None,
        percent_max: None,
        seed: Seed(7),
        routes: vec![PlannedRoute { spec, control: None }],
        load: None,
        steady_state: SteadyState {
            stable_for: Period::from_millis(500),
            no_impact_after: Period::from_secs(1),
            gate_within: Period::from_secs(5),
            recovery_within: Period::from_secs(5),
            probes: vec![probe],
        },
        faults: vec![latency("slow", "route/shop", Period::from_millis(600))],
        alarms: firedrill::scenario::expectation::Alarms::default(),
        recovery: None,
        playbook: None,
        abort: vec![],
        hypothesis: None,
        secrets: BTreeMap::new(),
        command: None,
        placebo: None,
        not_acted_on: vec![],
    }
}

/// A latency that lasts two seconds.
pub fn latency(id: &str, target: &str, delay: Period) -> PlannedFault {
    let latency = Latency { delay, ..Latency::default() };
    PlannedFault {
        id: id.into(),
        target: target.parse().expect("a target"),
        fault: Fault::Traffic(TrafficFault::Latency(latency)),
        matching: RequestMatch::default(),
        scope: Scope::default(),
        schedule: None,
        start: Start { after: None, delay: Period::ZERO },
        until: Until::For(Period::from_secs(2)),
        max: Some(Period::from_secs(10)),
        on_remove: OnRemove::Release,
        undo: UndoClass::A,
    }
}

/// Looks on: writes down each kind, may panic at one of them, and may send SIGTERM in one phase.
#[derive(Clone, Default)]
pub struct Onlooker {
    pub seen: Arc<Mutex<Vec<String>>>,
    pub panics_at: Option<&'static str>,
    pub signals_in: Option<(&'static str, mpsc::Sender<&'static str>)>,
}

impl Onlooker {
    fn note(&self, value: &impl serde::Serialize) {
        let value = serde_json::to_value(value).expect("events are JSON");
        let kind = value["kind"].as_str().unwrap_or_default();
        let kind = if kind == "record" { value["data"]["kind"].as_str().unwrap_or_default() } else { kind };
        self.seen.lock().expect("no panic holds it").push(kind.to_owned());
        if let Some((phase, signals)) = &self.signals_in
            && kind == "phase.entered"
            && value["data"]["data"]["phase"] == *phase
        {
            signals.try_send("SIGTERM").expect("one signal a run");
        }
        assert_ne!(self.panics_at, Some(kind), "as the test wants it");
    }
}

impl Watcher for Onlooker {
    fn event(&mut self, event: &Timed<Event>) {
        self.note(&event.event);
    }
    fn command(&mut self, command: &Timed<Command>) {
        self.note(&command.event);
    }
    fn tick(&mut self, _: Duration) {}
}

/// A folder for everything, and the ways to reach a drill that runs in it.
pub struct World {
    pub dir: tempfile::TempDir,
    pub onlooker: Onlooker,
    pub requests: mpsc::Sender<Request>,
    pub signals: mpsc::Sender<&'static str>,
    requests_in: Option<mpsc::Receiver<Request>>,
    signals_in: Option<mpsc::Receiver<&'static str>>,
}

impl World {
    pub fn new() -> Self {
        let (requests, requests_in) = mpsc::channel(4);
        let (signals, signals_in) = mpsc::channel(4);
        Self {
            dir: temp_dir(),
            onlooker: Onlooker::default(),
            requests,
            signals,
            requests_in: Some(requests_in),
            signals_in: Some(signals_in),
        }
    }

    pub fn folder(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    pub fn setup(&self, plan: Plan, folder: &Path) -> Setup {
        Setup {
            playbook: None,
            drill: "engine-test-1".into(),
            plan,
            inputs: vec![],
            folder: folder.to_owned(),
            runtime_dir: self.dir.path().join("run"),
            state_dir: self.dir.path().join("state"),
            workers: 1,
            json_on_stdout: false,
            guardian: GuardianProgram {
                program: env!("CARGO_BIN_EXE_firedrill").into(),
                args: vec!["agent".into(), "guardian".into()],
            },
            policy: Policy::default(),
            alarms_at: AlarmsAt::Listen("127.0.0.1:0".into()),
        }
    }

    pub async fn run(&mut self, plan: Plan) -> Result<Outcome, RecordError> {
        let folder = self.folder();
        self.run_in(plan, &folder).await
    }

    pub async fn run_in(&mut self, plan: Plan, folder: &Path) -> Result<Outcome, RecordError> {
        let setup = self.setup(plan, folder);
        let requests = self.requests_in.take().expect("one run a world");
        let signals = self.signals_in.take().expect("one run a world");
        let mut onlooker = self.onlooker.clone();
        let drill = run(setup, requests, signals, &mut onlooker);
        tokio::time::timeout(Duration::from_secs(60), drill).await.expect("every drill ends")
    }

    pub fn seen(&self) -> Vec<String> {
        self.onlooker
            .seen
            .lock()
            .map(|seen| seen.clone())
            .unwrap_or_else(|poisoned| poisoned.into_inner().clone())
    }
}
