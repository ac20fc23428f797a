//! `protocol: auto`: who speaks first, and whether it is HTTP.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

use super::dial::Dial;
use super::http::Spoken;
use super::idle::Idle;
use super::route::Route;
use super::timer::{Alarm, now_ns};
use super::worker::Worker;

/// A request line longer than this is taken for something else.
const LINE_MAX: usize = 8 * 1024;
/// How much of an upstream's first bytes is looked at.
const SETTINGS_HEAD: usize = 9;
/// How long a client that began like HTTP may take to finish its first line.
const UNDECIDED_NS: u64 = 5_000_000_000;
/// How long to wait for the first bytes of a client whose upstream cannot be reached: HTTP gets an answer.
const UNREACHABLE_NS: u64 = 1_000_000_000;

/// What the first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Http,
    Tcp,
}

/// What is known once the kind is.
#[derive(Debug)]
pub(super) struct Sniffed {
    pub(super) kind: Kind,
    /// Read from the client already.
    pub(super) prefix: Vec<u8>,
    /// The upstream, if the dial has ended.
    pub(super) dialled: Option<std::io::Result<TcpStream>>,
}

/// Watches both sides until the kind is known; nothing when the route or the client has gone first.
pub(super) async fn sniff(
    worker: &Rc<Worker>,
    route: &std::sync::Arc<Route>,
    client: &mut TcpStream,
    dial: &mut Dial,
) -> Option<Sniffed> {
    let alarm = Alarm::new(&worker.timers);
    let mut watch = None;
    let (mut began_ns, mut idle) = (0, Idle::new(route));
    let mut found = Sniffed { kind: Kind::Tcp, prefix: Vec::new(), dialled: None };
    let known = poll_fn(|cx| {
        watch.get_or_insert_with(|| worker.watch(route, cx.waker().clone()));
        if route.is_closed() {
            return Poll::Ready(false);
        }
        if let Some(kind) = found.look(cx, client, dial) {
            found.kind = kind;
            return Poll::Ready(true);
        }
        let limit_ns = match (&found.dialled, found.prefix.is_empty()) {
            (Some(Err(_)), _) => UNREACHABLE_NS,
            (_, false) => UNDECIDED_NS,
            // Nobody has spoken; that may last, unless the route minds.
            (_, true) => {
                let Some(due_ns) = idle.due_ns(route, 0, false) else { return Poll::Ready(false) };
                if due_ns != 0 {
                    alarm.set(due_ns, cx);
                }
                return Poll::Pending;
            }
        };
        if began_ns == 0 {
            began_ns = now_ns();
        }
        if now_ns() >= began_ns + limit_ns {
            return Poll::Ready(true);
        }
        alarm.set(began_ns + limit_ns, cx);
        Poll::Pending
    })
    .await;
    known.then_some(found)
}

impl Sniffed {
    fn look(&mut self, cx: &mut Context<'_>, client: &mut TcpStream, dial: &mut Dial) -> Option<Kind> {
        if self.dialled.is_none()
            && let Poll::Ready(dialled) = dial.as_mut().poll(cx)
        {
            self.dialled = Some(dialled);
        }
        loop {
            let mut bytes = [0; 1024];
            let mut room = ReadBuf::new(&mut bytes);
            match Pin::new(&mut *client).poll_read(cx, &mut room) {
                Poll::Pending => break,
                // Its end or failure is passed on by whoever carries plain bytes; reading again says the same.
                Poll::Ready(Err(_)) => return Some(Kind::Tcp),
                Poll::Ready(Ok(())) if room.filled().is_empty() => return Some(Kind::Tcp),
                Poll::Ready(Ok(())) => self.prefix.extend_from_slice(room.filled()),
            }
            if let Some(kind) = judge(&self.prefix) {
                return Some(kind);
            }
        }
        let Some(Ok(upstream)) = &self.dialled else { return None };
        let mut bytes = [0; SETTINGS_HEAD];
        let mut room = ReadBuf::new(&mut bytes);
        let spoke = upstream.poll_peek(cx, &mut room).is_ready();
        (spoke && !begins_http2(room.filled())).then_some(Kind::Tcp)
    }
}

/// Whether an upstream has begun to speak HTTP/2, whose servers need not wait for their clients: an empty stream number
/// and a frame of settings (RFC 9113, section 6.5). The client's first bytes then tell.
fn begins_http2(bytes: &[u8]) -> bool {
    matches!(bytes, [0, 0, length, 4, 0, 0, 0, 0, 0] if length % 6 == 0)
}

/// Whether bytes are the beginning of HTTP, of version 1 or 2; nothing when it takes more of them to tell.
fn judge(bytes: &[u8]) -> Option<Kind> {
    const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"];
    match Spoken::by(bytes) {
        Spoken::Http2 => return Some(Kind::Http),
        Spoken::Unknown => return None,
        Spoken::Http1 => {}
    }
    let line_end = bytes.iter().position(|byte| *byte == b'\n');
    let Some(space) = bytes.iter().position(|byte| *byte == b' ') else {
        let may_be = line_end.is_none() && METHODS.iter().any(|method| method.as_bytes().starts_with(bytes));
        return if may_be { None } else { Some(Kind::Tcp) };
    };
    if !METHODS.iter().any(|method| method.as_bytes() == &bytes[..space]) {
        return Some(Kind::Tcp);
    }
    let Some(line_end) = line_end else {
        return if bytes.len() < LINE_MAX { None } else { Some(Kind::Tcp) };
    };
    let line = bytes[..line_end].strip_suffix(b"\r").unwrap_or(&bytes[..line_end]);
    let version = line.len().checked_sub(9).and_then(|at| line.get(at..));
    let is_http = line.len() > space + 10 && matches!(version, Some(b" HTTP/1.1" | b" HTTP/1.0"));
    Some(if is_http { Kind::Http } else { Kind::Tcp })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_frame_of_settings_is_the_beginning_of_http2() {
        assert!(begins_http2(&[0, 0, 18, 4, 0, 0, 0, 0, 0]) && begins_http2(&[0, 0, 0, 4, 0, 0, 0, 0, 0]));
        for bytes in [
            &b"SSH-2.0-x"[..],
            &[0, 0, 18, 4],
            &[0, 0, 17, 4, 0, 0, 0, 0, 0],
            &[0, 0, 18, 4, 0, 0, 0, 0, 1],
            b"",
        ] {
            assert!(!begins_http2(bytes), "{bytes:?}");
        }
    }

    #[test]
    fn the_first_line_tells_http_from_the_rest() {
        for (bytes, kind) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n", Some(Kind::Http)),
            ("OPTIONS * HTTP/1.0\n", Some(Kind::Http)),
            ("PO", None),
            ("POST /x HT", None),
            ("", None),
            ("GET key\r\n", Some(Kind::Tcp)),
            ("GET  HTTP/1.1\r\n", Some(Kind::Tcp)),
            ("get key\r\n", Some(Kind::Tcp)),
            ("PRI * HTTP/2.0\r\n\r\n", None),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Some(Kind::Http)),
            ("PRI * HTTP/1.1\r\n", Some(Kind::Tcp)),
            ("CONNECT a:1 HTTP/1.1\r\n", Some(Kind::Tcp)),
            ("\x16\x03\x01", Some(Kind::Tcp)),
            ("GET\n", Some(Kind::Tcp)),
        ] {
            assert_eq!(judge(bytes.as_bytes()), kind, "{bytes:?}");
        }
    }
}
