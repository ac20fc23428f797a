//! `firedrill plan`: show what a scenario, a playbook or a game day would do, and change nothing.

mod alarms;
mod gameday;
mod http;
mod lateness;
mod playbook;
mod share;
mod traffic;
mod turns;
mod words;

use std::path::PathBuf;

use serde_json::Value;

use super::Exit;
use super::reading::{Reading, Thing};
use super::say::say;
use crate::fault::Seed;
use crate::playbook::Exercise;
use crate::playbook::plan::Playbook;

/// Show what a scenario, a playbook or a game day would do, and change nothing
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The scenario, playbook or game day
    file: PathBuf,
    #[command(flatten)]
    reading: Reading,
    /// Where every random decision comes from; absent: the file's, or chosen when the drill starts
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Print the scenario in its long form: every short form and every default written out
    #[arg(long, conflicts_with = "json")]
    expand: bool,
    /// The plan as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn exec(args: Args) -> anyhow::Result<Exit> {
    let Exercise { scenario, playbook } = match args.reading.thing(&args.file) {
        None => return Ok(Exit::Refused),
        Some((Thing::Exercise(exercise), _)) => *exercise,
        Some((Thing::Playbook(book), _)) => return of_playbook(&book, &args),
        Some((Thing::GameDay(day), _)) => return gameday::exec(&day, &args),
    };
    if args.expand {
        say(scenario.expanded().trim_end());
        return Ok(Exit::Passed);
    }
    let seed = args.seed.map(Seed).or(scenario.seed());
    let plan = scenario.plan(seed.unwrap_or(Seed(0)), None);
    if args.json {
        let mut value = serde_json::to_value(&plan)?;
        if let (None, Value::Object(map)) = (seed, &mut value) {
            map.insert("seed".to_owned(), Value::Null);
        }
        // As in line 0 of a journal the steps stand beside the plan; the plan itself only says how they are used.
        if let (Some(book), Value::Object(map)) = (&playbook, &mut value) {
            map.insert("steps".to_owned(), serde_json::to_value(&book.steps)?);
        }
        say(&serde_json::to_string_pretty(&value)?);
    } else {
        say(&words::describe(&plan, playbook.as_ref(), seed));
    }
    Ok(Exit::Passed)
}

fn of_playbook(book: &Playbook, args: &Args) -> anyhow::Result<Exit> {
    anyhow::ensure!(
        !args.expand,
        "only scenarios have a long form; `firedrill plan --json` shows every default"
    );
    anyhow::ensure!(args.seed.is_none(), "nothing in a playbook is left to chance: leave out --seed");
    if args.json {
        say(&serde_json::to_string_pretty(book)?);
    } else {
        say(&words::describe_playbook(book));
    }
    Ok(Exit::Passed)
}
