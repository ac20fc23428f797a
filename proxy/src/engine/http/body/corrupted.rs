//! `http_body` with `corrupt`: bits of a body flip, whatever the connection does with its bytes.

use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use hyper::body::Frame;

use crate::engine::gates::Side;
use crate::engine::http::call::Hit;
use crate::engine::http::conn::{Conn, Standing};
use crate::engine::http::holds::Next;
use crate::engine::http::payload::Payload;
use crate::engine::http::stage::{Stage, Way};
use crate::fault::{Corrupt, Direction, TrafficFault};
use crate::quantity::Percent;
use crate::seed::FaultSeed;

/// A body with bits that flip; which ones is drawn by their place in it.
#[derive(Debug)]
pub(super) struct Corrupted {
    hit: Hit,
    way: Way,
    corrupt: Corrupt,
    seed: FaultSeed,
    ordinal: u64,
    position: u64,
}

impl Corrupted {
    pub(super) fn new(hit: &Hit, bits: Percent, ordinal: u64, way: Way) -> Self {
        let side = if way == Way::ToClient { Side::Response } else { Side::Request };
        let corrupt = Corrupt { bits, direction: Direction::Both };
        let seed = hit.armed.seed_of(side);
        Self { hit: hit.clone(), way, corrupt, seed, ordinal, position: 0 }
    }

    fn flipped(&mut self, conn: &Conn, data: Bytes) -> Bytes {
        let (position, len) = (self.position, data.len() as u64);
        self.position += len;
        if self.corrupt.changed(self.seed, self.ordinal, position, len) == 0 {
            return data;
        }
        let mut data = BytesMut::from(data);
        self.hit.bytes(self.corrupt.flip(self.seed, self.ordinal, position, &mut data));
        self.way.when_bytes_leave(conn, &self.hit);
        data.freeze()
    }
}

impl Stage for Corrupted {
    fn poll_frame(&mut self, conn: &Rc<Conn>, body: &mut Payload, cx: &mut Context<'_>) -> Poll<Next> {
        let next = ready!(body.poll_next(cx));
        self.corrupt.bits = match conn.standing(&self.hit.armed) {
            Standing::Gone => Percent::ZERO,
            Standing::Here(armed) => match &armed.spec.fault {
                TrafficFault::HttpBody(fault) => fault.corrupt.unwrap_or(Percent::ZERO),
                _ => Percent::ZERO,
            },
        };
        Poll::Ready(match next.map(|frame| frame.map(Frame::into_data)) {
            Some(Ok(Ok(data))) => Some(Ok(Frame::data(self.flipped(conn, data)))),
            Some(Ok(Err(trailers))) => Some(Ok(trailers)),
            Some(Err(error)) => Some(Err(error)),
            None => None,
        })
    }
}
