//! Putting away what a drill acted with, and the look for what could have been left behind.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use firedrill_proxy::control::Control;
use firedrill_proxy::control::client::Client;
use firedrill_proxy::control::wire::Bound;
use futures_util::future::join_all;
use tokio::time::sleep;

use super::preflight::Prepared;
use crate::agent::Agent;

/// Each beside the others: a proxy that does not answer keeps nothing else on.
pub(super) async fn put_away(prepared: Prepared, owner: &str) -> Vec<String> {
    let Prepared { control, clients, agent, secrets: _, step_secrets: _, alarms: _, warnings: _ } = prepared;
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
    let listening = control.routes().into_iter().filter(|route| route.spec.enabled);
    let bound: Vec<Bound> = listening.map(|route| route.bound).collect();
    // Stopping joins threads, which may take a moment.
    let stopped = tokio::task::spawn_blocking(move || control.stop()).await;
    if stopped.is_err() {
        residue.push("the proxy did not stop in order".into());
    }
    for place in bound {
        let left = match &place {
            Bound::Tcp(address) => !is_free(*address).await,
            Bound::Unix(path) => path.exists(),
        };
        if left {
            residue.push(format!("{place} is still bound"));
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
        let spec = RouteSpec::new("own", "127.0.0.1:0", "127.0.0.1:1", Protocol::Http);
        control.add_route(spec).unwrap();
        let bound = control.routes()[0].bound.tcp().unwrap();
        let prepared = Prepared {
            control: Some(control),
            clients: BTreeMap::from([(address.clone(), Arc::new(Client::new(&address).unwrap()))]),
            agent: None,
            secrets: Arc::default(),
            step_secrets: Arc::default(),
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
