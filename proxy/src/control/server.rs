//! The native API over HTTP: where it may listen, and the thread that it runs on.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::api::{Hosts, router};
pub use super::connection::serve;
use super::handle::Control;
use super::toxiproxy::Toxiproxy;
pub use super::toxiproxy::{ToxiproxyMetrics, ToxiproxyOptions, VERSION as TOXIPROXY_VERSION};

/// Where the control API listens unless it is told otherwise.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:8474";

/// Why the control API cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address is none.
    #[error("the control address `{address}` is no address ({source}); write for example {DEFAULT_ADDRESS}")]
    Address {
        /// As given.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The address cannot be bound.
    #[error(
        "cannot listen for the control API on {address}: {source}; choose another with `--control`, or `none`"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Anyone on the network could change the traffic.
    #[error(
        "the control API on {0} would be open to the network, without TLS and without a token; listen on \
         127.0.0.1, or accept that with `--insecure-plain-http`"
    )]
    Exposed(SocketAddr),
    /// The thread or its runtime did not start.
    #[error("cannot start the control plane: {0}")]
    Start(#[from] io::Error),
}

/// What a server may do beyond the careful default.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerOptions {
    /// Listen off loopback although there is neither TLS nor a token.
    pub insecure_plain_http: bool,
    /// How Toxiproxy's API is offered beside the native one.
    pub toxiproxy: ToxiproxyOptions,
}

/// A running control API, on its own thread; dropping it stops it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What became of a list of proxies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configured {
    /// How many there are as wanted.
    pub made: usize,
    /// Why there are no more.
    pub refusal: Option<String>,
}

/// Binds an address for [`Server::start`]; refuses one that the network can reach, before anything is bound.
pub fn listen(address: &str, options: ServerOptions) -> Result<TcpListener, ServerError> {
    let bad = |source| ServerError::Address { address: address.to_owned(), source };
    let mut found = address.to_socket_addrs().map_err(bad)?;
    let address = found.next().ok_or_else(|| bad(io::Error::other("the name has no address")))?;
    check_exposure(address, options)?;
    TcpListener::bind(address).map_err(|source| ServerError::Bind { address, source })
}

fn check_exposure(address: SocketAddr, options: ServerOptions) -> Result<(), ServerError> {
    if address.ip().to_canonical().is_loopback() || options.insecure_plain_http {
        Ok(())
    } else {
        Err(ServerError::Exposed(address))
    }
}

impl Server {
    /// Serves `control` on `listener` from a thread of its own.
    pub fn start(
        listener: TcpListener,
        control: Control,
        options: ServerOptions,
    ) -> Result<Self, ServerError> {
        Ok(Self::start_configured(listener, control, options, b"[]")?.0)
    }

    /// The same, once the proxies of a list are made, as Toxiproxy's `populate` makes them.
    pub fn start_configured(
        listener: TcpListener,
        control: Control,
        options: ServerOptions,
        proxies: &[u8],
    ) -> Result<(Self, Configured), ServerError> {
        let address = listener.local_addr()?;
        check_exposure(address, options)?;
        let local = address.ip().to_canonical().is_loopback();
        let toxiproxy = Arc::new(Toxiproxy::new(control.clone(), options.toxiproxy));
        let hosts = if local { Hosts::LocalOnly } else { Hosts::Any };
        let app = router(control, hosts, Arc::clone(&toxiproxy));
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel();
        let (tell, configured) = std::sync::mpsc::sync_channel(1);
        let proxies = proxies.to_vec();
        let thread = std::thread::Builder::new().name("firedrill-control".into()).spawn(move || {
            // On this thread, because the caller may be inside a runtime of its own. It waits for this one word, so there
            // is always room for it.
            let _ = tell.try_send(runtime.block_on(toxiproxy.configure(&proxies)));
            // A dropped sender stops the server just as a sent word does.
            runtime.block_on(serve(listener, app, async { drop(stopped.await) }));
        })?;
        let server = Self { address, stop: Some(stop), thread: Some(thread) };
        let (made, refusal) =
            configured.recv().map_err(|_| std::io::Error::other("the control thread died"))?;
        Ok((server, Configured { made, refusal }))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Finishes the answers under way, at most a second, and ends.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_address_is_refused_unless_that_is_accepted() {
        let careful = ServerOptions::default();
        for open in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
            let error = listen(open, careful).unwrap_err();
            assert!(matches!(error, ServerError::Exposed(_)), "{error}");
            assert!(error.to_string().contains("--insecure-plain-http"), "{error}");
        }
        listen("127.0.0.1:0", careful).unwrap();
        listen("0.0.0.0:0", ServerOptions { insecure_plain_http: true, ..careful }).unwrap();
    }

    #[test]
    fn a_taken_address_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let error = listen(&address, ServerOptions::default()).unwrap_err().to_string();
        assert!(error.contains(&address) && error.contains("--control"), "{error}");
        assert!(listen("nowhere", ServerOptions::default()).unwrap_err().to_string().contains("`nowhere`"));
    }
}
