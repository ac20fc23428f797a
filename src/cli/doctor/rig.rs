//! What is measured with: an upstream of our own, a proxy of our own, and clients, all on loopback.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use firedrill_proxy::control::Control;
use firedrill_proxy::control::wire::MANUAL;
use firedrill_proxy::engine::Options;

use crate::fault::{FaultSpec, OnRemove, Protocol, RequestMatch, RouteSpec, Scope, Seed, TrafficFault};

/// How long one socket may stand still before what it measures counts as failed.
pub(super) const STANDSTILL: Duration = Duration::from_millis(1500);
/// The first byte of a connection says what the upstream does: send everything back, or send without end.
const ECHO: u8 = b'e';
const POUR: u8 = b'p';

/// A proxy and an upstream that end with it.
pub(super) struct Rig {
    control: Control,
    upstream: Upstream,
}

impl Rig {
    pub(super) fn start() -> anyhow::Result<Self> {
        Ok(Self { control: Control::start(Options::default())?, upstream: Upstream::start()? })
    }

    /// Where the upstream itself is.
    pub(super) const fn direct(&self) -> SocketAddr {
        self.upstream.address
    }

    /// A new route to the upstream with these faults; says where it listens.
    pub(super) fn route(&self, name: &str, faults: Vec<TrafficFault>) -> anyhow::Result<SocketAddr> {
        let upstream = self.upstream.address.to_string();
        let route = self.control.add_route(RouteSpec::new(name, "127.0.0.1:0", upstream, Protocol::Tcp))?;
        for fault in faults {
            let spec = FaultSpec {
                id: fault.kind().replace('_', "-"),
                owner: MANUAL.to_owned(),
                fault,
                matching: RequestMatch::default(),
                scope: Scope::default(),
                schedule: None,
                seed: Seed(0),
                lease: None,
                max: None,
                on_remove: OnRemove::default(),
                replay: None,
            };
            self.control.put_fault(name, spec)?;
        }
        route.bound.tcp().ok_or_else(|| anyhow::anyhow!("the route `{name}` listens on no port"))
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        // The connections end here; the upstream's threads end with them.
        self.control.stop();
    }
}

/// A connection whose upstream sends back what it gets.
pub(super) fn echoing(address: SocketAddr) -> io::Result<TcpStream> {
    connected(address, ECHO)
}

/// A connection whose upstream sends as fast as it can.
pub(super) fn pouring(address: SocketAddr) -> io::Result<TcpStream> {
    connected(address, POUR)
}

fn connected(address: SocketAddr, mode: u8) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&address, STANDSTILL)?;
    patient(&stream)?;
    stream.write_all(&[mode])?;
    Ok(stream)
}

fn patient(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(STANDSTILL))?;
    stream.set_write_timeout(Some(STANDSTILL))
}

struct Upstream {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Upstream {
    fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let (address, over) = (listener.local_addr()?, Arc::new(AtomicBool::new(false)));
        let ended = Arc::clone(&over);
        let accepting = std::thread::Builder::new().name("upstream".to_owned()).spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ended.load(Relaxed) {
                    return;
                }
                // A thread for each of the few connections that there are; one that cannot be started fails its check.
                let _ = std::thread::Builder::new().spawn(move || answer(stream));
            }
        })?;
        Ok(Self { address, over, accepting: Some(accepting) })
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.over.store(true, Relaxed);
        // Whoever accepts is woken by a connection, and looks.
        if TcpStream::connect_timeout(&self.address, STANDSTILL).is_ok()
            && let Some(accepting) = self.accepting.take()
        {
            let _ = accepting.join();
        }
    }
}

/// Does what the first byte says until the connection ends or stands still.
fn answer(mut stream: TcpStream) {
    let mut buffer = vec![0; 64 * 1024];
    let mode = &mut [0];
    if patient(&stream).is_err() || stream.read_exact(mode).is_err() {
        return;
    }
    if mode == &[ECHO] {
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            if stream.write_all(&buffer[..count]).is_err() {
                return;
            }
        }
    } else {
        while stream.write_all(&buffer).is_ok() {}
    }
}
