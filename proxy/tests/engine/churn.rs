//! Connections that come and go by the thousand, from several addresses, while faults come and go.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use firedrill_proxy::control::wire::Protocol;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::alone::in_own_process;
use crate::rig::{Rig, connect, echo, eventually, fault, ms, round_trip, route_spec};

/// In the full run, and else.
const CONNECTIONS: [u64; 2] = [50_000, 5_000];
/// Clients at a time.
const CLIENTS: u64 = 96;
/// From so many addresses, so that no address runs out of ports.
const SOURCES: u64 = 8;
/// No client waits longer for what a fault keeps from it.
const GIVES_UP: Duration = Duration::from_millis(500);
/// Five times what a round trip needs on a busy machine.
const SOON: Duration = Duration::from_secs(1);
/// What memory may be kept for later use.
const MEMORY_KIB: u64 = 6 * 1024;

/// Armed in turn, two at a time.
const FAULTS: [&str; 11] = [
    r#"{"latency": {"delay": "2ms", "jitter": "1ms", "direction": "both"}}"#,
    r#"{"bandwidth": {"rate": "2MB/s"}}"#,
    r#"{"reset": {"after_bytes": "3B"}}"#,
    r#"{"slicer": {"size": "999B", "variation": "400B"}}"#,
    r#"{"limit_data": {"bytes": "30KB", "direction": "request"}}"#,
    r#"{"stall": {"for": "3ms"}}"#,
    r#"{"corrupt": {"bits": "0.1%"}}"#,
    r#"{"slow_close": {"delay": "3ms"}}"#,
    r#"{"blackhole": {}}"#,
    r#"{"connection_limit": {"max": 60}}"#,
    r#"{"limit_time": {"after": "2ms"}}"#,
];

#[test]
fn thousands_of_connections_that_come_and_go_leave_no_memory_and_no_descriptor() {
    if !in_own_process("churn::thousands_of_connections_that_come_and_go_leave_no_memory_and_no_descriptor") {
        return;
    }
    let full = std::env::var("FIREDRILL_TEST_FULL").is_ok_and(|value| value == "1");
    let connections = CONNECTIONS[usize::from(!full)];
    let rig = Rig::new(2);
    let mut spec = route_spec("r", Protocol::Tcp, echo());
    spec.upstream.clear();
    spec.upstreams = (0..4).map(|_| quiet_echo().to_string()).collect();
    let at = rig.engine.add_route(spec).unwrap().bound.tcp().unwrap();
    let mut other = connect(rig.route("other", Protocol::Tcp, echo()));
    // What is kept for good, stacks and pools, is there after the first thousand.
    churn(&rig, at, &mut other, connections / 5);
    let (before, began) = (Left::now(&rig), Instant::now());
    let tally = churn(&rig, at, &mut other, connections);
    let after = Left::now(&rig);
    println!("{connections} connections in {:?}: {tally:?}; {before:?} became {after:?}", began.elapsed());
    assert_eq!(after.sockets, before.sockets);
    assert!(after.pipes <= before.pipes + CLIENTS, "{before:?} became {after:?}");
    assert!(after.resident_kib < before.resident_kib + MEMORY_KIB, "{before:?} became {after:?}");
    assert!(
        tally.served > connections / 10 && tally.hit > connections / 50 && tally.faults > 20,
        "{tally:?}"
    );
}

/// What became of them.
#[derive(Debug)]
struct Tally {
    served: u64,
    hit: u64,
    faults: usize,
}

/// So many connections while faults are armed and removed; another route answers all the time.
fn churn(rig: &Rig, at: SocketAddr, other: &mut std::net::TcpStream, connections: u64) -> Tally {
    let (next, served) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let done = Arc::new(AtomicBool::new(false));
    let clients = {
        let (next, served, done) = (Arc::clone(&next), Arc::clone(&served), Arc::clone(&done));
        thread::spawn(move || {
            in_runtime(async {
                let all = tokio::task::LocalSet::new();
                for _ in 0..CLIENTS {
                    let (next, served) = (Arc::clone(&next), Arc::clone(&served));
                    all.spawn_local(async move {
                        let mut number = next.fetch_add(1, Relaxed);
                        while number < connections {
                            let came = tokio::time::timeout(GIVES_UP, client(number, at)).await;
                            served.fetch_add(u64::from(matches!(came, Ok(Ok(true)))), Relaxed);
                            number = next.fetch_add(1, Relaxed);
                        }
                    });
                }
                all.await;
            });
            done.store(true, Relaxed);
        })
    };
    let (mut turn, mut hit) = (0, 0);
    while !done.load(Relaxed) {
        for (id, at) in [("one", turn), ("two", turn + 3)] {
            let (what, seed) = (FAULTS[at % FAULTS.len()], turn);
            let spec = format!(
                r#"{{"id": "{id}", "seed": {seed}, "fault": {what}, "scope": {{"percent": "50%"}}}}"#
            );
            rig.engine.put_fault("r", fault(&spec)).unwrap();
        }
        thread::sleep(ms(15));
        assert!(round_trip(other) < SOON, "another route is held up");
        for id in ["one", "two"] {
            hit += rig.engine.remove_fault("r", id).unwrap().evidence.faulted;
        }
        thread::sleep(ms(5));
        turn += 1;
    }
    clients.join().unwrap();
    Tally { served: served.load(Relaxed), hit, faults: turn * 2 }
}

fn in_runtime(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
}

/// One of five kinds of clients; true when it got back all that it sent.
async fn client(number: u64, at: SocketAddr) -> std::io::Result<bool> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::new(127, 0, 0, 2 + (number % SOURCES) as u8), 0).into())?;
    let mut stream = socket.connect(at).await?;
    let size = match number % 5 {
        0 => return Ok(false),
        1 => {
            stream.set_zero_linger()?;
            return Ok(false);
        }
        2 => 4,
        3 => 700,
        // Enough to be spliced.
        _ => 40_000,
    };
    let (sent, mut back) = (vec![number as u8; size], vec![0; size]);
    let (mut from, mut to) = stream.split();
    let both = tokio::join!(from.read_exact(&mut back), async {
        to.write_all(&sent).await?;
        if number.is_multiple_of(2) { to.shutdown().await } else { Ok(()) }
    });
    both.0?;
    both.1?;
    if number.is_multiple_of(3) {
        stream.set_zero_linger()?;
    }
    Ok(back == sent)
}

/// Sends everything back without a thread for each connection, whose stacks would be taken for a leak.
fn quiet_echo() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        in_runtime(async {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(send_back(stream));
            }
        });
    });
    address
}

async fn send_back(mut stream: TcpStream) {
    let mut buffer = vec![0; 8 * 1024];
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..n]).await.is_err() {
            return;
        }
    }
}

/// What this process has, once nothing is open any more.
#[derive(Debug)]
struct Left {
    resident_kib: u64,
    sockets: usize,
    pipes: u64,
}

impl Left {
    fn now(rig: &Rig) -> Self {
        eventually("all are gone", || rig.view().traffic.connections_open == 0);
        eventually("nothing is held", || rig.engine.held_bytes() == 0);
        let open = |kind: &str| {
            let links = std::fs::read_dir("/proc/self/fd").unwrap();
            let of_kind = links.flatten().filter_map(|link| std::fs::read_link(link.path()).ok());
            of_kind.filter(|link| link.to_string_lossy().starts_with(kind)).count()
        };
        // The upstreams of the test hear of the end a moment later.
        let mut sockets = open("socket:");
        let mut same = 0;
        eventually("sockets come to rest", || {
            let seen = open("socket:");
            same = if seen == sockets { same + 1 } else { 0 };
            sockets = seen;
            same > 50
        });
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let resident_kib = resident.trim().trim_end_matches(" kB").parse().unwrap();
        Self { resident_kib, sockets, pipes: open("pipe:") as u64 }
    }
}
