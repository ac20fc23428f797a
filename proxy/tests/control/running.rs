//! A proxy with its control API, and upstreams for it; all ends when dropped.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use firedrill_proxy::control::Control;
use firedrill_proxy::control::client::Client;
use firedrill_proxy::control::server::{self, Server, ServerOptions};
use firedrill_proxy::control::wire::{FaultSpec, RouteSpec, RouteView};
use firedrill_proxy::engine::Options;

/// A bound that only a hang exceeds, even on a busy machine.
pub const SOON: Duration = Duration::from_secs(10);

/// A proxy in this process whose control API listens on a port of the kernel's choice.
pub struct Running {
    pub control: Control,
    pub client: Client,
    pub address: SocketAddr,
    _server: Server,
}

impl Running {
    pub fn start() -> Self {
        Self::with(ServerOptions::default())
    }

    pub fn with(options: ServerOptions) -> Self {
        let control = Control::start(Options::default()).unwrap();
        let listener = server::listen("127.0.0.1:0", options).unwrap();
        let server = Server::start(listener, control.clone(), options).unwrap();
        let address = server.address();
        let client = Client::new(&address.to_string()).unwrap();
        Self { control, client, address, _server: server }
    }

    /// A route to `upstream` that listens on a port of the kernel's choice.
    pub fn route(&self, name: &str, upstream: SocketAddr) -> RouteView {
        self.control.add_route(route(name, upstream)).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.control.stop();
    }
}

pub fn route(name: &str, upstream: SocketAddr) -> RouteSpec {
    let json = serde_json::json!({
        "name": name, "listen": "127.0.0.1:0", "upstream": upstream.to_string(), "protocol": "tcp"
    });
    serde_json::from_value(json).unwrap()
}

/// A latency of no great length.
pub fn slow(id: &str) -> FaultSpec {
    serde_json::from_value(serde_json::json!({"id": id, "fault": {"latency": {"delay": "20ms"}}})).unwrap()
}

/// The same, of an owner that has to renew.
pub fn owned(id: &str, owner: &str, lease: &str, max: &str) -> FaultSpec {
    let json = serde_json::json!({
        "id": id, "owner": owner, "lease": lease, "max": max, "fault": {"latency": {"delay": "20ms"}}
    });
    serde_json::from_value(json).unwrap()
}

/// An address that gives back every byte; its thread ends with the test's process.
pub fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let (mut from, mut to) = (stream.try_clone().unwrap(), stream);
                let _ = std::io::copy(&mut from, &mut to);
            });
        }
    });
    address
}

/// Sends a word and waits for it to come back.
pub fn exchange(address: SocketAddr) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(b"hello").unwrap();
    let mut back = [0; 5];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"hello");
}
