//! A world for a drill: hosts, a service and its monitoring, all in memory and all by the fate that was drawn.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use firedrill::coordinator::alarms::AlarmInput;
use firedrill::coordinator::clock::DrillClock;
use firedrill::coordinator::command::CommandEnd;
use firedrill::coordinator::engine::{HaltAsked, LostFault, Outside, Removed, Seen, Unremoved};
use firedrill::drill::Sample;
use firedrill::fault::Evidence;
use firedrill::playbook::event::{Attempt, Job};
use firedrill::scenario::plan::{Plan, Probe};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::fate::{Answer, Fate, RemoveFate, Service};
use crate::ledger::{Deed, Ledger};
use crate::{book, measure, monitor};

/// The world and what is on in it.
pub struct World {
    pub seed: u64,
    pub plan: Plan,
    pub fate: Fate,
    pub ledger: Ledger,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    faults: BTreeMap<String, Standing>,
    lost_untold: Vec<LostFault>,
    first_acting: Option<Duration>,
    last_acting: Option<Duration>,
    halt_file: bool,
    /// A step of the playbook has helped.
    mended: bool,
}

/// A fault as it really is.
#[derive(Clone, Debug, Default)]
struct Standing {
    on_since: Option<Duration>,
    off_since: Option<Duration>,
    removals: u32,
    lost: bool,
}

impl Standing {
    fn is_on(&self) -> bool {
        self.on_since.is_some() && self.off_since.is_none()
    }
}

impl World {
    pub fn new(seed: u64, plan: &Plan, fate: Fate, ledger: &Ledger) -> Arc<Self> {
        let state = State { halt_file: fate.halt_file_at.is_some(), ..State::default() };
        let (plan, ledger) = (plan.clone(), ledger.clone());
        Arc::new(Self { seed, plan, fate, ledger, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The faults that are on, whatever anybody believes.
    pub fn still_on(&self) -> Vec<String> {
        let state = self.state();
        let lasting = self.plan.faults.iter().filter(|fault| !fault.fault.is_instant());
        let on = lasting.filter(|fault| state.faults.get(&fault.id).is_some_and(Standing::is_on));
        on.map(|fault| fault.id.clone()).collect()
    }

    /// Since when a fault acts, if it does now.
    fn acting_since(&self, state: &State, id: &str, now: Duration) -> Option<Duration> {
        let (standing, fate) = (state.faults.get(id)?, &self.fate.faults[id]);
        let since = standing.on_since? + fate.acts_after?;
        let instant = self.plan.faults.iter().any(|fault| fault.id == id && fault.fault.is_instant());
        // What was done in an instant is felt for as long as it is, whoever removes it.
        let acts = if instant {
            now < since + fate.outage
        } else {
            standing.off_since.is_none_or(|off| since < off) && standing.is_on()
        };
        (acts && now >= since).then_some(since)
    }

    fn look_around(&self) -> (Duration, bool, Option<Duration>, Option<Duration>) {
        let now = self.ledger.now();
        let mut state = self.state();
        let acting =
            self.plan.faults.iter().filter_map(|fault| self.acting_since(&state, &fault.id, now)).min();
        if let Some(since) = acting {
            state.first_acting.get_or_insert(since);
            state.last_acting = Some(now);
        }
        (now, acting.is_some(), state.first_acting, state.last_acting)
    }

    /// Whether the service is bad now, for those who feel it.
    pub fn is_bad(&self) -> bool {
        let (now, acts, first, last) = self.look_around();
        let from = |after: Duration| first.map(|first| first + after).filter(|from| now >= *from);
        if self.state().mended {
            return false;
        }
        match self.fate.service {
            Service::Withstands => false,
            Service::Suffers { after, back } => {
                from(after).is_some() && (acts || last.is_some_and(|last| now < last + back))
            }
            Service::Heals { after, within } => from(after).is_some_and(|from| now < from + within),
            Service::NeverBack { after } => from(after).is_some(),
            Service::Flaps { every } => acts && now.as_millis() / every.as_millis().max(1) % 2 == 1,
            Service::SickUntil(until) => now < until,
            Service::BreaksAt(at) => now >= at,
        }
    }

    /// A fault that its executor has ended by now.
    fn end_what_is_lost(&self) {
        let now = self.ledger.now();
        let mut state = self.state();
        let mut untold = Vec::new();
        for (id, standing) in &mut state.faults {
            let Some((after, tells)) = self.fate.faults[id].lost_after else { continue };
            if standing.is_on() && standing.on_since.is_some_and(|on| now >= on + after) {
                (standing.off_since, standing.lost) = (Some(now), true);
                if tells {
                    untold.push(LostFault { fault: id.clone(), why: "its executor died".into() });
                }
            }
        }
        state.lost_untold.extend(untold);
    }

    fn evidence(&self, id: &str) -> Evidence {
        let now = self.ledger.now();
        let since = self.acting_since(&self.state(), id, now);
        let faulted = since.map_or(0, |since| 1 + (now - since).as_secs());
        Evidence { matched: faulted * 2, faulted, ..Evidence::default() }
    }

    /// Takes a fault back; what it had done, if it was there at all.
    fn take_back(&self, id: &str) -> Option<Evidence> {
        self.end_what_is_lost();
        let evidence = self.evidence(id);
        let now = self.ledger.now();
        let mut state = self.state();
        let standing = state.faults.get_mut(id).filter(|standing| standing.is_on())?;
        standing.off_since = Some(now);
        Some(evidence)
    }

    async fn answered(&self, answer: Answer) -> bool {
        match answer {
            Answer::Well(after) => {
                sleep(after).await;
                true
            }
            Answer::Badly(after) => {
                sleep(after).await;
                false
            }
            Answer::Never => pending().await,
        }
    }

    async fn do_remove(&self, fault: &str) -> Result<Option<Removed>, Unremoved> {
        let removals = {
            let mut state = self.state();
            let standing = state.faults.entry(fault.to_owned()).or_default();
            standing.removals += 1;
            standing.removals
        };
        let refusal = |nobody_there| Err(Unremoved { why: "it will not go".into(), nobody_there });
        let gone =
            |residue: Vec<String>| Ok(self.take_back(fault).map(|evidence| Removed { evidence, residue }));
        match self.fate.faults[fault].remove {
            RemoveFate::Well(after) => {
                sleep(after).await;
                gone(vec![])
            }
            RemoveFate::Residue(after) => {
                sleep(after).await;
                gone(vec!["a rule of it stands".into()])
            }
            RemoveFate::After(fails) if removals <= fails => refusal(false),
            RemoveFate::After(_) => gone(vec![]),
            RemoveFate::UntilTheEnd | RemoveFate::NeverAtAll => refusal(false),
            RemoveFate::Hangs => pending().await,
            RemoveFate::NobodyThere => {
                self.take_back(fault);
                refusal(true)
            }
        }
    }
}

impl Outside for World {
    fn prepare(&self) -> BoxFuture<'_, Result<Vec<String>, Vec<String>>> {
        let doing = self.ledger.doing(Deed::Prepare);
        Box::pin(async move {
            let well = self.answered(self.fate.prepare).await;
            doing.end();
            let warnings = if self.fate.warns { vec!["it is warm in here".to_owned()] } else { vec![] };
            if well { Ok(warnings) } else { Err(vec!["a port is in use".to_owned()]) }
        })
    }

    fn apply<'a>(&'a self, fault: &'a str) -> BoxFuture<'a, Result<String, String>> {
        let doing = self.ledger.doing(Deed::Apply(fault.to_owned()));
        Box::pin(async move {
            let well = match self.fate.faults[fault].apply {
                // It is on, and nobody hears of it.
                Answer::Never => {
                    self.state().faults.entry(fault.to_owned()).or_default().on_since =
                        Some(self.ledger.now());
                    pending().await
                }
                answer => self.answered(answer).await,
            };
            if well {
                self.state().faults.entry(fault.to_owned()).or_default().on_since = Some(self.ledger.now());
            }
            doing.end();
            if well { Ok(format!("{fault} is on")) } else { Err("it cannot be done".into()) }
        })
    }

    fn look<'a>(&'a self, fault: &'a str) -> BoxFuture<'a, Result<Seen, String>> {
        Box::pin(async move {
            let fate = &self.fate.faults[fault];
            sleep(fate.look).await;
            self.end_what_is_lost();
            let standing = self.state().faults.get(fault).cloned().unwrap_or_default();
            let now = self.ledger.now();
            let is_blind = |after: Duration| standing.on_since.is_some_and(|on| now >= on + after);
            if fate.blind_after.is_some_and(is_blind) {
                return Err("nobody answers".into());
            }
            if standing.lost {
                return Ok(Seen::Lost("its lease ran out".into()));
            }
            Ok(Seen::On(self.evidence(fault)))
        })
    }

    fn remove<'a>(&'a self, fault: &'a str) -> BoxFuture<'a, Result<Option<Removed>, Unremoved>> {
        let doing = self.ledger.doing(Deed::Remove(fault.to_owned()));
        Box::pin(async move {
            let removed = self.do_remove(fault).await;
            doing.end();
            removed
        })
    }

    fn change<'a>(
        &'a self,
        fault: &'a str,
        changes: &'a [(String, String)],
    ) -> BoxFuture<'a, Result<String, String>> {
        let doing = self.ledger.doing(Deed::Change(fault.to_owned()));
        Box::pin(async move {
            sleep(self.fate.faults[fault].change).await;
            self.end_what_is_lost();
            let is_on = self.state().faults.get(fault).is_some_and(Standing::is_on);
            doing.end();
            let words = changes.iter().map(|(key, value)| format!("{key} → {value}"));
            if is_on { Ok(words.collect::<Vec<_>>().join(", ")) } else { Err("it is not on".into()) }
        })
    }

    fn renew(&self) -> BoxFuture<'_, ()> {
        let doing = self.ledger.doing(Deed::Renew);
        Box::pin(async move {
            sleep(Duration::from_millis(20)).await;
            doing.end();
        })
    }

    fn probe<'a>(
        &'a self,
        clock: DrillClock,
        samples: &'a mpsc::Sender<(String, Sample)>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, ()> {
        let doing = self.ledger.doing(Deed::Probe);
        Box::pin(async move {
            let _ = stop.run_until_cancelled(measure::probes(self, clock, samples)).await;
            if self.fate.probes_outlast {
                pending::<()>().await;
            }
            doing.end();
        })
    }

    fn load<'a>(
        &'a self,
        clock: DrillClock,
        answers: mpsc::Sender<Vec<Sample>>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<(), String>> {
        let doing = self.ledger.doing(Deed::Load);
        Box::pin(async move {
            if !self.fate.load_fails {
                let _ = stop.run_until_cancelled(measure::load(self, clock, answers)).await;
            }
            doing.end();
            if self.fate.load_fails { Err("its name leads nowhere".into()) } else { Ok(()) }
        })
    }

    fn hear<'a>(
        &'a self,
        alarms: mpsc::Sender<AlarmInput>,
        watching: watch::Receiver<bool>,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, ()> {
        let doing = self.ledger.doing(Deed::Hear);
        Box::pin(async move {
            let _ = stop.run_until_cancelled(monitor::tell(self, alarms, watching)).await;
            doing.end();
        })
    }

    fn command(&self, end: CancellationToken) -> BoxFuture<'_, CommandEnd> {
        let doing = self.ledger.doing(Deed::Command);
        Box::pin(async move {
            let fate = self.fate.command;
            let runs = async {
                match fate.runs {
                    Some(runs) => sleep(runs).await,
                    None => pending().await,
                }
            };
            let by_itself = end.run_until_cancelled(runs).await.is_some();
            if !by_itself {
                match fate.grace {
                    Some(grace) => sleep(grace).await,
                    None => pending().await,
                }
            }
            doing.end();
            let status = if by_itself { fate.status } else { None };
            CommandEnd { status, detail: format!("ended with {status:?}") }
        })
    }

    fn step<'a>(&'a self, job: &'a Job, _clock: DrillClock) -> BoxFuture<'a, Attempt> {
        let doing = self.ledger.doing(Deed::Step(job.step.clone(), job.attempt, job.undo));
        Box::pin(async move {
            let Some((after, outcome, mends)) = book::attempt(self.seed, job) else { return pending().await };
            sleep(after).await;
            if mends || job.undo {
                self.state().mended = mends;
            }
            doing.end();
            outcome
        })
    }

    fn verify<'a>(&'a self, probe: &'a Probe, _clock: DrillClock) -> BoxFuture<'a, ()> {
        let doing = self.ledger.doing(Deed::Verify(probe.name.clone()));
        Box::pin(async move {
            while self.is_bad() {
                sleep(Duration::from_millis(500)).await;
            }
            doing.end();
        })
    }

    fn before_faults(&self) -> Vec<String> {
        if self.fate.notes { vec!["nobody uses the route".to_owned()] } else { vec![] }
    }

    fn health(&self) -> Result<(), String> {
        let dead = self.fate.dies_at.is_some_and(|at| self.ledger.now() >= at);
        if dead { Err("the guardian died".into()) } else { Ok(()) }
    }

    fn lost(&self) -> Vec<LostFault> {
        self.end_what_is_lost();
        std::mem::take(&mut self.state().lost_untold)
    }

    fn halt_asked(&self) -> Option<HaltAsked> {
        let there =
            self.fate.halt_file_at.is_some_and(|at| self.ledger.now() >= at) && self.state().halt_file;
        there.then(|| HaltAsked { who: "the file HALT".into(), why: "smoke".into() })
    }

    fn engage_lever(&self, _who: &str, _why: &str) {
        self.ledger.doing(Deed::EngageLever).end();
    }

    fn put_away(&self) -> BoxFuture<'_, Vec<String>> {
        let doing = self.ledger.doing(Deed::PutAway);
        Box::pin(async move {
            let well = self.answered(self.fate.put_away).await;
            let mut residue = Vec::new();
            for fault in self.still_on() {
                if self.fate.faults[&fault].remove == RemoveFate::NeverAtAll {
                    residue.push(format!("fault `{fault}` is still on"));
                } else {
                    self.take_back(&fault);
                }
            }
            if !well {
                residue.push("a port is still bound".into());
            }
            doing.end();
            residue
        })
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap() + self.ledger.now()
    }
}
