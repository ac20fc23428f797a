//! A connection that was accepted, whoever has it.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::ends::Ends;
use super::route::Route;

/// A connection that a client has made. It counts as open until this is dropped.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) route: Arc<Route>,
    /// Which connection of the route it is, from 0.
    pub(super) ordinal: u64,
    pub(super) client: IpAddr,
    /// Between which addresses it is, when its route needs to know.
    pub(super) ends: Option<Arc<Ends>>,
    pub(super) at_ns: u64,
    /// Which rule of its route says where it leads; nothing when the route itself does.
    pub(super) rule: Option<u8>,
}

impl Accepted {
    pub(super) fn new(route: &Arc<Route>, ordinal: u64, client: IpAddr, at_ns: u64) -> Self {
        route.counts.connections_open.fetch_add(1, Relaxed);
        route.all_open.fetch_add(1, Relaxed);
        Self { route: Arc::clone(route), ordinal, client, ends: None, at_ns, rule: None }
    }

    /// The same connection, to go on under other care; it counts anew, and this one no more when it is dropped.
    pub(super) fn again(&self) -> Self {
        let mut again = Self::new(&self.route, self.ordinal, self.client, self.at_ns);
        again.ends = self.ends.clone();
        again
    }
}

impl Drop for Accepted {
    fn drop(&mut self) {
        self.route.counts.connections_open.fetch_sub(1, Relaxed);
        self.route.counts.vacancy.wake();
        self.route.all_open.fetch_sub(1, Relaxed);
    }
}
