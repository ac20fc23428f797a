//! `http_body` with `truncate`: so many bytes, and then an end that nobody announced.

use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::Frame;

use crate::engine::http::call::Hit;
use crate::engine::http::conn::{Conn, Standing};
use crate::engine::http::holds::Next;
use crate::engine::http::payload::{Broken, Payload};
use crate::engine::http::stage::{LastBytes, Stage, Way};
use crate::fault::TrafficFault;

/// A body that is cut off.
#[derive(Debug)]
pub(super) struct Truncated {
    hit: Hit,
    way: Way,
    /// How many bytes pass.
    size: u64,
    passed: u64,
    /// More has come than passes.
    over: bool,
    last: LastBytes,
    /// Told when it is cut off.
    broken: Option<Rc<Cell<bool>>>,
}

impl Truncated {
    pub(super) fn new(conn: &Conn, hit: &Hit, size: u64, way: Way) -> Self {
        let last = LastBytes::new(conn);
        Self { hit: hit.clone(), way, size, passed: 0, over: false, last, broken: None }
    }

    pub(super) fn which_tells(mut self, broken: &Rc<Cell<bool>>) -> Self {
        self.broken = Some(Rc::clone(broken));
        self
    }

    /// Fits the size to the fault as it stands. Removed before it has cut anything off, it never does.
    fn follow_changes(&mut self, conn: &Conn) {
        match conn.standing(&self.hit.armed) {
            Standing::Gone => self.size = u64::MAX,
            Standing::Here(armed) => {
                if let TrafficFault::HttpBody(fault) = &armed.spec.fault
                    && let Some(size) = fault.truncate
                {
                    self.size = size.bytes();
                }
            }
        }
    }

    /// How much of `data` passes; whether there is more of it.
    fn part(&mut self, data: &mut Bytes) -> Bytes {
        let left = self.size.saturating_sub(self.passed);
        let first = data.split_to(usize::try_from(left).unwrap_or(usize::MAX).min(data.len()));
        self.passed += first.len() as u64;
        self.over = !data.is_empty();
        first
    }
}

impl Stage for Truncated {
    fn poll_frame(&mut self, conn: &Rc<Conn>, body: &mut Payload, cx: &mut Context<'_>) -> Poll<Next> {
        if !self.over {
            self.follow_changes(conn);
            let next = ready!(body.poll_next(cx));
            let mut data = match next.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => data,
                Some(Ok(Err(trailers))) => return Poll::Ready(Some(Ok(trailers))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            };
            let first = self.part(&mut data);
            if !first.is_empty() || !self.over {
                return Poll::Ready(Some(Ok(Frame::data(first))));
            }
        }
        ready!(self.last.poll(conn, self.way, cx));
        self.hit.done();
        if let Some(broken) = &self.broken {
            broken.set(true);
        }
        Poll::Ready(Some(Err(Broken::OnPurpose)))
    }

    fn is_empty(&self) -> bool {
        !self.over
    }
}
