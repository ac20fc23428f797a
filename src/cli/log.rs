//! What a long-lived process tells of itself while it works: lines on standard error.
//!
//! Whoever logs never waits for whoever reads. The lines pass through a bounded queue to a thread that writes them; a
//! data thread of the proxy must not stand still because a terminal or a pipe does.

use std::io::{self, IsTerminal as _, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use anyhow::Context as _;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Lines that wait to be written; more are dropped, and counted.
const LINES_MAX: usize = 1024;
/// How long the end of the program waits for the last lines.
const LAST_LINES_WITHIN: Duration = Duration::from_millis(500);

/// What is logged.
#[derive(Debug, clap::Args)]
pub(super) struct LogArgs {
    /// What is logged on standard error: a level (off, error, warn, info, debug, trace), and levels for parts of the
    /// program, for example warn,firedrill_proxy=debug
    #[arg(long = "log", value_name = "FILTER", env = "FIREDRILL_LOG", default_value = "warn", value_parser = filter)]
    filter: String,
}

impl LogArgs {
    /// Has everything logged that the filter lets through, until what is returned is dropped.
    pub(super) fn install(&self) -> anyhow::Result<Log> {
        let filter = EnvFilter::try_new(&self.filter).context("cannot read the filter of the log")?;
        let (sender, lines) = sync_channel(LINES_MAX);
        let writer = Writer { sender: sender.clone(), dropped: Arc::default() };
        let dropped = Arc::clone(&writer.dropped);
        std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write_all(&lines, &dropped, io::stderr()))
            .context("cannot start the thread that writes the log")?;
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(io::stderr().is_terminal())
            .with_writer(writer)
            .try_init()
            .map_err(|error| anyhow::anyhow!("cannot log: {error}"))?;
        Ok(Log(sender))
    }
}

/// A filter that means what it looks like: a word that is no level would be taken for a part of the program, and all
/// else would be silent.
fn filter(text: &str) -> Result<String, String> {
    let way_out = "write a level (off, error, warn, info, debug or trace), or levels for parts of the program, for \
                   example `warn,firedrill_proxy=debug`";
    // A variable that is set to nothing is as good as none.
    if text.trim().is_empty() {
        return Ok("warn".to_owned());
    }
    for word in text.split(',').map(str::trim) {
        if word.is_empty() || !word.contains(['=', '[']) && word.parse::<LevelFilter>().is_err() {
            return Err(format!("`{}` is no level; {way_out}", word.escape_debug()));
        }
    }
    EnvFilter::try_new(text).map_err(|error| format!("{error}; {way_out}"))?;
    Ok(text.to_owned())
}

enum Line {
    Text(Vec<u8>),
    /// Everything before it is written: answered by dropping what it carries.
    End(#[expect(dead_code, reason = "dropping it is the answer")] SyncSender<()>),
}

/// The log while it is kept; dropped, it waits a moment until the last lines are written.
#[must_use]
#[derive(Debug)]
pub(super) struct Log(SyncSender<Line>);

impl Drop for Log {
    fn drop(&mut self) {
        let (answer, answered) = sync_channel(1);
        if self.0.try_send(Line::End(answer)).is_ok() {
            // Nobody answers when standard error stands still; that is what the limit is for.
            let _ = answered.recv_timeout(LAST_LINES_WITHIN);
        }
    }
}

/// Hands lines to the thread that writes them.
#[derive(Clone, Debug)]
struct Writer {
    sender: SyncSender<Line>,
    dropped: Arc<AtomicU64>,
}

impl<'a> MakeWriter<'a> for Writer {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &Writer {
    /// Takes one whole line: that is how the subscriber writes.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.sender.try_send(Line::Text(line.to_vec())).is_err() {
            self.dropped.fetch_add(1, Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes what comes until nobody can log any more. What cannot be written is lost: there is no other place to say so.
fn write_all(lines: &Receiver<Line>, dropped: &AtomicU64, mut out: impl Write) {
    while let Ok(line) = lines.recv() {
        if let Line::Text(text) = line {
            let _ = out.write_all(&text);
            let lost = dropped.swap(0, Relaxed);
            if lost > 0 {
                let _ = writeln!(
                    out,
                    "{lost} lines of the log were dropped: they came faster than they were read"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_a_level_or_levels_for_parts() {
        for good in
            ["warn", "OFF", "info,firedrill_proxy=debug", "firedrill_proxy::engine=trace", "[drill]=info"]
        {
            assert_eq!(filter(good).as_deref(), Ok(good));
        }
        assert_eq!(filter("").as_deref(), Ok("warn"));
        for (bad, says) in [
            ("wran", "`wran` is no level; write a level"),
            ("warn,", "`` is no level"),
            ("warn,firedrill_proxy", "`firedrill_proxy` is no level"),
            ("firedrill=loud", "for example `warn,firedrill_proxy=debug`"),
        ] {
            let problem = filter(bad).unwrap_err();
            assert!(problem.contains(says), "{bad}: {problem}");
        }
    }

    #[test]
    fn who_logs_does_not_wait_for_who_reads_and_what_was_lost_is_told() {
        let (sender, lines) = sync_channel(2);
        let writer = Writer { sender, dropped: Arc::default() };
        for number in 0..5 {
            let text = format!("line {number}\n");
            assert_eq!((&writer).write(text.as_bytes()).unwrap(), text.len());
        }
        let dropped = Arc::clone(&writer.dropped);
        drop(writer);
        let mut out = Vec::new();
        write_all(&lines, &dropped, &mut out);
        let told = "line 0\n3 lines of the log were dropped: they came faster than they were read\nline 1\n";
        assert_eq!(String::from_utf8(out).unwrap(), told);
    }

    #[test]
    fn the_end_waits_for_the_last_line_but_not_for_ever() {
        let (sender, lines) = sync_channel(8);
        let writer = Writer { sender: sender.clone(), dropped: Arc::default() };
        (&writer).write_all(b"the last\n").unwrap();
        drop(writer);
        let writing = std::thread::spawn(move || {
            let mut out = Vec::new();
            write_all(&lines, &AtomicU64::new(0), &mut out);
            out
        });
        drop(Log(sender));
        assert_eq!(writing.join().unwrap(), b"the last\n");
        // Nobody reads: the receiver is there and stands still.
        let (sender, _lines) = sync_channel(8);
        drop(Log(sender));
    }
}
