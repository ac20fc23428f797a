//! What can be known of a playbook's steps before the first of them.

use std::sync::Arc;

use tokio::task::spawn_blocking;

use crate::agent::Agent;
use crate::coordinator::command;
use crate::playbook::plan::{Action, Check, Playbook, Step};
use crate::scenario::plan::ProbeAction;

/// Whether a step acts on this host, or starts a process, which the guardian ends should we be killed.
pub(super) fn needs_agent(book: &Playbook) -> bool {
    let own_command = |check: &Check| match check {
        Check::Own(probe) => matches!(probe.action, ProbeAction::Run(_)),
        Check::SteadyState | Check::Named(_) => false,
    };
    let by_action = |action: &Action| match action {
        Action::Run { .. } | Action::Host { .. } => true,
        Action::Probe(check) => own_command(check),
        Action::Manual { .. } | Action::Approve { .. } | Action::Http { .. } | Action::Notify { .. } => false,
    };
    book.steps.iter().any(|step| {
        actions(step).any(by_action) || step.verify.as_ref().is_some_and(|verify| own_command(&verify.check))
    })
}

/// What a step does, and its way back.
fn actions(step: &Step) -> impl Iterator<Item = &Action> {
    [&step.action].into_iter().chain(step.undo.as_ref().map(|undo| &undo.action))
}

/// What would fail now. It stops nothing: that a playbook does not work is what a drill is to find out, and what a
/// step needs may come about by an earlier one.
pub(in crate::coordinator) async fn warnings(book: &Playbook, agent: Option<&Arc<Agent>>) -> Vec<String> {
    let mut warnings = Vec::new();
    for step in &book.steps {
        for action in actions(step) {
            let why = match action {
                // A program that is only named while the playbook runs cannot be looked for.
                Action::Run { argv, .. } if !argv.first().is_some_and(|program| program.contains("${")) => {
                    command::cannot_start(argv)
                }
                Action::Host { deed, .. } => match agent.cloned() {
                    None => None,
                    Some(agent) => {
                        let deed = deed.clone();
                        // A look at every process of the host, away from the timers.
                        let found = spawn_blocking(move || agent.find(&deed).err()).await;
                        found.ok().flatten().map(|error| error.to_string())
                    }
                },
                _ => None,
            };
            warnings.extend(why.map(|why| format!("step `{}` would fail now: {why}", step.id)));
        }
    }
    warnings
}
