//! The guardian: a process of its own that only undoes. It has no runtime and no network, and one blocking loop.
//!
//! It shares a socket (its standard input) and the undo journal with the worker. The end of the worker, however it
//! comes, closes the socket; the guardian then goes every way back that the journal names, ends what the worker had
//! started, and ends.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::clock::{awake_time, boot_time};
use super::family::end_family;
use super::identity::Identity;
use super::refusal::AgentError;
use super::undo::{Entry, Outstanding, Tail, UndoJournal, Undoer, go_back, outstanding};
use super::wire::{Lines, STUCK_AFTER, ToGuardian, ToWorker, line};

/// How long a mark in the journal may wait for the worker's lock: undoing matters more than its record.
const MARK_PATIENCE: Duration = Duration::from_millis(100);
/// The longest sleep between two looks at the clock.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Why the guardian ends.
enum End {
    /// The worker took everything back itself.
    Told,
    /// The worker is gone: its end of the socket is closed.
    WorkerGone,
    /// The worker lives and must not be waited for.
    Because(String),
}

/// What may pass before the loop looks at it.
enum Due {
    Everything(String),
    One(String),
}

/// The last good reading of the undo journal. It holds when the journal cannot be read any more: going a way back
/// once too often changes nothing, and not going it leaves a process standing still.
#[derive(Default)]
struct Known {
    worker: Option<Identity>,
    outstanding: Vec<Outstanding>,
    /// Whether a newer firedrill wrote records that this one does not understand.
    is_foreign: bool,
}

struct Guardian {
    journal: UndoJournal,
    known: Known,
    socket: UnixStream,
    term: SignalFd,
    lines: Lines,
    last_beat: Duration,
    lease: Option<Duration>,
    max: BTreeMap<String, Duration>,
}

/// Runs the guardian until the worker says that it is done, or until everything was undone. The socket to the worker
/// is standard input.
pub fn guardian_main(journal: &Path) -> Result<(), AgentError> {
    let no = |why: String| AgentError::NoGuardian { why };
    let term = stand_apart().map_err(|error| no(format!("cannot set up signals: {error}")))?;
    let socket = io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from).and_then(|socket| {
        socket.set_nonblocking(true)?;
        // Fails when it is no socket, for whoever starts this by hand.
        socket.peer_addr()?;
        Ok(socket)
    });
    let socket = socket.map_err(|error| no(format!("standard input is not the worker's socket: {error}")))?;
    let (mut journal, _) = UndoJournal::open(journal).map_err(|source| AgentError::File {
        what: "open undo journal",
        path: journal.into(),
        source,
    })?;
    let guardian = Identity::of_self()?;
    journal.append(&Entry::Guardian { guardian }, Duration::from_secs(1)).map_err(|source| {
        AgentError::File { what: "write undo journal", path: journal.path().into(), source }
    })?;
    let mut guard = Guardian {
        journal,
        known: Known::default(),
        socket,
        term,
        lines: Lines::default(),
        last_beat: awake_time(),
        lease: None,
        max: BTreeMap::new(),
    };
    guard.look()?;
    guard.say(&ToWorker::Ready { guardian });
    let end = guard.watch();
    guard.end(end)
}

/// Leaves the terminal's process group, so that Ctrl-C and a closed terminal do not reach us, and turns SIGTERM into
/// something to wait for.
fn stand_apart() -> nix::Result<SignalFd> {
    // Fails only for a process group's leader, who is apart already.
    let _ = nix::unistd::setsid();
    let _ = std::env::set_current_dir("/");
    // When memory runs out, the way back must be the last to go. Needs root; without, we are as safe as any other.
    let _ = std::fs::write("/proc/self/oom_score_adj", "-1000");
    // Blocked, not ignored: nothing of ours must run in a handler, and there is only this thread.
    let blocked = [Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGTSTP, Signal::SIGTERM];
    blocked.into_iter().collect::<SigSet>().thread_block()?;
    let mut term = SigSet::empty();
    term.add(Signal::SIGTERM);
    SignalFd::with_flags(&term, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
}

impl Guardian {
    /// Watches until there is a reason to end.
    fn watch(&mut self) -> End {
        loop {
            self.sleep();
            if matches!(self.term.read_signal(), Ok(Some(_))) {
                return End::Because("the guardian was told to end (SIGTERM)".into());
            }
            // What the worker said comes first: a guardian that was late itself must not call the worker stuck.
            if let Some(end) = self.listen() {
                return end;
            }
            match self.due() {
                Some(Due::Everything(why)) => return End::Because(why),
                Some(Due::One(fault)) => self.end_of_max(&fault),
                None => {}
            }
        }
    }

    fn sleep(&self) {
        let until = self.lease.into_iter().chain(self.max.values().copied()).min();
        let time = until.map_or(LOOK_EVERY, |until| until.saturating_sub(boot_time()).min(LOOK_EVERY));
        // A millisecond more, so that the sleep does not end just before what it waits for.
        let millis = u16::try_from(time.as_millis() + 1).unwrap_or(u16::MAX);
        let mut fds = [
            PollFd::new(self.socket.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.term.as_fd(), PollFlags::POLLIN),
        ];
        // An interrupted wait only looks earlier.
        let _ = poll(&mut fds, PollTimeout::from(millis));
    }

    /// Takes in what the worker said.
    fn listen(&mut self) -> Option<End> {
        let mut buffer = [0; 4096];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => return Some(End::WorkerGone),
                Ok(count) => self.lines.push(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Some(End::WorkerGone),
            }
            while let Some(message) = self.lines.next() {
                match message {
                    Ok(ToGuardian::Beat) => {
                        // Often enough that little can be lost with the file; a failure keeps what is known.
                        let _ = self.look();
                        self.say(&ToWorker::Beat);
                    }
                    Ok(ToGuardian::Lease { until }) => self.lease = Some(until),
                    Ok(ToGuardian::Max { fault, until }) => {
                        self.max.insert(fault, until);
                    }
                    Ok(ToGuardian::Forget { fault }) => {
                        self.max.remove(&fault);
                    }
                    Ok(ToGuardian::Stop) => return Some(End::Told),
                    Err(error) => {
                        return Some(End::Because(format!(
                            "the guardian cannot read what the worker says: {error}"
                        )));
                    }
                }
                self.last_beat = awake_time();
            }
        }
        None
    }

    /// What time has decided. Lease and stuckness matter only while there is something to undo.
    fn due(&mut self) -> Option<Due> {
        let now = boot_time();
        if self.lease.is_some_and(|until| now >= until) {
            self.lease = None;
            if !self.outstanding().is_empty() {
                return Some(Due::Everything("its lease ran out without a renewal".into()));
            }
        }
        let silent = awake_time().saturating_sub(self.last_beat);
        if silent >= STUCK_AFTER && !self.outstanding().is_empty() {
            let silent = silent.as_secs_f64();
            return Some(Due::Everything(format!("the worker was stuck: no heartbeat for {silent:.1} s")));
        }
        let over = self.max.iter().find(|(_, until)| now >= **until).map(|(fault, _)| fault.clone());
        over.map(Due::One)
    }

    fn end_of_max(&mut self, fault: &str) {
        self.max.remove(fault);
        let mine: Vec<Outstanding> =
            self.outstanding().into_iter().filter(|known| known.fault == fault).collect();
        if mine.is_empty() {
            return;
        }
        self.undo(&mine);
        self.say(&ToWorker::Undone { fault: fault.to_owned(), why: "its max was over".into() });
    }

    /// What is outstanding by the newest reading that can be had.
    fn outstanding(&mut self) -> Vec<Outstanding> {
        let _ = self.look();
        self.known.outstanding.clone()
    }

    /// Reads the undo journal. What was known stands when that fails.
    fn look(&mut self) -> Result<(), AgentError> {
        let contents = self.journal.read().map_err(|source| AgentError::File {
            what: "read undo journal",
            path: self.journal.path().into(),
            source,
        })?;
        self.known = Known {
            worker: contents.entries.first().and_then(|entry| match entry {
                Entry::Opened { worker, .. } => Some(*worker),
                _ => None,
            }),
            outstanding: outstanding(&contents.entries),
            is_foreign: contents.tail == Tail::Foreign,
        };
        Ok(())
    }

    /// Goes the ways back, marks them, and says how much is left.
    fn undo(&mut self, faults: &[Outstanding]) -> usize {
        let left = go_back(faults.iter().flat_map(|fault| &fault.undo)).len();
        for fault in faults {
            // Which step of which fault is left is looked at anew by whoever heals.
            let residue = if left == 0 { 0 } else { u32::try_from(left).unwrap_or(u32::MAX) };
            let undone = Entry::Undone { fault: fault.fault.clone(), by: Undoer::Guardian, residue };
            // Without the mark, the next start goes the same way back once more, which changes nothing.
            let _ = self.journal.append(&undone, MARK_PATIENCE);
        }
        left
    }

    fn end(mut self, end: End) -> Result<(), AgentError> {
        let read = self.look();
        let faults = self.known.outstanding.clone();
        let left = self.undo(&faults);
        match end {
            End::Told | End::WorkerGone => {
                // A worker that told us is done with both, or was killed a moment later.
                let running = self.end_family();
                // A file that was not read to its end may name what was not undone, and stays for `agent heal` and
                // whoever looks into it.
                if left == 0 && running == 0 && read.is_ok() && !self.known.is_foreign {
                    let _ = self.journal.delete();
                }
            }
            End::Because(why) => self.say(&ToWorker::Ending { why }),
        }
        if left == 0 {
            return read;
        }
        let why = format!("{left} processes could not be resumed; run `firedrill agent heal`");
        Err(AgentError::NoGuardian { why })
    }

    /// Ends what the worker had started (a probe's command, the command under test); says how many cannot be ended.
    fn end_family(&mut self) -> usize {
        self.known.worker.map_or(0, |worker| end_family(worker).1.len())
    }

    /// Tells the worker; a worker that does not listen is not waited for.
    fn say(&mut self, message: &ToWorker) {
        if let Ok(line) = line(message) {
            let _ = self.socket.write_all(&line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::clock::wait_until;
    use crate::agent::stopped::Stopped;
    use crate::agent::undo::{UndoStep, VERSION};

    const SOON: Duration = Duration::from_secs(5);

    /// A guardian of a worker that paused `victim` and then sent one beat, and the worker's end of the socket.
    fn guardian(journal: &Path, victim: Identity) -> (Guardian, UnixStream) {
        let opened = Entry::Opened {
            version: VERSION,
            owner: "d1".into(),
            boot_id: "b".into(),
            pid_namespace: "n".into(),
            // Of a number that was never given out: nobody of it lives.
            worker: Identity { start: 1, pid: i32::MAX },
        };
        let mut worker = UndoJournal::create(journal, &opened).unwrap();
        let (journal, _) = UndoJournal::open(journal).unwrap();
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        theirs.set_nonblocking(true).unwrap();
        let mut guard = Guardian {
            journal,
            known: Known::default(),
            socket: theirs,
            term: SignalFd::new(&SigSet::empty()).unwrap(),
            lines: Lines::default(),
            last_beat: awake_time(),
            lease: None,
            max: BTreeMap::new(),
        };
        guard.look().unwrap();
        let undo = vec![UndoStep::Resume { process: victim, name: "sleep".into() }];
        let intent =
            Entry::Intent { fault: "f".into(), kind: "process_pause".into(), undo, left_alone: vec![] };
        worker.append(&intent, SOON).unwrap();
        ours.write_all(&line(&ToGuardian::Beat).unwrap()).unwrap();
        assert!(guard.listen().is_none());
        (guard, ours)
    }

    #[test]
    fn a_journal_that_was_wiped_out_still_leads_back_and_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d1.undo");
        let victim = Stopped::start();
        let (guard, _worker) = guardian(&path, victim.identity());
        std::fs::write(&path, "").unwrap();
        let said = guard.end(End::WorkerGone).unwrap_err().to_string();
        assert!(wait_until(SOON, || !victim.stands_still()), "its way back was known");
        assert!(said.contains("read undo journal"), "{said}");
        assert!(path.exists(), "what cannot be read is not deleted");
    }

    #[test]
    fn a_journal_that_can_be_read_goes_with_what_it_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d1.undo");
        let victim = Stopped::start();
        let (guard, _worker) = guardian(&path, victim.identity());
        guard.end(End::WorkerGone).unwrap();
        assert!(!victim.stands_still() && !path.exists());
    }
}
