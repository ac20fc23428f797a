//! The last look: everything of ours ends, and what could have been left behind is looked for.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::preflight::Prepared;
use crate::coordinator::load::LoadRunner;
use crate::coordinator::probe::ProbeRunner;

/// How long parts of ours may take to end.
const END_WITHIN: Duration = Duration::from_secs(8);

/// Everything that is running.
#[derive(Default)]
pub(super) struct Running {
    pub(super) prepared: Option<Prepared>,
    pub(super) probes: Option<ProbeRunner>,
    pub(super) load: Option<LoadRunner>,
    pub(super) stop: CancellationToken,
    /// The operators of faults, the preflight, the command under test, the renewal of leases.
    pub(super) tasks: JoinSet<()>,
}

impl Running {
    /// Ends everything; says what is left behind.
    pub(super) async fn take_down(mut self, owner: &str) -> Vec<String> {
        let mut residue = Vec::new();
        self.stop.cancel();
        if let Some(mut probes) = self.probes.take()
            && timeout(END_WITHIN, probes.ended()).await.is_err()
        {
            residue.push("a probe did not end".into());
        }
        if let Some(load) = self.load.take()
            && timeout(END_WITHIN, load.ended()).await.is_err()
        {
            residue.push("the load did not end".into());
        }
        if timeout(END_WITHIN, async { while self.tasks.join_next().await.is_some() {} }).await.is_err() {
            self.tasks.shutdown().await;
        }
        if let Some(prepared) = self.prepared.take() {
            residue.extend(put_away(prepared, owner).await);
        }
        residue
    }
}

async fn put_away(prepared: Prepared, owner: &str) -> Vec<String> {
    let Prepared { control, clients, agent, secrets: _, warnings: _ } = prepared;
    let mut residue = Vec::new();
    for (address, client) in clients {
        match client.remove_owner(owner).await {
            // Whatever the answer lists ended now or before; what stands after it is residue.
            Ok(_) => match client.routes().await {
                Ok(routes) => {
                    let faults =
                        routes.iter().flat_map(|route| route.faults.iter().map(move |fault| (route, fault)));
                    residue.extend(faults.filter(|(_, fault)| fault.spec.owner == owner).map(
                        |(route, fault)| {
                            format!(
                                "fault `{}` is still on route `{}` at {address}",
                                fault.spec.id, route.spec.name
                            )
                        },
                    ));
                }
                Err(error) => residue.push(format!("cannot look whether faults are left: {error}")),
            },
            // Its routes died with it, and their faults with them; whoever could not know that has waited already.
            Err(error) if error.is_nobody_there() => {}
            Err(error) => residue.push(format!("faults may be left until their lease ends: {error}")),
        }
    }
    if let Some(agent) = agent {
        match Arc::into_inner(agent) {
            Some(agent) => residue.extend(agent.stop().await),
            None => {
                residue.push("the agent is still in use; its guardian undoes when this process ends".into())
            }
        }
    }
    if let Some(control) = control {
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
