//! The client side: one thread, edge-triggered epoll, a timerfd for what is due. It costs little enough that the proxy
//! on the other core is what limits.

use std::collections::BinaryHeap;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{MsgFlags, recv};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

/// What payload is received into; with `MSG_TRUNC` the kernel throws it away instead of copying.
const SINK_BYTES: usize = 4 << 20;
const HEAD_MAX_BYTES: usize = 4096;
const TIMER: u64 = u64::MAX;
const WARM: Duration = Duration::from_millis(300);

/// When requests are sent.
#[derive(Clone, Copy, PartialEq)]
pub enum Pace {
    /// The next one when the last was answered, on the same connection.
    KeepAlive,
    /// The same, each on a connection of its own.
    NewConnections,
    /// So many a second in all, spread evenly over the connections, answered or not.
    PerSecond(f64),
}

/// What to send, where, for how long.
pub struct Load<'a> {
    pub to: SocketAddr,
    pub path: &'a str,
    pub connections: usize,
    pub time: Duration,
    pub pace: Pace,
}

/// What came of it.
#[derive(Default)]
pub struct Outcome {
    /// Answers after the warming up, and the time they took.
    pub done: u64,
    pub bytes: u64,
    pub seconds: f64,
    /// Sorted, in nanoseconds, from sending (or connecting) to the last byte.
    pub took_ns: Vec<u64>,
    pub errors: u64,
    /// Requests that could not be sent when due, because the answer before was not there.
    pub late: u64,
    /// Answers and bytes with the warming up: what CPU time is divided by.
    pub all_done: u64,
    pub all_bytes: u64,
}

impl Outcome {
    pub fn percentile_us(&self, percent: f64) -> f64 {
        let last = self.took_ns.len().saturating_sub(1);
        let at = (last as f64 * percent / 100.0).round() as usize;
        self.took_ns.get(at).map_or(f64::NAN, |ns| *ns as f64 / 1e3)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Idle,
    Head,
    Body,
}

struct Connection {
    stream: TcpStream,
    state: State,
    began: Instant,
    left: usize,
    head: Vec<u8>,
}

struct Generator<'a> {
    load: Load<'a>,
    epoll: Epoll,
    request: Vec<u8>,
    connections: Vec<Connection>,
    sink: Vec<u8>,
    outcome: Outcome,
    counts: bool,
}

/// Sends a load and waits for its end.
pub fn send(load: Load<'_>) -> Outcome {
    let request = request(load.path, load.pace == Pace::NewConnections);
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).unwrap();
    let mut generator = Generator {
        epoll,
        request,
        connections: Vec::new(),
        sink: vec![0; SINK_BYTES],
        outcome: Outcome::default(),
        counts: false,
        load,
    };
    for at in 0..generator.load.connections {
        let connection = generator.open(at);
        generator.connections.push(connection);
    }
    generator.run();
    let mut outcome = generator.outcome;
    outcome.took_ns.sort_unstable();
    outcome
}

/// The bytes of one request.
pub fn request(path: &str, close: bool) -> Vec<u8> {
    let close = if close { "connection: close\r\n" } else { "" };
    format!("GET {path} HTTP/1.1\r\nhost: bench\r\n{close}\r\n").into_bytes()
}

impl Generator<'_> {
    fn open(&self, at: usize) -> Connection {
        let began = Instant::now();
        let stream = TcpStream::connect(self.load.to).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_nonblocking(true).unwrap();
        let events = EpollFlags::EPOLLIN | EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLET;
        self.epoll.add(&stream, EpollEvent::new(events, at as u64)).unwrap();
        Connection { stream, state: State::Idle, began, left: 0, head: Vec::new() }
    }

    fn run(&mut self) {
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK).unwrap();
        self.epoll.add(timer.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, TIMER)).unwrap();
        let began = Instant::now();
        let (warm_until, until) = (began + WARM, began + WARM + self.load.time);
        let mut due = self.first_due(began);
        if due.is_empty() {
            (0..self.connections.len()).for_each(|at| self.send_on(at));
        }
        let mut events = vec![EpollEvent::empty(); 1024];
        loop {
            let now = Instant::now();
            if now >= until {
                break;
            }
            if !self.counts && now >= warm_until {
                self.counts = true;
                self.outcome.errors = 0;
            }
            self.send_due(&mut due, now);
            let next = due.peek().map_or(until, |(std::cmp::Reverse(at), _)| (*at).min(until));
            let wait = next.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
            let wait = Expiration::OneShot(TimeSpec::from_duration(wait));
            timer.set(wait, TimerSetTimeFlags::empty()).unwrap();
            let ready = self.epoll.wait(&mut events, EpollTimeout::NONE).unwrap_or(0);
            for event in &events[..ready] {
                if event.data() == TIMER {
                    let mut expirations = [0; 8];
                    let _ = nix::unistd::read(timer.as_fd(), &mut expirations);
                } else {
                    self.ready(event.data() as usize);
                }
            }
        }
        self.outcome.seconds = (Instant::now() - warm_until).as_secs_f64();
    }

    fn first_due(&self, began: Instant) -> BinaryHeap<(std::cmp::Reverse<Instant>, usize)> {
        let Pace::PerSecond(rate) = self.load.pace else { return BinaryHeap::new() };
        let due = |at: usize| (std::cmp::Reverse(began + Duration::from_secs_f64(at as f64 / rate)), at);
        (0..self.connections.len()).map(due).collect()
    }

    fn send_due(&mut self, due: &mut BinaryHeap<(std::cmp::Reverse<Instant>, usize)>, now: Instant) {
        let Pace::PerSecond(rate) = self.load.pace else { return };
        let step = Duration::from_secs_f64(self.connections.len() as f64 / rate);
        while let Some((std::cmp::Reverse(at), which)) = due.peek().copied().filter(|(at, _)| at.0 <= now) {
            due.pop();
            due.push((std::cmp::Reverse(at + step), which));
            if self.connections[which].state == State::Idle {
                self.send_on(which);
            } else if self.counts {
                self.outcome.late += 1;
            }
        }
    }

    fn send_on(&mut self, at: usize) {
        let keeps = self.load.pace != Pace::NewConnections;
        let connection = &mut self.connections[at];
        if keeps {
            connection.began = Instant::now();
        }
        connection.head.clear();
        connection.state = State::Head;
        if connection.stream.write(&self.request).ok() != Some(self.request.len()) {
            self.failed(at);
        }
    }

    fn failed(&mut self, at: usize) {
        self.outcome.errors += 1;
        self.connections[at] = self.open(at);
        if !matches!(self.load.pace, Pace::PerSecond(_)) && self.outcome.errors < 1_000 {
            self.send_on(at);
        }
    }

    fn ready(&mut self, at: usize) {
        while self.connections[at].state != State::Idle {
            match self.receive(at) {
                None => return,
                Some(false) => return self.failed(at),
                Some(true) => {}
            }
        }
    }

    /// Receives once. Nothing: there is no more just now; false: the connection failed.
    fn receive(&mut self, at: usize) -> Option<bool> {
        let connection = &mut self.connections[at];
        let fd = connection.stream.as_raw_fd();
        let got = if connection.state == State::Head {
            let got = recv(fd, &mut self.sink[..HEAD_MAX_BYTES], MsgFlags::empty());
            if let Ok(got) = got {
                connection.head.extend_from_slice(&self.sink[..got]);
            }
            got
        } else {
            let want = connection.left.min(SINK_BYTES);
            recv(fd, &mut self.sink[..want], MsgFlags::MSG_TRUNC)
        };
        let got = match got {
            Err(nix::errno::Errno::EAGAIN) => return None,
            Err(_) | Ok(0) => return Some(false),
            Ok(got) => got,
        };
        if connection.state == State::Head {
            let Some((head, length)) = head_of(&connection.head) else {
                return Some(connection.head.len() < HEAD_MAX_BYTES);
            };
            connection.state = State::Body;
            connection.left = (head + length).saturating_sub(connection.head.len());
        } else {
            connection.left -= got;
        }
        let finished = connection.left == 0;
        self.outcome.all_bytes += got as u64;
        if self.counts {
            self.outcome.bytes += got as u64;
        }
        if finished {
            self.finished(at);
        }
        Some(true)
    }

    fn finished(&mut self, at: usize) {
        let connection = &mut self.connections[at];
        connection.state = State::Idle;
        self.outcome.all_done += 1;
        if self.counts {
            self.outcome.done += 1;
            self.outcome.took_ns.push(connection.began.elapsed().as_nanos() as u64);
        }
        match self.load.pace {
            Pace::KeepAlive => self.send_on(at),
            Pace::NewConnections => {
                self.connections[at] = self.open(at);
                self.send_on(at);
            }
            Pace::PerSecond(_) => {}
        }
    }
}

/// How long the head of an answer is and how long its body will be; nothing while the head is not whole.
pub fn head_of(bytes: &[u8]) -> Option<(usize, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200"), "an answer that is not 200: {head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    Some((end, length.unwrap().trim().parse().unwrap()))
}
