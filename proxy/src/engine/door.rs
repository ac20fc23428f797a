//! What the kernel does with new connections before anybody accepts them.
//!
//! A listening socket that is shut down refuses them and keeps its address, and listening again brings it back. One whose
//! backlog is full drops every SYN, so connecting hangs.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::rc::Rc;

use nix::libc;
use socket2::{Domain, SockRef, Socket, Type};
use tokio::net::TcpStream;

use super::listen::{BACKLOG, Listener};
use super::timer::{Sleep, Timers, now_ns};

/// How long a connection to ourselves may take before it is taken for hanging.
const OURSELVES_NS: u64 = 200_000_000;

/// What new connections find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// They are accepted.
    Open,
    /// They are refused.
    Shut,
    /// They hang.
    Full,
}

impl Listener {
    /// Brings the socket into this state. Copies of it that wait for connections must be gone before.
    pub(super) fn put(&self, door: Door) -> io::Result<()> {
        let socket = self.socket();
        match door {
            Door::Open => reopen(&socket, BACKLOG),
            // A socket that does not listen shares its address with whoever asks for it, unless it says no.
            Door::Shut => {
                if socket.is_listener()? {
                    socket.shutdown(std::net::Shutdown::Both)?;
                }
                socket.set_reuse_address(false)
            }
            Door::Full => reopen(&socket, 0),
        }
    }

    /// How many connections the kernel has turned away because nobody accepted.
    pub(super) fn dropped(&self) -> u64 {
        /// The number and the places of `SO_MEMINFO` in Linux' headers; the last one counts what was dropped.
        const SO_MEMINFO: libc::c_int = 55;
        const PLACES: usize = 9;
        let mut values = [0u32; PLACES];
        let mut length = size_of_val(&values) as libc::socklen_t;
        // SAFETY: the kernel writes at most `length` bytes to a place that is ours and has so many; the descriptor is
        // open as long as the listener is borrowed, and one that is no socket is answered with an error.
        let result = unsafe {
            let (place, length) = (values.as_mut_ptr().cast(), &raw mut length);
            libc::getsockopt(self.socket().as_raw_fd(), libc::SOL_SOCKET, SO_MEMINFO, place, length)
        };
        if result == 0 { u64::from(values[PLACES - 1]) } else { 0 }
    }
}

fn reopen(socket: &SockRef<'_>, backlog: i32) -> io::Result<()> {
    socket.set_reuse_address(true)?;
    socket.listen(backlog)
}

/// Whether a connection to this address is refused.
pub(super) async fn refuses(timers: &Rc<Timers>, address: SocketAddr) -> bool {
    tokio::select! {
        biased;
        tried = TcpStream::connect(reached(address)) => {
            tried.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        }
        () = Sleep::until(timers, now_ns() + OURSELVES_NS) => false,
    }
}

/// Takes the last place in the backlog of a listener of ours; says from which address.
pub(super) fn fill(address: SocketAddr) -> io::Result<(Socket, SocketAddr)> {
    let address = reached(address);
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let from = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
    Ok((socket, from))
}

/// A listener on any address is reached on the loopback.
fn reached(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::control::wire::{Protocol, RouteSpec};

    fn listener() -> (Listener, SocketAddr) {
        let spec = RouteSpec::new("r", "127.0.0.1:0", "a:1", Protocol::Tcp);
        let (listener, bound) = Listener::bind(&spec).unwrap();
        (listener, bound.tcp().unwrap())
    }

    fn connects(address: SocketAddr) -> Result<(), io::ErrorKind> {
        std::net::TcpStream::connect_timeout(&address, Duration::from_millis(300))
            .map(drop)
            .map_err(|error| error.kind())
    }

    #[test]
    fn a_door_that_is_shut_keeps_its_address_and_opens_again() {
        let (listener, address) = listener();
        for _ in 0..2 {
            listener.put(Door::Shut).unwrap();
            assert_eq!(connects(address), Err(io::ErrorKind::ConnectionRefused));
            let other = RouteSpec::new("o", address.to_string(), "a:1", Protocol::Tcp);
            let error = Listener::bind(&other).unwrap_err().to_string();
            assert!(error.contains("in use"), "{error}");
            listener.put(Door::Shut).unwrap();
            listener.put(Door::Open).unwrap();
            listener.put(Door::Open).unwrap();
            assert_eq!(connects(address), Ok(()));
        }
    }

    #[test]
    fn a_door_that_is_full_lets_connections_hang_and_counts_them() {
        let (listener, address) = listener();
        listener.put(Door::Full).unwrap();
        let (_filler, _) = fill(address).unwrap();
        let before = listener.dropped();
        assert_eq!(connects(address), Err(io::ErrorKind::TimedOut));
        assert!(listener.dropped() > before);
        listener.put(Door::Open).unwrap();
        assert_eq!(connects(address), Ok(()));
    }

    #[test]
    fn a_listener_that_is_stopped_while_shut_gives_its_address_away() {
        let (listener, address) = listener();
        listener.put(Door::Shut).unwrap();
        let _ = listener.stop();
        Listener::bind(&RouteSpec::new("o", address.to_string(), "a:1", Protocol::Tcp)).unwrap();
    }
}
