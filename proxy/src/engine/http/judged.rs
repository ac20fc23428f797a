//! `match: {status: …}`: whether a fault is meant shows when the upstream has answered.
//!
//! The innermost layer, so that every layer around it that acts on responses finds it settled.

use futures_util::future::Either;

use super::call::{Call, judge};
use super::forward::OwnAnswer;
use super::layer::{Answering, Layer, Stack};

/// Settles what waits for the status.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judged;

impl Layer for Judged {
    fn call<S: Stack>(inner: &mut S, call: Call) -> Answering<S> {
        if !call.hits.iter().any(|hit| hit.waits_for_status()) {
            return Either::Left(inner.call(call));
        }
        let (hits, ordinal) = (call.hits.clone(), call.ordinal);
        let answer = inner.call(call);
        Either::Right(Box::pin(async move {
            let answer = answer.await?;
            // What the proxy says itself is no answer of the upstream.
            if answer.extensions().get::<OwnAnswer>().is_none() {
                judge(&hits, ordinal, answer.status());
            }
            Ok(answer)
        }))
    }
}
