//! A journal from a short tale: when the fault acted and harmed, and what monitoring said.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::drill::Drill;
use crate::drill::alarm::{Alarm, AlarmKind, MissCause};
use crate::drill::event::{Command, Event, Sample};
use crate::drill::journal::{CLOSED, Chain, PLANNED};
use crate::fault::{
    Evidence, Fault, Glob, Latency, OnRemove, Period, RequestMatch, Scope, Seed, TrafficFault, UndoClass,
};
use crate::playbook::event::Attempt;
use crate::playbook::plan::Playbook;
use crate::scenario::expectation::{AlarmMatch, Alarms, CountedFrom, Expectation};
use crate::scenario::plan::{
    ExpectedRecovery, Level, Plan, PlannedFault, PlaybookUse, Probe, ProbeAction, Start, SteadyState,
    Tolerance, Until,
};
use crate::score::{ExpectationScore, Scorecard};

pub(super) fn s(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(super) fn ns(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}

/// What happens. The default: the fault `slow` is applied at 2 s, acts at 3 s, harms at 10 s, is removed at 50 s, and
/// the service is back at 60 s; the last line is of 400 s.
#[derive(Clone, Debug)]
pub(super) struct Tale {
    pub(super) alarms: Alarms,
    pub(super) confident_when: Vec<String>,
    pub(super) effect: Option<Duration>,
    pub(super) impact: Option<Duration>,
    pub(super) removed: Option<Duration>,
    pub(super) recovered: Option<Duration>,
    pub(super) halted: Option<Duration>,
    /// When a second fault `cut` is applied; it acts a second later.
    pub(super) second: Option<Duration>,
    /// Whether there is no fault at all.
    pub(super) without_fault: bool,
    /// Whether it is a placebo: no fault, and nothing claimed.
    pub(super) is_sham: bool,
    /// Whether `slow` is instant instead: a process is killed.
    pub(super) is_kill: bool,
    pub(super) end: Duration,
    pub(super) playbook: Option<(Playbook, PlaybookUse)>,
    pub(super) recovery: Option<ExpectedRecovery>,
    /// Whether what is done to take back a step fails.
    pub(super) undo_fails: bool,
    /// Whether there is a second probe, `search`, that is no impact probe.
    pub(super) searches: bool,
    pub(super) said: Vec<(Duration, Event)>,
}

impl Tale {
    /// Nothing is expected.
    pub(super) fn plain() -> Self {
        Self {
            alarms: Alarms::default(),
            confident_when: vec![],
            effect: Some(s(3)),
            impact: Some(s(10)),
            removed: Some(s(50)),
            recovered: Some(s(60)),
            halted: None,
            second: None,
            without_fault: false,
            is_sham: false,
            is_kill: false,
            end: s(400),
            playbook: None,
            recovery: None,
            undo_fails: false,
            searches: false,
            said: vec![],
        }
    }

    /// The alarm `Slow` is expected within 30 s of the impact.
    pub(super) fn expecting() -> Self {
        let mut tale = Self::plain();
        tale.alarms.expected.push(expectation("slow-page", "Slow"));
        tale
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(super) fn expect(self, change: impl FnOnce(&mut Expectation)) -> Self {
        self.with(|tale| change(&mut tale.alarms.expected[0]))
    }

    pub(super) fn fires(self, at: Duration) -> Self {
        self.says(at, AlarmKind::Fired, "Slow", |_| {})
    }

    pub(super) fn resolves(self, at: Duration) -> Self {
        self.says(at, AlarmKind::Resolved, "Slow", |_| {})
    }

    pub(super) fn says(
        self,
        at: Duration,
        kind: AlarmKind,
        name: &str,
        change: impl FnOnce(&mut Alarm),
    ) -> Self {
        let mut alarm = alarm(at, kind, name);
        change(&mut alarm);
        self.with(|tale| tale.said.push((at, Event::AlarmReceived { alarm })))
    }

    pub(super) fn asked(self, at: Duration, cause: MissCause, evidence: &str) -> Self {
        let event =
            Event::MonitorAsked { expectation: "slow-page".to_owned(), cause, evidence: evidence.to_owned() };
        self.with(|tale| tale.said.push((at, event)))
    }

    /// Something happens besides.
    pub(super) fn then(self, at: Duration, event: Event) -> Self {
        self.with(|tale| tale.said.push((at, event)))
    }

    /// All events in the order of their times; those of the same time as they were told.
    pub(super) fn events(&self) -> Vec<(Duration, Event)> {
        let mut events = vec![
            (s(0), Event::PreflightFinished { refusals: vec![], warnings: vec![] }),
            (s(1), probe(s(1), true)),
        ];
        if self.searches {
            events.push((s(1), sampled("search", s(1), true)));
        }
        if !self.without_fault {
            let applied = Event::FaultApplied { fault: "slow".to_owned(), detail: String::new() };
            events.push((s(2), applied));
        }
        let evidence = |faulted| Evidence { matched: 1, faulted, ..Evidence::default() };
        let measured = |fault: &str| Event::FaultMeasured { fault: fault.to_owned(), evidence: evidence(1) };
        let removed = |fault: &str, faulted| Event::FaultRemoved {
            fault: fault.to_owned(),
            evidence: evidence(faulted),
            residue: vec![],
        };
        events.extend(self.effect.map(|at| (at, measured("slow"))));
        events.extend(self.impact.map(|at| (at, probe(at, false))));
        if let Some(at) = self.second {
            events.push((at, Event::TimePassed {}));
            events.push((at, Event::FaultApplied { fault: "cut".to_owned(), detail: String::new() }));
            events.push((at + s(1), measured("cut")));
        }
        let halt = Event::HaltRequested { who: "a person".to_owned(), reason: "enough".to_owned() };
        events.extend(self.halted.map(|at| (at, halt)));
        if let Some(at) = self.removed {
            events.push((at, removed("slow", u64::from(self.effect.is_some()))));
            events.extend(self.second.map(|_| (at, removed("cut", 1))));
        }
        if let Some(at) = self.recovered {
            events.push((at, probe(at, true)));
            events.push((at + s(3), Event::TimePassed {}));
        }
        events.extend(self.said.iter().cloned());
        // Once to leave what is over, and once more to see that all held after it.
        events.push((self.end * 7 / 8, Event::TimePassed {}));
        events.push((self.end, Event::TimePassed {}));
        events.retain(|(at, _)| *at <= self.end);
        events.sort_by_key(|(at, _)| *at);
        events
    }

    /// The bytes, with what the drill decides on the way and the answer to its last look.
    pub(super) fn journal(&self) -> Vec<u8> {
        let (mut chain, mut bytes) = (Chain::default(), Vec::new());
        let mut write = |at: Duration, kind: &str, data: &serde_json::Value| {
            let line = chain.seal(wall(at), at, kind, data);
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(b'\n');
            chain.len()
        };
        let plan = self.plan();
        let playbook = self.playbook.as_ref().map(|(book, _)| book.clone());
        let mut planned = serde_json::json!({"plan": plan});
        if let Some(playbook) = &playbook {
            planned["playbook"] = serde_json::to_value(playbook).unwrap();
        }
        write(s(0), PLANNED, &planned);
        let (mut drill, _) = Drill::start(plan, playbook);
        let mut lines = 0;
        for (at, event) in self.events() {
            let mut next = Some(event);
            while let Some(event) = next.take() {
                let value = serde_json::to_value(&event).unwrap();
                lines = write(at, value["kind"].as_str().unwrap(), &value["data"]);
                let commands = drill.next(at, event);
                for command in commands {
                    match command {
                        Command::Verify {} => next = Some(Event::VerifyFinished { residue: vec![] }),
                        // A way back takes no time here; what does not answer is told.
                        Command::RunStep(job) if job.undo && !self.undo_fails => {
                            next = Some(attempted(&job.step, job.attempt, true, ok()));
                        }
                        Command::RunStep(job) if job.undo => {
                            let outcome = Attempt::Failed { why: "exit 1".to_owned() };
                            next = Some(attempted(&job.step, job.attempt, true, outcome));
                        }
                        _ => {}
                    }
                }
            }
        }
        write(self.end, CLOSED, &serde_json::json!({"lines": lines}));
        bytes
    }

    pub(super) fn card(&self) -> Scorecard {
        Scorecard::of(&self.journal()).unwrap()
    }

    /// What became of the first expectation.
    pub(super) fn first(&self) -> ExpectationScore {
        self.card().alarms.expectations[0].clone()
    }

    fn plan(&self) -> Plan {
        let probe = Probe {
            name: "shop".into(),
            level: Level::Application,
            impact: true,
            invariant: false,
            // A tale holds few samples, and no probe in it falls silent.
            every: Period::from_secs(1_000),
            timeout: Period::from_secs(1),
            action: ProbeAction::Tcp("127.0.0.1:1".into()),
            tolerance: Tolerance { over: Period::from_secs(30), ..Tolerance::default() },
        };
        let mut faults = vec![fault("slow", Duration::ZERO)];
        if self.is_kill {
            let kill = serde_json::json!({"process_kill": {"name": "victim"}});
            faults[0].fault = serde_json::from_value(kill).unwrap();
        }
        if self.without_fault {
            faults.clear();
        }
        let search = self.searches.then(|| Probe { name: "search".into(), impact: false, ..probe.clone() });
        faults.extend(self.second.map(|at| fault("cut", at - s(1))));
        Plan {
            percent_max: None,
            scenario: "tale".into(),
            title: None,
            environment: None,
            seed: Seed(1),
            routes: vec![],
            load: None,
            steady_state: SteadyState {
                stable_for: Period::from_secs(3),
                no_impact_after: Period::from_secs(30),
                gate_within: Period::from_secs(10),
                recovery_within: Period::from_secs(300),
                probes: std::iter::once(probe).chain(search).collect(),
            },
            faults,
            alarms: self.alarms.clone(),
            recovery: self.recovery,
            playbook: self.playbook.as_ref().map(|(_, used)| used.clone()),
            abort: vec![],
            hypothesis: Some(crate::scenario::plan::Hypothesis {
                confident_when: self.confident_when.clone(),
                ..Default::default()
            }),
            secrets: std::collections::BTreeMap::new(),
            command: None,
            placebo: self.is_sham.then(|| Period::from_secs(48)),
            not_acted_on: vec![],
        }
    }
}

fn fault(id: &str, delay: Duration) -> PlannedFault {
    let latency = Latency { delay: Period::from_secs(2), ..Latency::default() };
    PlannedFault {
        id: id.into(),
        target: "route/payments".parse().unwrap(),
        fault: Fault::Traffic(TrafficFault::Latency(latency)),
        matching: RequestMatch::default(),
        scope: Scope::default(),
        schedule: None,
        start: Start { after: None, delay: delay.into() },
        until: Until::Max,
        max: Some(Period::from_secs(1000)),
        on_remove: OnRemove::Release,
        undo: UndoClass::A,
    }
}

/// An attempt at a step is over.
pub(super) fn attempted(step: &str, attempt: u32, undo: bool, outcome: Attempt) -> Event {
    Event::StepAttempted { step: step.to_owned(), attempt, undo, outcome }
}

pub(super) fn ok() -> Attempt {
    Attempt::Ok { outputs: std::collections::BTreeMap::new(), detail: "200".to_owned() }
}

fn probe(at: Duration, good: bool) -> Event {
    sampled("shop", at, good)
}

pub(super) fn sampled(probe: &str, at: Duration, good: bool) -> Event {
    let failure = (!good).then(|| "status 500".to_owned());
    let sample = Sample { began: at, took: Duration::ZERO, failure, value: None, detail: None };
    Event::ProbeSampled { probe: probe.to_owned(), sample }
}

pub(super) fn matching(labels: &[(&str, &str)]) -> AlarmMatch {
    AlarmMatch(labels.iter().map(|(name, value)| ((*name).to_owned(), Glob((*value).to_owned()))).collect())
}

pub(super) fn expectation(id: &str, alertname: &str) -> Expectation {
    Expectation {
        id: id.to_owned(),
        matching: matching(&[("alertname", alertname)]),
        fault: None,
        within: Period::from_secs(30),
        from: CountedFrom::Impact,
        severity: None,
        receiver: None,
        ack_within: None,
        resolve_within: None,
        content: vec![],
    }
}

/// Wall time, for a time of the drill.
pub(super) fn wall(at: Duration) -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap() + SignedDuration::try_from(at).unwrap()
}

fn alarm(at: Duration, kind: AlarmKind, name: &str) -> Alarm {
    Alarm {
        source: "alertmanager".to_owned(),
        kind,
        key: name.to_owned(),
        group_key: None,
        labels: [("alertname".to_owned(), name.to_owned())].into(),
        annotations: std::collections::BTreeMap::new(),
        receiver: None,
        claimed_at: None,
        ends_at: None,
        received_at: wall(at),
        repeat: false,
        polled_every: None,
        body_sha256: String::new(),
    }
}
