//! A command whose outputs are read: bounded in time and memory, never blocked by us, nothing left behind.

use std::collections::VecDeque;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::time::{Instant, timeout, timeout_at};

use super::child::{Child, Group};
use super::http::io_words;
use super::secrets::Secrets;

/// How long to read on after the command ended: a process that left its family may hold the pipe for ever.
const DRAIN: Duration = Duration::from_millis(200);

/// How many bytes are taken from a pipe at once: all that one holds.
const PIECE: usize = 64 * 1024;

/// How much of each output is kept; the rest is read, counted and thrown away, so that the command never waits for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keep {
    /// So many bytes of its beginning …
    pub(super) first: usize,
    /// … and so many of its end.
    pub(super) last: usize,
}

/// How a command is run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) group: Group,
    /// When it is ended.
    pub(super) timeout: Duration,
    /// Between TERM and KILL then.
    pub(super) grace: Duration,
    pub(super) keep: Keep,
}

/// How a command went.
#[derive(Debug)]
pub(super) enum Outcome {
    Ended(ExitStatus),
    TimedOut,
    Broken(String),
}

/// A command that ran.
#[derive(Debug)]
pub(super) struct Captured {
    pub(super) outcome: Outcome,
    pub(super) took: Duration,
    pub(super) stdout: Kept,
    pub(super) stderr: Kept,
}

/// What a command wrote, as far as it was kept.
#[derive(Debug)]
pub(super) struct Kept {
    keep: Keep,
    first: Vec<u8>,
    last: VecDeque<u8>,
    /// How many bytes it wrote in all.
    pub(super) written: u64,
}

/// Runs a command to its end, or to its time-out: TERM, and after `grace` KILL, to all that it started. What it left
/// running is killed in either case. Dropping the future kills them all at once.
pub(super) async fn run(mut command: Command, limits: Limits) -> Captured {
    let began = Instant::now();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (mut stdout, mut stderr) = (Kept::new(limits.keep), Kept::new(limits.keep));
    let (outcome, took) = run_into(command, limits, began, &mut stdout, &mut stderr).await;
    Captured { outcome, took, stdout, stderr }
}

async fn run_into(
    command: Command,
    limits: Limits,
    began: Instant,
    out: &mut Kept,
    err: &mut Kept,
) -> (Outcome, Duration) {
    let mut child = match Child::start(command, limits.group).await {
        Ok(child) => child,
        Err(error) => return (Outcome::Broken(io_words(&error)), began.elapsed()),
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
        let mut ended = std::pin::pin!(timeout_at(began + limits.timeout, child.ended()));
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
            let mut stopping = std::pin::pin!(child.stop(limits.grace));
            let stopped = loop {
                tokio::select! {
                    biased;
                    stopped = &mut stopping => break stopped,
                    _ = &mut reading, if !all_read => all_read = true,
                }
            };
            stopped.map_or_else(|error| Outcome::Broken(io_words(&error)), |_| Outcome::TimedOut)
        }
    };
    if !all_read {
        let _ = timeout(DRAIN, reading).await;
    }
    (outcome, took)
}

impl Kept {
    fn new(keep: Keep) -> Self {
        Self { keep, first: Vec::new(), last: VecDeque::new(), written: 0 }
    }

    async fn read(&mut self, mut pipe: Receiver) {
        let mut buffer = vec![0; PIECE];
        // An unreadable pipe is an ended one.
        while let Ok(read) = pipe.read(&mut buffer).await {
            if read == 0 {
                return;
            }
            self.take(&buffer[..read]);
        }
    }

    fn take(&mut self, piece: &[u8]) {
        self.written += piece.len() as u64;
        let room = self.keep.first - self.first.len();
        let (first, rest) = piece.split_at(piece.len().min(room));
        self.first.extend_from_slice(first);
        let rest = &rest[rest.len().saturating_sub(self.keep.last)..];
        let over = (self.last.len() + rest.len()).saturating_sub(self.keep.last);
        self.last.drain(..over);
        self.last.extend(rest);
    }

    /// What was written, without secrets: also without the beginning or the end of one at the place of a cut, where
    /// it is said how much is left out.
    pub(super) fn text(&self, secrets: &Secrets) -> String {
        let kept = (self.first.len() + self.last.len()) as u64;
        if self.written == kept {
            let whole: Vec<u8> = self.first.iter().chain(&self.last).copied().collect();
            return secrets.cut_from(&String::from_utf8_lossy(&whole));
        }
        // A character cut in two has become one of three bytes.
        let overlap = secrets.longest() + 3;
        let mut first = secrets.cut_from(&String::from_utf8_lossy(&self.first));
        first.truncate(first.floor_char_boundary(first.len().saturating_sub(overlap)));
        first.push('…');
        if self.keep.last > 0 {
            let last: Vec<u8> = self.last.iter().copied().collect();
            let last = secrets.cut_from(&String::from_utf8_lossy(&last));
            let from = last.ceil_char_boundary(overlap.min(last.len()));
            first.push_str(&format!("\n… {} bytes are left out …\n…{}", self.written - kept, &last[from..]));
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordinator::test_server::secrets;

    fn kept(pieces: &[&str], first: usize, last: usize) -> Kept {
        let mut kept = Kept::new(Keep { first, last });
        pieces.iter().for_each(|piece| kept.take(piece.as_bytes()));
        kept
    }

    #[test]
    fn the_beginning_and_the_end_are_kept_and_the_rest_is_counted() {
        let none = Secrets::default();
        for (pieces, text) in [
            (&["abc"][..], "abc"),
            (&["abcd", "efgh"], "abcdefgh"),
            (&["ab", "cdefgh", ""], "abcdefgh"),
            (&["abcdefghijklmnop"], "a…\n… 8 bytes are left out …\n…p"),
            (&["abcde", "f", "ghijk", "lmn", "op"], "a…\n… 8 bytes are left out …\n…p"),
        ] {
            assert_eq!(kept(pieces, 4, 4).text(&none), text, "{pieces:?}");
        }
        assert_eq!(kept(&["abcdefgh"], 5, 0).text(&none), "ab…");
    }

    #[test]
    fn no_part_of_a_secret_is_left_at_a_cut() {
        let secrets = secrets(&[("TOKEN", "s3cret-token")]);
        let noise = "x".repeat(500);
        for shift in 0..30 {
            let text =
                format!("{}s3cret-token{noise}s3cret-token{}", &noise[..385 + shift], &noise[..385 + shift]);
            let said = kept(&[&text], 400, 400).text(&secrets);
            assert!(!said.contains("s3") && !said.contains("ken"), "{shift}: {said}");
        }
        let split = kept(&["x s3cr", "et-to", "ken y"], 6, 100).text(&secrets);
        assert_eq!(split, "x [secret] y");
    }
}
