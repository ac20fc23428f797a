//! The command under test: `firedrill run S.yaml -- COMMAND…`.
//!
//! It inherits our standard streams and stays in our process group, as if the shell had started it alone: it may
//! read from the terminal, and the terminal's Ctrl-C, Ctrl-Z and Ctrl-\ reach it as they reach us. Since we share
//! the group, a stop signals not the group but everything that the command started, found by its mark
//! ([`child`](super::child)).

use std::io;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use nix::unistd::{AccessFlags, access};
use tokio_util::sync::CancellationToken;

use super::child::{Child, Group};
use super::http::io_words;

/// How long a command may take to end after TERM, before it is killed.
pub const STOP_GRACE: Duration = Duration::from_secs(5);

/// A command that runs. Dropping it kills it and all that it started.
pub struct TestCommand {
    child: Child,
    program: String,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandEnd {
    /// Its exit status; absent: a signal ended it.
    pub status: Option<i32>,
    /// How it went, in words.
    pub detail: String,
}

/// Why a command did not run.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// There is none.
    #[error("no command was given; write it after `--`")]
    Empty,
    /// It could not be started.
    #[error("cannot start `{program}`: {why}")]
    Start {
        /// What was to be started.
        program: String,
        /// Why not.
        why: String,
    },
    /// How it ended could not be found out.
    #[error("cannot wait for `{program}`: {error}")]
    Wait {
        /// What had been started.
        program: String,
        /// Why not.
        error: io::Error,
    },
}

/// Where what a command prints goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// To our own streams.
    Inherited,
    /// All of it to our standard error, because our standard output carries something else.
    OnStandardError,
}

/// Starts a command by its argument vector, without a shell.
pub async fn start(argv: &[String], output: Output) -> Result<TestCommand, CommandError> {
    let (program, arguments) = argv.split_first().ok_or(CommandError::Empty)?;
    let mut command = std::process::Command::new(program);
    command.args(arguments);
    if output == Output::OnStandardError {
        command.stdout(std::io::stderr());
    }
    let child = Child::start(command, Group::Ours)
        .await
        .map_err(|error| CommandError::Start { program: program.clone(), why: io_words(&error) })?;
    Ok(TestCommand { child, program: program.clone() })
}

/// Why a command's program cannot be started, as far as can be seen without starting it.
pub fn cannot_start(argv: &[String]) -> Option<String> {
    let Some(program) = argv.first() else { return Some(CommandError::Empty.to_string()) };
    let is_program = |path: &Path| path.is_file() && access(path, AccessFlags::X_OK).is_ok();
    if program.contains('/') {
        let path = Path::new(program);
        return (!is_program(path)).then(|| format!("`{program}` is no program that can be run; correct it"));
    }
    // Where no path is set, the system has one of its own.
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).any(|folder| is_program(&folder.join(program)));
    (!found).then(|| format!("no program `{program}` is found in PATH; install it, or write where it is"))
}

impl TestCommand {
    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end; when `stop` is cancelled, ends the command (TERM, after [`STOP_GRACE`] KILL). What the
    /// command left running is killed in either case.
    pub async fn run(self, stop: CancellationToken) -> Result<CommandEnd, CommandError> {
        let Self { child, program } = self;
        let ended = tokio::select! {
            biased;
            ended = child.ended() => ended.map(|()| false),
            () = stop.cancelled() => Ok(true),
        };
        let status = match ended {
            Ok(true) => child.stop(STOP_GRACE).await,
            Ok(false) => child.wait().await,
            Err(error) => Err(error),
        };
        match status {
            Ok(status) => Ok(CommandEnd { status: status.code(), detail: how_it_ended(status) }),
            Err(error) => Err(CommandError::Wait { program, error }),
        }
    }
}

/// How a process ended, in words.
pub fn how_it_ended(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit status {code}"),
        (None, Some(signal)) => match nix::sys::signal::Signal::try_from(signal) {
            Ok(name) => format!("was ended by signal {}", name.as_str().trim_start_matches("SIG")),
            Err(_) => format!("was ended by signal {signal}"),
        },
        (None, None) => "ended".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }

    #[tokio::test]
    async fn a_commands_end_is_told() {
        for (script, status, detail) in [
            ("exit 0", Some(0), "ended with exit status 0"),
            ("exit 4", Some(4), "ended with exit status 4"),
            ("kill -TERM $$", None, "was ended by signal TERM"),
        ] {
            let end = start(&sh(script), Output::Inherited)
                .await
                .unwrap()
                .run(CancellationToken::new())
                .await
                .unwrap();
            assert_eq!(end, CommandEnd { status, detail: detail.into() });
        }
    }

    #[tokio::test]
    async fn a_command_that_cannot_start_says_why() {
        let error = start(&["/no/such".to_owned()], Output::Inherited).await.err().unwrap().to_string();
        assert_eq!(error, "cannot start `/no/such`: no such file or directory");
        assert!(matches!(start(&[], Output::Inherited).await, Err(CommandError::Empty)));
    }

    #[test]
    fn what_cannot_be_started_is_known_without_starting_it() {
        let words = |program: &str| cannot_start(&[program.to_owned()]);
        for good in ["sh", "/bin/sh"] {
            assert_eq!(words(good), None, "{good}");
        }
        for (wrong, why) in
            [("no-such-program", "found in PATH"), ("/bin", "can be run"), ("./none", "can be run")]
        {
            assert!(words(wrong).unwrap().contains(why), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_stop_ends_the_command_and_what_it_started_but_not_us() {
        let folder = tempfile::tempdir().unwrap();
        let note = folder.path().join("pid");
        let script = format!("sleep 1000 & echo $! > {0}.new; mv {0}.new {0}; wait", note.display());
        let command = start(&sh(&script), Output::Inherited).await.unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(command.run(stop.clone()));
        while !note.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.cancel();
        let end = running.await.unwrap().unwrap();
        assert_eq!(end, CommandEnd { status: None, detail: "was ended by signal TERM".into() });
        let pid: i32 = std::fs::read_to_string(&note).unwrap().trim().parse().unwrap();
        let left = procfs::process::Process::new(pid).and_then(|process| process.stat());
        assert!(left.is_err() || left.is_ok_and(|stat| stat.state == 'Z'));
    }
}
