//! The worker's line to its guardian: starts it, tells it that the worker lives, and notices when it does not.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::identity::Identity;
use super::refusal::AgentError;
use super::standing::Standing;
use super::wire::{BEAT_EVERY, Lines, ToGuardian, ToWorker, UNANSWERED_MAX, line};
use super::worker::GuardianProgram;

/// How long a new guardian may take to answer.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// How long a guardian that was told to end may take.
const END_WITHIN: Duration = Duration::from_secs(2);
/// How many messages may wait for the guardian.
const WAITING_MAX: usize = 64;

/// The line to a guardian that answered.
#[derive(Debug)]
pub(super) struct Link {
    messages: mpsc::Sender<ToGuardian>,
    task: JoinHandle<()>,
    guardian: Identity,
}

struct Wire {
    socket: UnixStream,
    lines: Lines,
    child: Child,
}

/// A guardian that was started and has answered, not yet attended to.
pub(super) struct Started {
    wire: Wire,
    guardian: Identity,
}

impl Started {
    /// Starts a guardian over this undo journal and waits for its answer.
    pub async fn start(program: &GuardianProgram, journal: &Path) -> Result<Self, AgentError> {
        let no = |why: String| AgentError::NoGuardian { why };
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()
            .and_then(|(ours, theirs)| ours.set_nonblocking(true).map(|()| (ours, theirs)))
            .map_err(|error| no(format!("cannot make a socket: {error}")))?;
        let child = Command::new(&program.program)
            .args(&program.args)
            .arg("--journal")
            .arg(journal)
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| no(format!("cannot start {}: {error}", program.program.display())))?;
        let socket =
            UnixStream::from_std(ours).map_err(|error| no(format!("cannot use a socket: {error}")))?;
        let mut wire = Wire { socket, lines: Lines::default(), child };
        let answer = timeout(READY_WITHIN, wire.next()).await;
        match answer {
            Ok(Some(ToWorker::Ready { guardian })) => Ok(Self { wire, guardian }),
            Ok(_) => Err(no(format!(
                "{} ended instead of answering; try `{0} agent guardian --journal {}`",
                program.program.display(),
                journal.display()
            ))),
            Err(_) => Err(no(format!("it did not answer within {} s", READY_WITHIN.as_secs()))),
        }
    }

    /// Attends to it from now on; its loss is written down there.
    pub fn attend(self, standing: Arc<Standing>) -> Link {
        let (messages, inbox) = mpsc::channel(WAITING_MAX);
        let task = tokio::spawn(attend(self.wire, inbox, standing));
        Link { messages, task, guardian: self.guardian }
    }
}

impl Link {
    /// Who the guardian is.
    pub fn guardian(&self) -> Identity {
        self.guardian
    }

    /// Tells the guardian. When it is gone, that is noticed elsewhere.
    pub async fn say(&self, message: ToGuardian) {
        let _ = self.messages.send(message).await;
    }

    /// Ends the guardian.
    pub async fn end(mut self) {
        self.say(ToGuardian::Stop).await;
        let _ = timeout(END_WITHIN + Duration::from_secs(1), &mut self.task).await;
    }
}

impl Drop for Link {
    /// A worker that is dropped in the middle of its work closes the socket, and the guardian undoes.
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Wire {
    /// The next message; `None` when there will be no more that can be read. May be dropped and called again.
    async fn next(&mut self) -> Option<ToWorker> {
        loop {
            if let Some(message) = self.lines.next() {
                return message.ok();
            }
            let mut buffer = [0; 4096];
            match self.socket.read(&mut buffer).await {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.lines.push(&buffer[..count]),
            }
        }
    }

    async fn say(&mut self, message: &ToGuardian) -> bool {
        let Ok(line) = line(message) else { return false };
        matches!(timeout(Duration::from_secs(1), self.socket.write_all(&line)).await, Ok(Ok(())))
    }
}

async fn attend(mut wire: Wire, mut inbox: mpsc::Receiver<ToGuardian>, standing: Arc<Standing>) {
    let mut beats = interval(BEAT_EVERY);
    // A worker that was late counts its beats anew, instead of calling the guardian stuck for its own lateness.
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut unanswered = 0;
    let lost = loop {
        tokio::select! {
            // What the guardian said comes first: its answers may have waited while we were late.
            biased;
            message = wire.next() => match message {
                Some(ToWorker::Beat | ToWorker::Ready { .. }) => unanswered = 0,
                Some(ToWorker::Undone { fault, why }) => standing.ended_by_guardian(&fault, &why),
                Some(ToWorker::Ending { why }) => break why,
                None => break "the guardian died".to_owned(),
            },
            message = inbox.recv() => match message {
                Some(ToGuardian::Stop) => {
                    wire.say(&ToGuardian::Stop).await;
                    if timeout(END_WITHIN, wire.child.wait()).await.is_err() {
                        // Everything is undone; a guardian that does not end has nothing left to guard.
                        let _ = wire.child.start_kill();
                        let _ = timeout(END_WITHIN, wire.child.wait()).await;
                    }
                    return;
                }
                Some(message) => if !wire.say(&message).await {
                    break "the guardian does not listen".to_owned();
                },
                None => return,
            },
            _ = beats.tick() => {
                unanswered += 1;
                if unanswered > UNANSWERED_MAX || !wire.say(&ToGuardian::Beat).await {
                    break "the guardian does not answer".to_owned();
                }
            }
        }
    };
    standing.guardian_lost(lost).await;
    // Reaped, so that it does not stay in the table of processes; one that is stuck sees the socket close.
    drop(wire.socket);
    let _ = timeout(END_WITHIN, wire.child.wait()).await;
}
