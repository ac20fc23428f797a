//! `firedrill schema`: print what may stand in a kind of file, for editors and for people.

mod page;

use super::Exit;
use super::say::say;
use crate::coordinator::api::document;
use crate::{gameday, playbook, report, scenario};

/// Print what may stand in a kind of file: its JSON Schema, or a page for people
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which kind of file
    kind: Kind,
    /// As what it is printed
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Kind {
    /// What goes wrong, and what is expected to happen then
    Scenario,
    /// What people and machines do about a failure
    Playbook,
    /// Where scenarios may run, and the policy that holds there
    Environment,
    /// An event at which several scenarios are run: when, in which order, with what asked before and after
    Gameday,
    /// The entry of a thing under test: who owns it, what it depends on, how it fails
    Service,
    /// What `report.json` of a drill's folder holds
    Report,
    /// The HTTP API of `firedrill serve`, as an OpenAPI document
    Openapi,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// JSON Schema 2020-12, for editors
    Json,
    /// A page for people
    Markdown,
}

pub(super) fn exec(args: Args) -> anyhow::Result<Exit> {
    let schema = match args.kind {
        Kind::Scenario => scenario::schema(),
        Kind::Playbook => playbook::schema(),
        Kind::Environment => scenario::environment_schema(),
        Kind::Gameday => gameday::schema(),
        Kind::Service => scenario::service_schema(),
        Kind::Report => report::schema(),
        Kind::Openapi if matches!(args.format, Format::Markdown) => {
            anyhow::bail!(
                "the API is no kind of file and has no such page; see docs/api.md, or print it as JSON"
            )
        }
        Kind::Openapi => {
            say(&serde_json::to_string_pretty(&document())?);
            return Ok(Exit::Passed);
        }
    };
    match args.format {
        Format::Json => say(&serde_json::to_string_pretty(&schema)?),
        Format::Markdown => {
            let word = clap::ValueEnum::to_possible_value(&args.kind);
            let word = word.as_ref().map_or("", |word| word.get_name());
            say(page::of(word, &schema).trim_end());
        }
    }
    Ok(Exit::Passed)
}
