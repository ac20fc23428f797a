//! From a host and a port to a connection that can carry requests, each phase timed.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::OnceLock;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::failure::{HttpFailure, Phase, io_words};
use super::request::PreparedRequest;
use super::resolve;

/// When each phase of connecting was over, since it began. Absent: not reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DialTimes {
    /// The name was looked up.
    pub resolved: Option<Duration>,
    /// The connection was made.
    pub connected: Option<Duration>,
    /// TLS was agreed on; absent also without TLS.
    pub secured: Option<Duration>,
}

/// When the first byte of a connection's first answer arrived.
pub(super) type FirstByte = Arc<OnceLock<Instant>>;

/// A connection that carries one request at a time. Dropping it closes it.
pub struct Connection {
    pub(super) sender: SendRequest<Full<Bytes>>,
    /// Drives the connection; also notices when the other side closes it while it is idle.
    _driver: AbortOnDropHandle<()>,
}

/// Looks up `host` and connects to the first address that lets us, within `limit`; `phase` and `times` stay readable
/// for a caller who gives up before the end.
pub async fn connect_tcp(
    host: &str,
    port: u16,
    limit: Duration,
    phase: &mut Phase,
    times: &mut DialTimes,
) -> Result<TcpStream, HttpFailure> {
    let began = Instant::now();
    *phase = Phase::Resolving;
    let addresses = resolve::addresses(host, port).await?;
    times.resolved = Some(began.elapsed());
    *phase = Phase::Connecting;
    let mut refusals = Vec::new();
    for (tried, address) in addresses.iter().enumerate() {
        // A silent address must not eat the time of those after it; the caller's limit ends the last one.
        let left = addresses.len() - tried;
        let share = limit.saturating_sub(began.elapsed()) / u32::try_from(left).unwrap_or(1);
        let dial = TcpStream::connect(address);
        let dialled = if left == 1 { Ok(dial.await) } else { tokio::time::timeout(share, dial).await };
        match dialled {
            Ok(Ok(stream)) => {
                // Without it the kernel may hold back a small request; failing to set it only costs time.
                let _ = stream.set_nodelay(true);
                times.connected = Some(began.elapsed());
                return Ok(stream);
            }
            Ok(Err(error)) => refusals.push(format!("{address}: {}", io_words(&error))),
            Err(_) => refusals.push(format!("{address}: no answer")),
        }
    }
    Err(HttpFailure::Connect(refusals.join("; ")))
}

impl Connection {
    /// Opens a connection for a request, within `limit`; `first_byte` is stamped when an answer begins.
    pub(super) async fn open(
        request: &PreparedRequest,
        limit: Duration,
        phase: &mut Phase,
        times: &mut DialTimes,
        first_byte: FirstByte,
    ) -> Result<Self, HttpFailure> {
        let began = Instant::now();
        let tcp = connect_tcp(&request.host, request.port, limit, phase, times).await?;
        match &request.tls {
            None => Self::over(tcp, first_byte).await,
            Some((connector, name)) => {
                *phase = Phase::Tls;
                let stream = connector.connect(name.clone(), tcp).await.map_err(|error| {
                    HttpFailure::Tls { host: request.host.clone(), why: io_words(&error) }
                })?;
                times.secured = Some(began.elapsed());
                Self::over(stream, first_byte).await
            }
        }
    }

    async fn over<S>(stream: S, first_byte: FirstByte) -> Result<Self, HttpFailure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stamped = Stamped { stream, first_byte };
        let (sender, connection) = http1::handshake(TokioIo::new(stamped))
            .await
            .map_err(|error| HttpFailure::from_hyper(&error, Phase::Waiting))?;
        let driver = AbortOnDropHandle::new(tokio::spawn(async move {
            // Its error reaches whoever waits for an answer; an idle connection has nobody to tell.
            let _ = connection.await;
        }));
        Ok(Self { sender, _driver: driver })
    }
}

/// A stream that notes when its first byte arrived; the HTTP library reports only whole heads.
struct Stamped<S> {
    stream: S,
    first_byte: FirstByte,
}

impl<S: AsyncRead + Unpin> AsyncRead for Stamped<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.first_byte.get_or_init(Instant::now);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stamped<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
