//! A scenario resolved: nothing is left to look up, to default or to guess. Line 0 of every journal.
//!
//! Secrets stay names: a text may hold `${secrets.NAME}`, which only the edge replaces, in memory.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::expectation::Alarms;
pub use super::written::{Control, RecoveryBy};
use crate::fault::{
    Fault, Frequency, OnRemove, Percent, Period, RequestMatch, RouteSpec, Schedule, Scope, Seed, Target,
    UndoClass,
};

/// What will happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The scenario's name.
    pub scenario: String,
    /// Its title, for people.
    pub title: Option<String>,
    /// The environment it was resolved in; absent when it runs alone.
    pub environment: Option<String>,
    /// The largest share of traffic that the environment allows, also for changes while a fault is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent_max: Option<Percent>,
    /// Where every random decision comes from.
    pub seed: Seed,
    /// The routes it needs.
    pub routes: Vec<PlannedRoute>,
    /// The traffic it brings.
    pub load: Option<Load>,
    /// What must hold.
    pub steady_state: SteadyState,
    /// What goes wrong, in file order.
    pub faults: Vec<PlannedFault>,
    /// What is expected of alarms.
    #[serde(default)]
    pub alarms: Alarms,
    /// How service is expected to come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<ExpectedRecovery>,
    /// The playbook that is exercised; its steps stand beside the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook: Option<PlaybookUse>,
    /// What stops the drill, beside its `invariant` probes.
    pub abort: Vec<AbortRule>,
    /// What is claimed.
    pub hypothesis: Option<Hypothesis>,
    /// Where secrets are found, by name.
    pub secrets: BTreeMap<String, SecretSource>,
    /// The command whose exit code is a verdict (`firedrill run S.yaml -- COMMAND…`).
    pub command: Option<Vec<String>>,
    /// A placebo: without any fault all else goes on for so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placebo: Option<Period>,
    /// What the files ask for and this version does not act on, for people.
    pub not_acted_on: Vec<String>,
}

impl Plan {
    /// Whether the drill has any business with alarms, so that it listens for them.
    pub fn hears_alarms(&self) -> bool {
        let called = self.playbook.as_ref().is_some_and(|used| used.start == PlaybookStart::Alarm);
        called || self.alarms.is_wanted()
    }
}

/// How service is expected to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedRecovery {
    /// By what; absent: by anything.
    pub by: Option<RecoveryBy>,
    /// At most so long after the impact.
    pub within: Option<Period>,
}

/// How the playbook is exercised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaybookUse {
    /// Its name.
    pub name: String,
    /// What starts it.
    pub start: PlaybookStart,
    /// What becomes of the steps that people must answer.
    pub people: People,
    /// Whether its mutating steps are taken back in the end.
    pub undo: bool,
}

/// What starts a playbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlaybookStart {
    /// The first alarm that matches its triggers, or any expected alarm.
    Alarm,
    /// The impact.
    Impact,
    /// A person.
    Manual,
    /// Nothing has to happen: it runs without a drill.
    AtOnce,
}

/// What becomes of the steps that people must answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum People {
    /// They are asked.
    #[default]
    Ask,
    /// The steps are skipped.
    Skip,
    /// The steps fail.
    Fail,
}

/// A route that the drill needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedRoute {
    /// What it is.
    pub spec: RouteSpec,
    /// The control address of the proxy that serves it; absent: the drill's own process does.
    pub control: Option<String>,
}

/// Open-loop traffic: requests leave when they are due, whether or not earlier ones were answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// What is asked.
    pub request: HttpRequest,
    /// How often.
    pub rate: Frequency,
    /// When a request is given up (a failure with this duration).
    pub timeout: Period,
}

/// An HTTP request as a probe or a load sends it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// The method.
    pub method: String,
    /// `http://` or `https://`.
    pub url: String,
    /// Headers by name.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Option<String>,
    /// A PEM file with the certificate authority to trust instead of the system's.
    pub ca: Option<String>,
}

/// What must hold before, and again after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SteadyState {
    /// Good for this long = recovered.
    pub stable_for: Period,
    /// Effective for this long without impact = withstood.
    pub no_impact_after: Period,
    /// How long the gate may wait for every tolerance to be judged good before the drill is given up.
    pub gate_within: Period,
    /// How long recovery may take after the last fault was removed.
    pub recovery_within: Period,
    /// What is measured.
    pub probes: Vec<Probe>,
}

/// One measurement, repeated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Its name.
    pub name: String,
    /// Whose view it is.
    pub level: Level,
    /// Whether its first violation during a fault is the impact.
    pub impact: bool,
    /// Whether one violation stops the drill.
    pub invariant: bool,
    /// How often.
    pub every: Period,
    /// When one measurement is given up (a failure with this duration).
    pub timeout: Period,
    /// What is done.
    pub action: ProbeAction,
    /// What is good.
    pub tolerance: Tolerance,
}

/// Whose view a probe is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Orders, money.
    Business,
    /// Requests, answers.
    #[default]
    Application,
    /// Hosts, networks.
    Infrastructure,
    /// What the client sees.
    Client,
    /// Delivery.
    Pipeline,
}

/// What a probe does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeAction {
    /// Sends a request.
    Http(HttpRequest),
    /// Connects: `host:port`.
    Tcp(String),
    /// Runs a command, no shell.
    Run(Vec<String>),
}

/// What is good. All that is given must hold; bounds are upper bounds unless they say `at_least`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tolerance {
    /// The statuses that are no failure; empty: 200 to 299.
    pub status: Vec<StatusRange>,
    /// Texts that the body must hold.
    pub body: Vec<String>,
    /// JSON path (`$.a.b[0]`) and the value that must stand there.
    pub json: Vec<JsonExpectation>,
    /// The exit status that is no failure; absent: 0.
    pub exit: Option<i32>,
    /// The median of durations.
    pub p50: Option<Period>,
    /// The 95th percentile of durations.
    pub p95: Option<Period>,
    /// The 99th percentile of durations.
    pub p99: Option<Period>,
    /// The share of failures within `over`.
    pub errors: Option<Percent>,
    /// At most so many of the last so many may fail.
    pub failures: Option<KOfN>,
    /// The window of percentiles and `errors`.
    pub over: Period,
    /// The lowest value that is good.
    pub at_least: Option<f64>,
    /// The highest value that is good.
    pub at_most: Option<f64>,
}

impl Tolerance {
    /// A percentile or an error share over fewer samples than this is no judgement.
    pub const SAMPLES_MIN: usize = 20;

    /// Whether an answer with this status is no failure.
    pub fn allows(&self, status: u16) -> bool {
        match &*self.status {
            [] => StatusRange::SUCCESS.holds(status),
            ranges => ranges.iter().any(|range| range.holds(status)),
        }
    }
}

/// HTTP statuses from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusRange {
    /// The first.
    pub from: u16,
    /// The last.
    pub to: u16,
}

impl StatusRange {
    /// What a probe takes for good when it is not told.
    pub const SUCCESS: Self = Self { from: 200, to: 299 };

    /// Whether a status is one of them.
    pub fn holds(self, status: u16) -> bool {
        (self.from..=self.to).contains(&status)
    }
}

impl std::fmt::Display for StatusRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.from == self.to {
            true => write!(f, "{}", self.from),
            false => write!(f, "{}-{}", self.from, self.to),
        }
    }
}

/// A value at a path of a JSON body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JsonExpectation {
    /// The path: `$.a.b[0]`.
    pub path: String,
    /// The value that must stand there.
    pub equals: serde_json::Value,
}

/// `k of n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KOfN {
    /// At most so many …
    pub k: u32,
    /// … of the last so many.
    pub n: u32,
}

/// One fault, resolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedFault {
    /// Its name.
    pub id: String,
    /// Where.
    pub target: Target,
    /// What.
    pub fault: Fault,
    /// To which requests.
    pub matching: RequestMatch,
    /// To which share.
    pub scope: Scope,
    /// When it acts while it stands (traffic faults); absent: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// When.
    pub start: Start,
    /// Until when.
    pub until: Until,
    /// The hard end; absent only for instant faults.
    pub max: Option<Period>,
    /// What becomes of held connections.
    pub on_remove: OnRemove,
    /// How it is taken back.
    pub undo: UndoClass,
}

/// When a fault starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Counted from the moment this fault was applied; absent: from the first moment of `active`.
    pub after: Option<String>,
    /// How long after.
    pub delay: Period,
}

/// When a fault ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// At its `max`.
    Max,
    /// When the steady state was lost and is back for `stable_for`, at the latest at its `max`.
    Recovered,
    /// After this time.
    For(Period),
}

/// What stops the drill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AbortRule {
    /// The probe that is watched.
    pub probe: String,
    /// Its tolerance for this purpose; absent: its own.
    pub tolerance: Option<Tolerance>,
    /// Violated for this long; zero: at once.
    pub lasting: Period,
}

/// What is claimed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hypothesis {
    /// We believe …
    pub believe: Option<String>,
    /// … will result in …
    pub result: Option<String>,
    /// … and are confident when these results are good.
    pub confident_when: Vec<String>,
}

/// Where a secret is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// In this environment variable.
    Env(String),
    /// In this file.
    File(String),
}
