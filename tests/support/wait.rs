//! Waiting for what another process does: always with a deadline, never by a fixed sleep.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Asks every 10 ms until `condition` holds; false when it does not within `deadline`.
#[expect(clippy::disallowed_methods, reason = "waits for other processes, which no paused clock can hurry")]
pub fn happens_within(deadline: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while !condition() {
        if began.elapsed() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

/// The same, and fails the test, naming `what`, when it did not happen.
pub fn wait_until(what: &str, deadline: Duration, condition: impl FnMut() -> bool) {
    assert!(happens_within(deadline, condition), "waited {deadline:?} in vain: {what}");
}

/// A port of 127.0.0.1 that was free a moment ago. Where the program can bind port 0 itself, let it.
pub fn free_port() -> u16 {
    // Below the ports that the kernel gives to outgoing connections, which would take it away again; each process of
    // a test run begins elsewhere.
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..1000 {
        let n = std::process::id().wrapping_mul(41).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(20_000 + n % 12_000).expect("a port");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port from 20000 to 31999 is free");
}

/// Whether something accepts connections there.
pub fn is_listening(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_ok()
}
