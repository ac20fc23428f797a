//! A step that the agent does on this host, by the same rules as a fault: the host's policy and what is protected hold.

use super::{Done, Edge, Unsuccessful};
use crate::coordinator::engine::LEASE;
use crate::fault::{HostFault, Target};
use crate::playbook::event::Job;

/// Lets the agent do it once.
pub(super) async fn act(
    job: &Job,
    target: &Target,
    deed: &HostFault,
    edge: &Edge,
) -> Result<Done, Unsuccessful> {
    let agent = edge.agent.as_ref().ok_or_else(|| format!("nothing here can act on {target}"))?;
    let way = if job.undo { "undo" } else { "step" };
    let id = format!("{way}-{}-{}", job.step, job.attempt);
    let mut draws = edge.seed.of_fault(&target.to_string(), &job.step).draws(u64::from(job.attempt));
    let applied = agent.apply(&id, deed, &mut draws, LEASE, None);
    // The agent ends what it began, also when nobody waits any longer.
    let applied = tokio::time::timeout(job.timeout.duration(), applied).await.map_err(|_| {
        Unsuccessful::TimedOut(format!("{} on {target} did not end within {}", deed.kind(), job.timeout))
    })?;
    let detail = applied.map_err(|error| error.to_string())?.detail;
    // A deed of a moment has no end; the agent need not remember it.
    let removed = agent.remove(&id).await.map_err(|error| error.to_string())?;
    if removed.residue.is_empty() {
        Ok(Done { detail, ..Done::default() })
    } else {
        Err(format!("{detail}; left behind: {}", removed.residue.join("; ")).into())
    }
}
