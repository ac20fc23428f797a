//! The end of a connection by a fault: what was let through arrives first, and then the reset or the end.

use std::future::poll_fn;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::act::Mark;
use super::gates::{Fate, Side};
use super::kernel;
use super::timer::{Alarm, now_ns};
use super::worker::Worker;

/// How often to look whether the last bytes have arrived.
const STEP_NS: u64 = 1_000_000;
/// Reads in one go from a connection that is over.
const ROUNDS: usize = 16;

/// A connection that a fault is ending.
#[derive(Debug)]
pub(super) struct Closing {
    pub(super) fate: Fate,
    /// Whose last bytes are waited for before a reset.
    side: Side,
    since_ns: u64,
    mark: Option<Mark>,
    told: bool,
}

impl Closing {
    pub(super) fn new(fate: Fate, side: Side, mark: Option<Mark>) -> Self {
        Self { fate, side, since_ns: now_ns(), mark, told: false }
    }

    /// Goes on with it; true when the sockets can be dropped, which is then the deed.
    pub(super) fn step(
        &mut self,
        client: &mut TcpStream,
        mut upstream: Option<&mut TcpStream>,
        buffer: &mut [u8],
        cx: &mut Context<'_>,
    ) -> bool {
        let late = now_ns() > self.since_ns + kernel::LAST_BYTES_NS;
        match self.fate {
            Fate::Reset => {
                let to = if self.side == Side::Request { upstream.as_deref() } else { Some(&*client) };
                if !late && to.is_some_and(|to| kernel::unsent(to.as_raw_fd()) > 0) {
                    return false;
                }
                kernel::reset(client);
                upstream.iter().for_each(|upstream| kernel::reset(upstream));
            }
            Fate::Close => {
                let mut left = 0;
                for socket in [Some(client), upstream.take()].into_iter().flatten() {
                    if !self.told
                        && let Poll::Ready(Err(error)) = Pin::new(&mut *socket).poll_shutdown(cx)
                    {
                        tracing::debug!(%error, "ending a connection");
                    }
                    // A socket that is closed with bytes unread is reset, and what was just sent could be lost.
                    discard(socket, buffer, cx);
                    left += kernel::unsent(socket.as_raw_fd());
                }
                self.told = true;
                if !late && left > 0 {
                    return false;
                }
            }
        }
        self.mark.iter().for_each(Mark::hit);
        true
    }

    /// When to look again.
    pub(super) fn wake_ns() -> u64 {
        now_ns() + STEP_NS
    }
}

/// Ends a connection that never got its upstream.
pub(super) async fn close(worker: &Worker, client: &mut TcpStream, mark: Option<Mark>) {
    let alarm = Alarm::new(&worker.timers);
    let mut closing = Closing::new(Fate::Close, Side::Response, mark);
    poll_fn(|cx| {
        if closing.step(client, None, &mut worker.buffer.borrow_mut(), cx) {
            return Poll::Ready(());
        }
        alarm.set(Closing::wake_ns(), cx);
        Poll::Pending
    })
    .await;
}

fn discard(socket: &mut TcpStream, buffer: &mut [u8], cx: &mut Context<'_>) {
    for _ in 0..ROUNDS {
        let mut room = ReadBuf::new(buffer);
        match Pin::new(&mut *socket).poll_read(cx, &mut room) {
            Poll::Ready(Ok(())) if !room.filled().is_empty() => {}
            _ => return,
        }
    }
}
