use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::HttpForm;
use crate::fault::{Percent, Period};
use crate::scenario::plan::Level;
use crate::text::{Field, Form, Json, Never, Pairs, Scalar};

/// What must hold: the gate before, the impact during, the recovery after.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["probes"]))]
pub struct SteadyState {
    /// How often each probe measures; absent: `1s`.
    pub every: Field<Period>,
    /// Good for this long = recovered; absent: `10s`.
    pub stable_for: Field<Period>,
    /// A fault effective for this long without impact = withstood; absent: `30s`.
    pub no_impact_after: Field<Period>,
    /// How long the gate may wait for every tolerance to be judged good; absent: from their windows, at least a minute.
    pub gate_within: Field<Period>,
    /// How long recovery may take after the last fault was removed; absent: from the windows, and a minute more.
    pub recovery_within: Field<Period>,
    /// What is measured.
    pub probes: Field<Vec<Field<Probe>>>,
}

/// One measurement, repeated: a name, exactly one action, and what is good.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Probe {
    /// Its name; absent: `<action>-<n>`.
    #[schemars(extend("pattern" = "^[a-z][a-z0-9-]*$"))]
    pub name: Field<String>,
    /// Whose view it is.
    pub level: Field<Level>,
    /// Its first violation during a fault is the impact; when no probe says so, of every probe that is no invariant.
    pub impact: Field<bool>,
    /// One violation stops the drill and is a finding.
    pub invariant: Field<bool>,
    /// Sends a request. A word is its URL.
    pub http: Field<HttpForm>,
    /// Connects to `host:port`.
    pub tcp: Field<String>,
    /// Runs a command, without a shell.
    pub run: Field<Vec<Field<Scalar>>>,
    /// Asks a Prometheus for a number.
    pub prometheus: Field<Prometheus>,
    /// When one measurement is given up; absent: `5s`.
    pub timeout: Field<Period>,
    /// What is good.
    pub tolerance: Field<Tolerance>,
}

/// A query whose answer is one number.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["url", "query"]))]
pub struct Prometheus {
    /// The server's base URL.
    pub url: Field<String>,
    /// The query.
    pub query: Field<String>,
}

/// What is good. All that is given must hold; bounds are upper bounds unless they say `at_least`.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tolerance {
    /// The statuses that are no failure: `200`, `2xx`, or a list; absent: 2xx.
    pub status: Field<Form<Scalar, Never, Vec<Field<Scalar>>>>,
    /// A text, or a list of texts, that the body must hold.
    pub body: Field<Form<Scalar, Never, Vec<Field<Scalar>>>>,
    /// JSON paths (`$.a.b[0]`) and the values that must stand there.
    pub json: Field<Pairs<Json>>,
    /// The exit status that is no failure; absent: 0.
    pub exit: Field<i32>,
    /// The median of durations.
    pub p50: Field<Period>,
    /// The 95th percentile of durations.
    pub p95: Field<Period>,
    /// The 99th percentile of durations.
    pub p99: Field<Period>,
    /// The share of failures within `over`.
    pub errors: Field<Percent>,
    /// At most so many of the last so many may fail: `3 of 5`.
    #[schemars(extend("pattern" = "^[0-9]+ of [0-9]+$"))]
    pub failures: Field<String>,
    /// The window of percentiles and `errors`; absent: `30s`. A percentile needs 20 samples in it.
    pub over: Field<Period>,
    /// The lowest measured value that is good.
    pub at_least: Field<f64>,
    /// The highest measured value that is good.
    pub at_most: Field<f64>,
}
