//! Looking and preparing: everything that could go wrong is found out before the first fault, and all of it is said.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use firedrill_proxy::control::Control;
use firedrill_proxy::control::client::Client;
use firedrill_proxy::control::wire::MANUAL;
use firedrill_proxy::engine::Options as ProxyOptions;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Setup;
use super::hand::Hand;
use crate::agent::{self, Agent, Options as AgentOptions};
use crate::coordinator::command;
use crate::coordinator::lever::Lever;
use crate::coordinator::secrets::Secrets;
use crate::fault::{Fault, Target};
use crate::scenario::plan::{PlannedFault, PlannedRoute, ProbeAction};

/// How long an upstream may take to accept a connection.
const UPSTREAM_WITHIN: Duration = Duration::from_secs(3);

/// What a drill acts with. Dropping it stops the proxy and lets the guardian undo.
pub(super) struct Prepared {
    pub(super) control: Option<Control>,
    pub(super) clients: BTreeMap<String, Arc<Client>>,
    pub(super) agent: Option<Arc<Agent>>,
    pub(super) secrets: Arc<Secrets>,
    pub(super) warnings: Vec<String>,
}

impl Prepared {
    /// Who does the deed of a fault.
    pub(super) fn hand(&self, fault: &PlannedFault, routes: &[PlannedRoute]) -> Option<Hand> {
        match &fault.target {
            Target::Host(_) => self.agent.clone().map(Hand::Host),
            Target::Route(name) => {
                let route = routes.iter().find(|route| route.spec.name == *name)?;
                match &route.control {
                    None => self.control.clone().map(Hand::Own),
                    Some(address) => self.clients.get(address).cloned().map(Hand::Remote),
                }
            }
        }
    }
}

/// Prepares everything; on refusals, all of them, and nothing stays prepared.
pub(super) async fn prepare(setup: &Setup) -> Result<Prepared, Vec<String>> {
    let mut refusals = Vec::new();
    let lever = Lever::new(&setup.runtime_dir, &setup.state_dir);
    if let Some(engaged) = lever.engaged() {
        refusals.push(engaged.refusal());
        return Err(refusals);
    }
    let secrets = Secrets::find(&setup.plan.secrets).unwrap_or_else(|missing| {
        refusals.extend(missing);
        Secrets::default()
    });
    if let Some(why) = setup.plan.command.as_deref().and_then(command::cannot_start) {
        refusals.push(format!("the command under test: {why}"));
    }
    let control = own_routes(setup, &mut refusals).await;
    let clients = remote_routes(setup, &mut refusals).await;
    // Whatever a dead life left on this host is undone before anything new, also by a drill without host faults.
    let healed = agent::heal(&setup.state_dir.join("undo"));
    let undone = healed.undone.iter().map(|what| format!("undone, as an earlier life left it: {what}"));
    let left = healed.residue.iter().map(|what| format!("left by an earlier life: {what}"));
    let mut warnings: Vec<String> = undone.chain(left).collect();
    let agent = host(setup, &mut refusals, &mut warnings).await;
    if refusals.is_empty() {
        Ok(Prepared { control, clients, agent, secrets: Arc::new(secrets), warnings })
    } else {
        if let Some(agent) = agent.and_then(Arc::into_inner) {
            refusals.extend(agent.stop().await);
        }
        if let Some(control) = control {
            control.stop();
        }
        Err(refusals)
    }
}

/// Starts the drill's own proxy and binds its routes.
async fn own_routes(setup: &Setup, refusals: &mut Vec<String>) -> Option<Control> {
    let own: Vec<&PlannedRoute> = setup.plan.routes.iter().filter(|route| route.control.is_none()).collect();
    if own.is_empty() {
        return None;
    }
    let control = match Control::start(ProxyOptions { workers: setup.workers, ..ProxyOptions::default() }) {
        Ok(control) => control,
        Err(error) => {
            refusals.push(format!("the proxy does not start: {error}"));
            return None;
        }
    };
    for route in own {
        if let Err(problem) = control.add_route(route.spec.clone()) {
            refusals.push(format!("route `{}`: {problem}", route.spec.name));
        }
        if let Err(why) = reach(&route.spec.upstream).await {
            refusals.push(format!(
                "route `{}`: its upstream {} {why}; start it, or correct `upstream`",
                route.spec.name, route.spec.upstream
            ));
        }
    }
    Some(control)
}

async fn reach(upstream: &str) -> Result<(), String> {
    match timeout(UPSTREAM_WITHIN, TcpStream::connect(upstream)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(format!("cannot be reached ({error})")),
        Err(_) => Err(format!("did not accept a connection within {}s", UPSTREAM_WITHIN.as_secs())),
    }
}

/// Finds the routes of other proxies; one that a person has set a fault on is not ours to use.
async fn remote_routes(setup: &Setup, refusals: &mut Vec<String>) -> BTreeMap<String, Arc<Client>> {
    let mut clients = BTreeMap::new();
    for route in &setup.plan.routes {
        let Some(address) = &route.control else { continue };
        let name = &route.spec.name;
        let client = match clients.get(address) {
            Some(client) => Arc::clone(client),
            None => match Client::new(address) {
                Ok(client) => {
                    let client = Arc::new(client);
                    clients.insert(address.clone(), Arc::clone(&client));
                    client
                }
                Err(error) => {
                    refusals.push(format!("route `{name}`: {error}"));
                    continue;
                }
            },
        };
        match client.route(name).await {
            Err(error) => refusals.push(format!("route `{name}`: {error}")),
            Ok(view) => {
                let manual = view.faults.iter().filter(|fault| fault.spec.owner == MANUAL);
                let manual: Vec<&str> = manual.map(|fault| fault.spec.id.as_str()).collect();
                if !manual.is_empty() {
                    refusals.push(format!(
                        "route `{name}` at {address} carries a fault set by hand ({}); remove it first",
                        manual.join(", ")
                    ));
                }
            }
        }
    }
    clients
}

/// Whether the drill starts processes, which its guardian ends should the drill be killed.
fn starts_processes(setup: &Setup) -> bool {
    let mut probes = setup.plan.steady_state.probes.iter();
    setup.plan.command.is_some() || probes.any(|probe| matches!(probe.action, ProbeAction::Run(_)))
}

/// Starts the agent when a fault needs it or there may be processes to end, and looks whom each fault would hit.
async fn host(setup: &Setup, refusals: &mut Vec<String>, warnings: &mut Vec<String>) -> Option<Arc<Agent>> {
    let faults = setup.plan.faults.iter().filter_map(|planned| match &planned.fault {
        Fault::Host(fault) => Some((planned, fault)),
        Fault::Traffic(_) => None,
    });
    let faults: Vec<_> = faults.collect();
    if faults.is_empty() && !starts_processes(setup) {
        return None;
    }
    let options = AgentOptions {
        state_dir: setup.state_dir.join("undo"),
        guardian: setup.guardian.clone(),
        owner: setup.drill.clone(),
        policy: setup.policy.clone(),
    };
    let agent = match Agent::start(options).await {
        Ok(agent) => agent,
        Err(error) => {
            refusals.push(format!("the agent does not start: {error}"));
            return None;
        }
    };
    for (planned, fault) in faults {
        match agent.find(fault) {
            // A fault that follows another may hit what that one brings about; it is looked for when it is due.
            Err(error) if planned.start.after.is_some() => {
                warnings.push(format!("fault `{}` would hit nobody now: {error}", planned.id));
            }
            Err(error) => refusals.push(format!("fault `{}`: {error}", planned.id)),
            Ok(found) => {
                let names: Vec<String> =
                    found.iter().take(5).map(|found| format!("{} ({})", found.name, found.pid)).collect();
                let more = if found.len() > 5 { ", …" } else { "" };
                warnings.push(format!(
                    "fault `{}` chooses among {}: {}{more}",
                    planned.id,
                    found.len(),
                    names.join(", ")
                ));
            }
        }
    }
    Some(Arc::new(agent))
}
