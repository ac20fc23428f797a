//! Automatic steps of a playbook are made to happen: a request is sent, a command runs, a probe is waited for, the
//! agent acts. One file for each.
//!
//! Secrets are put in here, in memory only, and cut out of whatever comes back.

mod capture;
mod host;
mod http;
mod impact;
mod run;
#[cfg(test)]
mod tests;
mod wait;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use wait::until_good;

use super::clock::DrillClock;
use super::probe::shortened;
use super::secrets::Secrets;
use crate::agent::Agent;
use crate::fault::Seed;
use crate::playbook::event::{Attempt, Job};
use crate::playbook::plan::{Action, Check};

/// So many characters of a failure or a detail go into the record.
const WORDS_MAX: usize = 4096;

/// What steps act with.
pub struct Edge {
    /// The playbook's secrets.
    pub secrets: Arc<Secrets>,
    /// The agent of this host, where a step needs one.
    pub agent: Option<Arc<Agent>>,
    /// Where random choices come from.
    pub seed: Seed,
}

/// What an attempt that succeeded brought.
#[derive(Debug, Default, PartialEq, Eq)]
struct Done {
    outputs: BTreeMap<String, String>,
    detail: String,
}

/// Why an attempt did not succeed.
#[derive(Debug, PartialEq, Eq)]
enum Unsuccessful {
    Failed(String),
    TimedOut(String),
}

impl From<String> for Unsuccessful {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

/// Makes one attempt. Never fails: what goes wrong is what came of it. Dropping the future ends everything it began.
pub async fn attempt(job: &Job, clock: DrillClock, edge: &Edge) -> Attempt {
    let secrets = edge.secrets.as_ref();
    // Cut once more, whoever did it before: nothing leaves here with a secret in it.
    let words = |text: &str| shortened(&secrets.cut_from(text), WORDS_MAX);
    match act(job, clock, edge).await {
        Ok(Done { outputs, detail }) => Attempt::Ok {
            outputs: outputs.into_iter().map(|(name, value)| (name, secrets.cut_from(&value))).collect(),
            detail: words(&detail),
        },
        Err(Unsuccessful::Failed(why)) => Attempt::Failed { why: words(&why) },
        Err(Unsuccessful::TimedOut(why)) => Attempt::TimedOut { why: words(&why) },
    }
}

async fn act(job: &Job, clock: DrillClock, edge: &Edge) -> Result<Done, Unsuccessful> {
    let action = impact::put_in(job, clock)?;
    let secrets = edge.secrets.as_ref();
    match &action {
        Action::Http { request, tolerance } => http::send(job, request, tolerance, secrets).await,
        Action::Run { argv, env, exit } => run::run(job, (argv, env, *exit), secrets).await,
        Action::Probe(Check::Own(probe)) => wait::wait(job, probe, clock, secrets).await,
        // Nothing is sent: the record is what tells them, and who watches sees it.
        Action::Notify { audience, text } => {
            Ok(Done { detail: format!("to {audience}: {text}"), ..Done::default() })
        }
        Action::Host { target, deed } => host::act(job, target, deed, edge).await,
        Action::Probe(Check::SteadyState | Check::Named(_))
        | Action::Manual { .. }
        | Action::Approve { .. } => {
            Err(Unsuccessful::Failed(format!("a `{}` step is no work for a machine", action.kind())))
        }
    }
}
