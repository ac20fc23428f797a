//! `firedrill doctor`: what this host is good for, measured.

mod limits;
mod proxy;
mod rig;
mod row;

use std::io::IsTerminal as _;

use serde_json::json;

use super::Exit;
use super::say::say;
use crate::coordinator::clock;

const PARTS: &str = "\
What can be looked at on this host:
  firedrill doctor --proxy    how exact delays, rates and refusals are here: the real engine on loopback, about 5 s";

/// Measure what this host is good for
///
/// Exit status: 0 when everything is within its tolerance; 6 when something is not, for then a drill on this host would
/// prove less than it says; 1 when nothing could be measured.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How exact the proxy is on this host: delays, rates, resets, refusals, and what passing through costs
    #[arg(long)]
    proxy: bool,
    /// Print it as JSON
    #[arg(long, requires = "proxy")]
    json: bool,
}

pub(super) fn exec(args: Args) -> anyhow::Result<Exit> {
    if !args.proxy {
        say(PARTS);
        return Ok(Exit::Passed);
    }
    if std::io::stderr().is_terminal() {
        eprintln!("measuring, about 5 s");
    }
    let began = clock::instant();
    let mut rows = proxy::measure()?;
    let took = began.elapsed();
    rows.extend(limits::rows());
    let good = rows.iter().all(|row| row.good != Some(false));
    if args.json {
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        say(&serde_json::to_string_pretty(&json!({"good": good, "took_ms": took_ms, "checks": rows}))?);
    } else {
        say(&format!("the proxy on this host, measured over loopback in {:.1} s\n", took.as_secs_f64()));
        rows.iter().for_each(|row| say(&row.line()));
        say(if good {
            "\neverything is within its tolerance"
        } else {
            "\nnot everything is within its tolerance: a drill here is off by as much. Give the host less else to do and \
             measure again; what stays, allow for in your tolerances"
        });
    }
    Ok(if good { Exit::Passed } else { Exit::Unproven })
}
