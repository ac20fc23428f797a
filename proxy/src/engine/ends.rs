//! Between which two addresses a connection is, as its client sees it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use tokio::net::TcpStream;

use super::Table;
use super::route::Route;
use super::transparent::{self, OwnDial};

/// Who connected, and to what.
#[derive(Debug)]
pub(super) struct Ends {
    pub(super) client: SocketAddr,
    /// Where the client wanted to go: the address that it dialled, before any redirection.
    pub(super) server: SocketAddr,
    /// What tells our own dial for this connection from a client, on a transparent route.
    own: Mutex<Option<OwnDial>>,
}

impl Ends {
    pub(super) fn new(client: SocketAddr, server: SocketAddr) -> Self {
        Self { client, server, own: Mutex::default() }
    }

    /// The ends of a connection that was just accepted; nothing when its route has no use for them.
    pub(super) fn of(
        table: &Table,
        route: &Route,
        stream: &TcpStream,
        client: SocketAddr,
    ) -> io::Result<Option<Self>> {
        let spec = &route.spec;
        if spec.transparent {
            let server = transparent::destination(table, route, stream, client)?;
            return Ok(Some(Self::new(client, server)));
        }
        if !spec.proxy_protocol.accept && spec.proxy_protocol.send.is_none() {
            return Ok(None);
        }
        // A Unix socket has no such address.
        let server = stream.local_addr().unwrap_or_else(|_| (Ipv4Addr::LOCALHOST, 0).into());
        Ok(Some(Self::new(client, server)))
    }

    /// Keeps the mark of our own dial for as long as the connection lives.
    pub(super) fn keep(&self, own: OwnDial) {
        *self.own.lock().unwrap_or_else(PoisonError::into_inner) = Some(own);
    }
}
