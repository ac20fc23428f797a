//! The hands of the engine: what does a fault's deed, wherever it is done.

use std::sync::Arc;

use firedrill_proxy::control::Control;
use firedrill_proxy::control::client::{Client, ClientError};
use firedrill_proxy::control::wire::FaultState;
use serde_json::{Map, Value};

use super::LEASE;
use super::outside::{Removed, Seen, Unremoved};
use crate::agent::{Agent, AgentError};
use crate::coordinator::secrets::Secrets;
use crate::fault::{Fault, FaultSpec, Percent, Period, RequestMatch, Secret, Target, TrafficFault};
use crate::scenario::plan::{Plan, PlannedFault};

/// What does the deed of one fault.
#[derive(Clone)]
pub(super) enum Hand {
    /// The proxy in this process.
    Own(Control),
    /// A proxy that outlives the drill.
    Remote(Arc<Client>),
    /// The agent in this process.
    Host(Arc<Agent>),
}

impl From<ClientError> for Unremoved {
    fn from(error: ClientError) -> Self {
        Self { why: error.to_string(), nobody_there: error.is_nobody_there() }
    }
}

/// A fault with the hand that does it.
pub(super) struct Deed {
    pub(super) hand: Hand,
    pub(super) fault: PlannedFault,
    spec: Option<FaultSpec>,
    owner: String,
    percent_max: Option<Percent>,
    seed: crate::fault::FaultSeed,
}

/// How much later than the drill the executor ends a fault by itself: the drill comes first when all is well.
const MAX_MARGIN: Period = Period::from_secs(10);

/// What a proxy answers about a fault or a route that it does not know.
const NOT_THERE: u16 = 404;

impl Deed {
    pub(super) fn new(hand: Hand, fault: PlannedFault, plan: &Plan, drill: &str, secrets: &Secrets) -> Self {
        let spec = match &fault.fault {
            Fault::Traffic(traffic) => Some(spec_of(&fault, traffic, plan, drill, secrets)),
            Fault::Host(_) => None,
        };
        let seed = plan.seed.of_fault(&fault.target.to_string(), &fault.id);
        Self { hand, fault, spec, owner: drill.to_owned(), percent_max: plan.percent_max, seed }
    }

    fn route(&self) -> &str {
        match &self.fault.target {
            Target::Route(name) => name,
            Target::Host(_) => "",
        }
    }

    /// Does it; says on what, in words.
    pub(super) async fn apply(&self) -> Result<String, String> {
        match (&self.hand, &self.spec, &self.fault.fault) {
            (Hand::Own(control), Some(spec), _) => {
                control.put_fault(self.route(), spec.clone()).map_err(|problem| problem.to_string())?;
                let bound = control.route(self.route()).map_err(|problem| problem.to_string())?.bound;
                Ok(format!("{}, {bound}", self.fault.target))
            }
            (Hand::Remote(client), Some(spec), _) => {
                client.put_fault(self.route(), spec).await.map_err(|error| error.to_string())?;
                Ok(format!("{} at {}", self.fault.target, client.address()))
            }
            (Hand::Host(agent), _, Fault::Host(fault)) => {
                let max = self.fault.max.map(|max| Period::from(max.duration() + MAX_MARGIN.duration()));
                let mut draws = self.seed.draws(0);
                let applied = agent.apply(&self.fault.id, fault, &mut draws, LEASE, max).await;
                applied.map(|applied| applied.detail).map_err(|error| error.to_string())
            }
            _ => Err(format!("{} cannot do {}", self.fault.target, self.fault.fault.kind())),
        }
    }

    /// What it has done by now; an error when nobody can say.
    pub(super) async fn look(&self) -> Result<Seen, String> {
        let state = match &self.hand {
            Hand::Own(control) => {
                control.fault(self.route(), &self.fault.id).map_err(|problem| problem.to_string())?
            }
            Hand::Remote(client) => {
                client.fault(self.route(), &self.fault.id).await.map_err(|error| error.to_string())?
            }
            Hand::Host(agent) => return Ok(Seen::On(agent.measure(&self.fault.id).await)),
        };
        Ok(match state {
            FaultState::Standing(view) => Seen::On(view.evidence),
            FaultState::Ended(ended) => Seen::Lost(ended.why.words().to_owned()),
        })
    }

    /// Takes it back: what it did, and what of it is left. Nothing when there is no such fault: it never came about,
    /// or what held it has ended. Idempotent.
    pub(super) async fn remove(&self) -> Result<Option<Removed>, Unremoved> {
        let (evidence, faults) = match &self.hand {
            Hand::Own(control) => {
                let view = match control.remove_fault(self.route(), &self.fault.id) {
                    Err(problem) if problem.status == NOT_THERE => return Ok(None),
                    view => view.map_err(|problem| problem.to_string())?,
                };
                (view.evidence, control.route(self.route()).map(|route| route.faults).unwrap_or_default())
            }
            Hand::Remote(client) => {
                let view = match client.remove_fault(self.route(), &self.fault.id).await {
                    Err(error) if error.status() == Some(NOT_THERE) => return Ok(None),
                    view => view?,
                };
                let route = client.route(self.route()).await?;
                (view.evidence, route.faults)
            }
            Hand::Host(agent) => {
                return match agent.remove(&self.fault.id).await {
                    Ok(removed) => Ok(Some(Removed { evidence: removed.evidence, residue: removed.residue })),
                    Err(AgentError::Unknown { .. }) => Ok(None),
                    Err(error) => Err(error.to_string().into()),
                };
            }
        };
        let left =
            faults.iter().filter(|fault| fault.spec.id == self.fault.id && fault.spec.owner == self.owner);
        let residue =
            left.map(|fault| format!("fault `{}` is still on {}", fault.spec.id, self.fault.target));
        Ok(Some(Removed { evidence, residue: residue.collect() }))
    }

    /// What the environment allows holds for changes as it does for plans.
    fn hold_to_ceiling(&self, changes: &[(String, String)]) -> Result<(), String> {
        let wanted = changes.iter().rev().find(|(key, _)| key == "percent");
        let share = wanted.and_then(|(_, value)| serde_json::from_value::<Percent>(as_written(value)).ok());
        match (share, self.percent_max) {
            (Some(share), Some(limit)) if share > limit => Err(format!(
                "a share of {share} is above `percent_max` {limit} of the environment; use `percent={limit}` or less"
            )),
            _ => Ok(()),
        }
    }

    /// Changes parameters while it is on; says old → new.
    pub(super) async fn change(&self, changes: &[(String, String)]) -> Result<String, String> {
        let before = match &self.hand {
            Hand::Own(control) => {
                control.fault(self.route(), &self.fault.id).map_err(|problem| problem.to_string())
            }
            Hand::Remote(client) => {
                client.fault(self.route(), &self.fault.id).await.map_err(|error| error.to_string())
            }
            Hand::Host(_) => Err(format!(
                "`{}` is a host fault and cannot be changed while it is on; halt the drill and run another",
                self.fault.id
            )),
        }?;
        self.hold_to_ceiling(changes)?;
        let FaultState::Standing(before) = before else { return Err("the fault is gone already".into()) };
        let map: Map<String, Value> =
            changes.iter().map(|(key, value)| (key.clone(), as_written(value))).collect();
        let after = match &self.hand {
            Hand::Own(control) => {
                control.patch_fault(self.route(), &self.fault.id, &map).map_err(|problem| problem.to_string())
            }
            Hand::Remote(client) => client
                .patch_fault(self.route(), &self.fault.id, &map)
                .await
                .map_err(|error| error.to_string()),
            Hand::Host(_) => Err("a host fault cannot be changed".into()),
        }?;
        let old = parameters(&before.spec.fault);
        let new = parameters(&after.spec.fault);
        let words = changes.iter().map(|(key, value)| {
            let show = |map: &Value| map.get(key).map_or_else(|| "unset".to_owned(), shown);
            match new.get(key) {
                Some(_) => format!("{key} {} → {}", show(&old), show(&new)),
                None => format!("{key} → {value}"),
            }
        });
        Ok(words.collect::<Vec<_>>().join(", "))
    }
}

/// A value from the command line: a number or a boolean where it is one, else a text.
fn as_written(value: &str) -> Value {
    match serde_json::from_str(value) {
        Ok(number @ (Value::Number(_) | Value::Bool(_))) => number,
        _ => Value::from(value),
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The parameters of a fault by key.
fn parameters(fault: &TrafficFault) -> Value {
    let mut whole = serde_json::to_value(fault).unwrap_or_default();
    whole.get_mut(fault.kind()).map(Value::take).unwrap_or_default()
}

/// The requests meant, with the secret that signs what opts in. It goes to the proxy and nowhere else.
pub(super) fn revealed(matching: &RequestMatch, secrets: &Secrets) -> RequestMatch {
    let mut matching = matching.clone();
    if let Some(opt_in) = &mut matching.opt_in {
        opt_in.secret = Secret(secrets.reveal(&opt_in.secret.0));
    }
    matching
}

fn spec_of(
    fault: &PlannedFault,
    traffic: &TrafficFault,
    plan: &Plan,
    drill: &str,
    secrets: &Secrets,
) -> FaultSpec {
    FaultSpec {
        id: fault.id.clone(),
        owner: drill.to_owned(),
        fault: traffic.clone(),
        matching: revealed(&fault.matching, secrets),
        scope: fault.scope.clone(),
        schedule: fault.schedule,
        seed: plan.seed,
        lease: Some(LEASE),
        max: fault.max.map(|max| Period::from(max.duration() + MAX_MARGIN.duration())),
        on_remove: fault.on_remove,
        replay: None,
    }
}
