//! An engine with upstreams of the test's own. All of it stops when the rig is dropped, also by a failing test.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use firedrill_proxy::control::wire::{Evidence, FaultSpec, LedgerEntry, Protocol, RouteSpec, RouteView};
use firedrill_proxy::engine::{Engine, Options};
use socket2::{Domain, Socket, Type};

/// Longer than anything here takes; a hang becomes a failure.
const PATIENCE: Duration = Duration::from_secs(20);

pub fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub struct Rig {
    pub engine: Engine,
}

impl Rig {
    pub fn new(workers: usize) -> Self {
        Self::with_options(&Options { workers, ..Options::default() })
    }

    pub fn with_options(options: &Options) -> Self {
        Self { engine: Engine::start(options).unwrap() }
    }

    /// An engine with one route `r` to the upstream.
    pub fn with_route(protocol: Protocol, upstream: SocketAddr) -> (Self, SocketAddr) {
        let rig = Self::new(1);
        let bound = rig.route("r", protocol, upstream);
        (rig, bound)
    }

    pub fn route(&self, name: &str, protocol: Protocol, upstream: SocketAddr) -> SocketAddr {
        self.engine.add_route(route_spec(name, protocol, upstream)).unwrap().bound.tcp().unwrap()
    }

    pub fn view(&self) -> RouteView {
        self.engine.route("r").unwrap()
    }

    /// Arms a fault on route `r`.
    pub fn fault(&self, json: &str) {
        self.engine.put_fault("r", fault(json)).unwrap();
    }

    /// Takes a fault off route `r`.
    pub fn remove(&self, id: &str) {
        self.engine.remove_fault("r", id).unwrap();
    }

    pub fn evidence(&self, id: &str) -> Evidence {
        let view = self.view();
        view.faults.into_iter().find(|fault| fault.spec.id == id).unwrap().evidence
    }

    /// The evidence of a fault once it has so many matches and hits: a byte is counted just after it has left, so
    /// whoever received it may look too early.
    pub fn counted(&self, id: &str, matched: u64, faulted: u64) -> Evidence {
        let mut last = Evidence::default();
        eventually(&format!("`{id}` matched {matched} and faulted {faulted}"), || {
            last = self.evidence(id);
            (last.matched, last.faulted) == (matched, faulted)
        });
        last
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.engine.stop();
    }
}

pub fn route_spec(name: &str, protocol: Protocol, upstream: SocketAddr) -> RouteSpec {
    RouteSpec::new(name, "127.0.0.1:0", upstream.to_string(), protocol)
}

pub fn fault(json: &str) -> FaultSpec {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

/// Serves every connection on a thread of its own until the test's process ends.
pub fn upstream(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.set_nodelay(true).unwrap();
            let serve = Arc::clone(&serve);
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Sends everything back, and its end.
pub fn echo() -> SocketAddr {
    upstream(|mut stream| {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(n) = stream.read(&mut buffer) {
            if n == 0 || stream.write_all(&buffer[..n]).is_err() {
                break;
            }
        }
        let _ = stream.shutdown(Shutdown::Write);
    })
}

/// Answers every request with 200 and two bytes.
pub fn answers() -> SocketAddr {
    upstream(|mut stream| {
        let mut buffer = [0; 4096];
        while stream.read(&mut buffer).is_ok_and(|n| n > 0) {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    })
}

/// What a fault decides on the connections of 200 clients at once.
pub fn ledger_of_200_clients(workers: usize, json: &str) -> Vec<LedgerEntry> {
    ledger_of(workers, fault(json))
}

/// The same of a fault that is no text.
pub fn ledger_of(workers: usize, fault: FaultSpec) -> Vec<LedgerEntry> {
    let rig = Rig::new(workers);
    let at = rig.route("r", Protocol::Tcp, echo());
    let id = fault.id.clone();
    rig.engine.put_fault("r", fault).unwrap();
    let clients: Vec<_> = (0..200).map(|_| thread::spawn(move || round_trip(&mut connect(at)))).collect();
    for client in clients {
        client.join().unwrap();
    }
    eventually("all decided", || rig.evidence(&id).matched == 200);
    rig.engine.ledger("r", &id).unwrap()
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Closes a connection with a reset.
pub fn reset_now(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

/// How a new connection ends by itself; it may be over before it is known to have begun.
pub fn end_of_new(address: SocketAddr) -> Result<(), ErrorKind> {
    match TcpStream::connect_timeout(&address, PATIENCE) {
        Ok(mut stream) => {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            read_to_end(&mut stream).1
        }
        Err(error) => Err(error.kind()),
    }
}

/// One message there and back; returns how long it took.
pub fn round_trip(stream: &mut TcpStream) -> Duration {
    let began = Instant::now();
    stream.write_all(b"ping").unwrap();
    let mut back = [0; 4];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"ping");
    began.elapsed()
}

/// Whether nothing arrives for a while and nothing is closed.
pub fn is_silent(stream: &mut TcpStream, time: Duration) -> bool {
    stream.set_read_timeout(Some(time)).unwrap();
    let result = stream.read(&mut [0; 1]);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    matches!(result, Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

/// Reads until the end; how it ended, and what came before.
pub fn read_to_end(stream: &mut TcpStream) -> (Vec<u8>, Result<(), ErrorKind>) {
    let mut all = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return (all, Ok(())),
            Ok(n) => all.extend_from_slice(&buffer[..n]),
            Err(error) => return (all, Err(error.kind())),
        }
    }
}

/// Waits until it is so; fails when it does not come.
pub fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// A listener that never accepts and whose queue is full, so that further handshakes hang.
pub fn stuck() -> (Socket, SocketAddr, Vec<Socket>) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let fill = (0..4)
        .map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&address);
            socket
        })
        .collect();
    (listener, address.as_socket().unwrap(), fill)
}
