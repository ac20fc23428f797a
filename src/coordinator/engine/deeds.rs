//! What the loop starts and orders: operators, probes, load, the command under test, and what people ask for.

use std::sync::Arc;

use super::Setup;
use super::driver::{Driver, OURSELVES};
use super::operator::{Operator, Order, operate};
use crate::coordinator::alarms::AlarmInput;
use crate::coordinator::control::{Request, Status};
use crate::drill::{Event, Inject, InjectState};

impl Driver<'_> {
    pub(super) fn start_preflight(&mut self) {
        let (outside, prepared) = (Arc::clone(&self.outside), self.ways.prepared.clone());
        let stop = self.running.stop.clone();
        self.running.tasks.spawn(async move {
            let Some(ready) = stop.run_until_cancelled(outside.prepare()).await else { return };
            // Nobody takes it any more when the drill is over; what was prepared is put away then.
            let _ = prepared.send(ready).await;
        });
    }

    /// One operator for each fault, and the renewal of leases.
    pub(super) fn start_operators(&mut self) {
        for fault in &self.setup.plan.faults {
            let (operator, orders, called_off) = Operator::new();
            self.operators.insert(fault.id.clone(), operator);
            let (outside, events) = (Arc::clone(&self.outside), self.ways.events.clone());
            self.running.tasks.spawn(operate(fault.id.clone(), outside, orders, called_off, events));
        }
        let (outside, renew) = (Arc::clone(&self.outside), Arc::clone(&self.renew));
        let stop = self.running.stop.clone();
        // The loop gives the beat: should it hang, nothing is renewed, and every executor undoes by itself.
        self.running.tasks.spawn(async move {
            while stop.run_until_cancelled(renew.notified()).await.is_some() {
                outside.renew().await;
            }
        });
    }

    /// Hands an order to a fault's operator.
    pub(super) fn order(&mut self, fault: &str, order: Order) {
        let refused = matches!(order, Order::Apply);
        if self.operators.get(fault).is_some_and(|operator| operator.order(order)) {
            return;
        }
        let (fault, why) = (fault.to_owned(), "its operator does not take orders".to_owned());
        let event =
            if refused { Event::FaultRefused { fault, why } } else { Event::FaultStuck { fault, why } };
        self.happen_next(event);
    }

    pub(super) fn start_probes(&mut self) {
        let (outside, clock, stop) = (Arc::clone(&self.outside), self.clock, self.running.stop.clone());
        let samples = self.ways.probes.clone();
        self.running.probes.spawn(async move { outside.probe(clock, &samples, &stop).await });
        if self.setup.plan.load.is_none() {
            return;
        }
        let (outside, stop) = (Arc::clone(&self.outside), self.running.stop.clone());
        let (answers, events) = (self.ways.load.clone(), self.ways.events.clone());
        self.running.tasks.spawn(async move {
            if let Err(why) = outside.load(clock, answers, &stop).await {
                let reason = format!("the load cannot be sent: {why}");
                let _ = events.send(Event::HaltRequested { who: OURSELVES.into(), reason }).await;
            }
        });
    }

    pub(super) fn start_command(&mut self) {
        let (outside, end) = (Arc::clone(&self.outside), self.end_command.clone());
        let events = self.ways.events.clone();
        self.running.tasks.spawn(async move {
            let ended = outside.command(end).await;
            let _ = events.send(Event::CommandFinished { status: ended.status, detail: ended.detail }).await;
        });
    }

    /// What is worth knowing before the first fault is written down.
    pub(super) fn note_before_faults(&mut self) {
        for text in self.outside.before_faults() {
            self.happen_next(Event::NoteWritten { who: OURSELVES.into(), text });
        }
    }

    /// Hears alarms from now on: what fires before the first fault is worth knowing too.
    pub(super) fn start_intake(&mut self) {
        if !self.setup.plan.hears_alarms() {
            return;
        }
        let (outside, stop) = (Arc::clone(&self.outside), self.running.stop.clone());
        let (alarms, watching) = (self.ways.alarms.clone(), self.watching.subscribe());
        self.running.intake.spawn(async move { outside.hear(alarms, watching, &stop).await });
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
        let on = self.drill.injects().iter().any(Inject::is_effective);
        self.watching.send_if_modified(|now| std::mem::replace(now, on) != on);
    }

    /// Looks whether what holds the faults still lives.
    pub(super) fn look_at_outside(&mut self) {
        // First what failed, then what followed from it: without its guardian the agent ends every fault.
        if let Err(reason) = self.outside.health()
            && self.drill.stopped().is_none()
        {
            self.happen(Event::HaltRequested { who: OURSELVES.into(), reason });
        }
        for lost in self.outside.lost() {
            self.happen(Event::FaultLost { fault: lost.fault, why: lost.why });
        }
    }

    /// Stops the drill, and keeps the next one from starting until somebody releases the lever.
    pub(super) fn halt(&mut self, who: String, reason: String) {
        self.outside.engage_lever(&who, &reason);
        self.happen(Event::HaltRequested { who, reason });
    }

    pub(super) fn on_request(&mut self, request: Request) {
        // Whoever asked may have gone before the answer; then nobody misses it.
        match request {
            Request::Status { reply } => {
                let (now, Setup { drill, plan, folder, .. }) = (self.clock.now(), &self.setup);
                let _ = reply.send(Status::of(drill, plan, folder, &self.board, now));
            }
            Request::Halt { who, reason, reply } => {
                self.halt(who, reason);
                let _ = reply.send(());
            }
            Request::Note { who, text, action, reply } => {
                self.happen(match action {
                    true => Event::ActionTaken { who, text },
                    false => Event::NoteWritten { who, text },
                });
                let _ = reply.send(());
            }
            Request::Answer { who, step, role, answer, reply } => {
                let _ = reply.send(self.on_answer(who, step, role, answer));
            }
            Request::StartPlaybook { who, reply } => {
                let allowed = self.drill.may_start_playbook();
                if allowed.is_ok() {
                    self.happen(Event::PlaybookRequested { who });
                }
                let _ = reply.send(allowed);
            }
            Request::SetFault { who, fault, changes, reply } => match self.who_can_change(&fault) {
                Ok(operator) => {
                    operator.order(Order::Change { who, changes, reply });
                }
                Err(why) => {
                    let _ = reply.send(Err(why));
                }
            },
        }
    }

    /// The operator of a fault that can be changed now, or why there is none.
    fn who_can_change(&self, fault: &str) -> Result<&Operator, String> {
        let inject = self.drill.injects().iter().find(|inject| inject.plan.id == fault);
        let is_on =
            inject.is_some_and(|i| matches!(i.state, InjectState::Applying { .. } | InjectState::Applied));
        match self.operators.get(fault).filter(|_| is_on) {
            Some(operator) if operator.has_room() => Ok(operator),
            Some(_) => Err("too many changes wait already; try again in a moment".into()),
            None => {
                let ids: Vec<&str> = self.setup.plan.faults.iter().map(|fault| fault.id.as_str()).collect();
                Err(format!("there is no fault `{fault}` that is on; this drill has {}", ids.join(", ")))
            }
        }
    }
}
