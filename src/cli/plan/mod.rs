//! `firedrill plan`: show what a scenario would do, and change nothing.

mod alarms;
mod words;

use std::path::PathBuf;

use serde_json::Value;

use super::Exit;
use super::reading::Reading;
use super::say::say;
use crate::fault::Seed;

/// Show what a scenario would do, and change nothing
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The scenario
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
    let Some((scenario, _)) = args.reading.scenario(&args.file) else { return Ok(Exit::Refused) };
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
        say(&serde_json::to_string_pretty(&value)?);
    } else {
        say(&words::describe(&plan, seed));
    }
    Ok(Exit::Passed)
}
