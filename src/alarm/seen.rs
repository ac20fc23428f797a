//! What was said before.

use std::collections::{HashSet, VecDeque};

use jiff::Timestamp;

use crate::drill::alarm::{Alarm, AlarmKind};

/// What makes two messages say the same. The source and the receiver belong to it: one alarm that reaches two people
/// was told to each for the first time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    source: String,
    receiver: Option<String>,
    key: String,
    kind: AlarmKind,
    claimed_at: Option<Timestamp>,
}

impl Mark {
    fn of(alarm: &Alarm) -> Self {
        Self {
            source: alarm.source.clone(),
            receiver: alarm.receiver.clone(),
            key: alarm.key.clone(),
            kind: alarm.kind,
            claimed_at: alarm.claimed_at,
        }
    }
}

/// A bounded memory of what was said; the oldest is forgotten first.
#[derive(Debug)]
pub struct Seen {
    marks: HashSet<Mark>,
    order: VecDeque<Mark>,
    max: usize,
}

impl Seen {
    /// Remembers up to `max` messages.
    pub fn new(max: usize) -> Self {
        Self { marks: HashSet::new(), order: VecDeque::new(), max }
    }

    /// Marks the alarms that were said before as repeated, and remembers the others. Gives what is new, to be taken
    /// back with [`forget`](Self::forget) if the alarms get lost on their way.
    pub fn mark(&mut self, alarms: &mut [Alarm]) -> Vec<Mark> {
        let mut new = Vec::new();
        for alarm in alarms {
            let mark = Mark::of(alarm);
            if self.marks.contains(&mark) {
                alarm.repeat = true;
                continue;
            }
            if self.order.len() >= self.max
                && let Some(oldest) = self.order.pop_front()
            {
                self.marks.remove(&oldest);
            }
            self.marks.insert(mark.clone());
            self.order.push_back(mark.clone());
            new.push(mark);
        }
        new
    }

    /// Forgets what was never recorded.
    pub fn forget(&mut self, marks: &[Mark]) {
        let lost: HashSet<&Mark> = marks.iter().collect();
        self.order.retain(|mark| !lost.contains(mark));
        for mark in marks {
            self.marks.remove(mark);
        }
    }
}
