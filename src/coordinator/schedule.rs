//! Which game days are due: the wall clock is looked at again and again, so that one that jumps is noticed.

use std::time::Duration;

use jiff::Timestamp;

use super::lever::Engaged;
use crate::gameday::{Day, DayState};

/// The wall clock may jump (a laptop that sleeps, a clock that is set), so nothing waits longer than this.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(30);

/// What the schedule says about a game day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// Nothing: it has no time, or has begun, or knows already.
    Nothing,
    /// To look again then.
    Wait(Timestamp),
    /// Its time has come.
    Due,
    /// Its time is over, and it did not begin.
    Missed(String),
}

/// Looks at one game day. `halted`: the lever, while it is engaged.
pub(super) fn look(day: &Day, now: Timestamp, halted: Option<&Engaged>) -> Says {
    let waits = matches!(day.state(), DayState::Draft | DayState::Approved);
    let Some(due) = day.plan().due.filter(|_| waits) else { return Says::Nothing };
    if now < due.at {
        return Says::Wait(due.at);
    }
    // Once it was told, it watches its deadline itself.
    if day.is_due() {
        return Says::Nothing;
    }
    if now < due.deadline {
        // Whoever releases the lever in time lets it begin.
        return if halted.is_some() { Says::Wait(due.deadline) } else { Says::Due };
    }
    let why = match halted {
        Some(engaged) => format!("nothing may start while it is halted by {}", engaged.who),
        None if day.state() == DayState::Draft => "it was not approved in time".to_owned(),
        None => "the coordinator was not there in time".to_owned(),
    };
    Says::Missed(format!("it was due at {} and could start until {}: {why}", due.at, due.deadline))
}

/// How long to wait for the next thing that is to be done.
pub(super) fn pause(now: Timestamp, next: impl IntoIterator<Item = Timestamp>) -> Duration {
    let soonest =
        next.into_iter().min().map(|at| Duration::try_from(at.duration_since(now)).unwrap_or_default());
    // A moment more than nothing: a clock that stands still must not make this spin.
    soonest.unwrap_or(LOOK_EVERY).clamp(Duration::from_millis(1), LOOK_EVERY)
}
