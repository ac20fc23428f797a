//! `Expect: 100-continue`: the client is told to send its body when the upstream says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};

use http::{HeaderValue, Request, StatusCode, header};

use super::conn::Conn;
use super::payload::Payload;
use crate::engine::timer::{Alarm, now_ns};

/// An upstream that has said nothing for so long may not know what is expected of it, and wait for the body.
const SILENCE_NS: u64 = 1_000_000_000;

/// The body waits for a word of the upstream. Asking for its first byte is what makes hyper tell the client to send.
#[derive(Debug)]
pub(super) struct Expect {
    said: Arc<AtomicBool>,
    until_ns: u64,
    alarm: Alarm,
}

impl Expect {
    /// Lets the body of a request wait that asks for it. To be called just before it is sent.
    pub(super) fn fit(conn: &Conn, mut request: Request<Payload>) -> Request<Payload> {
        let expects = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
        if !request.headers().get(header::EXPECT).is_some_and(expects) {
            return request;
        }
        let said = Arc::<AtomicBool>::default();
        let heard = Arc::clone(&said);
        hyper::ext::on_informational(&mut request, move |answer| {
            if answer.status() == StatusCode::CONTINUE {
                heard.store(true, Relaxed);
            }
        });
        let alarm = Alarm::new(&conn.worker.timers);
        let expect = Self { said, until_ns: now_ns() + SILENCE_NS, alarm };
        request.map(|body| body.expected(expect))
    }

    /// Ready when the body may be asked for. What has the word wakes the same task that asks here.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        if self.said.load(Relaxed) || now_ns() >= self.until_ns {
            return Poll::Ready(());
        }
        self.alarm.set(self.until_ns, cx);
        Poll::Pending
    }
}
