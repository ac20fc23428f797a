//! Listening: binding what a route asks for, and saying who is in the way.

use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::Path;

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};
use tokio::net::TcpStream;

use super::{EngineError, holder, transparent, unix};
use crate::control::wire::{Bound, RouteSpec};

/// How many finished handshakes may wait to be accepted.
pub(super) const BACKLOG: i32 = 4096;

/// A listening socket. The control plane keeps it, so that removing a route can stop it without waiting.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, unix::SocketFile),
}

/// The copy of a listening socket that a data thread accepts from.
#[derive(Debug)]
pub(super) enum Accepting {
    Tcp(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener),
}

impl Listener {
    /// Binds the listen address of a route; says what was bound.
    pub(super) fn bind(spec: &RouteSpec) -> Result<(Self, Bound), EngineError> {
        Self::bind_as(spec, false)
    }

    /// Binds an address that overlaps with that of a listener of ours, which goes on meanwhile: `0.0.0.0:9001` beside
    /// `127.0.0.1:9001`. The kernel allows it to two sockets that both ask for it, so both do for this moment.
    pub(super) fn bind_beside(spec: &RouteSpec, standing: &Self) -> Result<(Self, Bound), EngineError> {
        standing.share(true);
        let listener = Self::bind_as(spec, true);
        standing.share(false);
        if let Ok((listener, _)) = &listener {
            listener.share(false);
        }
        listener
    }

    fn bind_as(spec: &RouteSpec, shared: bool) -> Result<(Self, Bound), EngineError> {
        let place = place(spec)?;
        if let Some(address) = place.tcp().filter(|_| spec.tproxy) {
            transparent::require(address)
                .map_err(|source| EngineError::NoTproxy { route: spec.name.clone(), source })?;
        }
        let bound = match &place {
            Bound::Unix(path) => on_path(path).map(|listener| (listener, place.clone())),
            Bound::Tcp(address) => on_address(*address, spec.transparent, shared)
                .and_then(|listener| Ok((Bound::Tcp(listener.local_addr()?), Self::Tcp(listener))))
                .map(|(bound, listener)| (listener, bound)),
        };
        bound.map_err(|source| EngineError::Bind {
            route: spec.name.clone(),
            listen: spec.listen.clone(),
            holder: if source.kind() == io::ErrorKind::AddrInUse { holder::of(&place) } else { None },
            source,
        })
    }

    fn share(&self, on: bool) {
        if let Self::Tcp(listener) = self
            && let Err(error) = setsockopt(listener, sockopt::ReusePort, &on)
        {
            tracing::debug!(%error, on, "SO_REUSEPORT");
        }
    }

    /// The socket itself, for what is asked of both kinds.
    pub(super) fn socket(&self) -> SockRef<'_> {
        match self {
            Self::Tcp(listener) => SockRef::from(listener),
            Self::Unix(listener, _) => SockRef::from(listener),
        }
    }

    /// A copy to accept from. It takes a descriptor.
    pub(super) fn accepting(&self) -> io::Result<Accepting> {
        Ok(match self {
            Self::Tcp(listener) => Accepting::Tcp(tokio::net::TcpListener::from_std(listener.try_clone()?)?),
            Self::Unix(listener, _) => {
                Accepting::Unix(tokio::net::UnixListener::from_std(listener.try_clone()?)?)
            }
        })
    }

    /// Stops listening: whatever copies there are, the address is free from now on.
    pub(super) fn stop(&self) -> io::Result<()> {
        if let Self::Unix(_, file) = self {
            file.remove();
        }
        let socket = self.socket();
        if socket.is_listener()? {
            return socket.shutdown(std::net::Shutdown::Both);
        }
        // A fault had shut it down and kept others off its address.
        socket.set_reuse_address(true)
    }
}

impl Accepting {
    /// The next connection, and whose it is; a client on a Unix socket is on this host and has no port.
    pub(super) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        match self {
            Self::Tcp(listener) => listener.accept().await,
            Self::Unix(listener) => {
                // A listener that has been shut down stays ready and has nothing, and `accept` would ask it for ever
                // without letting anything else run.
                let (stream, _) = poll_fn(|cx| listener.poll_accept(cx)).await?;
                Ok((unix::as_stream(stream)?, (Ipv4Addr::LOCALHOST, 0).into()))
            }
        }
    }
}

/// Where a route is to listen.
pub(super) fn place(spec: &RouteSpec) -> Result<Bound, EngineError> {
    let bad = || EngineError::BadListen { route: spec.name.clone(), value: spec.listen.clone() };
    match spec.listen.strip_prefix("localhost:") {
        Some(port) => Ok(Bound::Tcp((Ipv4Addr::LOCALHOST, port.parse().map_err(|_| bad())?).into())),
        None => spec.listen.parse().map_err(|_| bad()),
    }
}

fn on_address(mut address: SocketAddr, transparent: bool, shared: bool) -> io::Result<TcpListener> {
    // A port that the kernel chose is lost when the listener is shut down, one that was named is not. So the kernel
    // chooses for a socket that never listens, and the listener names that port while the other still holds it.
    let chosen = if address.port() == 0 { Some(bound(address, false, shared)?) } else { None };
    if let Some(chosen) = chosen.as_ref().and_then(|socket| socket.local_addr().ok()?.as_socket()) {
        address = chosen;
    }
    let socket = bound(address, transparent, shared)?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn bound(address: SocketAddr, transparent: bool, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Lets a route come back while old connections are in TIME_WAIT; a second listener is still refused.
    socket.set_reuse_address(true)?;
    if shared {
        setsockopt(&socket, sockopt::ReusePort, &true)?;
    }
    socket.set_nonblocking(true)?;
    // What is accepted takes this over: one system call less for every connection.
    socket.set_tcp_nodelay(true)?;
    if transparent {
        transparent::allow(&socket, address);
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

fn on_path(path: &Path) -> io::Result<Listener> {
    unix::clear_stale(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let file = unix::SocketFile::of(path)?;
    socket.listen(BACKLOG)?;
    Ok(Listener::Unix(socket.into(), file))
}

/// An address that is held until it is dropped, so that nothing else takes it.
#[derive(Debug)]
pub struct Reserved {
    _listener: Listener,
}

/// Binds the listen address of a route and takes no traffic: finds out what is in use before anything starts.
pub fn reserve(spec: &RouteSpec) -> Result<Reserved, EngineError> {
    Listener::bind(spec).map(|(listener, _)| Reserved { _listener: listener })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(path: &Path) -> RouteSpec {
        RouteSpec::new("r", format!("unix:{}", path.display()), "a:1", crate::control::wire::Protocol::Tcp)
    }

    fn place(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("firedrill-listen-{}-{name}.sock", std::process::id()))
    }

    #[test]
    fn a_socket_that_a_dead_process_left_is_replaced_and_a_living_one_is_not() {
        let path = place("stale");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "dropping a listener leaves its file");
        let (listener, bound) = Listener::bind(&spec(&path)).unwrap();
        assert_eq!(bound, Bound::Unix(path.clone()));
        let error = Listener::bind(&spec(&path)).unwrap_err().to_string();
        assert!(error.contains("in use"), "{error}");
        assert!(error.contains(&format!("held by process {}", std::process::id())), "{error}");
        drop(listener);
        assert!(!path.exists(), "its file goes with it");
    }

    #[test]
    fn a_file_that_is_no_socket_is_left_alone() {
        let path = place("file");
        std::fs::write(&path, "precious").unwrap();
        let error = Listener::bind(&spec(&path)).unwrap_err().to_string();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(error.contains("no socket"), "{error}");
        assert_eq!(text, "precious");
    }

    #[test]
    fn a_file_that_took_the_place_of_a_socket_stays() {
        let path = place("other");
        let (listener, _) = Listener::bind(&spec(&path)).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "theirs").unwrap();
        drop(listener);
        let text = std::fs::read_to_string(&path);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(text.unwrap(), "theirs");
    }
}
