//! Bytes that no fault touches: from socket to socket through a pipe, without being looked at.
//!
//! A pipe is only filled when it is empty, and given back when the source has nothing more. So a connection that is
//! idle has none, and the moment a fault wants to see bytes, at most one filling has to be read back. A rate does not want
//! to see them: it lets so many pass.

use std::io;
use std::task::{Context, Poll};

use super::{Flow, Surroundings};
use crate::engine::timer::now_ns;
use crate::engine::worker::Worker;

/// How much a source that is spliced is taken to have to send.
const BULK_BYTES: u64 = 256 << 10;

impl Flow {
    /// Whether what comes next could be spliced.
    pub(super) fn may_splice(&self, worker: &Worker) -> bool {
        self.pipe.is_some() || worker.pipes.may_be_had()
    }

    /// Moves bytes from the source into the empty pipe, and on. False when the source has nothing now.
    pub(super) fn splice(&mut self, cx: &mut Context<'_>, with: &mut Surroundings<'_>) -> bool {
        let Some(pipe) = self.pipe.take().or_else(|| with.worker.pipes.take()) else {
            self.bulk = false;
            // Receiving copies again.
            return true;
        };
        let pipe = self.pipe.insert(pipe);
        match pipe.fill(with.from, cx) {
            Poll::Ready(Ok(filled)) if filled > 0 => {
                self.pour(cx, with);
                return !self.broken;
            }
            Poll::Pending => {}
            Poll::Ready(Ok(_)) => self.source_is_over(self.ends_in_reset, with.acting),
            Poll::Ready(Err(error)) => self.source_failed(&error, with.acting),
        }
        self.bulk = false;
        self.put_pipe(with.worker);
        false
    }

    /// Moves what is in the pipe on, as far as the destination has room and rates allow.
    pub(super) fn pour(&mut self, cx: &mut Context<'_>, with: &mut Surroundings<'_>) {
        let paced = with.acting.gates(self.side).is_paced();
        while let Some(pipe) = self.pipe.as_mut().filter(|pipe| !pipe.is_empty()) {
            let mut most = u64::MAX;
            if paced {
                // As if more than a pipe full were there: at a high rate waiting for each of them would be all wake-ups.
                match with.acting.allowance(self.side, BULK_BYTES, now_ns()) {
                    Ok(allowed) => most = allowed,
                    Err(at) => {
                        self.wake_ns = at;
                        return;
                    }
                }
            }
            match pipe.pour(with.to, most, cx) {
                Poll::Ready(Ok(moved)) => {
                    self.stuck_ns = 0;
                    if paced {
                        with.acting.took(self.side, moved as u64, now_ns());
                    }
                    self.count(moved, with);
                }
                Poll::Ready(Err(error)) => return self.destination_failed(&error, with.worker),
                Poll::Pending => {
                    self.stuck_ns = if self.stuck_ns == 0 { now_ns() } else { self.stuck_ns };
                    return;
                }
            }
        }
    }

    /// A fault acts on bytes from now on: what is in the pipe came before it and leaves next.
    pub(super) fn leave_pipe(&mut self, with: &mut Surroundings<'_>) {
        self.bulk = false;
        let Some(pipe) = &mut self.pipe else { return };
        let mut buffer = with.worker.buffer.borrow_mut();
        let arrived_ns = now_ns();
        let drained = loop {
            if pipe.is_empty() {
                break Ok(());
            }
            match pipe.read(&mut buffer) {
                Ok(read) => self.held.push(&buffer[..read], arrived_ns, Vec::new(), with.worker),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        if let Err(error) = drained {
            // What follows would be no continuation, so the connection ends as if its source had failed here.
            self.source_failed(&error, with.acting);
        }
        self.put_pipe(with.worker);
    }

    /// Does without the pipe. What is left in it is gone.
    pub(super) fn put_pipe(&mut self, worker: &Worker) {
        if let Some(pipe) = self.pipe.take() {
            worker.pipes.put(pipe);
        }
    }
}
