//! The agent's clocks. Leases run on the boot-time clock, which goes on while the machine is suspended; a stuck worker
//! is judged by the monotonic clock, which does not, since a machine that slept has not stuck anybody.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Time since the host started, suspension included.
pub(super) fn boot_time() -> Duration {
    read(ClockId::CLOCK_BOOTTIME)
}

/// Time since the host started, suspension left out.
pub(super) fn awake_time() -> Duration {
    read(ClockId::CLOCK_MONOTONIC)
}

fn read(clock: ClockId) -> Duration {
    // Both clocks exist on every kernel that has pidfds; a failure can only mean that they were filtered away, and
    // then time that stands at its end makes every lease run out, which is the safe side.
    clock_gettime(clock).map_or(Duration::MAX, Duration::from)
}

/// Blocks this thread: the guardian has no runtime, and the worker waits on a thread that may block.
#[expect(clippy::disallowed_methods, reason = "the one place of the agent that blocks a thread for a time")]
pub(super) fn block(time: Duration) {
    std::thread::sleep(time);
}

/// Looks every few milliseconds until `done`, at most for `within`; says whether it came.
pub(super) fn wait_until(within: Duration, mut done: impl FnMut() -> bool) -> bool {
    let end = awake_time() + within;
    loop {
        if done() {
            return true;
        }
        if awake_time() >= end {
            return false;
        }
        block(Duration::from_millis(5));
    }
}
