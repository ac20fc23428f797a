//! What the bytes of one direction have to expect from the faults on their connection.

use crate::fault::Direction;

/// Which way bytes flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    Response,
}

impl Side {
    /// Both, in the order in which what is kept per side stands.
    pub(super) const BOTH: [Self; 2] = [Self::Request, Self::Response];

    /// Its place where something is kept for each of the two.
    pub(super) const fn index(self) -> usize {
        match self {
            Self::Request => 0,
            Self::Response => 1,
        }
    }

    pub(super) const fn meant_by(self, direction: Direction) -> bool {
        match self {
            Self::Request => direction.acts_on_request(),
            Self::Response => direction.acts_on_response(),
        }
    }
}

/// How a fault ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Both sides get a RST.
    Reset,
    /// Both sides get what was passed on, and then the end.
    Close,
}

/// What the bytes of one direction have to expect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Gates {
    pub(super) latency: bool,
    pub(super) pace: Pace,
    pub(super) blackhole: bool,
    pub(super) stall: bool,
    /// Bits flip when they leave.
    pub(super) corrupt: bool,
    /// Nothing leaves, and what has come waits.
    pub(super) hold: bool,
    /// The connection ends once so many bytes have passed.
    pub(super) limit: Option<Limit>,
}

/// How bytes leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pace {
    #[default]
    Free,
    /// No faster than a rate allows.
    Rate,
    /// In pieces, and no faster than they may follow each other.
    Pieces,
}

/// Where the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    /// Bytes of this direction that pass before, counted from the beginning of the connection.
    pub(super) at: u64,
    pub(super) fate: Fate,
    /// It ends by the first byte too many, and not by the last that is allowed.
    pub(super) waits: bool,
    /// Which of the connection's faults says so.
    pub(super) act: usize,
}

impl Gates {
    /// Whether bytes may not simply pass: they wait, are counted, changed or taken away.
    pub(super) fn touch_bytes(&self) -> bool {
        *self != Self::default()
    }

    /// Whether they leave no faster than something allows.
    pub(super) fn is_paced(&self) -> bool {
        self.pace != Pace::Free
    }

    /// They also leave at this pace.
    pub(super) fn at(&mut self, pace: Pace) {
        self.pace = self.pace.max(pace);
    }

    /// Whether bytes may pass unseen, as long as somebody counts them: all that is asked is that they take their time.
    pub(super) fn lets_splice(&self) -> bool {
        self.pace != Pace::Pieces && !Self { pace: Pace::Free, ..*self }.touch_bytes()
    }

    /// The connection also ends there; the first fault in file order wins where several end it at the same byte.
    pub(super) fn end_at(&mut self, limit: Option<Limit>) {
        self.limit = [self.limit, limit].into_iter().flatten().min_by_key(|limit| limit.at);
    }

    /// Where the connection has come to its end: so many bytes have passed, and more wait or do not.
    pub(super) fn reached(&self, passed: u64, more_wait: bool) -> Option<Limit> {
        self.limit.filter(|limit| passed > limit.at || passed == limit.at && (!limit.waits || more_wait))
    }

    /// How many of `want` bytes may pass before the connection ends.
    pub(super) fn room(&self, passed: u64, want: u64) -> u64 {
        self.limit.map_or(want, |limit| want.min(limit.at.saturating_sub(passed)))
    }
}

/// When a fault ends the connection by its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// 0 for at once.
    pub(super) at_ns: u64,
    pub(super) fate: Fate,
    /// Which of the connection's faults says so.
    pub(super) act: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_ends_by_its_last_byte_unless_it_waits_for_one_too_many() {
        let gates = |at, waits| Gates {
            limit: Some(Limit { at, fate: Fate::Close, waits, act: 0 }),
            ..Gates::default()
        };
        for (at, waits, passed, more_wait, ends) in [
            (10, false, 9, true, false),
            (10, false, 10, false, true),
            (10, false, 11, false, true),
            (0, false, 0, false, true),
            (0, true, 0, false, false),
            (0, true, 0, true, true),
        ] {
            let reached = gates(at, waits).reached(passed, more_wait);
            assert_eq!(reached.is_some(), ends, "{at} {waits} {passed} {more_wait}");
        }
        assert_eq!((gates(10, false).room(7, 9), gates(10, false).room(11, 9)), (3, 0));
        assert!(gates(10, false).touch_bytes() && !Gates::default().touch_bytes());
    }
}
