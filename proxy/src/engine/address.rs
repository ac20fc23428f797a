//! Where routes listen and lead, and who holds an address that is taken.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};

use super::EngineError;
use crate::control::wire::RouteSpec;

/// How many finished handshakes may wait to be accepted.
const BACKLOG: i32 = 4096;

/// Where a route leads, checked once: an address, or a name to look up at each dial.
#[derive(Clone, Debug)]
pub(super) enum Upstream {
    Address(SocketAddr),
    Name { host: String, port: u16 },
}

impl Upstream {
    pub(super) fn read(spec: &RouteSpec) -> Result<Self, EngineError> {
        let bad = || EngineError::BadUpstream { route: spec.name.clone(), value: spec.upstream.clone() };
        if let Ok(address) = spec.upstream.parse::<SocketAddr>() {
            return if address.port() == 0 { Err(bad()) } else { Ok(Self::Address(address)) };
        }
        let (host, port) = spec.upstream.rsplit_once(':').ok_or_else(bad)?;
        let port: u16 = port.parse().map_err(|_| bad())?;
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if port == 0 || host.is_empty() || host.len() > 253 || !host.chars().all(fits) {
            return Err(bad());
        }
        Ok(Self::Name { host: host.to_owned(), port })
    }
}

/// The listen address of a route.
pub(super) fn listen_address(spec: &RouteSpec) -> Result<SocketAddr, EngineError> {
    let bad = || EngineError::BadListen { route: spec.name.clone(), value: spec.listen.clone() };
    Ok(match spec.listen.strip_prefix("localhost:") {
        Some(port) => (Ipv4Addr::LOCALHOST, port.parse().map_err(|_| bad())?).into(),
        None => spec.listen.parse().map_err(|_| bad())?,
    })
}

/// Binds the listen address of a route.
pub(super) fn bind(spec: &RouteSpec) -> Result<std::net::TcpListener, EngineError> {
    bind_as(spec, false)
}

fn bind_as(spec: &RouteSpec, shared: bool) -> Result<std::net::TcpListener, EngineError> {
    let address = listen_address(spec)?;
    listen(address, shared).map_err(|source| EngineError::Bind {
        route: spec.name.clone(),
        listen: spec.listen.clone(),
        holder: if source.kind() == io::ErrorKind::AddrInUse { holder(address) } else { None },
        source,
    })
}

fn listen(mut address: SocketAddr, shared: bool) -> io::Result<std::net::TcpListener> {
    // A port that the kernel chose is lost when the listener is shut down, one that was named is not. So the kernel
    // chooses for a socket that never listens, and the listener names that port while the other still holds it.
    let chosen = if address.port() == 0 { Some(bound(address, shared)?) } else { None };
    if let Some(chosen) = chosen.as_ref().and_then(|socket| socket.local_addr().ok()?.as_socket()) {
        address = chosen;
    }
    let socket = bound(address, shared)?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn bound(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Lets a route come back while old connections are in TIME_WAIT; a second listener is still refused.
    socket.set_reuse_address(true)?;
    if shared {
        setsockopt(&socket, sockopt::ReusePort, &true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Binds an address that overlaps with that of a listener of ours, which goes on meanwhile: `0.0.0.0:9001` beside
/// `127.0.0.1:9001`. The kernel allows it to two sockets that both ask for it, so both do for this moment.
pub(super) fn bind_beside(
    spec: &RouteSpec,
    standing: &std::net::TcpListener,
) -> Result<std::net::TcpListener, EngineError> {
    let share = |listener: &std::net::TcpListener, on: bool| {
        if let Err(error) = setsockopt(listener, sockopt::ReusePort, &on) {
            tracing::debug!(%error, on, "SO_REUSEPORT");
        }
    };
    share(standing, true);
    let listener = bind_as(spec, true);
    share(standing, false);
    if let Ok(listener) = &listener {
        share(listener, false);
    }
    listener
}

/// The process that listens on the port, where `/proc` shows it to us.
fn holder(address: SocketAddr) -> Option<u32> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .find_map(|table| listening_inode(&table, address.port()))?;
    let wanted = format!("socket:[{inode}]");
    fs::read_dir("/proc").ok()?.flatten().find_map(|process| {
        let pid: u32 = process.file_name().to_str()?.parse().ok()?;
        let mut fds = fs::read_dir(process.path().join("fd")).ok()?.flatten();
        fds.any(|fd| fs::read_link(fd.path()).is_ok_and(|link| link.as_os_str() == wanted.as_str()))
            .then_some(pid)
    })
}

/// The inode of the socket in state LISTEN (`0A`) on the port, from a table of `/proc/net`.
fn listening_inode(table: &str, port: u16) -> Option<u64> {
    let port = format!(":{port:04X}");
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_whitespace();
        let (local, state) = (fields.nth(1)?, fields.nth(1)?);
        (local.ends_with(&port) && state == "0A").then(|| fields.nth(5)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams_are_hosts_with_ports() {
        let read = |upstream: &str| {
            Upstream::read(&RouteSpec::new("r", "127.0.0.1:0", upstream, Default::default()))
        };
        for good in ["127.0.0.1:80", "[::1]:80", "payments.internal:443"] {
            read(good).unwrap();
        }
        for bad in ["", "80", "host", "host:", ":80", "host:0", "127.0.0.1:0", "http://host:80", "a b:1"] {
            let error = read(bad).unwrap_err().to_string();
            assert!(error.contains("host:port"), "{bad}: {error}");
        }
    }

    #[test]
    fn the_inode_of_a_listener_is_found_in_the_kernels_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000 0 111 1 0\n\
             1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 222 1 0\n";
        assert_eq!(listening_inode(table, 8080), Some(222));
        assert_eq!(listening_inode(table, 8081), None);
    }
}
