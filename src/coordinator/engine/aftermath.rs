//! The outside of a drill whose process died: nothing is begun any more, and everything is taken back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use firedrill_proxy::control::client::Client;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::live::Live;
use super::outside::{HaltAsked, LostFault, Outside, Removed, Seen, Unremoved};
use super::preflight::{Prepared, start_agent};
use super::{LEASE, Setup, playbook};
use crate::agent;
use crate::coordinator::alarms::AlarmInput;
use crate::coordinator::clock::DrillClock;
use crate::coordinator::command::CommandEnd;
use crate::coordinator::secrets::Secrets;
use crate::drill::{Drill, Sample};
use crate::fault::{Evidence, Target};
use crate::playbook::event::{Attempt, Job};
use crate::scenario::plan::Probe;

/// How long the guardian of the dead process may take to undo; it began when that process died.
const GUARDIAN_WITHIN: Duration = Duration::from_secs(20);
/// How often it is looked whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// This machine after the death of the process that drove a drill. That process's own routes died with it.
pub(super) struct Aftermath {
    setup: Setup,
    live: Live,
    /// What each fault had done, as far as it is on record.
    known: BTreeMap<String, Evidence>,
    /// What could not be taken back on this host: of which fault it is nobody can say, so each of them has it.
    left_on_host: Vec<String>,
    /// Whether a fault on this host has told of it.
    is_told: AtomicBool,
    began: Instant,
}

impl Aftermath {
    /// Takes back what the dead process left on this host, and gets ready for the rest.
    pub(super) async fn begin(setup: &Setup, drill: &Drill) -> Self {
        let began = Instant::now();
        let left = heal(setup, began).await;
        let live = Live::new(setup);
        live.stand_on(prepared(setup, drill).await);
        let known = drill.injects().iter().map(|inject| (inject.plan.id.clone(), inject.evidence.clone()));
        Self {
            setup: setup.clone(),
            live,
            known: known.collect(),
            left_on_host: left,
            is_told: AtomicBool::new(false),
            began,
        }
    }

    fn gone(&self, fault: &str, residue: Vec<String>) -> Removed {
        Removed { evidence: self.known.get(fault).cloned().unwrap_or_default(), residue }
    }

    async fn take_back(&self, fault: &str) -> Result<Option<Removed>, Unremoved> {
        let plan = &self.setup.plan;
        let Some(planned) = plan.faults.iter().find(|planned| planned.id == fault) else { return Ok(None) };
        let route = match &planned.target {
            Target::Host(_) => {
                self.is_told.store(true, Ordering::Relaxed);
                return Ok(Some(self.gone(fault, self.left_on_host.clone())));
            }
            Target::Route(name) => plan.routes.iter().find(|route| route.spec.name == *name),
        };
        if route.is_none_or(|route| route.control.is_none()) {
            return Ok(Some(self.gone(fault, Vec::new())));
        }
        match self.live.remove(fault).await {
            Ok(removed) => Ok(Some(removed.unwrap_or_else(|| self.gone(fault, Vec::new())))),
            // Gone with its proxy; and should only the control plane have died, the lease is over by now.
            Err(problem) if problem.nobody_there && self.began.elapsed() > LEASE.duration() => {
                Ok(Some(self.gone(fault, Vec::new())))
            }
            Err(problem) => Err(problem),
        }
    }
}

/// Takes back what the dead left on this host. Their guardians do it themselves, and are waited for.
async fn heal(setup: &Setup, began: Instant) -> Vec<String> {
    let own = format!("{}.undo", setup.drill);
    loop {
        let folder = setup.state_dir.join("undo");
        // It looks at processes and waits to see that they go on.
        let healed = match spawn_blocking(move || agent::heal(&folder)).await {
            Ok(healed) => healed,
            Err(error) => return vec![format!("looking for what is left on this host failed: {error}")],
        };
        for undone in &healed.undone {
            tracing::info!(undone, "taken back, as an earlier life left it");
        }
        let at_work = healed.alive.iter().any(|path| path.file_name().is_some_and(|name| *name == *own));
        if !at_work {
            return healed.residue;
        }
        if began.elapsed() > GUARDIAN_WITHIN {
            let why = format!("the guardian of {} has not ended; run `firedrill agent heal`", setup.drill);
            return [healed.residue, vec![why]].concat();
        }
        sleep(LOOK_EVERY).await;
    }
}

/// What is needed to take things back, as far as it can be had: what is missing is said by what needed it.
async fn prepared(setup: &Setup, drill: &Drill) -> Prepared {
    let mut clients = BTreeMap::new();
    for address in setup.plan.routes.iter().filter_map(|route| route.control.as_ref()) {
        match Client::new(address) {
            Ok(client) => drop(clients.insert(address.clone(), Arc::new(client))),
            Err(error) => tracing::error!(%error, address, "this proxy cannot be asked"),
        }
    }
    let find = |sources| {
        Secrets::find(sources).unwrap_or_else(|missing| {
            tracing::warn!(?missing, "secrets are missing; what needs them fails");
            Secrets::default()
        })
    };
    let to_take_back = drill.playbook().is_some_and(|progress| !progress.to_take_back().is_empty());
    let book = setup.playbook.as_ref().filter(|_| to_take_back);
    let of_steps = book.map(|book| find(&book.secrets)).unwrap_or_default();
    let (secrets, step_secrets) = Secrets::default().together(of_steps);
    let agent = match book.filter(|book| playbook::needs_agent(book)) {
        None => None,
        Some(_) => start_agent(setup).await.inspect_err(|why| tracing::error!(why, "for the way back")).ok(),
    };
    Prepared {
        control: None,
        clients,
        agent,
        secrets: Arc::new(secrets),
        step_secrets: Arc::new(step_secrets),
        alarms: None,
        warnings: Vec::new(),
    }
}

/// Why nothing is begun.
fn over() -> String {
    "the coordinator was restarted; the drill is only ended".to_owned()
}

impl Outside for Aftermath {
    fn prepare(&self) -> BoxFuture<'_, Result<Vec<String>, Vec<String>>> {
        Box::pin(async { Err(vec![over()]) })
    }

    fn apply<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async { Err(over()) })
    }

    fn look<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Seen, String>> {
        Box::pin(async { Err(over()) })
    }

    fn remove<'a>(&'a self, fault: &'a str) -> BoxFuture<'a, Result<Option<Removed>, Unremoved>> {
        Box::pin(self.take_back(fault))
    }

    fn change<'a>(&'a self, _: &'a str, _: &'a [(String, String)]) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async { Err(over()) })
    }

    // What is still on is to end, should we die as well.
    fn renew(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    fn probe<'a>(
        &'a self,
        _: DrillClock,
        _: &'a mpsc::Sender<(String, Sample)>,
        _: &'a CancellationToken,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }

    fn load<'a>(
        &'a self,
        _: DrillClock,
        _: mpsc::Sender<Vec<Sample>>,
        _: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }

    fn hear<'a>(
        &'a self,
        _: mpsc::Sender<AlarmInput>,
        _: watch::Receiver<bool>,
        _: &'a CancellationToken,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }

    fn command(&self, _: CancellationToken) -> BoxFuture<'_, CommandEnd> {
        Box::pin(async { CommandEnd { status: None, detail: over() } })
    }

    fn step<'a>(&'a self, job: &'a Job, clock: DrillClock) -> BoxFuture<'a, Attempt> {
        if job.undo {
            return self.live.step(job, clock);
        }
        Box::pin(async { Attempt::Failed { why: over() } })
    }

    fn verify<'a>(&'a self, probe: &'a Probe, clock: DrillClock) -> BoxFuture<'a, ()> {
        self.live.verify(probe, clock)
    }

    fn before_faults(&self) -> Vec<String> {
        Vec::new()
    }

    fn health(&self) -> Result<(), String> {
        self.live.health()
    }

    fn lost(&self) -> Vec<LostFault> {
        Vec::new()
    }

    fn halt_asked(&self) -> Option<HaltAsked> {
        self.live.halt_asked()
    }

    fn engage_lever(&self, who: &str, why: &str) {
        self.live.engage_lever(who, why);
    }

    fn put_away(&self) -> BoxFuture<'_, Vec<String>> {
        Box::pin(async move {
            let untold = if self.is_told.load(Ordering::Relaxed) { &[][..] } else { &self.left_on_host[..] };
            [untold, &self.live.put_away().await[..]].concat()
        })
    }

    fn wall(&self) -> Timestamp {
        self.live.wall()
    }
}
