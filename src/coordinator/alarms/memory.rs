//! What the intake remembers: what was said before, and which expectations were heard.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::alarm::{Mark, Seen};
use crate::drill::alarm::{Alarm, AlarmKind};
use crate::scenario::expectation::Expectation;

/// So many messages are told apart from repeated ones.
const SEEN_MAX: usize = 50_000;

/// Shared by everything that takes alarms in.
#[derive(Debug)]
pub(super) struct Memory {
    expected: Vec<Expectation>,
    inside: Mutex<Inside>,
}

#[derive(Debug)]
struct Inside {
    seen: Seen,
    /// The ids of the expectations that an alarm has answered.
    came: BTreeSet<String>,
}

impl Memory {
    pub(super) fn new(expected: &[Expectation]) -> Self {
        let inside = Inside { seen: Seen::new(SEEN_MAX), came: BTreeSet::new() };
        Self { expected: expected.to_vec(), inside: Mutex::new(inside) }
    }

    /// Marks what was said before.
    pub(super) fn mark(&self, alarms: &mut [Alarm]) -> Vec<Mark> {
        self.inside().seen.mark(alarms)
    }

    /// These alarms got lost before they were recorded: the sender will say them again, and not as a repetition.
    pub(super) fn forget(&self, marks: &[Mark]) {
        self.inside().seen.forget(marks);
    }

    /// These alarms are on their way into the record.
    pub(super) fn heard(&self, alarms: &[Alarm]) {
        let mut came = Vec::new();
        for alarm in alarms.iter().filter(|alarm| alarm.kind == AlarmKind::Fired) {
            came.extend(self.expected.iter().filter(|expectation| answers(alarm, expectation)));
        }
        self.inside().came.extend(came.into_iter().map(|expectation| expectation.id.clone()));
    }

    /// What came before faults were on is no answer to them.
    pub(super) fn begin(&self) {
        self.inside().came.clear();
    }

    /// The expectations that nothing has answered yet.
    pub(super) fn awaited(&self) -> Vec<&Expectation> {
        let inside = self.inside();
        self.expected.iter().filter(|expectation| !inside.came.contains(&expectation.id)).collect()
    }

    /// Nothing that holds the lock can panic half-way.
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An alarm for somebody else is no answer; one that does not say for whom it is, is.
fn answers(alarm: &Alarm, expectation: &Expectation) -> bool {
    let for_them = match (&expectation.receiver, &alarm.receiver) {
        (Some(wanted), Some(got)) => wanted == got,
        (None, _) | (_, None) => true,
    };
    for_them && expectation.matching.fits(&alarm.labels)
}
