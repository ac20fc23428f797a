//! How the source of a flow ended, and what of it the destination knows.

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
