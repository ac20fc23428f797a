//! `bandwidth` on requests: their bodies, or the bodies of their answers, flow no faster than a rate.

use futures_util::future::Either;

use super::call::Call;
use super::layer::{Answering, Layer, Stack};
use crate::fault::TrafficFault;

/// Throttles bodies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Throttled;

impl Layer for Throttled {
    fn call<S: Stack>(inner: &mut S, mut call: Call) -> Answering<S> {
        let hits =
            call.hits(|fault| if let TrafficFault::Bandwidth(fault) = fault { Some(fault) } else { None });
        if hits.is_empty() {
            return Either::Left(inner.call(call));
        }
        let of = |way: fn(crate::fault::Direction) -> bool| {
            let meant = hits.iter().filter(move |(_, fault)| way(fault.direction));
            meant.map(|(hit, fault)| (hit.clone(), fault.rate.bytes_per_second())).collect::<Vec<_>>()
        };
        let there = of(crate::fault::Direction::acts_on_request);
        let mut back = of(crate::fault::Direction::acts_on_response);
        if !there.is_empty() {
            call.request = call.request.map(|body| body.at_rates(there.into_iter()));
        }
        let answer = inner.call(call);
        Either::Right(Box::pin(async move {
            let answer = answer.await?;
            back.retain(|(hit, _)| hit.is_meant());
            Ok(if back.is_empty() { answer } else { answer.map(|body| body.at_rates(back.into_iter())) })
        }))
    }
}
