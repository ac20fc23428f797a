//! Time on a data thread: one timerfd over one heap. Deadlines are absolute and never early; a timerfd wakes some
//! 50 µs late where a timer wheel of milliseconds is 1 ms late.

use std::cell::{Cell, OnceCell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::clock_gettime;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Nanoseconds of `CLOCK_MONOTONIC`, the clock that the timers run on.
pub(super) fn now_ns() -> u64 {
    // The clock exists on every Linux, so the call cannot fail; should it, time stands still and nothing is early.
    clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC)
        .map_or(0, |time| Duration::from(time).as_nanos() as u64)
}

/// The timers of one data thread.
#[derive(Debug)]
pub(super) struct Timers {
    fd: AsyncFd<Owned>,
    heap: RefCell<BinaryHeap<Entry>>,
    /// What the timerfd is set to; 0 when it is not set.
    armed_ns: Cell<u64>,
    sequence: Cell<u64>,
    /// Entries in the heap that nobody waits for any more.
    dead: Cell<usize>,
}

/// A deadline, a number that no other entry has, and who waits; the earliest is on top of the heap.
type Entry = Reverse<(u64, u64, Rc<Slot>)>;

#[derive(Debug)]
struct Owned(TimerFd);

impl AsRawFd for Owned {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

/// The place where a waiting task is found; the heap holds it, the alarm changes it.
#[derive(Debug, Default)]
struct Slot {
    /// The entry that counts; 0 when none does.
    due_ns: Cell<u64>,
    waker: RefCell<Option<Waker>>,
}

// The heap orders by (deadline, sequence); the sequence is unique, so slots are never compared in earnest.
impl PartialEq for Slot {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl Eq for Slot {}
impl PartialOrd for Slot {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Slot {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

impl Timers {
    /// Needs the runtime of the data thread around it.
    pub(super) fn new() -> io::Result<Rc<Self>> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = Owned(TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?);
        // SAFETY: `Owned` owns the timerfd, never gives it away and never replaces it, so the descriptor stays open
        // and the same for as long as the registration lives.
        let fd = unsafe { AsyncFd::register_with_interest(timer, Interest::READABLE) }?;
        Ok(Rc::new(Self {
            fd,
            heap: RefCell::default(),
            armed_ns: Cell::new(0),
            sequence: Cell::new(0),
            dead: Cell::new(0),
        }))
    }

    /// Wakes whoever is due, for ever. One task per data thread runs this.
    pub(super) async fn run(self: Rc<Self>) {
        // An error here means that the runtime is shutting down.
        while let Ok(mut guard) = self.fd.readable().await {
            // Setting the timer again resets its count, so the descriptor is never read.
            guard.clear_ready();
            self.armed_ns.set(0);
            self.wake_due();
        }
    }

    fn wake_due(&self) {
        let mut now = now_ns();
        loop {
            let mut heap = self.heap.borrow_mut();
            let Some(Reverse((due, ..))) = heap.peek() else { return };
            let due = *due;
            if due > now {
                // Time went on while waking; what has become due meanwhile saves a trip through the kernel.
                now = now_ns();
                if due > now {
                    return self.set(due);
                }
            }
            let Some(Reverse((_, _, slot))) = heap.pop() else { return };
            drop(heap);
            if slot.due_ns.get() == due {
                slot.due_ns.set(0);
                if let Some(waker) = slot.waker.borrow().as_ref() {
                    waker.wake_by_ref();
                }
            } else {
                self.dead.set(self.dead.get().saturating_sub(1));
            }
        }
    }

    fn push(&self, due_ns: u64, slot: &Rc<Slot>) {
        self.sweep();
        let sequence = self.sequence.get() + 1;
        self.sequence.set(sequence);
        self.heap.borrow_mut().push(Reverse((due_ns, sequence, Rc::clone(slot))));
        if self.armed_ns.get() == 0 || due_ns < self.armed_ns.get() {
            self.set(due_ns);
        }
    }

    /// Throws away entries that nobody waits for, once they are most of the heap.
    fn sweep(&self) {
        let mut heap = self.heap.borrow_mut();
        if self.dead.get() > 1024 && self.dead.get() > heap.len() / 2 {
            heap.retain(|Reverse((due, _, slot))| slot.due_ns.get() == *due);
            self.dead.set(0);
        }
    }

    fn set(&self, due_ns: u64) {
        // A timer set to 0 is a timer switched off.
        let due = Expiration::OneShot(TimeSpec::from_duration(Duration::from_nanos(due_ns.max(1))));
        match self.fd.get_ref().0.set(due, TimerSetTimeFlags::TFD_TIMER_ABSTIME) {
            Ok(()) => self.armed_ns.set(due_ns.max(1)),
            Err(error) => tracing::error!(%error, due_ns, "setting a timer"),
        }
    }
}

/// One thing to be woken for at a time. Dropping it cancels it.
#[derive(Debug)]
pub(super) struct Alarm {
    timers: Rc<Timers>,
    /// There once it has been set.
    slot: OnceCell<Rc<Slot>>,
}

impl Alarm {
    pub(super) fn new(timers: &Rc<Timers>) -> Self {
        Self { timers: Rc::clone(timers), slot: OnceCell::new() }
    }

    /// Wakes the task at `due_ns` or, if it was set to something earlier, already then.
    pub(super) fn set(&self, due_ns: u64, cx: &Context<'_>) {
        let due_ns = due_ns.max(1);
        let slot = self.slot.get_or_init(Rc::default);
        let mut waker = slot.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        drop(waker);
        let set = slot.due_ns.get();
        if set != 0 && set <= due_ns {
            return;
        }
        self.forget(slot);
        slot.due_ns.set(due_ns);
        self.timers.push(due_ns, slot);
    }

    fn forget(&self, slot: &Slot) {
        if slot.due_ns.replace(0) != 0 {
            self.timers.dead.set(self.timers.dead.get() + 1);
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let Some(slot) = self.slot.get() else { return };
        self.forget(slot);
        // The entry may stay in the heap for long; the task must not.
        slot.waker.borrow_mut().take();
    }
}

/// Ready at a moment, never before.
#[derive(Debug)]
pub(super) struct Sleep {
    alarm: Alarm,
    due_ns: u64,
}

impl Sleep {
    pub(super) fn until(timers: &Rc<Timers>, due_ns: u64) -> Self {
        Self { alarm: Alarm::new(timers), due_ns }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if now_ns() >= self.due_ns {
            return Poll::Ready(());
        }
        self.alarm.set(self.due_ns, cx);
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_a_data_thread<F: Future>(test: impl FnOnce(Rc<Timers>) -> F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build_local(tokio::runtime::LocalOptions::default())
            .unwrap();
        runtime.block_on(async {
            let timers = Timers::new().unwrap();
            tokio::task::spawn_local(Rc::clone(&timers).run());
            test(timers).await
        })
    }

    #[test]
    fn sleeps_end_in_order_and_never_early() {
        on_a_data_thread(|timers| async move {
            let ended = Rc::new(RefCell::new(Vec::new()));
            let start = now_ns();
            let tasks: Vec<_> = [30u64, 10, 20, 0, 10]
                .map(|ms| {
                    let (timers, ended) = (Rc::clone(&timers), Rc::clone(&ended));
                    tokio::task::spawn_local(async move {
                        Sleep::until(&timers, start + ms * 1_000_000).await;
                        assert!(now_ns() >= start + ms * 1_000_000);
                        ended.borrow_mut().push(ms);
                    })
                })
                .into();
            for task in tasks {
                task.await.unwrap();
            }
            assert_eq!(*ended.borrow(), [0, 10, 10, 20, 30]);
        });
    }

    #[test]
    fn cancelled_alarms_are_swept_out() {
        on_a_data_thread(|timers| async move {
            let far = now_ns() + 3_600_000_000_000;
            std::future::poll_fn(|cx| {
                for _ in 0..5_000 {
                    Alarm::new(&timers).set(far, cx);
                }
                Poll::Ready(())
            })
            .await;
            assert!(timers.heap.borrow().len() <= 1_100, "{} entries", timers.heap.borrow().len());
        });
    }
}
