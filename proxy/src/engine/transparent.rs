//! Transparent routes: where a connection was going before the kernel redirected it, and never to ourselves.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::sys::socket::{getsockopt, setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;

use super::Table;
use super::ends::Ends;
use super::route::Route;

/// The local addresses of our own dials for transparent routes, so that one that is redirected back is recognized.
#[derive(Debug, Default)]
pub(super) struct OwnDials(Mutex<HashSet<SocketAddr>>);

/// One of them; it is taken off the list by being dropped.
#[derive(Debug)]
pub(super) struct OwnDial {
    all: Arc<OwnDials>,
    local: SocketAddr,
}

impl OwnDials {
    fn list(&self) -> MutexGuard<'_, HashSet<SocketAddr>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OwnDial {
    fn drop(&mut self) {
        self.all.list().remove(&self.local);
    }
}

/// Lets a listener take connections to foreign addresses (TPROXY). It needs a privilege that a redirection (REDIRECT,
/// DNAT) does not need, so that doing without is no failure of a route that does not ask for it.
pub(super) fn allow(socket: &Socket, address: SocketAddr) {
    if let Err(error) = take_foreign(socket, address) {
        tracing::debug!(%error, "a transparent route without TPROXY; connections redirected by NAT work");
    }
}

/// Finds out whether a listener on this address could do so, on a socket that is thrown away.
pub(super) fn require(address: SocketAddr) -> io::Result<()> {
    take_foreign(&Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?, address)
}

fn take_foreign(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    match address {
        SocketAddr::V4(_) => setsockopt(socket, sockopt::IpTransparent, &true).map_err(io::Error::from),
        SocketAddr::V6(_) => allow_v6(socket),
    }
}

fn allow_v6(socket: &Socket) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let yes: nix::libc::c_int = 1;
    // SAFETY: the option takes one int, which lives for the time of the call, as the socket does.
    let result = unsafe {
        nix::libc::setsockopt(
            socket.as_raw_fd(),
            nix::libc::SOL_IPV6,
            nix::libc::IPV6_TRANSPARENT,
            (&raw const yes).cast(),
            size_of_val(&yes) as nix::libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Where the connection was going. An error when that is ourselves, or one of our own dials came back.
pub(super) fn destination(
    table: &Table,
    route: &Route,
    stream: &TcpStream,
    client: SocketAddr,
) -> io::Result<SocketAddr> {
    let local = stream.local_addr()?;
    // Without a redirection in the books of the kernel the socket itself bears the destination, as TPROXY has it.
    let destination = original(stream, local).unwrap_or(local);
    if table.own_dials.list().contains(&client) {
        return Err(io::Error::other(format!(
            "the proxy's own connection to {destination} is redirected back to it; except its user from the redirection"
        )));
    }
    let bound = route.bound.tcp().map_or(0, |bound| bound.port());
    if destination.port() == bound && is_this_host(destination.ip()) {
        return Err(io::Error::other(format!(
            "a client connected to {destination}, where the transparent route itself listens; it must be redirected there"
        )));
    }
    Ok(destination)
}

/// Where the kernel redirected the connection from, if it did.
fn original(stream: &TcpStream, local: SocketAddr) -> Option<SocketAddr> {
    // Redirected IPv4 can arrive on a socket that speaks both.
    if local.ip().to_canonical().is_ipv4() {
        let address = getsockopt(stream, sockopt::OriginalDst).ok()?;
        let ip = u32::from_be(address.sin_addr.s_addr).into();
        Some(SocketAddrV4::new(ip, u16::from_be(address.sin_port)).into())
    } else {
        let address = getsockopt(stream, sockopt::Ip6tOriginalDst).ok()?;
        let ip = address.sin6_addr.s6_addr.into();
        Some(SocketAddrV6::new(ip, u16::from_be(address.sin6_port), 0, address.sin6_scope_id).into())
    }
}

/// Whether an address is one of this host's: only those can be bound without a privilege that we do not use here.
fn is_this_host(ip: IpAddr) -> bool {
    ip.is_loopback() || UdpSocket::bind((ip, 0)).is_ok()
}

/// Dials where the client wanted to go, and remembers the dial as our own before it can come back.
pub(super) async fn connect(table: &Table, ends: &Ends) -> io::Result<TcpStream> {
    let server = ends.server;
    let socket = Socket::new(Domain::for_address(server), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    match socket.connect(&server.into()) {
        Err(error) if error.raw_os_error() != Some(nix::libc::EINPROGRESS) => return Err(error),
        Ok(()) | Err(_) => {}
    }
    if let Some(local) = socket.local_addr()?.as_socket() {
        let all = Arc::clone(&table.own_dials);
        all.list().insert(local);
        ends.keep(OwnDial { all, local });
    }
    let stream = TcpStream::from_std(socket.into())?;
    stream.writable().await?;
    match stream.take_error()? {
        Some(error) => Err(error),
        None => Ok(stream),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_this_host_are_ours() {
        assert!(is_this_host("127.0.0.1".parse().unwrap()));
        assert!(!is_this_host("192.0.2.1".parse().unwrap()), "an address of the documentation's");
    }

    #[test]
    fn an_own_dial_is_known_until_it_is_dropped() {
        let all = Arc::new(OwnDials::default());
        let local: SocketAddr = "127.0.0.1:1".parse().unwrap();
        all.list().insert(local);
        let dial = OwnDial { all: Arc::clone(&all), local };
        assert!(all.list().contains(&local));
        drop(dial);
        assert!(all.list().is_empty());
    }
}
