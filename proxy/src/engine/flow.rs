//! One direction of a connection: bytes come in, wait if a fault says so, and leave in order.
//!
//! While no fault acts on them, bytes are copied through the data thread's buffer, and once a source sends more than
//! that holds, they are spliced (`flow/spliced.rs`). What a fault holds back, and what the destination has no room for,
//! waits in a queue (`flow/buffered.rs`).

mod buffered;
mod spliced;
mod stalled;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::acting::{Acting, Change};
use super::armed::Armed;
use super::ending::{End, LateEnd};
use super::gates::Side;
use super::held::Held;
use super::kernel;
use super::pipes::Pipe;
use super::timer::now_ns;
use super::worker::Worker;
use crate::control::wire::OnRemove;
use crate::fault::TrafficFault;

/// Reads in one go before other connections have their turn.
const ROUNDS: usize = 16;
/// What is received in one go while a pipe could take over: a source that fills it has more to send.
const FIRST_BYTES: usize = 16 << 10;

/// What a flow has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Going,
    /// All bytes and the end of them have been passed on.
    Done,
    /// The source was reset and all it had sent before has been passed on.
    Reset,
    /// As many bytes as a fault allows have passed.
    Limit,
}

/// One direction.
#[derive(Debug)]
pub(super) struct Flow {
    side: Side,
    held: Held,
    /// There while bytes are being spliced. With bytes in it nothing is held.
    pipe: Option<Pipe>,
    /// The source sends much, so the next bytes are to be spliced.
    bulk: bool,
    end: End,
    /// A fault keeps the end back.
    late: Option<Box<LateEnd>>,
    /// The destination takes nothing any more.
    broken: bool,
    /// What the source says last is a reset, whatever it looks like: its socket failed when written to.
    ends_in_reset: bool,
    /// The source is not being read, because there is no room for more.
    full: bool,
    /// A `stall` keeps what it has.
    stalled: bool,
    /// Since when the destination takes nothing of what is due; 0 when it does.
    stuck_ns: u64,
    /// Bytes passed on.
    pub(super) passed: u64,
    /// When to look again; 0 for never.
    pub(super) wake_ns: u64,
}

/// What a flow works with, besides itself.
pub(super) struct Surroundings<'a> {
    pub(super) worker: &'a Worker,
    pub(super) acting: &'a mut Acting,
    pub(super) from: &'a mut TcpStream,
    pub(super) to: &'a mut TcpStream,
    /// Where the route counts this direction's bytes.
    pub(super) counter: &'a AtomicU64,
    /// What the other direction of the connection holds back.
    pub(super) held_elsewhere: usize,
    /// The other direction has told its end, so that closing the sockets tells this one's.
    pub(super) is_last: bool,
}

impl Flow {
    pub(super) fn new(side: Side) -> Self {
        Self {
            side,
            held: Held::default(),
            pipe: None,
            bulk: false,
            end: End::Open,
            late: None,
            broken: false,
            ends_in_reset: false,
            full: false,
            stalled: false,
            stuck_ns: 0,
            passed: 0,
            wake_ns: 0,
        }
    }

    /// Whether the end has come and is kept back.
    pub(super) const fn is_end_late(&self) -> bool {
        self.late.is_some()
    }

    /// What is held back, as it counts against the bounds.
    pub(super) fn held(&self) -> usize {
        self.held.cost()
    }

    /// Whether bytes of the source have not been passed on yet.
    fn has_bytes(&self) -> bool {
        !self.held.is_empty() || self.pipe.as_ref().is_some_and(|pipe| !pipe.is_empty())
    }

    /// Whether the source is not being read, so that its reset would not be seen.
    pub(super) fn is_unread(&self) -> bool {
        self.full || self.end != End::Open
    }

    /// Whether a black hole took the news of the source's end.
    pub(super) fn is_end_swallowed(&self) -> bool {
        self.end == End::Swallowed
    }

    /// Whether nothing more will happen in this direction by itself.
    pub(super) fn is_over(&self) -> bool {
        !self.has_bytes() && matches!(self.end, End::Told | End::Swallowed)
    }

    /// Whether the destination knows that nothing more comes.
    pub(super) fn is_told(&self) -> bool {
        self.end == End::Told
    }

    pub(super) const fn is_broken(&self) -> bool {
        self.broken
    }

    /// The source's socket failed: when its last bytes have been read, that is a reset and no end.
    pub(super) fn will_end_in_reset(&mut self) {
        self.ends_in_reset = true;
        self.end = self.end.in_reset();
    }

    pub(super) const fn ends_in_reset(&self) -> bool {
        self.ends_in_reset
    }

    /// Bytes that were read before the flow began.
    pub(super) fn begin_with(&mut self, bytes: &[u8], worker: &Worker, acting: &mut Acting) {
        if bytes.is_empty() {
            return;
        }
        if acting.gates(self.side).blackhole {
            acting.swallow(self.side, bytes.len() as u64, now_ns());
        } else {
            self.arrived(bytes, worker, acting);
        }
    }

    /// Moves what can be moved now.
    pub(super) fn pump(&mut self, cx: &mut Context<'_>, with: &mut Surroundings<'_>) -> Outcome {
        (self.wake_ns, self.stalled) = (0, false);
        if !with.acting.gates(self.side).lets_splice() {
            self.leave_pipe(with);
        }
        for _ in 0..ROUNDS {
            self.pour(cx, with);
            if let Some(outcome) = self.flush(cx, with) {
                return outcome;
            }
            self.full = !self.may_read(with);
            if self.full || !self.take_in(cx, with) {
                return self.finish(cx, with);
            }
        }
        // Enough for now; go on when others had their turn.
        cx.waker().wake_by_ref();
        Outcome::Going
    }

    /// Whether there is room for more.
    fn may_read(&self, with: &Surroundings<'_>) -> bool {
        let open = self.end == End::Open && !self.broken;
        open && (!self.has_bytes() || self.held.cost() + with.held_elsewhere < self.room(with))
    }

    /// Receives once. False when nothing more can be received now.
    fn take_in(&mut self, cx: &mut Context<'_>, with: &mut Surroundings<'_>) -> bool {
        let gates = with.acting.gates(self.side);
        let unseen = gates.lets_splice() && self.held.is_empty();
        if unseen && self.bulk {
            return self.splice(cx, with);
        }
        let direct = unseen && !gates.is_paced();
        let mut buffer = with.worker.buffer.borrow_mut();
        let splice_next = unseen && self.may_splice(with.worker);
        let most = if splice_next { FIRST_BYTES } else { buffer.len() };
        let mut room = ReadBuf::new(&mut buffer[..most]);
        match Pin::new(&mut *with.from).poll_read(cx, &mut room) {
            Poll::Pending => return false,
            Poll::Ready(Ok(())) if room.filled().is_empty() => {
                self.source_is_over(self.ends_in_reset, with.acting);
                return false;
            }
            Poll::Ready(Err(error)) => {
                self.source_failed(&error, with.acting);
                return false;
            }
            Poll::Ready(Ok(())) => {}
        }
        self.bulk = splice_next && room.remaining() == 0;
        let mut bytes = room.filled();
        if gates.blackhole {
            with.acting.swallow(self.side, bytes.len() as u64, now_ns());
            return true;
        }
        while direct && !bytes.is_empty() {
            match Pin::new(&mut *with.to).poll_write(cx, bytes) {
                Poll::Ready(Ok(wrote)) => {
                    self.count(wrote, with);
                    bytes = &bytes[wrote..];
                }
                Poll::Ready(Err(error)) => {
                    self.destination_failed(&error, with.worker);
                    return false;
                }
                Poll::Pending => break,
            }
        }
        if !bytes.is_empty() {
            self.arrived(bytes, with.worker, with.acting);
        }
        true
    }

    fn count(&mut self, wrote: usize, with: &Surroundings<'_>) {
        self.passed += wrote as u64;
        with.counter.fetch_add(wrote as u64, Relaxed);
    }

    /// The source ended; the news is as late as bytes would be.
    fn source_is_over(&mut self, reset: bool, acting: &mut Acting) {
        let gates = acting.gates(self.side);
        if gates.blackhole && !reset {
            self.end = End::Swallowed;
            return;
        }
        let delay: u64 =
            if gates.latency { acting.delays(self.side).iter().map(|delay| delay.ns).sum() } else { 0 };
        let due_ns = if delay == 0 { 0 } else { now_ns() + delay };
        if reset {
            self.end = End::Reset { due_ns };
            return;
        }
        self.late = LateEnd::new(acting.end_delays(self.side));
        let due_ns = self.late.as_ref().map_or(due_ns, |late| late.due_ns() + delay);
        self.end = End::Finished { due_ns };
    }

    fn source_failed(&mut self, error: &io::Error, acting: &mut Acting) {
        tracing::debug!(%error, side = ?self.side, "a source failed");
        self.source_is_over(true, acting);
    }

    fn destination_failed(&mut self, error: &io::Error, worker: &Worker) {
        tracing::debug!(%error, side = ?self.side, "a destination failed");
        self.broken = true;
        self.clear(worker);
    }

    /// Passes the end on, once everything before it has left.
    fn finish(&mut self, cx: &mut Context<'_>, with: &mut Surroundings<'_>) -> Outcome {
        if self.has_bytes() {
            return self.abandon();
        }
        // The source has nothing more now, and nothing waits for a rate.
        if with.acting.gates(self.side).is_paced() {
            with.acting.dry(self.side, now_ns());
        }
        let (End::Finished { due_ns } | End::Reset { due_ns }) = self.end else {
            return if self.end == End::Told { Outcome::Done } else { Outcome::Going };
        };
        if with.acting.gates(self.side).hold && matches!(self.end, End::Finished { .. }) {
            with.acting.wait(self.side, now_ns());
            return Outcome::Going;
        }
        if due_ns > 0 && due_ns > now_ns() {
            self.wake_ns = due_ns;
            return Outcome::Going;
        }
        if with.acting.gates(self.side).stall && self.passage(with, now_ns()).is_err() {
            return Outcome::Going;
        }
        if matches!(self.end, End::Reset { .. }) {
            return Outcome::Reset;
        }
        if !self.broken
            && !with.is_last
            && let Poll::Ready(Err(error)) = Pin::new(&mut *with.to).poll_shutdown(cx)
        {
            // The other direction will read why.
            tracing::debug!(%error, side = ?self.side, "passing an end on");
        }
        if let Some(mut late) = self.late.take() {
            late.told();
        }
        self.end = End::Told;
        Outcome::Done
    }

    /// What is held of a source that was reset is passed on while the destination takes it, and no longer.
    fn abandon(&mut self) -> Outcome {
        if !self.ends_in_reset || self.stuck_ns == 0 {
            return Outcome::Going;
        }
        let until_ns = self.stuck_ns + kernel::LAST_BYTES_NS;
        if now_ns() >= until_ns {
            return Outcome::Reset;
        }
        self.wake_ns = until_ns;
        Outcome::Going
    }

    /// Fits what is held to changed faults. True when the connection must be reset because of it.
    pub(super) fn follow(&mut self, change: &Change, acting: &Acting) -> bool {
        match change {
            Change::Delay(armed) => {
                let longest_ns = match &armed.spec.fault {
                    TrafficFault::Latency(latency) => latency.longest_ns(),
                    TrafficFault::SlowClose(slow) => slow.delay.nanos(),
                    _ => return false,
                };
                self.shorten(armed, longest_ns, acting);
                false
            }
            Change::Gone(armed, _) => match armed.spec.on_remove {
                OnRemove::Drain => false,
                OnRemove::Release => {
                    self.shorten(armed, 0, acting);
                    false
                }
                OnRemove::Reset => {
                    let throttled = matches!(
                        armed.spec.fault,
                        TrafficFault::Bandwidth(_) | TrafficFault::Stall(_) | TrafficFault::Slicer(_)
                    );
                    throttled && self.has_bytes()
                        || self.held.waits_for(armed)
                        || self.late.as_ref().is_some_and(|late| late.waits_for(armed))
                }
            },
        }
    }

    /// Tells the end that a black hole took, once none is there any more. No bytes are missing, or the connection
    /// would be over.
    pub(super) fn see_light(&mut self, acting: &Acting) {
        if self.end == End::Swallowed && !acting.gates(self.side).blackhole {
            self.end = End::Finished { due_ns: 0 };
        }
    }

    /// Held bytes wait for this fault at most so long, and the end no longer than one that came now would.
    fn shorten(&mut self, armed: &Arc<Armed>, longest_ns: u64, acting: &Acting) {
        self.held.shorten(armed, longest_ns);
        if let Some(late) = &mut self.late {
            late.shorten(armed, longest_ns);
        }
        self.end = self.end.by(now_ns() + acting.longest_delay_ns(self.side));
    }

    /// Drops what is held and what is in the pipe.
    pub(super) fn clear(&mut self, worker: &Worker) {
        self.held.clear(worker);
        self.put_pipe(worker);
    }
}
