//! What stands around a call, one layer for each thing that is done to it, and how a layer becomes a service.

use std::marker::PhantomData;
use std::task::{Context, Poll};

use futures_util::future::{Either, LocalBoxFuture};
use http::Response;
use tower::Service;

use super::call::{Call, Cut};
use super::payload::Payload;

/// Services that a call goes through.
pub(super) trait Stack:
    Service<Call, Response = Response<Payload>, Error = Cut, Future: 'static> + Clone + 'static
{
}

impl<S> Stack for S where
    S: Service<Call, Response = Response<Payload>, Error = Cut, Future: 'static> + Clone + 'static
{
}

/// What comes of a call: what comes of it inside, as it is, or something else.
pub(super) type Answering<S> =
    Either<<S as Service<Call>>::Future, LocalBoxFuture<'static, Result<Response<Payload>, Cut>>>;

/// One thing that is done to calls.
pub(super) trait Layer {
    /// Does it, around what is inside.
    fn call<S: Stack>(inner: &mut S, call: Call) -> Answering<S>;
}

/// A layer around what is inside, as a service.
#[derive(Clone, Debug)]
pub(super) struct Around<L, S> {
    inner: S,
    layer: PhantomData<L>,
}

pub(super) const fn around<L: Layer, S: Stack>(inner: S) -> Around<L, S> {
    Around { inner, layer: PhantomData }
}

impl<L: Layer, S: Stack> Service<Call> for Around<L, S> {
    type Response = Response<Payload>;
    type Error = Cut;
    type Future = Answering<S>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Cut>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        L::call(&mut self.inner, call)
    }
}
