//! What becomes of the steps of a playbook that people must answer.

use std::io::IsTerminal as _;

use crate::playbook::plan::Playbook;
use crate::scenario::plan::{People, Plan};

/// What becomes of steps that people must answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Manual {
    /// They are asked, here or from another terminal
    Ask,
    /// The steps are skipped
    Skip,
    /// The steps fail
    Fail,
}

/// Puts into the plan what was chosen. Where nobody is there to answer and nobody chose, that is refused: a drill that
/// waits for an answer which cannot come tells nothing about the playbook.
pub(super) fn choose(
    plan: &mut Plan,
    playbook: Option<&Playbook>,
    manual: Option<Manual>,
) -> anyhow::Result<()> {
    let (Some(used), Some(book)) = (&mut plan.playbook, playbook) else { return Ok(()) };
    used.people = match manual {
        Some(Manual::Ask) => People::Ask,
        Some(Manual::Skip) => People::Skip,
        Some(Manual::Fail) => People::Fail,
        None => {
            let here = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
            let steps: Vec<&str> = asking(book).collect();
            anyhow::ensure!(
                here || steps.is_empty(),
                "playbook `{}` asks people ({}), and there is no terminal here to ask at; add `--manual ask` to answer \
                 from another terminal (`firedrill step done STEP`), `--manual skip`, or `--manual fail`",
                book.name,
                steps.join(", ")
            );
            People::Ask
        }
    };
    Ok(())
}

/// The steps that people must answer, by id.
fn asking(book: &Playbook) -> impl Iterator<Item = &str> {
    book.steps.iter().filter(|step| step.action.needs_people()).map(|step| step.id.as_str())
}
