//! The proxy under traffic of every kind while faults come and go at random: its memory and its descriptors stay as
//! they were.
//!
//! Seconds in every test run; ten minutes with `FIREDRILL_TEST_FULL=1`. `FIREDRILL_SOAK_SEED=n` repeats the faults.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use crate::support::{
    Child, Upstream, firedrill, free_port, happens_within, is_listening, put, request, wait_until,
};

const PATIENCE: Duration = Duration::from_secs(20);
const CLIENTS: u64 = 8;
/// Resident memory may grow by so much once the proxy is warm: what the allocator keeps of the worst moment.
const GROWTH_MAX_KIB: u64 = 8 << 10;

/// Faults on the route, as bodies of a PUT; each acts on a part of the connections, so that traffic goes on.
const FAULTS: [&str; 8] = [
    r#"{"fault": {"latency": {"delay": "20ms", "jitter": "10ms", "direction": "both"}}}"#,
    r#"{"fault": {"latency": {"delay": "5ms"}}, "on_remove": "drain"}"#,
    r#"{"fault": {"bandwidth": {"rate": "200KB/s"}}}"#,
    r#"{"fault": {"reset": {}}, "scope": {"percent": "30%"}}"#,
    r#"{"fault": {"reset": {"after": "15ms"}}, "scope": {"percent": "50%"}}"#,
    r#"{"fault": {"reset": {"after_bytes": "300B"}}, "scope": {"percent": "20%"}}"#,
    r#"{"fault": {"blackhole": {}}, "scope": {"percent": "20%"}}"#,
    r#"{"fault": {"blackhole": {"direction": "request"}}, "scope": {"percent": "10%"}, "on_remove": "reset"}"#,
];

struct Proxy {
    child: Child,
    control: SocketAddr,
    routes: [SocketAddr; 2],
}

impl Proxy {
    fn start(upstream: SocketAddr) -> Self {
        let [control, tcp, http] = [(); 3].map(|()| SocketAddr::from(([127, 0, 0, 1], free_port())));
        let child = Child::spawn(firedrill().args(["proxy", "--control", &control.to_string()]));
        wait_until("the control port", PATIENCE, || is_listening(control));
        for (name, listen, protocol) in [("bytes", tcp, "tcp"), ("requests", http, "http")] {
            let body = format!(
                r#"{{"name": "{name}", "listen": "{listen}", "upstream": "{upstream}", "protocol": "{protocol}"}}"#
            );
            assert_eq!(request(control, "POST", "/v1/routes", &body).unwrap().status, 201);
        }
        Self { child, control, routes: [tcp, http] }
    }

    fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").trim().parse().unwrap()
    }

    fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.pid())).unwrap().count()
    }

    /// Sets or removes one fault that the dice choose.
    fn change(&self, dice: &mut ChaCha8Rng) {
        let which = dice.random_range(0..FAULTS.len());
        let route = if dice.random_bool(0.5) { "bytes" } else { "requests" };
        let path = format!("/v1/routes/{route}/faults/f{which}");
        if dice.random_bool(0.5) {
            let answer = put(self.control, &path, FAULTS[which]).unwrap();
            assert!(answer.status < 300, "{path}: {answer:?}");
        } else {
            let answer = request(self.control, "DELETE", &path, "").unwrap();
            assert!(matches!(answer.status, 200 | 404 | 410), "{path}: {answer:?}");
        }
    }

    fn without_faults(&self) {
        for route in ["bytes", "requests"] {
            for which in 0..FAULTS.len() {
                request(self.control, "DELETE", &format!("/v1/routes/{route}/faults/f{which}"), "").unwrap();
            }
        }
    }
}

/// What clients of every kind do: a few requests, half of one, an early goodbye, a half-close.
fn visit(to: SocketAddr, dice: &mut ChaCha8Rng) -> std::io::Result<()> {
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut stream = TcpStream::connect_timeout(&to, Duration::from_secs(2))?;
    stream.set_read_timeout(Some(Duration::from_millis(300)))?;
    let mut answer = [0; 512];
    for _ in 0..dice.random_range(0..6) {
        stream.write_all(REQUEST)?;
        let _ = stream.read(&mut answer)?;
    }
    match dice.random_range(0..4) {
        // Closed with an answer unread: the kernel makes that a reset.
        0 => stream.write_all(REQUEST)?,
        1 => stream.write_all(&REQUEST[..9])?,
        2 => stream.shutdown(Shutdown::Write)?,
        _ => {}
    }
    Ok(())
}

/// Clients that go on until they are told to stop; the counter says how many visits there were.
fn clients(
    proxy: &Proxy,
    seed: u64,
    ended: &Arc<AtomicBool>,
    visits: &Arc<AtomicU64>,
) -> Vec<std::thread::JoinHandle<()>> {
    let client = |at: u64| {
        let (to, ended, visits) = (proxy.routes[(at % 2) as usize], Arc::clone(ended), Arc::clone(visits));
        std::thread::spawn(move || {
            let mut dice = ChaCha8Rng::seed_from_u64(seed ^ (at + 1));
            while !ended.load(Relaxed) {
                // What a fault does to a visit is no failure of the proxy.
                let _ = visit(to, &mut dice);
                visits.fetch_add(1, Relaxed);
            }
        })
    };
    (0..CLIENTS).map(client).collect()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "real traffic for a real time is what is tested")]
fn memory_and_descriptors_stay_flat_while_faults_come_and_go() {
    let full = std::env::var_os("FIREDRILL_TEST_FULL").is_some();
    let time = if full { Duration::from_secs(600) } else { Duration::from_secs(6) };
    let seed = std::env::var("FIREDRILL_SOAK_SEED").ok().map_or(20_26, |seed| seed.parse().unwrap());
    println!("seed {seed}, {time:?}");
    let upstream = Upstream::start();
    let proxy = Proxy::start(upstream.address);
    let (before, mut dice) = (proxy.descriptors(), ChaCha8Rng::seed_from_u64(seed));
    let (ended, visits) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let threads = clients(&proxy, seed, &ended, &visits);
    let (began, mut changes, mut samples) = (Instant::now(), 0, Vec::new());
    while began.elapsed() < time {
        proxy.change(&mut dice);
        changes += 1;
        if changes % 20 == 0 {
            samples.push(proxy.resident_kib());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    ended.store(true, Relaxed);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    proxy.without_faults();
    let kept = || proxy.descriptors().saturating_sub(before);
    // Pipes and pooled connections may be kept for the next traffic; sockets of visits may not.
    let gone = happens_within(PATIENCE, || kept() <= 2 * 64 + 64);
    let (warm, late) = samples.split_at(samples.len() / 3);
    let most = |samples: &[u64]| samples.iter().copied().max().unwrap_or(0);
    let (early, late) = (most(warm), most(late));
    println!(
        "{changes} changes, {} visits; resident KiB at most {early} in the first third, {late} after; {} descriptors more \
         than before",
        visits.load(Relaxed),
        kept()
    );
    assert!(gone, "{} descriptors are still held", kept());
    assert!(late <= early + GROWTH_MAX_KIB, "memory grew from {early} to {late} KiB");
    assert!(visits.load(Relaxed) > CLIENTS, "there was traffic");
    let ended = {
        proxy.child.signal(nix::sys::signal::Signal::SIGTERM);
        proxy.child.wait(PATIENCE)
    };
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("panic"), "{}", ended.stderr);
}
