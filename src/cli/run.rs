//! `firedrill run`: run a scenario: faults on, watch, faults off, prove that nothing is left.

use std::path::PathBuf;

use super::Exit;
use super::drill::{self, HowTo};
use super::live::Output;
use super::people::{self, Manual};
use super::reading::Reading;
use crate::coordinator::engine::Input;
use crate::fault::{Seed, UndoClass};
use crate::playbook::Exercise;
use crate::scenario::plan::Plan;
use crate::text::Source;

/// Run a scenario: faults on, watch, faults off, prove that nothing is left
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The scenario
    file: PathBuf,
    #[command(flatten)]
    reading: Reading,
    /// Where every random decision comes from; absent: the file's, or any
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The folder for the record [default: firedrill-reports/<drill id>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Data threads of the drill's own proxy
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: u16,
    /// Where alarms are heard, if the scenario has to do with any
    #[arg(long, value_name = "ADDRESS", env = "FIREDRILL_ALARMS", default_value = "127.0.0.1:7400")]
    alarms: String,
    /// What becomes of the playbook's steps that people must answer [default: ask, if there is a terminal]
    #[arg(long, value_enum)]
    manual: Option<Manual>,
    /// Accept faults that cannot be undone (class C, such as `process_kill`)
    #[arg(long)]
    allow_irreversible: bool,
    /// Print every event as a line of JSON
    #[arg(long)]
    json: bool,
    /// A command to run while the faults are on; its exit status is a verdict
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(super) fn exec(args: Args) -> anyhow::Result<Exit> {
    let Some((exercise, sources)) = args.reading.exercise(&args.file) else { return Ok(Exit::Refused) };
    let Exercise { scenario, playbook } = exercise;
    // 32 bits are plenty for chance, and people can read and type them.
    let seed = args.seed.map(Seed).or(scenario.seed()).unwrap_or(Seed(drill::arbitrary() & 0xffff_ffff));
    let command = (!args.command.is_empty()).then_some(args.command);
    let output = match Output::choose(args.json) {
        // The command writes to the same terminal; a picture redrawn in place would fight with it.
        Output::Live if command.is_some() => Output::Lines,
        output => output,
    };
    let mut plan = scenario.plan(seed, command);
    people::choose(&mut plan, playbook.as_ref(), args.manual)?;
    if !args.allow_irreversible {
        refuse_irreversible(&plan)?;
    }
    let how = HowTo {
        alarms: args.alarms,
        out: args.out,
        workers: usize::from(args.workers),
        output,
        is_brief: false,
    };
    Ok(drill::run(plan, playbook, inputs(sources), &how)?.0)
}

/// The files that went into a plan, for its journal.
pub(super) fn inputs(sources: Vec<Source>) -> Vec<Input> {
    sources.into_iter().map(|source| Input { path: source.path.to_string(), text: source.text }).collect()
}

fn refuse_irreversible(plan: &Plan) -> anyhow::Result<()> {
    let faults = plan.faults.iter().filter(|fault| fault.undo == UndoClass::C);
    let names: Vec<String> = faults.map(|fault| format!("`{}` ({})", fault.id, fault.fault.kind())).collect();
    if names.is_empty() {
        return Ok(());
    }
    anyhow::bail!(
        "{} cannot be undone (class C); look at `firedrill plan`, then add --allow-irreversible if that is meant",
        names.join(", ")
    )
}
