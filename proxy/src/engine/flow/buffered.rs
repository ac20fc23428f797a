//! What waits: for its time, for its turn at a rate, or for room at the destination.

use std::pin::Pin;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

use super::{Flow, Outcome, Surroundings};
use crate::engine::acting::Acting;
use crate::engine::timer::now_ns;
use crate::engine::worker::Worker;

/// Bytes that one connection may hold back, both directions together; then its sources have to wait.
const HELD_MAX: usize = 4 << 20;
/// The same for all connections of the engine; beyond it each may hold no more than `HELD_SMALL`.
const HELD_MAX_ALL: u64 = 256 << 20;
/// Enough for what a rate limit needs.
const HELD_SMALL: usize = 64 << 10;

impl Flow {
    /// Writes what is due and allowed.
    pub(super) fn flush(&mut self, cx: &mut Context<'_>, with: &mut Surroundings<'_>) -> Option<Outcome> {
        let gates = with.acting.gates(self.side);
        if gates.reached(self.passed, !self.held.is_empty()).is_some() {
            return Some(Outcome::Limit);
        }
        if gates.hold {
            if !self.held.is_empty() {
                with.acting.wait(self.side, now_ns());
            }
            return None;
        }
        while let Some(chunk) = self.held.first() {
            let now = now_ns();
            if chunk.due_ns > now {
                self.wake_ns = chunk.due_ns;
                return None;
            }
            let mut want = gates.room(self.passed, (chunk.bytes.len() - chunk.left) as u64);
            if gates.is_paced() {
                match with.acting.allowance(self.side, want, now) {
                    Ok(allowed) => want = allowed,
                    Err(at) => {
                        self.wake_ns = at;
                        return None;
                    }
                }
            }
            if gates.stall {
                match self.passage(with, now) {
                    Ok(allowed) => want = want.min(allowed),
                    Err(()) => return None,
                }
            }
            let chunk = self.held.first()?;
            let slice = &chunk.bytes[chunk.left..chunk.left + want as usize];
            let polled = if gates.corrupt {
                let mut buffer = with.worker.buffer.borrow_mut();
                let len = slice.len().min(buffer.len());
                buffer[..len].copy_from_slice(&slice[..len]);
                with.acting.flip(self.side, self.passed, &mut buffer[..len]);
                Pin::new(&mut *with.to).poll_write(cx, &buffer[..len])
            } else {
                Pin::new(&mut *with.to).poll_write(cx, slice)
            };
            let wrote = match polled {
                Poll::Pending => {
                    self.stuck_ns = if self.stuck_ns == 0 { now } else { self.stuck_ns };
                    return None;
                }
                Poll::Ready(Ok(wrote)) => wrote,
                Poll::Ready(Err(error)) => {
                    self.destination_failed(&error, with.worker);
                    return None;
                }
            };
            self.wrote_of_first(wrote, with);
            if gates.reached(self.passed, !self.held.is_empty()).is_some() {
                return Some(Outcome::Limit);
            }
        }
        None
    }

    fn wrote_of_first(&mut self, wrote: usize, with: &mut Surroundings<'_>) {
        self.stuck_ns = 0;
        let now = now_ns();
        self.held.left(wrote, now, with.worker);
        with.acting.took(self.side, wrote as u64, now);
        if with.acting.gates(self.side).corrupt {
            with.acting.flipped(self.side, self.passed, wrote as u64);
        }
        self.count(wrote, with);
    }

    /// How much the faults on this direction may hold back.
    pub(super) fn room(&self, with: &Surroundings<'_>) -> usize {
        let gates = with.acting.gates(self.side);
        // Once the little that was received is gone, the rest need not be.
        if self.bulk && gates.lets_splice() {
            return 0;
        }
        if gates.latency && with.worker.table.held_bytes.load(Relaxed) < HELD_MAX_ALL {
            HELD_MAX
        } else if gates.latency || gates.is_paced() || gates.stall {
            HELD_SMALL
        } else {
            0
        }
    }

    /// Bytes have been received that cannot leave at once.
    pub(super) fn arrived(&mut self, bytes: &[u8], worker: &Worker, acting: &mut Acting) {
        let delays = if acting.gates(self.side).latency { acting.delays(self.side) } else { Vec::new() };
        self.held.push(bytes, now_ns(), delays, worker);
    }
}
