//! What HTTP is spoken on: a socket, and which version of it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;

use super::conn::Conn;
use super::socket::Socket;
use super::wire::Wire;
use crate::engine::tls::bridge;

/// The first bytes of HTTP/2, which no request of HTTP/1 begins with (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Which HTTP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Spoken {
    /// Whatever the first bytes say.
    Unknown,
    Http1,
    Http2,
}

impl Spoken {
    /// What the first bytes say; unknown while they are too few.
    pub(in crate::engine) fn by(bytes: &[u8]) -> Self {
        if bytes.starts_with(PREFACE) {
            Self::Http2
        } else if PREFACE.starts_with(bytes) {
            Self::Unknown
        } else {
            Self::Http1
        }
    }
}

/// One side of a connection.
#[derive(Debug)]
pub(super) enum Io {
    Plain(TokioIo<Socket>),
    Tls(Box<TokioIo<TlsStream<Socket>>>),
}

impl From<Socket> for Io {
    fn from(socket: Socket) -> Self {
        Self::Plain(TokioIo::new(socket))
    }
}

impl Io {
    /// Which HTTP the client begins to speak, when nothing has told it before.
    pub(super) fn poll_spoken(&mut self, cx: &mut Context<'_>) -> Poll<Spoken> {
        match self {
            Self::Plain(socket) => socket.inner_mut().poll_spoken(cx),
            // The handshake tells which one it is.
            Self::Tls(_) => Poll::Ready(Spoken::Http1),
        }
    }

    /// What is known of the socket below.
    fn wire(&self) -> &Rc<Wire> {
        match self {
            Self::Plain(socket) => socket.inner().wire(),
            Self::Tls(stream) => stream.inner().get_ref().0.wire(),
        }
    }

    fn poll_put(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(socket) => Write::poll_write(Pin::new(socket), cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }
}

impl Io {
    /// Takes the plain bytes back as a socket, with what was read of it and not yet read from here. Of TLS it is one end
    /// of a bridge.
    pub(super) async fn into_stream(self, conn: &Conn) -> Option<(TcpStream, Vec<u8>)> {
        let stream = match self {
            Self::Plain(socket) => return socket.into_inner().into_stream(),
            Self::Tls(stream) => stream.into_inner(),
        };
        stream.get_ref().0.wire().counts_no_more();
        match bridge(&conn.worker, &conn.accepted.route, stream).await {
            Ok(stream) => Some((stream, Vec::new())),
            Err(error) => {
                tracing::debug!(%error, "bridging a TLS connection");
                None
            }
        }
    }
}

impl Read for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(socket) => Read::poll_read(Pin::new(socket), cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl Write for Io {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if !self.wire().is_slow() {
            return self.poll_put(cx, buf);
        }
        let wire = Rc::clone(self.wire());
        let room = ready!(wire.poll_slow(buf, cx));
        let wrote = ready!(self.poll_put(cx, &buf[..room]))?;
        wire.wrote_slowly(&buf[..wrote]);
        Poll::Ready(Ok(wrote))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.wire().is_slow() {
            let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| &**buf);
            return self.poll_write(cx, first);
        }
        match &mut *self {
            Self::Plain(socket) => Write::poll_write_vectored(Pin::new(socket), cx, bufs),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(socket) => Write::is_write_vectored(socket),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(socket) => Write::poll_flush(Pin::new(socket), cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(socket) => Write::poll_shutdown(Pin::new(socket), cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preface_tells_the_versions_apart_as_soon_as_it_can() {
        for (bytes, spoken) in [
            (&b""[..], Spoken::Unknown),
            (b"P", Spoken::Unknown),
            (b"PO", Spoken::Http1),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r", Spoken::Unknown),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0", Spoken::Http2),
            (b"PRI * HTTP/1.1\r\n", Spoken::Http1),
            (b"\n", Spoken::Http1),
        ] {
            assert_eq!(Spoken::by(bytes), spoken, "{}", bytes.escape_ascii());
        }
    }
}
