//! The faults that act on new connections of a route, before anybody serves them: `refuse`, `accept_stall` and
//! `connection_limit`.
//!
//! The accepting task owns the gate, so nothing here is shared. What a fault does to the listening socket is undone when
//! the fault is gone, by whatever it went; a task that begins never trusts the state in which it finds the socket.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use socket2::Socket;
use tokio::net::TcpStream;

use super::accepted::Accepted;
use super::armed::{Armed, Subject};
use super::door::{self, Door};
use super::kernel;
use super::listen;
use super::record::Record;
use super::route::Route;
use super::timer::{Alarm, now_ns};
use super::worker::{Watch, Worker};
use crate::control::wire::OnRemove;
use crate::fault::{Excess, TrafficFault};

/// Connections that may wait for their turn.
const QUEUE_MAX: usize = 1_024;
/// How often the effect of a door that is not open is measured.
const LOOK_NS: u64 = 250_000_000;

/// The gate of one route.
#[derive(Debug)]
pub(super) struct Gate {
    worker: Rc<Worker>,
    route: Arc<Route>,
    watch: Option<Watch>,
    epoch: u64,
    /// When a schedule changes something, or the effect is to be measured again; 0 for never.
    wake_ns: u64,
    alarm: Alarm,
    /// What the listening socket was brought into; nothing before the first look.
    door: Option<Door>,
    /// There while the door is open.
    listener: Option<listen::Accepting>,
    /// Our own connection in a full backlog.
    filler: Option<(Socket, SocketAddr)>,
    /// What the kernel had dropped when it was last looked at.
    dropped: u64,
    waiting: VecDeque<Waiting>,
    /// How many connections were open when it was last seen whose turn it is.
    open_seen: u64,
    /// Whether there are faults that look at each connection.
    looks: bool,
}

/// A connection that waits for its turn.
#[derive(Debug)]
struct Waiting {
    stream: TcpStream,
    accepted: Accepted,
    armed: Arc<Armed>,
}

/// What becomes of a connection that was accepted.
#[derive(Debug)]
pub(super) enum Admitted {
    Serve,
    Reset,
    Wait(Arc<Armed>),
}

impl Gate {
    pub(super) fn new(worker: &Rc<Worker>, route: &Arc<Route>) -> Self {
        Self {
            worker: Rc::clone(worker),
            route: Arc::clone(route),
            watch: None,
            epoch: 0,
            wake_ns: 0,
            alarm: Alarm::new(&worker.timers),
            door: None,
            listener: None,
            filler: None,
            dropped: 0,
            waiting: VecDeque::new(),
            open_seen: 0,
            looks: false,
        }
    }

    /// The next connection, once the door is open.
    pub(super) async fn next(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            if self.listener.is_none() || self.has_changed() {
                self.follow().await?;
            }
            let Some(listener) = self.listener.take() else {
                poll_fn(|cx| self.poll_changed(cx)).await;
                continue;
            };
            let accepted = tokio::select! {
                biased;
                () = poll_fn(|cx| self.poll_changed(cx)) => None,
                accepted = listener.accept() => Some(accepted),
            };
            self.listener = Some(listener);
            if let Some(accepted) = accepted {
                let (stream, client) = accepted?;
                if !self.is_ours(client) {
                    return Ok((stream, client));
                }
                self.filler = None;
            }
        }
    }

    /// Whether the faults have changed, it is time to look, or a place has become free that somebody waits for.
    fn has_changed(&self) -> bool {
        self.route.epoch() != self.epoch
            || self.wake_ns != 0 && now_ns() >= self.wake_ns
            || !self.waiting.is_empty() && self.route.counts.connections_open.load(Relaxed) != self.open_seen
    }

    fn poll_changed(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.watch.get_or_insert_with(|| self.worker.watch(&self.route, cx.waker().clone()));
        if !self.waiting.is_empty() {
            self.route.counts.vacancy.register(cx.waker());
        }
        if self.has_changed() {
            return Poll::Ready(());
        }
        if self.wake_ns != 0 {
            self.alarm.set(self.wake_ns, cx);
        }
        Poll::Pending
    }

    /// Whether the connection is the one that filled the backlog.
    fn is_ours(&self, client: SocketAddr) -> bool {
        let same = |from: &SocketAddr| {
            (from.ip().to_canonical(), from.port()) == (client.ip().to_canonical(), client.port())
        };
        self.filler.as_ref().is_some_and(|(_, from)| same(from))
    }

    /// Fits everything to the faults of this moment.
    async fn follow(&mut self) -> io::Result<()> {
        let now = now_ns();
        self.epoch = self.route.epoch();
        if self.route.is_closed() {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let faults = self.route.faults();
        let at_door = faults.at_door.iter();
        self.looks = !faults.at_door.is_empty();
        self.wake_ns = at_door.clone().filter_map(|armed| armed.turn_ns(now)).min().unwrap_or(0);
        let wanted = at_door.clone().find_map(|armed| self.wanted(armed, now));
        self.put(wanted).await?;
        self.call_up(now);
        if self.door.is_some_and(|door| door != Door::Open) {
            let look_ns = now + LOOK_NS;
            self.wake_ns = if self.wake_ns == 0 { look_ns } else { self.wake_ns.min(look_ns) };
        }
        Ok(())
    }

    /// The door that a fault asks for.
    fn wanted(&self, armed: &Arc<Armed>, now_ns: u64) -> Option<(Door, Arc<Armed>)> {
        let is_tcp = self.route.bound.tcp().is_some();
        let door = match &armed.spec.fault {
            // A Unix socket that is shut down does not come back.
            TrafficFault::Refuse(_) if is_tcp && armed.hits_all() => Door::Shut,
            TrafficFault::AcceptStall(_) => Door::Full,
            _ => return None,
        };
        (armed.does_at_all() && armed.is_on(now_ns)).then(|| (door, Arc::clone(armed)))
    }

    /// Brings the socket into the state that is wanted, and measures what comes of it.
    async fn put(&mut self, wanted: Option<(Door, Arc<Armed>)>) -> io::Result<()> {
        let (door, armed) = wanted.map_or((Door::Open, None), |(door, armed)| (door, Some(armed)));
        let Some(socket) = self.route.listener.clone() else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        if self.door != Some(door) {
            // What the runtime has seen of a socket that was shut down does not go away, so it gets a new one.
            self.listener = None;
            self.route.put_door(&socket, door)?;
            if door == Door::Full
                && let Some(address) = self.route.bound.tcp()
            {
                self.filler = Some(door::fill(address)?);
            }
            self.dropped = socket.dropped();
        }
        if door == Door::Open && self.listener.is_none() {
            self.listener = Some(socket.accepting()?);
        }
        let record = armed.as_ref().map(|armed| &armed.record);
        match (door, record, self.route.bound.tcp()) {
            (Door::Shut, Some(record), Some(address))
                if door::refuses(&self.worker.timers, address).await =>
            {
                turned_away(record, 1)
            }
            (Door::Full, Some(record), _) => {
                let dropped = socket.dropped();
                turned_away(record, dropped.saturating_sub(self.dropped));
                self.dropped = dropped;
            }
            _ => {}
        }
        self.door = Some(door);
        Ok(())
    }

    /// What becomes of a connection that was accepted and has its number.
    pub(super) fn admit(&self, ordinal: u64, client: SocketAddr) -> Admitted {
        if !self.looks {
            return Admitted::Serve;
        }
        let (now, subject) = (now_ns(), Subject::Connection { client: client.ip() });
        for armed in &self.route.faults().at_door {
            let fault = &armed.spec.fault;
            if !armed.is_on(now) || !armed.fits(subject) {
                continue;
            }
            let does = armed.account(ordinal, &armed.decide(subject, ordinal, Some(armed.next())));
            match fault {
                TrafficFault::Refuse(_) if does => {
                    armed.record.hit();
                    return Admitted::Reset;
                }
                TrafficFault::ConnectionLimit(limit) if does && self.served() >= limit.max => {
                    armed.record.hit();
                    let waits = limit.excess == Excess::Queue && self.waiting.len() < QUEUE_MAX;
                    return if waits { Admitted::Wait(Arc::clone(armed)) } else { Admitted::Reset };
                }
                _ => {}
            }
        }
        Admitted::Serve
    }

    /// Lets a connection wait for its turn.
    pub(super) fn wait(&mut self, stream: TcpStream, accepted: Accepted, armed: Arc<Armed>) {
        self.waiting.push_back(Waiting { stream, accepted, armed });
    }

    /// Connections that are being served.
    fn served(&self) -> u64 {
        self.route.counts.connections_open.load(Relaxed).saturating_sub(self.waiting.len() as u64)
    }

    /// Serves those whose turn it is, the longest waiting first.
    fn call_up(&mut self, now_ns: u64) {
        self.open_seen = self.route.counts.connections_open.load(Relaxed);
        let faults = self.route.faults();
        for _ in 0..self.waiting.len() {
            let Some(waiting) = self.waiting.pop_front() else { return };
            let served = self.served().saturating_sub(1);
            let standing = faults.standing(&waiting.armed).filter(|armed| armed.is_on(now_ns));
            match standing.map(|armed| &armed.spec.fault) {
                Some(TrafficFault::ConnectionLimit(limit)) if served >= limit.max => {
                    self.waiting.push_back(waiting);
                }
                None if waiting.armed.spec.on_remove == OnRemove::Reset => kernel::reset(&waiting.stream),
                _ => self.worker.hand_out(waiting.stream, waiting.accepted),
            }
        }
    }
}

/// Connections that the kernel has turned away have no number, so the ledger has nothing of them.
fn turned_away(record: &Record, connections: u64) {
    record.matched.fetch_add(connections, Relaxed);
    record.faulted.fetch_add(connections, Relaxed);
}
