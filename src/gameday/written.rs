//! Game-day files as written: one struct per block, one field per key, nothing decided yet.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::plan::{CloseRequires, Purpose, ReportFormat};
use crate::fault::{Percent, Period};
use crate::scenario::plan::Control;
use crate::scenario::written::FaultEntry;
use crate::text::{Field, Form, Never, Pairs};

/// A scheduled event: what is injected, in which order, who takes part, and what is looked at before and after.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["firedrill", "kind", "name", "injects"]))]
pub struct GameDay {
    /// The version of the syntax: `v1`.
    #[schemars(extend("const" = "v1"))]
    pub firedrill: Field<String>,
    /// `GameDay`.
    #[schemars(extend("const" = "GameDay"))]
    pub kind: Field<String>,
    /// Its name: a-z, 0-9 and `-`, the same as the file's.
    #[schemars(extend("pattern" = "^[a-z][a-z0-9-]*$"))]
    pub name: Field<String>,
    /// One sentence for people.
    pub title: Field<String>,
    /// What it is to show.
    pub goal: Field<String>,
    /// What it is for.
    #[serde(rename = "type")]
    pub purpose: Field<Purpose>,
    /// Where its drills run, `environments/NAME.yaml`; absent: each runs alone.
    pub environment: Field<String>,
    /// When it happens; absent: when somebody starts it.
    pub schedule: Field<Schedule>,
    /// Who takes part.
    pub roles: Field<Roles>,
    /// Who must agree before.
    pub approvals: Field<Approvals>,
    /// What is looked at before the first inject.
    pub preflight: Field<Vec<Field<PreflightEntry>>>,
    /// Who is told, and when.
    pub announce: Field<Vec<Field<Announcement>>>,
    /// Whether those who respond see only that there is an inject.
    pub sealed: Field<bool>,
    /// In which order the injects happen; absent: as written.
    pub order: Field<Order>,
    /// How long is waited between two injects. A length of time is both its ends.
    pub gap: Field<Form<Period, Gap>>,
    /// What is injected. A word is a scenario.
    pub injects: Field<Vec<Field<Form<String, Inject>>>>,
    /// How customers and colleagues are kept informed.
    pub comms: Field<Comms>,
    /// What stops it early.
    pub stop_when: Field<Vec<Field<StopWhen>>>,
    /// What is asked afterwards. A list is its questions.
    pub review: Field<Form<Never, Review, Vec<Field<String>>>>,
    /// Where the report goes.
    pub report: Field<Report>,
    /// Where order, gaps and drills get their random decisions from; absent: chosen, shown and journalled.
    pub seed: Field<u64>,
}

/// When it happens: `at` or `cron`.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Schedule {
    /// Once: `2026-12-03T10:00` in the time zone, or with an offset.
    pub at: Field<String>,
    /// Again and again: five fields. Day of month and day of week must both fit: `0 10 1-7 * THU` is the first
    /// Thursday.
    pub cron: Field<String>,
    /// The zone of all times here, for example `Europe/Copenhagen`.
    pub timezone: Field<String>,
    /// How long it takes at most.
    pub duration: Field<Period>,
    /// When it may run, for example `Mon-Thu 09:00-16:00`; over midnight: `Fri 22:00-04:00`.
    pub windows: Field<Vec<Field<String>>>,
    /// Days on which it may not run.
    pub blackouts: Field<Vec<Field<Blackout>>>,
    /// How long after its time it may still begin; absent: 30m. Later it is skipped.
    pub start_deadline: Field<Period>,
}

/// Days on which it may not run: dates, or a calendar.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Blackout {
    /// The first day: `2026-12-18`.
    pub from: Field<String>,
    /// The last day; absent: the first.
    pub to: Field<String>,
    /// A calendar file with all-day events, found beside this file.
    pub calendar: Field<String>,
}

/// Who takes part: persons or groups.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Roles {
    /// Who leads the day.
    pub facilitator: Field<String>,
    /// Who leads the response.
    pub commander: Field<String>,
    /// Who writes down.
    pub scribe: Field<String>,
    /// Who informs others.
    pub comms: Field<String>,
    /// Who responds.
    pub responders: Field<Vec<Field<String>>>,
    /// Who looks on.
    pub observers: Field<Vec<Field<String>>>,
    /// Who may look on and not help.
    pub unavailable: Field<Vec<Field<String>>>,
}

/// Who must agree before.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Approvals {
    /// Out of these groups or persons.
    pub from: Field<Vec<Field<String>>>,
    /// How many of them; absent: 1.
    pub count: Field<u32>,
    /// How long an approval counts; absent: until the day begins.
    pub expires: Field<Period>,
}

/// One thing to be looked at before: exactly one key.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PreflightEntry {
    /// An alarm reaches a receiver.
    pub pager_heartbeat: Field<PagerHeartbeat>,
    /// The probes of all injects are good. A length of time is its `for`.
    pub steady_state: Field<Form<Period, Steady>>,
    /// Clocks agree. A length of time is its `skew`.
    pub clocks: Field<Form<Period, Clocks>>,
    /// Hosts are there.
    pub hosts: Field<Hosts>,
    /// Nothing was deployed for so long.
    pub no_deploy_within: Field<Period>,
    /// No incident is open.
    pub no_open_incident: Field<bool>,
    /// Enough of an error budget is left.
    pub error_budget: Field<ErrorBudget>,
    /// Playbooks have nothing wrong with them: `lint`.
    pub playbooks: Field<Playbooks>,
    /// A question to people, answered with yes or no.
    pub ask: Field<String>,
}

/// An alarm reaches a receiver.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["receiver"]))]
pub struct PagerHeartbeat {
    /// To whom.
    pub receiver: Field<String>,
    /// How soon; absent: 2m.
    pub within: Field<Period>,
}

/// The probes of all injects are good.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Steady {
    /// For how long.
    #[serde(rename = "for")]
    pub lasting: Field<Period>,
}

/// Clocks agree.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Clocks {
    /// To within how much.
    pub skew: Field<Period>,
}

/// Hosts are there.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Hosts {
    /// All that an inject names.
    pub all: Field<bool>,
}

/// Enough of an error budget is left.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ErrorBudget {
    /// Of which objective.
    pub slo: Field<String>,
    /// How much.
    pub left: Field<Percent>,
}

/// What is done with playbooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Playbooks {
    /// They are checked.
    Lint,
}

/// Who is told, and when.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Announcement {
    /// Where.
    pub to: Field<String>,
    /// When: `start`, `end`, or `-7d` before.
    pub at: Field<String>,
}

/// In which order the injects happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// As they stand in the file.
    #[default]
    AsWritten,
    /// Drawn by the seed.
    Shuffled,
}

/// How long is waited between two injects, drawn by the seed.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["from", "to"]))]
pub struct Gap {
    /// At least.
    pub from: Field<Period>,
    /// At most.
    pub to: Field<Period>,
}

/// What is injected: a scenario or a question.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Inject {
    /// The scenario's name, `scenarios/NAME.yaml`.
    pub scenario: Field<String>,
    /// What is different from the scenario's file.
    #[serde(rename = "override")]
    pub different: Field<Override>,
    /// A placebo instead.
    pub control: Field<Control>,
    /// How often; absent: once.
    pub repeat: Field<u32>,
    /// A question to the people in the room.
    pub ask: Field<String>,
}

/// What is different from the scenario's file.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Override {
    /// Keys of faults by the fault's id. A key here stands in the place of the whole key there.
    pub faults: Field<Pairs<FaultChange>>,
}

/// The keys of a fault that are different.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FaultChange(pub FaultEntry);

impl JsonSchema for FaultChange {
    fn schema_name() -> Cow<'static, str> {
        "FaultChange".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = FaultEntry::json_schema(generator);
        schema.remove("required");
        schema.insert("description".to_owned(), "The keys of a fault that are different.".into());
        schema
    }
}

/// How customers and colleagues are kept informed.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Comms {
    /// Which status page: `shadow` for one that customers do not see.
    pub status_page: Field<String>,
    /// How soon somebody is in charge of it.
    pub appoint_within: Field<Period>,
    /// How often colleagues are told.
    pub internal_every: Field<Period>,
    /// How often customers are told.
    pub external_every: Field<Period>,
}

/// What stops it early: exactly one key.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StopWhen {
    /// A role that nobody fills any more.
    pub role_lost: Field<String>,
    /// A host that is gone: `any`.
    pub host_lost: Field<String>,
}

/// What is asked afterwards.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Review {
    /// How soon it should be over.
    pub within: Field<Period>,
    /// The questions.
    pub questions: Field<Vec<Field<String>>>,
    /// What must be there before the day is closed.
    pub close_requires: Field<Vec<Field<CloseRequires>>>,
}

/// Where the report goes.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Report {
    /// In which forms; absent: all.
    pub formats: Field<Vec<Field<ReportFormat>>>,
    /// Where to.
    pub to: Field<Vec<Field<ReportPlace>>>,
    /// Whether people are named; absent: no.
    pub names: Field<bool>,
}

/// A place for the report: exactly one key.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReportPlace {
    /// A folder.
    pub dir: Field<String>,
    /// An address that it is sent to.
    pub webhook: Field<String>,
}
