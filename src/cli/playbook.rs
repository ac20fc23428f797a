//! `firedrill playbook`: run a playbook without a drill, or start the one of the running drill.

use std::path::PathBuf;

use super::Exit;
use super::drill::{self, HowTo};
use super::live::Output;
use super::people::{self, Manual};
use super::reading::{Reading, Thing};
use super::run::inputs;
use super::running::{Which, block_on};
use super::say::say;
use crate::fault::{Period, Seed};
use crate::playbook::plan::Playbook;
use crate::scenario::expectation::Alarms;
use crate::scenario::plan::{People, Plan, PlaybookStart, PlaybookUse, SteadyState};

/// Run a playbook without a drill, or start the one of the running drill
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Start the running drill's playbook now, whatever it waits for
    Start(Start),
    /// Run a playbook now, without a fault: to try it, or because it is needed
    ///
    /// Exit status: 0 it was completed, 3 it was not, 5 it was stopped.
    Run(Run),
}

#[derive(Debug, clap::Args)]
struct Start {
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, clap::Args)]
struct Run {
    /// The playbook
    file: PathBuf,
    #[command(flatten)]
    reading: Reading,
    /// A scenario whose steady state the playbook waits for; nothing of it goes wrong
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Take back what the playbook changed once it is over
    #[arg(long)]
    undo: bool,
    /// What becomes of the steps that people must answer [default: ask, if there is a terminal]
    #[arg(long, value_enum)]
    manual: Option<Manual>,
    /// The folder for the record [default: firedrill-reports/<id>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print every event as a line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn exec(args: Args) -> anyhow::Result<Exit> {
    match args.command {
        Command::Start(args) => block_on(async {
            let drill = args.which.find().await?;
            drill.start_playbook().await?;
            say(&format!("the playbook of drill {} is started", drill.status.drill));
            Ok(Exit::Passed)
        }),
        Command::Run(args) => run(args),
    }
}

fn run(args: Run) -> anyhow::Result<Exit> {
    let Some((thing, mut sources)) = args.reading.thing(&args.file) else { return Ok(Exit::Refused) };
    let Thing::Playbook(book) = thing else {
        anyhow::bail!("{} is no playbook; name one, or `firedrill run` it", args.file.display())
    };
    let seed = Seed(drill::arbitrary() & 0xffff_ffff);
    let mut plan = match &args.scenario {
        None => alone(&book, seed),
        Some(path) => {
            let Some((exercise, more)) = args.reading.exercise(path) else { return Ok(Exit::Refused) };
            sources.extend(more);
            without_faults(exercise.scenario.plan(seed, None))
        }
    };
    knows_its_probes(&book, &plan, args.scenario.is_some())?;
    plan.playbook = Some(PlaybookUse {
        name: book.name.clone(),
        start: PlaybookStart::AtOnce,
        people: People::Ask,
        undo: args.undo,
    });
    people::choose(&mut plan, Some(&book), args.manual)?;
    let how = HowTo {
        alarms: "127.0.0.1:0".into(),
        out: args.out,
        workers: 1,
        output: Output::choose(args.json),
        is_brief: false,
    };
    Ok(drill::run(plan, Some(*book), inputs(sources), &how)?.0)
}

/// A probe that only a scenario has must come from one.
fn knows_its_probes(book: &Playbook, plan: &Plan, with_scenario: bool) -> anyhow::Result<()> {
    let (named, steady_state) = book.borrowed_probes();
    let has = |name: &str| plan.steady_state.probes.iter().any(|probe| probe.name == name);
    let mut missing: Vec<String> =
        named.iter().filter(|name| !has(name)).map(|name| format!("the probe `{name}`")).collect();
    if steady_state && plan.steady_state.probes.is_empty() {
        missing.push("the steady state".into());
    }
    anyhow::ensure!(
        missing.is_empty(),
        "playbook `{}` waits for {}, which {} not have; {}",
        book.name,
        missing.join(" and "),
        if with_scenario { "the scenario does" } else { "a playbook does" },
        if with_scenario {
            "name another with --scenario"
        } else {
            "name the scenario that has it: --scenario FILE"
        }
    );
    Ok(())
}

/// What a scenario says of its steady state, and of what that needs; nothing goes wrong and nothing is expected.
fn without_faults(mut plan: Plan) -> Plan {
    // The playbook may be called because the service is down: nothing that is violated stops it.
    plan.steady_state.probes.iter_mut().for_each(|probe| probe.invariant = false);
    Plan {
        faults: Vec::new(),
        alarms: Alarms::default(),
        recovery: None,
        abort: Vec::new(),
        hypothesis: None,
        placebo: None,
        not_acted_on: Vec::new(),
        ..plan
    }
}

/// A plan with nothing in it but the playbook.
fn alone(book: &Playbook, seed: Seed) -> Plan {
    Plan {
        scenario: book.name.clone(),
        title: book.title.clone(),
        environment: None,
        percent_max: None,
        seed,
        routes: Vec::new(),
        load: None,
        steady_state: SteadyState {
            stable_for: Period::ZERO,
            no_impact_after: Period::ZERO,
            gate_within: Period::from_secs(1),
            recovery_within: Period::from_secs(1),
            probes: Vec::new(),
        },
        faults: Vec::new(),
        alarms: Alarms::default(),
        recovery: None,
        playbook: None,
        abort: Vec::new(),
        hypothesis: None,
        secrets: Default::default(),
        command: None,
        placebo: None,
        not_acted_on: Vec::new(),
    }
}
