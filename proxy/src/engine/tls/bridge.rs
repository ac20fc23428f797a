//! Between TLS and the relay of plain bytes, which knows sockets only: a pair of sockets on loopback, and one task that
//! moves bytes between the TLS and the nearer one of them. Ends and resets go the same way, in both directions.

use std::future::Future;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;
use tokio_rustls::TlsStream;

use crate::engine::idle::Idle;
use crate::engine::kernel;
use crate::engine::route::Route;
use crate::engine::timer::{Alarm, now_ns};
use crate::engine::vigil::Vigil;
use crate::engine::worker::{Watch, Worker};

/// Reads in one go before other connections have their turn.
const ROUNDS: usize = 16;
/// Read in one go. On the stack, and not the worker's buffer: what TLS stands on may be reading into that one.
const PIECE: usize = 16 << 10;
/// Strangers that may connect in our place before we give up.
const STRANGERS: usize = 8;

/// The plain bytes of a TLS connection, as a socket like any other. What moves them ends with either side, or when the
/// route is closed.
pub(in crate::engine) async fn bridge<S: Below>(
    worker: &Rc<Worker>,
    route: &Arc<Route>,
    tls: impl Into<TlsStream<S>>,
) -> io::Result<TcpStream> {
    let (near, far) = pair().await?;
    spawn_local(Bridge {
        worker: Rc::clone(worker),
        route: Arc::clone(route),
        tls: tls.into(),
        plain: near,
        inward: Half::default(),
        // What TLS was given before may still be in it.
        outward: Half { unflushed: true, ..Half::default() },
        moved: 0,
        tls_vigil: Vigil::default(),
        plain_vigil: Vigil::default(),
        alarm: Alarm::new(&worker.timers),
        idle: Idle::new(route),
        watch: None,
        reset_ns: 0,
        lingering: None,
    });
    Ok(far)
}

/// What TLS stands on.
pub(in crate::engine) trait Below: AsyncRead + AsyncWrite + Unpin + 'static {
    /// The socket; nothing when it has been taken out.
    fn socket(&self) -> Option<&TcpStream>;
}

impl Below for TcpStream {
    fn socket(&self) -> Option<&TcpStream> {
        Some(self)
    }
}

/// Two sockets that lead to each other.
async fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let near = TcpStream::connect(listener.local_addr()?).await?;
    let ours = near.local_addr()?;
    for _ in 0..STRANGERS {
        let (far, from) = listener.accept().await?;
        if from == ours {
            near.set_nodelay(true)?;
            far.set_nodelay(true)?;
            return Ok((near, far));
        }
    }
    Err(io::Error::other("others connect to a socket of ours on loopback"))
}

/// The task.
struct Bridge<S> {
    worker: Rc<Worker>,
    route: Arc<Route>,
    tls: TlsStream<S>,
    plain: TcpStream,
    /// From the TLS to the relay.
    inward: Half,
    /// From the relay to the TLS.
    outward: Half,
    /// Bytes, in both directions.
    moved: u64,
    tls_vigil: Vigil,
    plain_vigil: Vigil,
    alarm: Alarm,
    idle: Idle,
    watch: Option<Watch>,
    /// When a side was found to be reset; 0 for never.
    reset_ns: u64,
    /// Counts as an open connection while the relay has ended and the TLS has not.
    lingering: Option<Lingering>,
}

/// One direction.
#[derive(Debug, Default)]
struct Half {
    /// Read, and not yet taken by the other side.
    left: Vec<u8>,
    /// Taken by the other side, and perhaps still in a buffer of it.
    unflushed: bool,
    /// The source has said all.
    ended: bool,
    /// And the other side knows.
    told: bool,
}

impl Half {
    /// Whether the source would not be noticed if it were reset.
    const fn is_unread(&self) -> bool {
        self.ended || !self.left.is_empty()
    }

    /// Moves what can be moved; how many bytes, or that one side is reset.
    fn pump<F, T>(
        &mut self,
        from: &mut F,
        to: &mut T,
        buffer: &mut [u8],
        cx: &mut Context<'_>,
    ) -> io::Result<u64>
    where
        F: AsyncRead + Unpin,
        T: AsyncWrite + Unpin,
    {
        let mut moved = 0;
        for _ in 0..ROUNDS {
            if !self.left.is_empty() {
                let Poll::Ready(wrote) = Pin::new(&mut *to).poll_write(cx, &self.left) else {
                    return Ok(moved);
                };
                let wrote = wrote?;
                self.left.drain(..wrote);
                (moved, self.unflushed) = (moved + wrote as u64, true);
                continue;
            }
            if self.unflushed {
                match Pin::new(&mut *to).poll_flush(cx) {
                    Poll::Ready(flushed) => flushed?,
                    Poll::Pending => return Ok(moved),
                }
                self.unflushed = false;
            }
            if self.ended {
                if !self.told && Pin::new(&mut *to).poll_shutdown(cx)?.is_ready() {
                    self.told = true;
                }
                return Ok(moved);
            }
            let mut room = ReadBuf::new(buffer);
            match Pin::new(&mut *from).poll_read(cx, &mut room) {
                Poll::Pending => return Ok(moved),
                Poll::Ready(Ok(())) => {}
                // An end without TLS saying so. Many say no more than this, and so what is passed on is an end.
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => room.clear(),
                Poll::Ready(Err(error)) => return Err(error),
            }
            self.ended = room.filled().is_empty();
            self.left.extend_from_slice(room.filled());
        }
        cx.waker().wake_by_ref();
        Ok(moved)
    }
}

impl<S: Below> Bridge<S> {
    /// True when it is over.
    fn step(&mut self, cx: &mut Context<'_>) -> bool {
        self.watch.get_or_insert_with(|| self.worker.watch(&self.route, cx.waker().clone()));
        if self.route.is_closed() {
            return true;
        }
        if self.reset_ns == 0
            && let Err(error) = self.pump(cx)
        {
            tracing::debug!(route = self.route.spec.name, %error, "a TLS connection ends in a reset");
            self.reset_ns = now_ns();
        }
        if self.inward.told && self.outward.told {
            return true;
        }
        self.watch_unread(cx);
        if self.reset_ns != 0 {
            return self.reset(cx);
        }
        if self.outward.ended && !self.outward.told {
            self.lingering.get_or_insert_with(|| Lingering::new(&self.route));
        }
        let Some(idle_due_ns) = self.idle.due_ns(&self.route, self.moved, self.lingering.is_none()) else {
            return true;
        };
        let wakes = [idle_due_ns, self.tls_vigil.wake_ns(), self.plain_vigil.wake_ns()];
        if let Some(due_ns) = wakes.into_iter().filter(|due_ns| *due_ns != 0).min() {
            self.alarm.set(due_ns, cx);
        }
        false
    }

    fn pump(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let mut buffer = [0; PIECE];
        self.moved += self.inward.pump(&mut self.tls, &mut self.plain, &mut buffer, cx)?;
        self.moved += self.outward.pump(&mut self.plain, &mut self.tls, &mut buffer, cx)?;
        Ok(())
    }

    /// Looks for resets that reading does not show.
    fn watch_unread(&mut self, cx: &mut Context<'_>) {
        let (tls, vigil) = (self.tls.get_ref().0.socket(), &mut self.tls_vigil);
        let found = tls.is_some_and(|tls| vigil.was_reset(tls, self.inward.is_unread(), cx))
            | self.plain_vigil.was_reset(&self.plain, self.outward.is_unread(), cx);
        if found && self.reset_ns == 0 {
            self.reset_ns = now_ns();
        }
    }

    /// Passes a reset on, once what was written before it has arrived or had time enough.
    fn reset(&self, cx: &Context<'_>) -> bool {
        let tls = self.tls.get_ref().0.socket();
        let unsent =
            tls.map_or(0, |tls| kernel::unsent(tls.as_raw_fd())) + kernel::unsent(self.plain.as_raw_fd());
        if unsent > 0 && now_ns() < self.reset_ns + kernel::LAST_BYTES_NS {
            self.alarm.set(now_ns() + kernel::LAST_BYTES_STEP_NS, cx);
            return false;
        }
        tls.into_iter().for_each(kernel::reset);
        kernel::reset(&self.plain);
        true
    }
}

impl<S: Below> Future for Bridge<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.step(cx) { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// An open connection that the relay does not count any more.
struct Lingering(Arc<Route>);

impl Lingering {
    fn new(route: &Arc<Route>) -> Self {
        route.counts.connections_open.fetch_add(1, Relaxed);
        route.all_open.fetch_add(1, Relaxed);
        Self(Arc::clone(route))
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        self.0.counts.connections_open.fetch_sub(1, Relaxed);
        self.0.counts.vacancy.wake();
        self.0.all_open.fetch_sub(1, Relaxed);
    }
}
