//! One host: applies host faults and always takes them back.
//!
//! Two processes share the work. The **worker** ([`Agent`], inside `firedrill run`) does the deeds; the **guardian**
//! ([`guardian_main`], a process of its own) only undoes. Before a deed, its way back is written and synced as data;
//! the death of either process, a stuck worker or a missed lease makes the other undo. When both die, the next start
//! (or `firedrill agent heal`) undoes first.

mod clock;
mod deed;
mod directories;
mod family;
mod guardian;
mod heal;
mod identity;
mod link;
mod policy;
mod process_kill;
mod process_pause;
mod process_restart;
mod processes;
mod protected;
mod refusal;
mod standing;
#[cfg(test)]
mod stopped;
mod undo;
mod wire;
mod worker;

pub use directories::{Directories, make_private};
pub use family::{MARK, end, mark, members};
pub use guardian::guardian_main;
pub use heal::{HealReport, heal};
pub use identity::Identity;
pub use policy::Policy;
pub use refusal::AgentError;
pub use worker::{Agent, Applied, Found, GuardianProgram, Lost, Options, Removed};
