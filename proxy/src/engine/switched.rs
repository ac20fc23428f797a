//! A connection that was of HTTP and carries something else since a request asked for it.

use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use http::{HeaderMap, Method, Uri};

use super::act::Act;
use super::acting::Moment;
use super::armed::{Armed, Subject};
use super::record::Record;
use super::snapshot::Snapshot;
use super::wall;
use crate::fault::RequestParts;

/// The request. Faults on requests that fit it act on the bytes that follow it, as they do on a TCP route.
#[derive(Debug)]
pub(super) struct Switched {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) ordinal: u64,
    pub(super) began_ns: u64,
    /// A fault was seen to hit the request.
    pub(super) touched: Rc<Cell<bool>>,
    /// Bytes that passed before, of each side.
    pub(super) passed: [u64; 2],
}

/// What was decided for the request, when its fault was to be done.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) record: Arc<Record>,
    pub(super) nth: u64,
    pub(super) counted: Rc<Cell<bool>>,
}

impl Switched {
    pub(super) fn parts(&self, client: IpAddr) -> RequestParts<'_> {
        RequestParts {
            method: &self.method,
            uri: &self.uri,
            headers: &self.headers,
            client,
            unix_seconds: wall::unix_seconds,
        }
    }

    /// As whom a fault meets the connection. What only HTTP has does not meet it any more.
    pub(super) fn subject<'a>(armed: &Armed, parts: &'a RequestParts<'a>) -> Subject<'a> {
        if armed.spec.fault.is_of_connections() || armed.spec.fault.needs_http() {
            Subject::Stream { client: parts.client }
        } else {
            Subject::Request(parts)
        }
    }

    /// The number by which a fault decides.
    pub(super) fn ordinal(&self, armed: &Armed, of_connection: u64) -> u64 {
        if armed.spec.fault.is_of_connections() { of_connection } else { self.ordinal }
    }

    /// The faults that have decided already, each as it decided.
    pub(super) fn acts(
        &self,
        snapshot: &Snapshot,
        client: IpAddr,
        decided: &[Decided],
        now_ns: u64,
    ) -> Vec<Act> {
        let parts = self.parts(client);
        let at = Moment { ordinal: self.ordinal, now_ns, passed: self.passed };
        let was_there = |armed: &Arc<Armed>| {
            armed.record.armed_ns <= self.began_ns
                && armed.is_on(self.began_ns)
                && !armed.spec.fault.is_of_connections()
        };
        let mut places = Vec::new();
        let fitting = snapshot.of_switched(&parts, &mut places).into_iter();
        let met = fitting.filter(|armed| was_there(armed)).map(|armed| {
            let subject = Self::subject(armed, &parts);
            let hit = decided.iter().find(|decided| Arc::ptr_eq(&decided.record, &armed.record));
            let hit = hit.map(|decided| (Rc::clone(&decided.counted), decided.nth));
            Act::of_request(armed, subject, &at, hit)
        });
        met.collect()
    }
}
