//! Looking and preparing: everything that could go wrong is found out before the first fault, and all of it is said.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use firedrill_proxy::control::Control;
use firedrill_proxy::control::client::Client;
use firedrill_proxy::control::wire::MANUAL;
use firedrill_proxy::engine::Options as ProxyOptions;
use futures_util::future::join_all;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::hand::{self, Hand};
use super::{AlarmsAt, Setup, playbook};
use crate::agent::{self, Agent, HealReport, Options as AgentOptions};
use crate::coordinator::alarms;
use crate::coordinator::command;
use crate::coordinator::lever::Lever;
use crate::coordinator::secrets::{KNOWN_MIN_BYTES, Secrets};
use crate::fault::{Fault, RouteSpec, Target, unix_path};
use crate::scenario::plan::{Plan, PlannedFault, PlannedRoute, ProbeAction};

/// How long an upstream may take to accept a connection.
const UPSTREAM_WITHIN: Duration = Duration::from_secs(3);

/// What a drill acts with. Dropping it stops the proxy and lets the guardian undo.
pub(super) struct Prepared {
    pub(super) control: Option<Control>,
    pub(super) clients: BTreeMap<String, Arc<Client>>,
    pub(super) agent: Option<Arc<Agent>>,
    pub(super) secrets: Arc<Secrets>,
    /// The playbook's, under names of its own.
    pub(super) step_secrets: Arc<Secrets>,
    /// Where alarms are listened for; absent when the plan has nothing to do with them, or they are handed in.
    pub(super) alarms: Option<TcpListener>,
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

    /// The faults whose deed nobody here could do.
    fn without_hand(&self, plan: &Plan) -> Vec<String> {
        let faults = plan.faults.iter().filter(|fault| self.hand(fault, &plan.routes).is_none());
        faults
            .map(|fault| {
                let routes: Vec<&str> = plan.routes.iter().map(|route| route.spec.name.as_str()).collect();
                format!(
                    "fault `{}`: nothing here can act on its target {}; the routes are: {}",
                    fault.id,
                    fault.target,
                    if routes.is_empty() { "none".to_owned() } else { routes.join(", ") }
                )
            })
            .collect()
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
    let mut find = |sources| {
        Secrets::find(sources).unwrap_or_else(|missing| {
            refusals.extend(missing);
            Secrets::default()
        })
    };
    let own = find(&setup.plan.secrets);
    let of_steps = setup.playbook.as_ref().map(|playbook| find(&playbook.secrets)).unwrap_or_default();
    let (secrets, step_secrets) = own.together(of_steps);
    if let Some(why) = setup.plan.command.as_deref().and_then(command::cannot_start) {
        refusals.push(format!("the command under test: {why}"));
    }
    // At the same time, and each route beside the others: the drill waits for the whole list only so long.
    let ((control, own), (clients, remote)) =
        tokio::join!(own_routes(setup), remote_routes(&setup.plan.routes));
    refusals.extend(own);
    refusals.extend(remote);
    let mut warnings = heal(setup).await;
    let agent = host(setup, &mut refusals, &mut warnings).await;
    if let Some(book) = &setup.playbook {
        warnings.extend(playbook::warnings(book, agent.as_ref()).await);
    }
    let alarms = listen_for_alarms(setup, &mut refusals, &mut warnings).await;
    warnings.extend(secrets.too_short().chain(step_secrets.too_short()).map(|name| {
        format!("secret `{name}` is shorter than {KNOWN_MIN_BYTES} characters and cannot be cut from outputs")
    }));
    let (secrets, step_secrets) = (Arc::new(secrets), Arc::new(step_secrets));
    let prepared = Prepared { control, clients, agent, secrets, step_secrets, alarms, warnings };
    if refusals.is_empty() {
        refusals.extend(prepared.without_hand(&setup.plan));
        refusals.extend(unfit_secrets(&setup.plan, &prepared.secrets));
    }
    if refusals.is_empty() {
        return Ok(prepared);
    }
    let Prepared { control, agent, .. } = prepared;
    if let Some(agent) = agent.and_then(Arc::into_inner) {
        refusals.extend(agent.stop().await);
    }
    if let Some(control) = control {
        control.stop();
    }
    Err(refusals)
}

/// What is wrong with the secrets that sign what opts in to a fault; their values are not told.
fn unfit_secrets<'a>(plan: &'a Plan, secrets: &'a Secrets) -> impl Iterator<Item = String> + 'a {
    plan.faults.iter().flat_map(|fault| {
        let opt_in = hand::revealed(&fault.matching, secrets).opt_in;
        let problems = opt_in.map(|opt_in| opt_in.check()).unwrap_or_default();
        problems.into_iter().map(|problem| {
            format!("fault `{}`: `match.{}` {}; {}", fault.id, problem.key, problem.why, problem.way_out)
        })
    })
}

/// Binds the place where monitoring posts its alarms.
async fn listen_for_alarms(
    setup: &Setup,
    refusals: &mut Vec<String>,
    warnings: &mut Vec<String>,
) -> Option<TcpListener> {
    let AlarmsAt::Listen(at) = &setup.alarms_at else { return None };
    if !setup.plan.hears_alarms() {
        return None;
    }
    let Ok(address) = at.parse::<SocketAddr>() else {
        refusals.push(format!("alarms: `{at}` is no address; write --alarms 127.0.0.1:7400"));
        return None;
    };
    match alarms::bind(address, false).await {
        Ok(listener) => {
            let at = listener.local_addr().unwrap_or(address);
            warnings.push(format!("alarms are heard at http://{at}/v1/alarms/alertmanager"));
            Some(listener)
        }
        Err(error) => {
            refusals.push(format!("{error}; choose another place with --alarms ADDRESS"));
            None
        }
    }
}

/// Whatever a dead life left on this host is undone before anything new, also by a drill without host faults.
async fn heal(setup: &Setup) -> Vec<String> {
    let folder = setup.state_dir.join("undo");
    // It looks at processes and waits to see that they go on.
    let healed = spawn_blocking(move || agent::heal(&folder)).await.unwrap_or_else(|error| HealReport {
        residue: vec![format!("looking for it failed: {error}")],
        ..HealReport::default()
    });
    let undone = healed.undone.iter().map(|what| format!("undone, as an earlier life left it: {what}"));
    let left = healed.residue.iter().map(|what| format!("left by an earlier life: {what}"));
    undone.chain(left).collect()
}

/// Starts the drill's own proxy and binds its routes; also gives all that is wrong with them.
async fn own_routes(setup: &Setup) -> (Option<Control>, Vec<String>) {
    let own: Vec<&PlannedRoute> = setup.plan.routes.iter().filter(|route| route.control.is_none()).collect();
    if own.is_empty() {
        return (None, Vec::new());
    }
    // Where `Directories::test_ca` has it too.
    let ca = Some(setup.state_dir.join("ca"));
    let control = match Control::start(ProxyOptions { workers: setup.workers, ca, ..ProxyOptions::default() })
    {
        Ok(control) => control,
        Err(error) => return (None, vec![format!("the proxy does not start: {error}")]),
    };
    let reached = join_all(own.iter().map(|route| reach_any(&route.spec))).await;
    let mut refusals = Vec::new();
    for (route, reached) in own.into_iter().zip(reached) {
        if let Err(problem) = control.add_route(route.spec.clone()) {
            refusals.push(format!("route `{}`: {problem}", route.spec.name));
        }
        if let Err(why) = reached {
            refusals.push(format!(
                "route `{}`: its upstream {} {why}; start it, or correct `upstream`",
                route.spec.name,
                route.spec.leads_to()
            ));
        }
    }
    (Some(control), refusals)
}

/// Whether one of a route's upstreams takes connections; with any of them it serves. A transparent route leads to where
/// each connection was going, which only the connection knows.
async fn reach_any(spec: &RouteSpec) -> Result<(), String> {
    let reached = join_all(spec.all_upstreams().map(reach)).await;
    if reached.is_empty() || reached.iter().any(Result::is_ok) {
        return Ok(());
    }
    reached.into_iter().next_back().unwrap_or(Ok(()))
}

async fn reach(upstream: &str) -> Result<(), String> {
    let connected = async {
        match unix_path(upstream) {
            Some(Ok(path)) => UnixStream::connect(path).await.map(drop),
            Some(Err(_)) | None => TcpStream::connect(upstream).await.map(drop),
        }
    };
    match timeout(UPSTREAM_WITHIN, connected).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(format!("cannot be reached ({error})")),
        Err(_) => Err(format!("did not accept a connection within {}s", UPSTREAM_WITHIN.as_secs())),
    }
}

/// Finds the routes of other proxies; also gives all that is wrong with them.
pub(in crate::coordinator) async fn remote_routes(
    routes: &[PlannedRoute],
) -> (BTreeMap<String, Arc<Client>>, Vec<String>) {
    let mut clients = BTreeMap::new();
    let mut looks = Vec::new();
    for route in routes {
        let Some(address) = &route.control else { continue };
        let client = match clients.get(address) {
            Some(client) => Ok(Arc::clone(client)),
            None => Client::new(address).map(|client| {
                let client = Arc::new(client);
                clients.insert(address.clone(), Arc::clone(&client));
                client
            }),
        };
        looks.push(async move {
            match client {
                Ok(client) => unusable(&client, &route.spec.name, address).await,
                Err(error) => Some(format!("route `{}`: {error}", route.spec.name)),
            }
        });
    }
    let refusals = join_all(looks).await.into_iter().flatten().collect();
    (clients, refusals)
}

/// Why a route of another proxy cannot be used; one that a person has set a fault on is not ours.
async fn unusable(client: &Client, name: &str, address: &str) -> Option<String> {
    let view = match client.route(name).await {
        Ok(view) => view,
        Err(error) => return Some(format!("route `{name}`: {error}")),
    };
    let manual = view.faults.iter().filter(|fault| fault.spec.owner == MANUAL);
    let manual: Vec<&str> = manual.map(|fault| fault.spec.id.as_str()).collect();
    (!manual.is_empty()).then(|| {
        format!(
            "route `{name}` at {address} carries a fault set by hand ({}); remove it first",
            manual.join(", ")
        )
    })
}

/// Whether the drill starts processes, which its guardian ends should the drill be killed, or has its agent act.
fn starts_processes(setup: &Setup) -> bool {
    let mut probes = setup.plan.steady_state.probes.iter();
    let in_playbook = setup.playbook.as_ref().is_some_and(playbook::needs_agent);
    setup.plan.command.is_some()
        || in_playbook
        || probes.any(|probe| matches!(probe.action, ProbeAction::Run(_)))
}

/// Starts the agent of this host, for this drill.
pub(super) async fn start_agent(setup: &Setup) -> Result<Arc<Agent>, String> {
    let options = AgentOptions {
        state_dir: setup.state_dir.join("undo"),
        guardian: setup.guardian.clone(),
        owner: setup.drill.clone(),
        policy: setup.policy.clone(),
    };
    Agent::start(options).await.map(Arc::new).map_err(|error| format!("the agent does not start: {error}"))
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
    let agent = match start_agent(setup).await {
        Ok(agent) => agent,
        Err(why) => {
            refusals.push(why);
            return None;
        }
    };
    for (planned, fault) in faults {
        let (finder, wanted) = (Arc::clone(&agent), fault.clone());
        // A look at every process of the host, away from the timers.
        let found = match spawn_blocking(move || finder.find(&wanted)).await {
            Ok(found) => found,
            Err(error) => {
                refusals
                    .push(format!("fault `{}`: looking for whom it would hit failed: {error}", planned.id));
                continue;
            }
        };
        match found {
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
    Some(agent)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use tokio::time::Instant;

    use super::*;
    use crate::fault::Protocol;

    #[tokio::test(start_paused = true)]
    async fn many_silent_proxies_are_named_together_and_in_order() {
        // They take connections and never answer.
        let silent: Vec<TcpListener> = (0..11).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let route = |(n, proxy): (usize, &TcpListener)| PlannedRoute {
            spec: RouteSpec::new(format!("r{n:02}"), "127.0.0.1:0", "127.0.0.1:1", Protocol::Http),
            control: Some(proxy.local_addr().unwrap().to_string()),
        };
        let routes: Vec<PlannedRoute> = silent.iter().enumerate().map(route).collect();
        let began = Instant::now();
        let (_, refusals) = remote_routes(&routes).await;
        assert!(began.elapsed() < UPSTREAM_WITHIN * 5, "{:?}", began.elapsed());
        assert_eq!(refusals.len(), 11, "{refusals:?}");
        for (n, refusal) in refusals.iter().enumerate() {
            let named = refusal.starts_with(&format!("route `r{n:02}`: "));
            assert!(named && refusal.contains("within"), "{n}: {refusal}");
        }
    }
}
