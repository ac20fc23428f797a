//! Why the agent does not do as asked.

use std::io;
use std::path::PathBuf;

/// Why the agent did not do as asked. Unless it says otherwise, nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Nothing fits.
    #[error(
        "no running process fits {selector}{blind}; start it first, or look for it with `ps -eo pid,user,comm,args`"
    )]
    NoTarget {
        /// What was looked for.
        selector: String,
        /// A remark about processes that could not be looked into; mostly empty.
        blind: String,
    },
    /// Only processes fit that are never touched.
    #[error("{selector} fits only protected processes, which are never touched: {}; select something else", names.join(", "))]
    OnlyProtected {
        /// What was looked for.
        selector: String,
        /// What was found, each with the reason.
        names: Vec<String>,
    },
    /// Fewer fit than were asked for.
    #[error(
        "{selector} with count {count} needs {count} processes and {found} fit ({names}); lower `count` or start more"
    )]
    TooFew {
        /// What was looked for.
        selector: String,
        /// How many were asked for.
        count: u32,
        /// How many fit.
        found: usize,
        /// Which.
        names: String,
    },
    /// More fit than one fault may hit.
    #[error(
        "{selector} fits {found} processes and one fault may hit at most {limit}; narrow it, or use `count`"
    )]
    TooMany {
        /// What was looked for.
        selector: String,
        /// How many fit.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// No such user on this host.
    #[error("this host has no user `{user}`; use a name that `getent passwd` knows, or a number")]
    NoSuchUser {
        /// As written.
        user: String,
    },
    /// The kernel does not let us signal a process.
    #[error(
        "may not signal process {pid} ({name}), which belongs to another user; run firedrill as that user or as root"
    )]
    NotPermitted {
        /// The process.
        pid: i32,
        /// Its name.
        name: String,
    },
    /// What a process was started from cannot be known or is gone, so it could not be started again.
    #[error("process {pid} ({name}) cannot be started again as it was: {why}")]
    NotRestartable {
        /// The process.
        pid: i32,
        /// Its name.
        name: String,
        /// Why not, and what to do instead.
        why: String,
    },
    /// The host's owner forbids the kind of fault.
    #[error("the policy of this host forbids `{kind}` (`faults.deny`); ask the owner of its policy.yaml")]
    Denied {
        /// The kind.
        kind: &'static str,
    },
    /// The host's owner set a ceiling.
    #[error(
        "the policy of this host forbids fault `{fault}`: {why}; lower it, or ask the owner of its policy.yaml"
    )]
    AboveCeiling {
        /// Its id.
        fault: String,
        /// What was asked for and what is allowed.
        why: String,
    },
    /// The host owner's policy cannot be held, so nothing may be done here.
    #[error("the policy of this host cannot be held, so no fault may be applied here:\n{problems}")]
    Policy {
        /// What is wrong with it, a line for each.
        problems: String,
    },
    /// The deed was done and nothing came of it; it was taken back.
    #[error("fault `{fault}` had no effect and was taken back: {why}")]
    NoEffect {
        /// Its id.
        fault: String,
        /// What was seen.
        why: String,
    },
    /// A fault of this name is on.
    #[error("fault `{fault}` is already applied; remove it first")]
    AlreadyApplied {
        /// Its id.
        fault: String,
    },
    /// A fault of this name was never applied.
    #[error("fault `{fault}` was never applied on this host")]
    Unknown {
        /// Its id.
        fault: String,
    },
    /// The guardian could not be started, or is gone.
    #[error("no guardian, so no fault: {why}")]
    NoGuardian {
        /// Why.
        why: String,
    },
    /// A file of ours cannot be used.
    #[error("{what} {}: {source}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The kernel did not tell us what we need to know.
    #[error("cannot read {what}: {why}")]
    Proc {
        /// What was read.
        what: String,
        /// What the system said.
        why: String,
    },
}
