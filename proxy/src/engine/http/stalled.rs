//! `stall` on requests: their bodies, or their answers, stand still for a time, from a place in the body on.

use std::future::poll_fn;
use std::rc::Rc;

use futures_util::future::Either;

use super::call::{Call, Hit};
use super::holds::Holds;
use super::layer::{Answering, Layer, Stack};
use crate::fault::{Direction, Stall, TrafficFault};

/// Stalls calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stalled;

impl Layer for Stalled {
    fn call<S: Stack>(inner: &mut S, mut call: Call) -> Answering<S> {
        let hits = call.hits(|fault| if let TrafficFault::Stall(fault) = fault { Some(fault) } else { None });
        if hits.is_empty() {
            return Either::Left(inner.call(call));
        }
        let conn = Rc::clone(&call.conn);
        let there = meant(&hits, Direction::acts_on_request);
        let mut back = meant(&hits, Direction::acts_on_response);
        let mut inner = inner.clone();
        Either::Right(Box::pin(async move {
            if let Some(mut holds) = Holds::new(&conn, there) {
                // Nothing of the request goes on before its first byte may.
                poll_fn(|cx| holds.poll_head(&conn, cx)).await?;
                call.request = call.request.map(|body| body.held_by(holds));
            }
            let answer = inner.call(call).await?;
            back.retain(|(hit, _)| hit.is_meant());
            let Some(mut holds) = Holds::new(&conn, back) else { return Ok(answer) };
            poll_fn(|cx| holds.poll_head(&conn, cx)).await?;
            Ok(answer.map(|body| body.held_by(holds)))
        }))
    }
}

/// The stalls of one direction.
fn meant(hits: &[(Hit, Stall)], way: fn(Direction) -> bool) -> Vec<(Hit, Stall)> {
    hits.iter().filter(|(_, stall)| way(stall.direction)).cloned().collect()
}
