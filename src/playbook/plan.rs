//! A playbook resolved: nothing is left to look up, to default or to guess. It stands in line 0 of the journal.
//!
//! Texts of actions may still hold `${steps.ID.OUTPUT}` and `${impact.at}`, which only the running drill knows, and
//! `${secrets.NAME}`, which only the edge replaces, in memory. Inputs are replaced already.

use std::collections::BTreeMap;

use regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::when::Expression;
use crate::fault::{HostFault, Period, Target};
use crate::scenario::expectation::AlarmMatch;
use crate::scenario::plan::{HttpRequest, Probe, SecretSource, Tolerance};

/// What people and machines do about a failure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Playbook {
    /// Its name.
    pub name: String,
    /// Its title, for people.
    pub title: Option<String>,
    /// Whose it is.
    pub owner: Option<String>,
    /// The alarms that call for it; any one starts it.
    pub triggers: Vec<AlarmMatch>,
    /// What it promises.
    pub objectives: Objectives,
    /// The value of each input.
    pub inputs: BTreeMap<String, Answer>,
    /// Where secrets are found, by name.
    pub secrets: BTreeMap<String, SecretSource>,
    /// Whom one can call.
    pub contacts: Vec<Contact>,
    /// What is done, in file order; never empty, ids differ.
    pub steps: Vec<Step>,
}

impl Playbook {
    /// The probes of a scenario's steady state that it waits for, each once: their names, and whether it waits for the
    /// steady state as a whole.
    pub fn borrowed_probes(&self) -> (Vec<&str>, bool) {
        let (mut names, mut all) = (Vec::new(), false);
        for step in &self.steps {
            let waited = match &step.action {
                Action::Probe(check) => Some(check),
                _ => None,
            };
            for check in waited.into_iter().chain(step.verify.as_ref().map(|verify| &verify.check)) {
                match check {
                    Check::SteadyState => all = true,
                    Check::Named(name) if !names.contains(&name.as_str()) => names.push(name),
                    Check::Named(_) | Check::Own(_) => {}
                }
            }
        }
        (names, all)
    }
}

/// What a playbook promises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objectives {
    /// From impact to recovery, at most.
    pub rto: Option<Period>,
    /// The span of data that may be lost, at most.
    pub rpo: Option<Period>,
}

/// Somebody to call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Who.
    pub name: String,
    /// By what: a pager, a telephone.
    pub via: Option<String>,
    /// The address there.
    pub reference: Option<String>,
    /// How soon they answer.
    pub reach_within: Option<Period>,
}

/// One entry of a playbook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its name; in expressions a `-` is written `_`.
    pub id: String,
    /// Its title, for people.
    pub title: Option<String>,
    /// Who does it.
    pub role: Option<String>,
    /// Where to look.
    pub links: Vec<String>,
    /// What is done.
    pub action: Action,
    /// The step is skipped when this is false.
    pub when: Option<Expression>,
    /// Where to go afterwards: the first whose condition holds; none: the next in file order.
    pub next: Vec<Next>,
    /// How often a failed attempt is made again.
    pub retry: Retry,
    /// When one attempt is given up.
    pub timeout: Period,
    /// How long the step should take; scored, not enforced.
    pub budget: Option<Period>,
    /// What must turn good afterwards.
    pub verify: Option<Verify>,
    /// What a failure leads to.
    pub on_failure: OnFailure,
    /// What is kept of its result, by name.
    pub outputs: BTreeMap<String, Capture>,
    /// Whether it changes the system under test.
    pub mutates: bool,
    /// The way back, taken after recovery.
    pub undo: Option<Undo>,
    /// The playbook ends with this step.
    pub end: bool,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A person does something.
    Manual {
        /// What.
        text: String,
        /// What they must answer.
        questions: Vec<Question>,
    },
    /// People agree.
    Approve {
        /// The roles that may.
        from: Vec<String>,
        /// How many different people must.
        count: u32,
    },
    /// A request is sent.
    Http {
        /// Which.
        request: HttpRequest,
        /// Which answer is a success; statuses, body and JSON count.
        tolerance: Tolerance,
    },
    /// A command runs; no shell, a clean environment.
    Run {
        /// The program and its arguments.
        argv: Vec<String>,
        /// Environment variables beside `PATH`, `HOME`, `LANG` and `TZ`.
        env: BTreeMap<String, String>,
        /// The exit status that is a success.
        exit: i32,
    },
    /// It is waited until something is good.
    Probe(Check),
    /// Somebody is told; recorded, and shown in the live view.
    Notify {
        /// Who.
        audience: String,
        /// What.
        text: String,
    },
    /// The agent acts on a host.
    Host {
        /// Where.
        target: Target,
        /// What; always a deed of a moment.
        deed: HostFault,
    },
}

impl Action {
    /// The word that files use.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Manual { .. } => "manual",
            Self::Approve { .. } => "approve",
            Self::Http { .. } => "http",
            Self::Run { .. } => "run",
            Self::Probe(_) => "probe",
            Self::Notify { .. } => "notify",
            Self::Host { .. } => "host",
        }
    }

    /// Whether a person must answer it.
    pub const fn needs_people(&self) -> bool {
        matches!(self, Self::Manual { .. } | Self::Approve { .. })
    }

    /// Whether it changes the system under test unless the file says otherwise.
    pub fn mutates_by_itself(&self) -> bool {
        match self {
            Self::Run { .. } | Self::Host { .. } => true,
            Self::Http { request, .. } => !matches!(request.method.as_str(), "GET" | "HEAD"),
            Self::Manual { .. } | Self::Approve { .. } | Self::Probe(_) | Self::Notify { .. } => false,
        }
    }
}

/// What a person must answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Question {
    /// Its name, bare in the step's own expressions.
    pub id: String,
    /// What is asked.
    pub title: String,
    /// What an answer is.
    pub kind: QuestionKind,
}

/// What an answer is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QuestionKind {
    /// `true` or `false` (people may say yes or no).
    Boolean,
    /// A number.
    Number,
    /// Any text.
    Text,
    /// One of these.
    Choice(Vec<String>),
}

/// An answer to a question, or an output of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Answer {
    /// Yes or no.
    Boolean(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

/// Where to go after a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Next {
    /// On this condition; absent: always.
    pub when: Option<Expression>,
    /// To this step.
    pub go: String,
}

/// How often a failed attempt is made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// How many attempts at most, the first included.
    pub attempts: u32,
    /// How long before the next one.
    pub delay: Period,
}

/// What must turn good after a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verify {
    /// What.
    pub check: Check,
    /// How soon after the step was done.
    pub within: Period,
}

/// Something that can be good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Every probe of the scenario's steady state.
    SteadyState,
    /// One of them, by name.
    Named(String),
    /// A probe of the playbook's own, which measures only while it is waited for.
    Own(Box<Probe>),
}

/// What a failure leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// The playbook ends.
    Stop,
    /// The next step in file order.
    Continue,
    /// This step.
    Go(String),
}

/// What is kept of a step's result. Of several matches the first counts; no match fails the step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capture {
    /// The first group of this regular expression on standard output.
    Stdout(String),
    /// The value at this path of the JSON answer: `$.a.b[0]`.
    Json(String),
    /// This header of the answer.
    Header(String),
}

impl Capture {
    /// How much memory the expression of a `Stdout` may take when it is made ready.
    const EXPRESSION_MAX_BYTES: usize = 1 << 20;

    /// The expression of a `Stdout`, made ready. `^` and `$` are the ends of a line.
    ///
    /// # Errors
    /// It is no regular expression, or too large a one.
    pub fn expression(text: &str) -> Result<Regex, regex::Error> {
        RegexBuilder::new(text).multi_line(true).size_limit(Self::EXPRESSION_MAX_BYTES).build()
    }
}

/// The way back of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Undo {
    /// What is done; never something that a person must do.
    pub action: Action,
    /// When it is given up.
    pub timeout: Period,
    /// How often it is tried.
    pub retry: Retry,
}

/// How many times a playbook may enter its steps in all, so that `next` cannot lead in circles for ever.
pub const VISITS_MAX: usize = 200;
/// How many steps a playbook may have.
pub const STEPS_MAX: usize = 100;
