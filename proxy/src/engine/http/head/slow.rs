//! `http_headers` with `slow`: the bytes of a head leave in pieces. They are paced where the head has become bytes.

use std::rc::Rc;
use std::task::{Context, Poll};

use crate::control::wire::OnRemove;
use crate::engine::http::call::Hit;
use crate::engine::http::conn::{Conn, Standing};
use crate::engine::timer::{Alarm, now_ns};
use crate::fault::{Drip, TrafficFault};

/// What ends a head.
const END: &[u8] = b"\r\n\r\n";

/// The head of one answer on its way out.
#[derive(Debug)]
pub(in crate::engine::http) struct SlowHead {
    conn: Rc<Conn>,
    hit: Hit,
    slow: Drip,
    /// How many bytes of its end have just passed.
    matched: usize,
    due_ns: u64,
    /// The piece that waits has been counted.
    counted: bool,
    alarm: Alarm,
}

impl SlowHead {
    pub(super) fn new(conn: &Rc<Conn>, hit: &Hit, slow: Drip) -> Self {
        let alarm = Alarm::new(&conn.worker.timers);
        let (conn, hit) = (Rc::clone(conn), hit.clone());
        Self { conn, hit, slow, matched: 0, due_ns: 0, counted: false, alarm }
    }

    /// How many of these bytes may be written now.
    pub(in crate::engine::http) fn poll_room(&mut self, bytes: &[u8], cx: &Context<'_>) -> Poll<usize> {
        match self.conn.standing(&self.hit.armed) {
            Standing::Here(armed) => {
                if let TrafficFault::HttpHeaders(fault) = &armed.spec.fault
                    && let Some(slow) = fault.slow
                {
                    self.slow = slow;
                }
            }
            Standing::Gone => match self.hit.armed.spec.on_remove {
                OnRemove::Drain => {}
                OnRemove::Reset if self.due_ns != 0 => {
                    self.conn.cut_now(None);
                    return Poll::Ready(bytes.len());
                }
                OnRemove::Release | OnRemove::Reset => return Poll::Ready(bytes.len()),
            },
        }
        let head = bytes.len().min(head_of(bytes, self.matched).0);
        let most = usize::try_from(self.slow.size.bytes()).unwrap_or(usize::MAX).min(head);
        if now_ns() < self.due_ns {
            if !std::mem::replace(&mut self.counted, true) {
                self.hit.bytes(most as u64);
                self.hit.done();
            }
            self.alarm.set(self.due_ns, cx);
            return Poll::Pending;
        }
        Poll::Ready(most)
    }

    /// These bytes have been written. True when the head is over.
    pub(in crate::engine::http) fn wrote(&mut self, bytes: &[u8]) -> bool {
        self.counted = false;
        self.due_ns = now_ns() + self.slow.every.nanos();
        let (_, matched) = head_of(bytes, self.matched);
        self.matched = matched;
        matched == END.len()
    }
}

/// How many of these bytes belong to a head of whose end `matched` bytes have passed already, and how many have then.
fn head_of(bytes: &[u8], matched: usize) -> (usize, usize) {
    let mut matched = matched;
    for (at, byte) in bytes.iter().enumerate() {
        if matched == END.len() {
            return (at, matched);
        }
        matched = match byte {
            byte if *byte == END[matched] => matched + 1,
            b'\r' => 1,
            _ => 0,
        };
    }
    (bytes.len(), matched)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_with_its_empty_line_however_its_bytes_come() {
        let message = b"HTTP/1.1 200 OK\r\na: b\r\r\n\r\nbody\r\n\r\n";
        let (head, matched) = head_of(message, 0);
        assert_eq!((&message[head..], matched), (&b"body\r\n\r\n"[..], 4));
        for size in 1..message.len() {
            let (mut matched, mut all) = (0, 0);
            for piece in message.chunks(size) {
                let (of_head, now) = head_of(piece, matched);
                (matched, all) = (now, all + of_head);
                if matched == 4 {
                    break;
                }
            }
            assert_eq!(all, head, "in pieces of {size}");
        }
    }
}
