//! `firedrill opt-in`: the header by which a request asks for a fault itself.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde_json::json;

use super::Exit;
use super::say::say;
use crate::coordinator::clock;
use crate::fault::{OPT_IN_HEADER, OPT_IN_MAX, OptIn, Period, Secret};

/// Print the header by which a request asks for a fault itself
///
/// A fault with `match: {opt_in: …}` meets only requests that carry such a header. It is signed for one fault on one route,
/// and worth nothing for another, or later.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The route that the fault is on
    #[arg(long, value_name = "NAME")]
    route: String,
    /// The fault's id
    #[arg(long, value_name = "ID")]
    fault: String,
    /// For how long from now the header is worth something, 24h at most
    #[arg(long = "for", value_name = "TIME", default_value = "10m")]
    lasts: Period,
    /// What it is signed with, 16 to 256 bytes; other people on this host may see the options of a command
    #[arg(long, value_name = "TEXT", env = "FIREDRILL_OPT_IN_SECRET", hide_env_values = true)]
    secret: Option<String>,
    /// The file that holds what it is signed with
    #[arg(long, value_name = "FILE", conflicts_with = "secret")]
    secret_file: Option<PathBuf>,
    /// The header's name
    #[arg(long, value_name = "NAME", default_value = OPT_IN_HEADER)]
    header: String,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn exec(args: Args) -> anyhow::Result<Exit> {
    let secret = match (&args.secret_file, args.secret) {
        (Some(path), _) => std::fs::read_to_string(path)
            .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
            .with_context(|| format!("cannot read `{}`", path.display()))?,
        (None, Some(secret)) => secret,
        (None, None) => {
            bail!("there is no secret; set FIREDRILL_OPT_IN_SECRET, or give `--secret-file FILE`")
        }
    };
    let opt_in = OptIn { header: args.header, secret: Secret(secret) };
    if let Some(problem) = opt_in.check().into_iter().next() {
        bail!("{problem}");
    }
    if args.lasts.is_zero() {
        bail!("`--for` is no time at all; write for example `--for 10m`");
    }
    if args.lasts.duration() > OPT_IN_MAX {
        bail!(
            "`--for {}` is more than 24h, and a proxy takes no such header; sign anew every day",
            args.lasts
        );
    }
    // The seconds that have begun count in full: what is printed is worth something at least so long.
    let until =
        clock::wall().as_second() + 1 + i64::try_from(args.lasts.duration().as_secs()).unwrap_or(i64::MAX);
    let until = u64::try_from(until).context("this host's clock says a time before 1970")?;
    let value = OptIn::signed(&opt_in.secret, &args.route, &args.fault, until);
    if args.json {
        say(&json!({"header": opt_in.header, "value": value, "expires": until}).to_string());
    } else {
        say(&format!("{}: {value}", opt_in.header));
    }
    Ok(Exit::Passed)
}
