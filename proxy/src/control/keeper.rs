//! The clock of the leases and the thread that waits on it. Never a data thread.
//!
//! `CLOCK_BOOTTIME` goes on while the machine is suspended, so a laptop that was closed for an hour does not wake up
//! with a fault that should have been gone.

use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

/// Time since boot, suspended time counted.
pub(super) fn since_boot() -> Duration {
    // The call fails only for a clock that the kernel does not know; this one it has known since 2.6.39.
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from)
}

/// One thread that sleeps until the moment that was last set, then calls back.
#[derive(Debug)]
pub(super) struct Keeper {
    alarm: Arc<Alarm>,
    thread: Option<JoinHandle<()>>,
}

/// The timer that the keeper sleeps on; whoever changes a lease sets it.
#[derive(Debug)]
pub(super) struct Alarm {
    timer: TimerFd,
    /// Whether the keeper is to end. Held while the timer is set, so that no late `set` puts the end off.
    stopping: Mutex<bool>,
}

impl Alarm {
    pub(super) fn new() -> Result<Arc<Self>, Errno> {
        let timer = TimerFd::new(ClockId::CLOCK_BOOTTIME, TimerFlags::TFD_CLOEXEC)?;
        Ok(Arc::new(Self { timer, stopping: Mutex::new(false) }))
    }

    /// Wakes the keeper at `at` since boot, and not before; replaces what was set.
    pub(super) fn set(&self, at: Option<Duration>) {
        let stopping = self.stopping.lock().unwrap_or_else(PoisonError::into_inner);
        if *stopping {
            return;
        }
        // Zero would disarm the timer; a moment in the past fires at once.
        let result = match at {
            Some(at) => self.timer.set(
                Expiration::OneShot(TimeSpec::from_duration(at.max(Duration::from_nanos(1)))),
                TimerSetTimeFlags::TFD_TIMER_ABSTIME,
            ),
            None => self.timer.unset(),
        };
        if let Err(error) = result {
            tracing::error!(%error, "cannot set the timer of the leases");
        }
    }

    fn stop(&self) {
        *self.stopping.lock().unwrap_or_else(PoisonError::into_inner) = true;
        let soon = Expiration::OneShot(TimeSpec::from_duration(Duration::from_nanos(1)));
        let _ = self.timer.set(soon, TimerSetTimeFlags::TFD_TIMER_ABSTIME);
    }

    /// Waits for the alarm; false when it is the last.
    fn wait(&self) -> bool {
        let mut expirations = [0; 8];
        match nix::unistd::read(self.timer.as_fd(), &mut expirations) {
            // Interrupted or set anew meanwhile: the callback looks at the time itself, once too often is harmless.
            Ok(_) | Err(Errno::EINTR | Errno::ECANCELED) => {}
            Err(error) => {
                tracing::error!(%error, "the timer of the leases is broken; no lease ends by itself any more");
                return false;
            }
        }
        !*self.stopping.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keeper {
    /// Starts the thread; `due` is called after every alarm.
    pub(super) fn start(alarm: Arc<Alarm>, due: impl Fn() + Send + 'static) -> Result<Self, std::io::Error> {
        let waiting = Arc::clone(&alarm);
        let thread = std::thread::Builder::new().name("firedrill-lease".into()).spawn(move || {
            while waiting.wait() {
                due();
            }
        })?;
        Ok(Self { alarm, thread: Some(thread) })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.alarm.stop();
        if let Some(thread) = self.thread.take() {
            // The callback never waits for a socket, so this is short.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn it_wakes_when_it_was_set_never_before_and_ends_when_dropped() {
        let alarm = Alarm::new().unwrap();
        let (tell, told) = mpsc::sync_channel(4);
        let keeper = Keeper::start(Arc::clone(&alarm), move || {
            let _ = tell.try_send(since_boot());
        })
        .unwrap();
        let first = since_boot() + Duration::from_millis(30);
        alarm.set(Some(since_boot() + Duration::from_secs(3_600)));
        alarm.set(Some(first));
        let woke = told.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(woke >= first, "woke {woke:?} before {first:?}");
        // The past is now.
        alarm.set(Some(Duration::ZERO));
        told.recv_timeout(Duration::from_secs(10)).unwrap();
        alarm.set(Some(since_boot() + Duration::from_secs(3_600)));
        drop(keeper);
        told.recv().unwrap_err();
    }
}
