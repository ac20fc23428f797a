//! A command as a probe: by its argument vector, no shell, nothing to read, nothing left behind.

use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Map;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::time::Instant;

use super::{Finding, seconds, shortened};
use crate::coordinator::child::{Child, Group};
use crate::coordinator::command::how_it_ended;
use crate::coordinator::http::io_words;
use crate::coordinator::secrets::Secrets;
use crate::fault::Period;
use crate::scenario::plan::Tolerance;

/// So much of each output is kept; the rest is read and thrown away, so that the command never waits for us.
const OUTPUT_MAX: usize = 64 * 1024;

/// So much of an output is recorded when nothing was wrong.
const OUTPUT_RECORDED_WHEN_GOOD: usize = 1024;

/// So much of the last line of an output stands in the failure itself.
const LAST_LINE_MAX: usize = 200;

/// Between TERM and KILL when the time is up.
const GRACE: Duration = Duration::from_secs(1);

/// How long to read on after the command ended: a process that left its family may hold the pipe for ever.
const DRAIN: Duration = Duration::from_millis(200);

/// How a command went.
enum Outcome {
    Ended(ExitStatus),
    TimedOut,
    Broken(String),
}

/// What a command wrote.
#[derive(Default)]
struct Output {
    kept: Vec<u8>,
    cut: bool,
}

pub(super) async fn measure(
    argv: &[String],
    tolerance: &Tolerance,
    timeout: Duration,
    secrets: &Secrets,
) -> Finding {
    let began = Instant::now();
    // Cutting the output must not leave the first half of a secret at its end.
    let overlap = secrets.longest();
    let (mut out, mut err) = (Output::default(), Output::default());
    let (outcome, took) = run(argv, timeout, secrets, &mut out, &mut err, began).await;
    let (out, err) = (out.text(overlap, secrets), err.text(overlap, secrets));
    let (failure, value) = judge(argv, &outcome, tolerance, timeout, &out, &err);
    let recorded = |text: &str| match failure {
        Some(_) => text.to_owned(),
        None => shortened(text, OUTPUT_RECORDED_WHEN_GOOD),
    };
    let mut detail = Map::new();
    detail.insert("command".into(), argv.into());
    detail.insert("time_total_seconds".into(), seconds(took));
    if let Outcome::Ended(status) = outcome {
        detail.insert("exit".into(), status.code().into());
    }
    detail.insert("stdout".into(), recorded(&out).into());
    detail.insert("stderr".into(), recorded(&err).into());
    Finding { took, failure, value, detail }
}

async fn run(
    argv: &[String],
    timeout: Duration,
    secrets: &Secrets,
    out: &mut Output,
    err: &mut Output,
    began: Instant,
) -> (Outcome, Duration) {
    let mut child = match start(argv, secrets).await {
        Ok(child) => child,
        Err(why) => return (Outcome::Broken(why), began.elapsed()),
    };
    let (stdout, stderr) = child.take_pipes();
    let pipes = stdout.map(|pipe| Receiver::from_owned_fd(pipe.into()));
    let errors = stderr.map(|pipe| Receiver::from_owned_fd(pipe.into()));
    let (Some(Ok(stdout)), Some(Ok(stderr))) = (pipes, errors) else {
        return (Outcome::Broken("its output cannot be read".into()), began.elapsed());
    };
    let mut reading = std::pin::pin!(futures_util::future::join(out.read(stdout), err.read(stderr)));
    let mut all_read = false;
    let ended = {
        let mut ended = std::pin::pin!(tokio::time::timeout_at(began + timeout, child.ended()));
        loop {
            tokio::select! {
                biased;
                ended = &mut ended => break ended,
                _ = &mut reading, if !all_read => all_read = true,
            }
        }
    };
    let took = began.elapsed();
    let outcome = match ended {
        Ok(Ok(())) => {
            child.wait().await.map_or_else(|error| Outcome::Broken(io_words(&error)), Outcome::Ended)
        }
        Ok(Err(error)) => Outcome::Broken(io_words(&error)),
        Err(_) => {
            let stopping = child.stop(GRACE);
            let stopped = async {
                tokio::pin!(stopping);
                loop {
                    tokio::select! {
                        biased;
                        stopped = &mut stopping => break stopped,
                        _ = &mut reading, if !all_read => all_read = true,
                    }
                }
            };
            stopped.await.map_or_else(|error| Outcome::Broken(io_words(&error)), |_| Outcome::TimedOut)
        }
    };
    if !all_read {
        let _ = tokio::time::timeout(DRAIN, reading).await;
    }
    (outcome, took)
}

async fn start(argv: &[String], secrets: &Secrets) -> Result<Child, String> {
    let (program, arguments) = argv.split_first().ok_or("no command is given")?;
    let mut command = Command::new(secrets.reveal(program));
    command
        .args(arguments.iter().map(|argument| secrets.reveal(argument)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Child::start(command, Group::Own).await.map_err(|error| io_words(&error))
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

impl Output {
    async fn read(&mut self, mut pipe: Receiver) {
        let mut buffer = [0; 8192];
        // An unreadable pipe is an ended one.
        while let Ok(read) = pipe.read(&mut buffer).await {
            if read == 0 {
                return;
            }
            let room = OUTPUT_MAX - self.kept.len();
            self.kept.extend_from_slice(&buffer[..read.min(room)]);
            self.cut |= read > room;
        }
    }

    /// What was written, without secrets: also without the beginning of one at the place of the cut.
    fn text(&self, overlap: usize, secrets: &Secrets) -> String {
        let mut text = secrets.cut_from(&String::from_utf8_lossy(&self.kept));
        if self.cut {
            // A character cut in two has become one of three bytes.
            let mut end = text.len().saturating_sub(overlap + 3);
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
            text.push('…');
        }
        text
    }
}
