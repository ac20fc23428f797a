//! Obeying a game day: looks, runs, stops and the end, each in a task of its own.

use std::sync::{Arc, PoisonError};

use tokio_util::sync::CancellationToken;

use super::{Current, Keeper, inject, look, report};
use crate::coordinator::office::{Desk, Refusal};
use crate::gameday::{DayCommand, DayEvent};

impl Desk {
    /// Tells a game day what happened, and obeys it.
    ///
    /// # Errors
    /// It does not fit, or cannot be written down.
    pub(in crate::coordinator) fn tell(
        self: &Arc<Self>,
        day: &Arc<Keeper>,
        event: DayEvent,
    ) -> Result<(), Refusal> {
        let commands = day.happen(self.now(), event)?;
        self.obey(day, commands);
        Ok(())
    }

    /// The same of what nobody is there to be refused.
    pub(in crate::coordinator) fn tell_or_log(self: &Arc<Self>, day: &Arc<Keeper>, event: DayEvent) {
        if let Err(refusal) = self.tell(day, event) {
            tracing::warn!(gameday = day.id, %refusal, "a game day does not take what happened");
        }
    }

    /// Does what a game day wants.
    pub(in crate::coordinator) fn obey(self: &Arc<Self>, day: &Arc<Keeper>, commands: Vec<DayCommand>) {
        for command in commands {
            match command {
                DayCommand::CheckPreflight { item } => {
                    let (desk, day) = (Arc::clone(self), Arc::clone(day));
                    self.spawn(async move {
                        // What a life that ends did not see the next one looks at.
                        let Some(result) = look::at(&desk, &day, &item).await else { return };
                        // By now somebody may have waived it, or stopped the day.
                        let _ = desk.tell(&day, DayEvent::PreflightChecked { item, result });
                    });
                }
                DayCommand::BeginInject { run } => self.begin(day, run),
                DayCommand::StopDrill { why } => day.stop_current(&why),
                // The report is made of the closed journal.
                DayCommand::WriteReport {} => {}
                DayCommand::Close {} => {
                    let (desk, day) = (Arc::clone(self), Arc::clone(day));
                    self.spawn(async move { report::close(&desk, &day).await });
                }
                // Neither is handed out: both are written down where they are decided.
                DayCommand::WakeAt { .. } | DayCommand::Record(_) => {}
            }
        }
        self.shown(day);
        self.look_at_schedule();
    }

    fn begin(self: &Arc<Self>, day: &Arc<Keeper>, run: u32) {
        // What is wanted while everything ends is wanted again after the next start.
        if self.is_closing() {
            return;
        }
        let current = Current { stop: CancellationToken::new(), why: Arc::default() };
        // One that still waits for its turn has lost it.
        if let Some(before) = day.current().replace(current.clone()) {
            before.stop.cancel();
        }
        let (desk, day) = (Arc::clone(self), Arc::clone(day));
        self.spawn(async move { inject::run(&desk, &day, run, &current).await });
    }
}

impl Keeper {
    /// Whether no later order to begin has taken its place.
    pub(super) fn is_current(&self, current: &Current) -> bool {
        self.current().as_ref().is_some_and(|latest| Arc::ptr_eq(&latest.why, &current.why))
    }

    /// Stops the run that is under way, or about to begin.
    pub(super) fn stop_current(&self, why: &str) {
        if let Some(current) = &*self.current() {
            why.clone_into(&mut current.why.lock().unwrap_or_else(PoisonError::into_inner));
            current.stop.cancel();
        }
    }
}

impl Current {
    pub(super) fn why(&self) -> String {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
