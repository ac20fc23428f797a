//! `http_body` with `no_last_chunk`: all of a body, and not its end.

use std::rc::Rc;
use std::task::{Context, Poll, ready};

use hyper::body::SizeHint;

use crate::engine::http::call::Hit;
use crate::engine::http::conn::{Conn, Standing};
use crate::engine::http::holds::Next;
use crate::engine::http::payload::{Broken, Payload};
use crate::engine::http::stage::{LastBytes, Stage, Way};

/// A body whose end never comes.
#[derive(Debug)]
pub(super) struct Unended {
    hit: Hit,
    /// All of it has passed.
    over: bool,
    last: LastBytes,
}

impl Unended {
    pub(super) fn new(conn: &Conn, hit: &Hit) -> Self {
        Self { hit: hit.clone(), over: false, last: LastBytes::new(conn) }
    }
}

impl Stage for Unended {
    fn poll_frame(&mut self, conn: &Rc<Conn>, body: &mut Payload, cx: &mut Context<'_>) -> Poll<Next> {
        if !self.over {
            match ready!(body.poll_next(cx)) {
                Some(Ok(frame)) if frame.is_data() => return Poll::Ready(Some(Ok(frame))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                end if matches!(conn.standing(&self.hit.armed), Standing::Gone) => return Poll::Ready(end),
                // Trailers stand behind the last chunk, so they do not come either.
                _ => self.over = true,
            }
        }
        ready!(self.last.poll(conn, Way::ToClient, cx));
        self.hit.done();
        Poll::Ready(Some(Err(Broken::OnPurpose)))
    }

    /// The end is what is missing, so there is always something to come.
    fn is_empty(&self) -> bool {
        false
    }

    fn size_hint(&self, _: SizeHint) -> SizeHint {
        SizeHint::default()
    }
}
