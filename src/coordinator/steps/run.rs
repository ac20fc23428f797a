//! A step that runs a command: by its argument vector, no shell, a clean environment, a session of its own.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use super::capture::{Found, outputs};
use super::{Done, Unsuccessful};
use crate::coordinator::captured::{self, Captured, Keep, Limits, Outcome};
use crate::coordinator::child::Group;
use crate::coordinator::command::how_it_ended;
use crate::coordinator::probe::shortened;
use crate::coordinator::secrets::Secrets;
use crate::fault::Period;
use crate::playbook::event::Job;

/// What a command gets of our environment; the step says the rest.
const INHERITED: [&str; 4] = ["PATH", "HOME", "LANG", "TZ"];

/// So much of each output is kept.
const KEEP: Keep = Keep { first: 64 * 1024, last: 64 * 1024 };

/// Between TERM and KILL when the time is up.
const GRACE: Duration = Duration::from_secs(5);

/// So many of its last lines, and so many characters of them, stand in a failure.
const LINES_MAX: usize = 10;
const LINES_CHARACTERS_MAX: usize = 2000;

/// So much of the last line stands in what a success is told by.
const LAST_LINE_MAX: usize = 200;

/// Runs it once.
pub(super) async fn run(
    job: &Job,
    (argv, env, exit): (&[String], &BTreeMap<String, String>, i32),
    secrets: &Secrets,
) -> Result<Done, Unsuccessful> {
    let program = argv.first().map_or("", String::as_str);
    let timeout = job.timeout.duration();
    let limits = Limits { group: Group::Session, timeout, grace: GRACE, keep: KEEP };
    let ran = captured::run(command(argv, env, secrets), limits).await;
    let out = ran.stdout.text(secrets);
    let status = match &ran.outcome {
        Outcome::Broken(why) => return Err(format!("cannot run `{program}`: {why}").into()),
        Outcome::TimedOut => {
            let limit = job.timeout;
            let why = format!(
                "`{program}` was ended after {limit}, its time-out{}",
                last_words(&ran, &out, secrets)
            );
            return Err(Unsuccessful::TimedOut(why));
        }
        Outcome::Ended(status) => *status,
    };
    let how = how_it_ended(status);
    if status.code() != Some(exit) {
        let said = last_words(&ran, &out, secrets);
        return Err(format!("`{program}` {how}, wanted exit status {exit}{said}").into());
    }
    let outputs =
        outputs(job, &Found::Stdout(&out), secrets).map_err(|why| format!("`{program}` {how}; {why}"))?;
    let took = Period::from_millis(u64::try_from(ran.took.as_millis()).unwrap_or(u64::MAX));
    let last = out.lines().rev().map(str::trim).find(|line| !line.is_empty());
    let last = last.map_or(String::new(), |line| format!(": {}", shortened(line, LAST_LINE_MAX)));
    Ok(Done { outputs, detail: format!("`{program}` {how} after {took}{last}") })
}

fn command(argv: &[String], env: &BTreeMap<String, String>, secrets: &Secrets) -> Command {
    let mut command = Command::new(argv.first().map(|program| secrets.reveal(program)).unwrap_or_default());
    command.args(argv.iter().skip(1).map(|argument| secrets.reveal(argument))).env_clear();
    for name in INHERITED {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.envs(env.iter().map(|(name, value)| (name, secrets.reveal(value))));
    command
}

/// The last lines that it wrote to standard error, or, where it wrote none, to standard output.
fn last_words(ran: &Captured, out: &str, secrets: &Secrets) -> String {
    let err = ran.stderr.text(secrets);
    let text = if err.trim().is_empty() { out } else { &err };
    let mut lines: Vec<&str> =
        text.lines().rev().filter(|line| !line.trim().is_empty()).take(LINES_MAX).collect();
    lines.reverse();
    let said = lines.join("\n");
    if said.is_empty() {
        return "; it wrote nothing".to_owned();
    }
    // The end tells most.
    let length = said.chars().count();
    let from = said.char_indices().nth(length.saturating_sub(LINES_CHARACTERS_MAX)).map_or(0, |(at, _)| at);
    let more = if from > 0 { "…" } else { "" };
    format!(": {more}{}", &said[from..])
}
