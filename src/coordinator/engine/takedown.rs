//! The last look: everything of ours ends, and what could have been left behind is looked for.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use firedrill_proxy::control::Control;
use firedrill_proxy::control::client::Client;
use futures_util::future::join_all;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::preflight::Prepared;
use crate::agent::Agent;
use crate::coordinator::alarms::Intake;
use crate::coordinator::probe::ProbeRunner;

/// How long parts of ours may take to end.
const END_WITHIN: Duration = Duration::from_secs(8);

/// Everything that is running.
#[derive(Default)]
pub(super) struct Running {
    pub(super) prepared: Option<Prepared>,
    pub(super) probes: Option<ProbeRunner>,
    pub(super) intake: Option<Intake>,
    pub(super) stop: CancellationToken,
    /// The operators of faults, the preflight, the load, the command under test, the renewal of leases.
    pub(super) tasks: JoinSet<()>,
}

impl Running {
    /// Ends everything; says what is left behind.
    pub(super) async fn take_down(mut self, owner: &str) -> Vec<String> {
        let mut residue = Vec::new();
        self.stop.cancel();
        let (probes, intake) = (self.probes.take(), self.intake.take());
        let probes = async {
            let Some(mut probes) = probes else { return true };
            timeout(END_WITHIN, probes.ended()).await.is_ok()
        };
        let intake = async {
            let Some(intake) = intake else { return true };
            timeout(END_WITHIN, intake.ended()).await.is_ok()
        };
        let tasks = timeout(END_WITHIN, async { while self.tasks.join_next().await.is_some() {} });
        // At the same time: the drill waits for the whole answer only so long.
        let (probes, intake, tasks) = tokio::join!(probes, intake, tasks);
        if !probes {
            residue.push("a probe did not end".into());
        }
        if !intake {
            residue.push("the intake of alarms did not end".into());
        }
        if tasks.is_err() {
            self.tasks.shutdown().await;
        }
        if let Some(prepared) = self.prepared.take() {
            residue.extend(put_away(prepared, owner).await);
        }
        residue
    }
}

/// Each beside the others: a proxy that does not answer keeps nothing else on.
async fn put_away(prepared: Prepared, owner: &str) -> Vec<String> {
    let Prepared { control, clients, agent, secrets: _, alarms: _, warnings: _ } = prepared;
    let clients = join_all(clients.iter().map(|(address, client)| leave(address, client, owner)));
    let (clients, agent, own) = tokio::join!(clients, stop_agent(agent), stop_proxy(control));
    clients.into_iter().flatten().chain(agent).chain(own).collect()
}

/// Takes our faults off another proxy.
async fn leave(address: &str, client: &Client, owner: &str) -> Vec<String> {
    // Whatever the answer lists ended now or before; what stands after it is residue.
    match client.remove_owner(owner).await {
        Ok(_) => {}
        // Its routes died with it, and their faults with them; whoever could not know that has waited already.
        Err(error) if error.is_nobody_there() => return Vec::new(),
        Err(error) => return vec![format!("faults may be left until their lease ends: {error}")],
    }
    let routes = match client.routes().await {
        Ok(routes) => routes,
        Err(error) => return vec![format!("cannot look whether faults are left: {error}")],
    };
    let faults = routes.iter().flat_map(|route| route.faults.iter().map(move |fault| (route, fault)));
    let ours = faults.filter(|(_, fault)| fault.spec.owner == owner);
    ours.map(|(route, fault)| {
        format!("fault `{}` is still on route `{}` at {address}", fault.spec.id, route.spec.name)
    })
    .collect()
}

async fn stop_agent(agent: Option<Arc<Agent>>) -> Vec<String> {
    match agent.map(Arc::into_inner) {
        None => Vec::new(),
        Some(Some(agent)) => agent.stop().await,
        Some(None) => {
            vec!["the agent is still in use; its guardian undoes when this process ends".into()]
        }
    }
}

async fn stop_proxy(control: Option<Control>) -> Vec<String> {
    let Some(control) = control else { return Vec::new() };
    let mut residue = Vec::new();
    let bound: Vec<SocketAddr> = control.routes().iter().map(|route| route.bound).collect();
    // Stopping joins threads, which may take a moment.
    let stopped = tokio::task::spawn_blocking(move || control.stop()).await;
    if stopped.is_err() {
        residue.push("the proxy did not stop in order".into());
    }
    for address in bound {
        if !is_free(address).await {
            residue.push(format!("{address} is still bound"));
        }
    }
    residue
}

/// Whether a port can be listened on again, which it can once our listener is gone.
async fn is_free(address: SocketAddr) -> bool {
    for _ in 0..20 {
        if TcpListener::bind(address).is_ok() {
            return true;
        }
        sleep(Duration::from_millis(100)).await;
    }
    false
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use firedrill_proxy::engine::Options;

    use super::*;
    use crate::fault::{Protocol, RouteSpec};

    #[tokio::test(start_paused = true)]
    async fn a_silent_proxy_does_not_keep_our_own_routes_on() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap().to_string();
        let control = Control::start(Options::default()).unwrap();
        let spec = RouteSpec {
            name: "own".into(),
            listen: "127.0.0.1:0".into(),
            upstream: "127.0.0.1:1".into(),
            protocol: Protocol::Http,
        };
        control.add_route(spec).unwrap();
        let bound = control.routes()[0].bound;
        let prepared = Prepared {
            control: Some(control),
            clients: BTreeMap::from([(address.clone(), Arc::new(Client::new(&address).unwrap()))]),
            agent: None,
            secrets: Arc::default(),
            alarms: None,
            warnings: Vec::new(),
        };
        let put_away = tokio::spawn(async move { put_away(prepared, "d1").await });
        tokio::task::yield_now().await;
        assert!(is_free(bound).await, "it waited for the silent proxy");
        assert!(!put_away.is_finished(), "the other one is still being asked");
        let residue = put_away.await.unwrap();
        assert_eq!(residue.len(), 1, "{residue:?}");
        assert!(residue[0].starts_with("faults may be left until their lease ends"), "{residue:?}");
    }
}
