//! A connection of plain bytes, from the dial of its upstream to its end, as one task.
//!
//! A task is as large as the largest thing it ever holds, and most connections spend their lives waiting for bytes. So
//! the stages are written by hand: what an idle connection takes is its relay and nothing else.

use std::future::Future;
use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::net::TcpStream;

use super::accepted::Accepted;
use super::act::Mark;
use super::closing;
use super::dial::Dial;
use super::gates::Fate;
use super::kernel;
use super::relay::{Faults, Relay};
use super::timer::{Alarm, now_ns};
use super::worker::{Burden, Watch};

/// The upstream of a connection.
pub(super) enum Upstream {
    Dialling(Dial),
    Dialled(io::Result<TcpStream>),
}

/// A side of a connection of which something was read already.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) stream: TcpStream,
    pub(super) read: Vec<u8>,
}

/// The future.
#[allow(
    clippy::large_enum_variant,
    reason = "the largest is what nearly all of them are at nearly all times"
)]
pub(super) enum Plain {
    Dialling(Dialling),
    Relaying(Relay),
    /// A fault ends it before it has an upstream, with an end and not a reset.
    Closing(Pin<Box<dyn Future<Output = ()>>>),
    Over,
}

/// Faults act already while the upstream is being dialled.
pub(super) struct Dialling {
    pub(super) worker: Burden,
    pub(super) faults: Faults,
    pub(super) client: TcpStream,
    upstream: Upstream,
    /// Read from the client already.
    pub(super) prefix: Vec<u8>,
    /// Read from the upstream already.
    pub(super) answer: Vec<u8>,
    pub(super) alarm: Alarm,
    pub(super) watch: Option<Watch>,
}

/// With the runtime's own part this is what an idle connection takes in this process.
const _: () = assert!(size_of::<Plain>() <= 640);

impl Plain {
    pub(super) fn new(
        worker: Burden,
        client: TcpStream,
        accepted: Accepted,
        upstream: Upstream,
        prefix: Vec<u8>,
    ) -> Self {
        let alarm = Alarm::new(&worker.timers);
        let faults = Faults::new(accepted);
        let answer = Vec::new();
        Self::Dialling(Dialling { worker, faults, client, upstream, prefix, answer, alarm, watch: None })
    }

    /// A connection that was of HTTP before, and has both its sides.
    pub(super) fn switched(worker: Burden, client: Begun, upstream: Begun, faults: Faults) -> Self {
        Self::Dialling(Dialling {
            alarm: Alarm::new(&worker.timers),
            worker,
            faults,
            client: client.stream,
            upstream: Upstream::Dialled(Ok(upstream.stream)),
            prefix: client.read,
            answer: upstream.read,
            watch: None,
        })
    }
}

impl Future for Plain {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut *self {
                Self::Dialling(dialling) => {
                    let dialled = ready!(dialling.poll_dialled(cx));
                    if let Self::Dialling(dialling) = mem::replace(&mut *self, Self::Over) {
                        *self = dialling.go_on(dialled);
                    }
                }
                Self::Relaying(relay) => return Pin::new(relay).poll(cx).map(drop),
                Self::Closing(closing) => return closing.as_mut().poll(cx),
                Self::Over => return Poll::Ready(()),
            }
        }
    }
}

impl Dialling {
    /// The end of the dial; nothing when a fault or the end of the route came first.
    fn poll_dialled(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<TcpStream>>> {
        let route = &self.faults.accepted.route;
        self.watch.get_or_insert_with(|| self.worker.watch(route, cx.waker().clone()));
        let is_closed = route.is_closed();
        self.faults.refresh_before_bytes();
        let due = self.faults.due().map(|due| due.at_ns);
        if is_closed || due.is_some_and(|due| due <= now_ns()) {
            return Poll::Ready(None);
        }
        let turn = Some(self.faults.turn_ns()).filter(|turn_ns| *turn_ns != 0);
        if let Some(due) = due.into_iter().chain(turn).min() {
            self.alarm.set(due, cx);
        }
        let dialled = match &mut self.upstream {
            Upstream::Dialling(dial) => ready!(dial.as_mut().poll(cx)),
            Upstream::Dialled(dialled) => mem::replace(dialled, Err(io::ErrorKind::NotConnected.into())),
        };
        Poll::Ready(Some(dialled))
    }

    fn go_on(mut self, dialled: Option<io::Result<TcpStream>>) -> Plain {
        match dialled {
            Some(Ok(upstream)) => return Plain::Relaying(Relay::new(self, upstream)),
            Some(Err(error)) => {
                tracing::debug!(route = self.faults.accepted.route.spec.name, %error, "no upstream");
                kernel::reset(&self.client);
            }
            None if self.faults.accepted.route.is_closed() => {}
            // A fault has ended it.
            None => {
                let due = self.faults.due();
                let mark = due.and_then(|due| self.faults.acting.mark(due.act));
                if due.is_some_and(|due| due.fate == Fate::Close) {
                    return Plain::Closing(Box::pin(async move {
                        closing::close(&self.worker, &mut self.client, mark).await;
                        self.faults.ended_early();
                    }));
                }
                kernel::reset(&self.client);
                mark.iter().for_each(Mark::hit);
            }
        }
        self.faults.ended_early();
        Plain::Over
    }
}
