//! How the source of a flow ended, and what of it the destination knows.

use super::acting::Delay;
use super::armed::Armed;
use super::timer::now_ns;

/// The news of an end, kept back by `slow_close`.
#[derive(Debug)]
pub(super) struct LateEnd {
    since_ns: u64,
    delays: Vec<Delay>,
}

impl LateEnd {
    /// The end has come now; nothing when no fault keeps it back.
    pub(super) fn new(delays: Vec<Delay>) -> Option<Box<Self>> {
        (!delays.is_empty()).then(|| Box::new(Self { since_ns: now_ns(), delays }))
    }

    /// When it is to be told.
    pub(super) fn due_ns(&self) -> u64 {
        self.since_ns + self.delays.iter().map(|delay| delay.ns).sum::<u64>()
    }

    pub(super) fn waits_for(&self, armed: &Armed) -> bool {
        self.delays.iter().any(|delay| delay.is_of(armed))
    }

    /// It is kept back by this fault at most so long; not at all is as if it had never been.
    pub(super) fn shorten(&mut self, armed: &Armed, longest_ns: u64) {
        let of = |delay: &&mut Delay| delay.is_of(armed);
        self.delays.iter_mut().filter(of).for_each(|delay| delay.ns = delay.ns.min(longest_ns));
        self.delays.retain(|delay| delay.ns > 0);
    }

    /// The destination knows now.
    pub(super) fn told(&mut self) {
        let late_ns = now_ns() - self.since_ns;
        let total: u64 = self.delays.iter().map(|delay| delay.ns).sum();
        for delay in self.delays.drain(..) {
            delay.happened(late_ns.saturating_sub(total - delay.ns), 0);
        }
    }
}

impl Drop for LateEnd {
    /// The connection ended before its end was told: that it was late was felt all the same.
    fn drop(&mut self) {
        self.delays.iter().for_each(Delay::felt);
    }
}

/// The end of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Open,
    /// It sent all it had; the same is to be said to the destination at `due_ns`.
    Finished {
        due_ns: u64,
    },
    /// It was reset.
    Reset {
        due_ns: u64,
    },
    /// The destination knows.
    Told,
    /// A black hole took the news.
    Swallowed,
}

impl End {
    /// The source turned out to be reset, whatever was read from it.
    pub(super) const fn in_reset(self) -> Self {
        match self {
            Self::Finished { due_ns } => Self::Reset { due_ns },
            // A black hole keeps an end to itself, but never a reset: there is nobody left to deceive.
            Self::Told | Self::Swallowed => Self::Reset { due_ns: 0 },
            Self::Open | Self::Reset { .. } => self,
        }
    }

    /// The news may not come later than this.
    pub(super) fn by(self, latest_ns: u64) -> Self {
        match self {
            Self::Finished { due_ns } => Self::Finished { due_ns: due_ns.min(latest_ns) },
            Self::Reset { due_ns } => Self::Reset { due_ns: due_ns.min(latest_ns) },
            Self::Open | Self::Told | Self::Swallowed => self,
        }
    }
}
