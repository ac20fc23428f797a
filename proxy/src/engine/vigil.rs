//! Watching a socket that is not read: its reset would go unnoticed, and its connection stay open for ever.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;

use nix::sys::socket::{setsockopt, sockopt};
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::timer::now_ns;

/// How long a socket is not read before it is worth watching. Most connections are over or read again by then.
const PATIENCE_NS: u64 = 100_000_000;
/// A peer whose end was swallowed is asked so often whether it is still there …
const PROBE_SECONDS: u32 = 2;
/// … and taken for gone after so many questions without an answer.
const PROBES: u32 = 5;

/// The watch over one socket of a connection.
#[derive(Default)]
pub(super) struct Vigil {
    unread_since_ns: u64,
    watch: Option<OnReset>,
    probing: bool,
}

type OnReset = Pin<Box<dyn Future<Output = ()>>>;

impl std::fmt::Debug for Vigil {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vigil").field("unread_since_ns", &self.unread_since_ns).finish_non_exhaustive()
    }
}

impl Vigil {
    /// True once the socket was found to be reset. `unread` says that its own reading would not show it.
    pub(super) fn was_reset(&mut self, socket: &TcpStream, unread: bool, cx: &mut Context<'_>) -> bool {
        if !unread {
            self.unread_since_ns = 0;
        } else if self.unread_since_ns == 0 {
            self.unread_since_ns = now_ns();
        } else if self.watch.is_none() && now_ns() >= self.unread_since_ns + PATIENCE_NS {
            self.watch = on_reset(socket);
        }
        self.watch.as_mut().is_some_and(|watch| watch.as_mut().poll(cx).is_ready())
    }

    /// When to look again; 0 for never.
    pub(super) fn wake_ns(&self) -> u64 {
        let waits = self.unread_since_ns != 0 && self.watch.is_none();
        // A watch that could not be had is tried again, but not in a hurry.
        if waits { (self.unread_since_ns + PATIENCE_NS).max(now_ns() + PATIENCE_NS / 10) } else { 0 }
    }

    /// Lets the kernel find out whether the peer is still there: for one that has only stopped sending, its kernel
    /// answers; for one that closed, it does so for another minute (`tcp_fin_timeout`), and then with a reset.
    pub(super) fn probe(&mut self, socket: &TcpStream) {
        if std::mem::replace(&mut self.probing, true) {
            return;
        }
        let set = setsockopt(socket, sockopt::TcpKeepIdle, &PROBE_SECONDS)
            .and_then(|()| setsockopt(socket, sockopt::TcpKeepInterval, &PROBE_SECONDS))
            .and_then(|()| setsockopt(socket, sockopt::TcpKeepCount, &PROBES))
            .and_then(|()| setsockopt(socket, sockopt::KeepAlive, &true));
        if let Err(error) = set {
            tracing::debug!(%error, "probing a peer whose end was swallowed");
        }
    }
}

/// Ready when the socket has failed. Waiting for readiness would borrow the socket, so a second descriptor of it is
/// watched.
fn on_reset(socket: &TcpStream) -> Option<OnReset> {
    let twin = socket2::SockRef::from(socket).try_clone().map(std::net::TcpStream::from);
    match twin.and_then(TcpStream::from_std) {
        Ok(twin) => Some(Box::pin(async move {
            // Readiness only fails when the runtime ends, and then it does not matter.
            let _ = twin.ready(Interest::ERROR).await;
        })),
        Err(error) => {
            tracing::debug!(%error, "watching for a reset");
            None
        }
    }
}
