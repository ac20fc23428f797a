//! What the loop starts and orders: operators, probes, load, the command under test, and what people ask for.

use tokio::sync::mpsc;

use super::LEASE;
use super::driver::{Driver, OURSELVES};
use super::hand::Deed;
use super::operator::{Order, operate};
use crate::coordinator::alarms::{AlarmInput, Intake};
use crate::coordinator::clock;
use crate::coordinator::command::{self, Output};
use crate::coordinator::control::{Request, Status};
use crate::coordinator::load::spawn_load;
use crate::coordinator::probe::spawn_probes;
use crate::drill::{Event, Inject};
use crate::scenario::plan::{ProbeAction, StatusRange};

/// How many orders may wait for one fault. The drill itself gives two; the rest are changes by people.
const ORDERS_MAX: usize = 16;

impl Driver<'_> {
    /// One operator for each fault, and the renewal of leases.
    pub(super) fn start_operators(&mut self) {
        let Some(prepared) = &self.running.prepared else { return };
        for fault in &self.setup.plan.faults {
            let Some(hand) = prepared.hand(fault, &self.setup.plan.routes) else { continue };
            let deed = Deed::new(hand, fault.clone(), &self.setup.plan, &self.setup.drill);
            let (orders, orders_in) = mpsc::channel(ORDERS_MAX);
            self.operators.insert(fault.id.clone(), orders);
            self.running.tasks.spawn(operate(deed, orders_in, self.events.clone()));
        }
        let (control, agent) = (prepared.control.clone(), prepared.agent.clone());
        let clients: Vec<_> = prepared.clients.values().cloned().collect();
        let (owner, renew, stop) = (self.setup.drill.clone(), self.renew.clone(), self.running.stop.clone());
        // The loop gives the beat: should it hang, nothing is renewed, and every executor undoes by itself.
        self.running.tasks.spawn(async move {
            loop {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    () = renew.notified() => {}
                }
                if let Some(control) = &control
                    && let Err(problem) = control.renew(&owner, LEASE.duration())
                {
                    tracing::warn!(%problem, "leases were not renewed");
                }
                if let Some(agent) = &agent {
                    agent.renew(LEASE).await;
                }
                // All at once: a proxy that does not answer must not cost the others their lease.
                let renewals = clients.iter().map(|client| client.renew(&owner, LEASE.duration()));
                for error in
                    futures_util::future::join_all(renewals).await.into_iter().filter_map(Result::err)
                {
                    tracing::warn!(%error, "leases were not renewed");
                }
            }
        });
    }

    /// Hands an order to a fault's operator.
    pub(super) fn order(&mut self, fault: &str, order: Order) {
        let refused = matches!(order, Order::Apply);
        let sent = self.operators.get(fault).map(|operator| operator.try_send(order));
        if matches!(sent, Some(Ok(()))) {
            return;
        }
        let (fault, why) = (fault.to_owned(), "its operator does not take orders".to_owned());
        let event =
            if refused { Event::FaultRefused { fault, why } } else { Event::FaultStuck { fault, why } };
        self.happen_next(event);
    }

    pub(super) fn start_probes(&mut self) {
        let Some(prepared) = &self.running.prepared else { return };
        let plan = &self.setup.plan;
        let stop = &self.running.stop;
        let probes =
            spawn_probes(&plan.steady_state.probes, self.clock, &prepared.secrets, &self.probes, stop);
        self.running.probes = Some(probes);
        let Some(load) = plan.load.clone() else { return };
        // An answer that the probe of the same URL calls good is good for the load as well.
        let good: Vec<StatusRange> = plan
            .steady_state
            .probes
            .iter()
            .find_map(|probe| match &probe.action {
                ProbeAction::Http(http) if http.url == load.request.url => {
                    Some(probe.tolerance.status.clone())
                }
                _ => None,
            })
            .unwrap_or_default();
        let (clock, answers, stop) = (self.clock, self.load.clone(), stop.clone());
        let (secrets, events) = (prepared.secrets.clone(), self.events.clone());
        self.running.tasks.spawn(async move {
            match spawn_load(&load, &good, clock, &secrets, answers, stop.clone()).await {
                Ok(runner) => drop(runner.ended().await),
                Err(error) => {
                    let reason = format!("the load cannot be sent: {error}");
                    let _ = events.send(Event::HaltRequested { who: OURSELVES.into(), reason }).await;
                }
            }
        });
    }

    pub(super) fn start_command(&mut self) {
        let argv = self.setup.plan.command.clone().unwrap_or_default();
        let (events, end) = (self.events.clone(), self.end_command.clone());
        let output = if self.setup.json_on_stdout { Output::OnStandardError } else { Output::Inherited };
        self.running.tasks.spawn(async move {
            let ended = match command::start(&argv, output).await {
                Ok(command) => command.run(end).await,
                Err(error) => Err(error),
            };
            let (status, detail) = match ended {
                Ok(end) => (end.status, end.detail),
                Err(error) => (None, error.to_string()),
            };
            let _ = events.send(Event::CommandFinished { status, detail }).await;
        });
    }

    /// A route that nobody uses makes a fault that nobody feels; better said before than after.
    pub(super) fn warn_of_idle_routes(&mut self) {
        let control = self.running.prepared.as_ref().and_then(|prepared| prepared.control.as_ref());
        let routes = control.map(|control| control.routes()).unwrap_or_default();
        for route in routes.iter().filter(|route| route.traffic.connections == 0) {
            let (name, bound) = (&route.spec.name, route.bound);
            let text = format!(
                "route `{name}` saw no connection while steady: is the service under test told to use {bound}?"
            );
            // A note decides nothing, so it may come before what was decided already.
            self.decide(Event::NoteWritten { who: OURSELVES.into(), text });
        }
    }

    /// Hears alarms from now on: what fires before the first fault is worth knowing too.
    pub(super) fn start_intake(&mut self) {
        let wanted = self.setup.plan.alarms.is_wanted();
        let Some(prepared) = self.running.prepared.as_mut().filter(|_| wanted) else { return };
        let listener = prepared.alarms.take();
        let (alarms, stop) = (self.alarms.clone(), self.running.stop.clone());
        self.running.intake =
            Some(Intake::start(listener, &self.setup.plan.alarms, clock::wall, alarms, stop));
    }

    /// Journals what monitoring said, then lets the sender have its answer.
    pub(super) fn on_alarm(&mut self, input: AlarmInput) {
        match input {
            AlarmInput::Alarms { alarms, journalled } => {
                for alarm in alarms {
                    self.happen(Event::AlarmReceived { alarm });
                }
                if let Some(journalled) = journalled {
                    // The sender may have given up waiting; it will send again, and that is recognised.
                    let _ = journalled.send(());
                }
            }
            AlarmInput::Asked { expectation, cause, evidence } => {
                self.happen(Event::MonitorAsked { expectation, cause, evidence });
            }
        }
    }

    /// Why an alarm has not come is asked only while a fault is on.
    pub(super) fn watch_for_causes(&mut self) {
        if let Some(intake) = &self.running.intake {
            intake.set_watching(self.drill.injects().iter().any(Inject::is_effective));
        }
    }

    /// The agent's own watch: a fault that ended by itself, a guardian that died.
    pub(super) fn look_at_agent(&mut self) {
        let Some(agent) = self.running.prepared.as_ref().and_then(|prepared| prepared.agent.clone()) else {
            return;
        };
        // First what failed, then what followed from it: without its guardian the agent ends every fault.
        if let Err(reason) = agent.health()
            && self.drill.stopped().is_none()
        {
            self.happen(Event::HaltRequested { who: OURSELVES.into(), reason });
        }
        for lost in agent.lost() {
            self.happen(Event::FaultLost { fault: lost.fault, why: lost.why });
        }
    }

    /// Stops the drill, and keeps the next one from starting until somebody releases the lever.
    pub(super) fn halt(&mut self, who: String, reason: String) {
        if let Err(error) = self.lever.engage(&who, &reason, clock::wall()) {
            tracing::error!(%error, "the lever is not engaged");
        }
        self.happen(Event::HaltRequested { who, reason });
    }

    pub(super) fn on_request(&mut self, request: Request) {
        // Whoever asked may have gone before the answer; then nobody misses it.
        match request {
            Request::Status { reply } => {
                let now = self.clock.now();
                let status =
                    Status::of(&self.setup.drill, &self.setup.plan, &self.setup.folder, &self.board, now);
                let _ = reply.send(status);
            }
            Request::Halt { who, reason, reply } => {
                self.halt(who, reason);
                let _ = reply.send(());
            }
            Request::Note { who, text, reply } => {
                self.happen(Event::NoteWritten { who, text });
                let _ = reply.send(());
            }
            Request::SetFault { who, fault, changes, reply } => match self.operators.get(&fault) {
                // Room is kept for the drill's own orders.
                Some(operator) if operator.capacity() > ORDERS_MAX / 2 => {
                    let _ = operator.try_send(Order::Change { who, changes, reply });
                }
                Some(_) => {
                    let _ = reply.send(Err("too many changes wait already; try again in a moment".into()));
                }
                None => {
                    let ids: Vec<&str> =
                        self.setup.plan.faults.iter().map(|fault| fault.id.as_str()).collect();
                    let why =
                        format!("there is no fault `{fault}` that is on; this drill has {}", ids.join(", "));
                    let _ = reply.send(Err(why));
                }
            },
        }
    }
}
