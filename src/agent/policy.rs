//! What the host's owner forbids; nobody else can override it.

use crate::fault::Glob;

/// The host owner's policy: it can forbid more than is always protected, never less.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Kinds of fault that are refused (`policy.faults.deny`).
    pub deny: Vec<String>,
    /// Names of processes (`comm` or the file name of the executable) that are never touched (`protect.processes`).
    pub protect_processes: Vec<Glob>,
}

impl Policy {
    /// Whether a kind of fault is refused.
    pub fn denies(&self, kind: &str) -> bool {
        self.deny.iter().any(|denied| denied == kind)
    }
}
