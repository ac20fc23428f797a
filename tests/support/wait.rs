//! Waiting for what another process does: always with a deadline, never by a fixed sleep.

use std::net::{SocketAddr, TcpListener, TcpStream};
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
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// Whether something accepts connections there.
pub fn is_listening(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_ok()
}
