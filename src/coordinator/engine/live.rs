//! The outside of a real drill: this machine, its proxies, its network.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{BoxFuture, join_all};
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::folder::Folder;
use super::hand::Deed;
use super::outside::{HaltAsked, LostFault, Outside, Paper, Removed, Seen, Unremoved, World};
use super::preflight::{self, Prepared};
use super::takedown::put_away;
use super::{LEASE, RecordError, Setup};
use crate::agent::Agent;
use crate::coordinator::alarms::{AlarmInput, Feed, Intake, Source};
use crate::coordinator::clock::{self, DrillClock};
use crate::coordinator::command::{self, CommandEnd, Output};
use crate::coordinator::lever::Lever;
use crate::coordinator::load::spawn_load;
use crate::coordinator::probe::spawn_probes;
use crate::coordinator::secrets::Secrets;
use crate::coordinator::steps::{self, Edge};
use crate::drill::Sample;
use crate::playbook::event::{Attempt, Job};
use crate::scenario::plan::{PlannedFault, Probe, ProbeAction};

/// This machine.
pub(super) struct Live {
    setup: Setup,
    lever: Lever,
    /// What a server hands in, until it is heard.
    feed: Mutex<Option<Feed>>,
    standing: Mutex<Option<Standing>>,
}

/// What stands between the preflight and the end.
struct Standing {
    prepared: Prepared,
    deeds: BTreeMap<String, Arc<Deed>>,
}

impl World {
    /// This machine, and the drill's folder, which is made.
    pub(super) fn live(setup: &Setup) -> Result<Self, RecordError> {
        Ok(Self { outside: Arc::new(Live::new(setup)), paper: Box::new(Folder::make(&setup.folder)?) })
    }

    /// This machine, for a drill of a server: its record is kept by the server, which hands alarms in as well.
    pub fn served(setup: &Setup, paper: Box<dyn Paper>, alarms: Feed) -> Self {
        let live = Live::new(setup);
        // Whoever hands something in learns at once that this drill has nothing to do with alarms.
        *live.feed() = Some(alarms).filter(|_| setup.plan.hears_alarms());
        Self { outside: Arc::new(live), paper }
    }
}

impl Live {
    pub(super) fn new(setup: &Setup) -> Self {
        let lever = Lever::new(&setup.runtime_dir, &setup.state_dir);
        Self { setup: setup.clone(), lever, feed: Mutex::default(), standing: Mutex::default() }
    }

    /// Acts with what was prepared from now on.
    pub(super) fn stand_on(&self, prepared: Prepared) {
        let plan = &self.setup.plan;
        let deed = |fault: &PlannedFault| {
            let hand = prepared.hand(fault, &plan.routes)?;
            let deed = Deed::new(hand, fault.clone(), plan, &self.setup.drill, &prepared.secrets);
            Some((fault.id.clone(), Arc::new(deed)))
        };
        let deeds = plan.faults.iter().filter_map(deed).collect();
        *self.standing() = Some(Standing { prepared, deeds });
    }

    fn feed(&self) -> MutexGuard<'_, Option<Feed>> {
        self.feed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Never held while anything is waited for.
    fn standing(&self) -> MutexGuard<'_, Option<Standing>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn deed(&self, fault: &str) -> Result<Arc<Deed>, String> {
        let standing = self.standing();
        let deed = standing.as_ref().and_then(|standing| standing.deeds.get(fault));
        deed.cloned().ok_or_else(|| format!("nothing here can act on the fault `{fault}`"))
    }

    fn agent(&self) -> Option<Arc<Agent>> {
        self.standing().as_ref().and_then(|standing| standing.prepared.agent.clone())
    }

    fn secrets(&self) -> Arc<Secrets> {
        self.standing().as_ref().map(|standing| Arc::clone(&standing.prepared.secrets)).unwrap_or_default()
    }

    /// The playbook's, which are not the scenario's.
    fn step_secrets(&self) -> Arc<Secrets> {
        let standing = self.standing();
        standing.as_ref().map(|standing| Arc::clone(&standing.prepared.step_secrets)).unwrap_or_default()
    }
}

impl Outside for Live {
    fn prepare(&self) -> BoxFuture<'_, Result<Vec<String>, Vec<String>>> {
        Box::pin(async move {
            let prepared = preflight::prepare(&self.setup).await?;
            let warnings = prepared.warnings.clone();
            self.stand_on(prepared);
            Ok(warnings)
        })
    }

    fn apply<'a>(&'a self, fault: &'a str) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async move { self.deed(fault)?.apply().await })
    }

    fn look<'a>(&'a self, fault: &'a str) -> BoxFuture<'a, Result<Seen, String>> {
        Box::pin(async move { self.deed(fault)?.look().await })
    }

    fn remove<'a>(&'a self, fault: &'a str) -> BoxFuture<'a, Result<Option<Removed>, Unremoved>> {
        Box::pin(async move { self.deed(fault)?.remove().await })
    }

    fn change<'a>(
        &'a self,
        fault: &'a str,
        changes: &'a [(String, String)],
    ) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async move { self.deed(fault)?.change(changes).await })
    }

    fn renew(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let (control, clients) = match self.standing().as_ref() {
                None => return,
                Some(Standing { prepared, .. }) => {
                    (prepared.control.clone(), prepared.clients.values().cloned().collect::<Vec<_>>())
                }
            };
            let owner = &self.setup.drill;
            if let Some(control) = &control
                && let Err(problem) = control.renew(owner, LEASE.duration())
            {
                tracing::warn!(%problem, "leases were not renewed");
            }
            if let Some(agent) = self.agent() {
                agent.renew(LEASE).await;
            }
            // All at once: a proxy that does not answer must not cost the others their lease.
            let renewals = clients.iter().map(|client| client.renew(owner, LEASE.duration()));
            for error in join_all(renewals).await.into_iter().filter_map(Result::err) {
                tracing::warn!(%error, "leases were not renewed");
            }
        })
    }

    fn probe<'a>(
        &'a self,
        clock: DrillClock,
        samples: &'a mpsc::Sender<(String, Sample)>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let probes = &self.setup.plan.steady_state.probes;
            spawn_probes(probes, clock, &self.secrets(), samples, stop).ended().await;
        })
    }

    fn load<'a>(
        &'a self,
        clock: DrillClock,
        answers: mpsc::Sender<Vec<Sample>>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let Some(load) = &self.setup.plan.load else { return Ok(()) };
            // An answer counts for the probe of the same URL, so it is the probe that says what is good.
            let mut probes = self.setup.plan.steady_state.probes.iter();
            let tolerance = probes.find_map(|probe| match &probe.action {
                ProbeAction::Http(http) if http.url == load.request.url => Some(&probe.tolerance),
                _ => None,
            });
            let runner = spawn_load(load, tolerance, clock, &self.secrets(), answers, stop.clone()).await;
            runner.map_err(|error| error.to_string())?.ended().await;
            Ok(())
        })
    }

    fn hear<'a>(
        &'a self,
        alarms: mpsc::Sender<AlarmInput>,
        mut watching: watch::Receiver<bool>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let listener = self.standing().as_mut().and_then(|standing| standing.prepared.alarms.take());
            let feed = self.feed().take().map(Source::Feed);
            let source = listener.map(Source::Listener).or(feed);
            let intake = Intake::start(source, &self.setup.plan.alarms, clock::wall, alarms, stop.clone());
            let watch = async {
                while watching.changed().await.is_ok() {
                    intake.set_watching(*watching.borrow_and_update());
                }
            };
            let _ = stop.run_until_cancelled(watch).await;
            intake.ended().await;
        })
    }

    fn command(&self, end: CancellationToken) -> BoxFuture<'_, CommandEnd> {
        Box::pin(async move {
            let argv = self.setup.plan.command.as_deref().unwrap_or_default();
            let output = if self.setup.json_on_stdout { Output::OnStandardError } else { Output::Inherited };
            let ended = match command::start(argv, output).await {
                Ok(command) => command.run(end).await,
                Err(error) => Err(error),
            };
            ended.unwrap_or_else(|error| CommandEnd { status: None, detail: error.to_string() })
        })
    }

    fn step<'a>(&'a self, job: &'a Job, clock: DrillClock) -> BoxFuture<'a, Attempt> {
        Box::pin(async move {
            let edge = Edge { secrets: self.step_secrets(), agent: self.agent(), seed: self.setup.plan.seed };
            steps::attempt(job, clock, &edge).await
        })
    }

    fn verify<'a>(&'a self, probe: &'a Probe, clock: DrillClock) -> BoxFuture<'a, ()> {
        Box::pin(async move { steps::until_good(probe, clock, &self.step_secrets()).await })
    }

    /// A route that nobody uses makes a fault that nobody feels; better said before than after.
    fn before_faults(&self) -> Vec<String> {
        let control = self.standing().as_ref().and_then(|standing| standing.prepared.control.clone());
        let routes = control.map(|control| control.routes()).unwrap_or_default();
        let idle = routes.iter().filter(|route| route.traffic.connections == 0);
        let words = idle.map(|route| {
            let (name, bound) = (&route.spec.name, &route.bound);
            format!(
                "route `{name}` saw no connection while steady: is the service under test told to use {bound}?"
            )
        });
        words.collect()
    }

    fn health(&self) -> Result<(), String> {
        self.agent().map_or(Ok(()), |agent| agent.health())
    }

    fn lost(&self) -> Vec<LostFault> {
        let lost = self.agent().map(|agent| agent.lost()).unwrap_or_default();
        lost.into_iter().map(|lost| LostFault { fault: lost.fault, why: lost.why }).collect()
    }

    fn halt_asked(&self) -> Option<HaltAsked> {
        let why = self.lever.halt_asked()?;
        Some(HaltAsked { who: format!("the file {}", self.lever.halt_file().display()), why })
    }

    fn engage_lever(&self, who: &str, why: &str) {
        if let Err(error) = self.lever.engage(who, why, self.wall()) {
            tracing::error!(%error, "the lever is not engaged");
        }
    }

    fn put_away(&self) -> BoxFuture<'_, Vec<String>> {
        Box::pin(async move {
            let standing = self.standing().take();
            match standing {
                None => Vec::new(),
                Some(Standing { prepared, deeds }) => {
                    drop(deeds);
                    put_away(prepared, &self.setup.drill).await
                }
            }
        })
    }

    fn wall(&self) -> Timestamp {
        clock::wall()
    }
}
