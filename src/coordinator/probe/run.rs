//! A command as a probe: by its argument vector, no shell, nothing to read, nothing left behind.

use std::process::Command;
use std::time::Duration;

use serde_json::Map;

use super::{Finding, seconds, shortened};
use crate::coordinator::captured::{self, Keep, Limits, Outcome};
use crate::coordinator::child::Group;
use crate::coordinator::command::how_it_ended;
use crate::coordinator::secrets::Secrets;
use crate::fault::Period;
use crate::scenario::plan::Tolerance;

/// So much of each output is kept: the number that is wanted stands at its beginning.
const KEEP: Keep = Keep { first: 64 * 1024, last: 0 };

/// So much of an output is recorded when nothing was wrong.
const OUTPUT_RECORDED_WHEN_GOOD: usize = 1024;

/// So much of the last line of an output stands in the failure itself.
const LAST_LINE_MAX: usize = 200;

/// Between TERM and KILL when the time is up.
const GRACE: Duration = Duration::from_secs(1);

pub(super) async fn measure(
    argv: &[String],
    tolerance: &Tolerance,
    timeout: Duration,
    secrets: &Secrets,
) -> Finding {
    let mut command = Command::new(argv.first().map(|program| secrets.reveal(program)).unwrap_or_default());
    command.args(argv.iter().skip(1).map(|argument| secrets.reveal(argument)));
    let ran = captured::run(command, Limits { group: Group::Own, timeout, grace: GRACE, keep: KEEP }).await;
    let (out, err) = (ran.stdout.text(secrets), ran.stderr.text(secrets));
    let (failure, value) = judge(argv, &ran.outcome, tolerance, timeout, &out, &err);
    let recorded = |text: &str| match failure {
        Some(_) => text.to_owned(),
        None => shortened(text, OUTPUT_RECORDED_WHEN_GOOD),
    };
    let mut detail = Map::new();
    detail.insert("command".into(), argv.into());
    detail.insert("time_total_seconds".into(), seconds(ran.took));
    if let Outcome::Ended(status) = ran.outcome {
        detail.insert("exit".into(), status.code().into());
    }
    detail.insert("stdout".into(), recorded(&out).into());
    detail.insert("stderr".into(), recorded(&err).into());
    Finding { took: ran.took, failure, value, detail }
}

/// Why it is a failure, and the number that was measured where a number is asked for.
fn judge(
    argv: &[String],
    outcome: &Outcome,
    tolerance: &Tolerance,
    timeout: Duration,
    out: &str,
    err: &str,
) -> (Option<String>, Option<f64>) {
    let program = argv.first().map_or("", String::as_str);
    let said = || match last_line(err).or_else(|| last_line(out)) {
        Some(line) => format!(": {}", shortened(line, LAST_LINE_MAX)),
        None => String::new(),
    };
    let status = match outcome {
        Outcome::Broken(why) => return (Some(format!("cannot run `{program}`: {why}")), None),
        Outcome::TimedOut => {
            let limit = Period::from(timeout);
            return (Some(format!("`{program}` was ended after {limit}, its time-out{}", said())), None);
        }
        Outcome::Ended(status) => *status,
    };
    let allowed = tolerance.exit.unwrap_or(0);
    if status.code() != Some(allowed) {
        let how = how_it_ended(status);
        return (Some(format!("`{program}` {how}, allowed exit status {allowed}{}", said())), None);
    }
    if tolerance.at_least.is_none() && tolerance.at_most.is_none() {
        return (None, None);
    }
    match out.trim().parse::<f64>() {
        Ok(value) if value.is_finite() => (None, Some(value)),
        _ => {
            let shown = shortened(out.trim(), LAST_LINE_MAX);
            (Some(format!("`{program}` printed no number to compare: `{shown}`")), None)
        }
    }
}

fn last_line(text: &str) -> Option<&str> {
    text.lines().rev().map(str::trim).find(|line| !line.is_empty())
}
