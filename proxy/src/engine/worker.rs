//! A data thread, as seen by what runs on it: its timers, its buffer, its pipes, and its list of connections.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::ops::{ControlFlow, Deref};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::task::Waker;

use nix::libc;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};

use super::Table;
use super::accepted::Accepted;
use super::names::Names;
use super::pipes::Pipes;
use super::route::Route;
use super::timer::Timers;

/// Connections woken in one go before other work has its turn: a reset takes some 20 µs, and delays of other routes are
/// not to be late by many of them.
const WAKE_SLICE: usize = 32;
const BUFFER_BYTES: usize = 64 * 1024;

/// What others may touch of a data thread.
#[derive(Debug)]
pub(super) struct Shared {
    /// Something changed: look at the table and at the epochs.
    changed: Notify,
    stop: AtomicBool,
    /// Connections on this thread, those on their way to it included.
    load: AtomicUsize,
    inbox: mpsc::Sender<Moving>,
}

/// A connection on its way from one data thread to another.
#[derive(Debug)]
pub(super) struct Moving {
    stream: std::net::TcpStream,
    accepted: Accepted,
}

/// Serves a connection.
type Serve = fn(Burden, TcpStream, Accepted);

impl Shared {
    pub(super) fn new(inbox: mpsc::Sender<Moving>) -> Self {
        Self { changed: Notify::new(), stop: AtomicBool::new(false), load: AtomicUsize::new(0), inbox }
    }

    /// Lets the thread see what changed.
    pub(super) fn wake(&self) {
        self.changed.notify_one();
    }

    /// Ends the thread and all that runs on it.
    pub(super) fn stop(&self) {
        self.stop.store(true, Release);
        self.wake();
    }
}

/// A data thread, as seen by what runs on it.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) timers: Rc<Timers>,
    /// Where bytes are received; lent for the time of one read and the write after it.
    pub(super) buffer: RefCell<Box<[u8]>>,
    /// Room to find faults in.
    pub(super) places: RefCell<Vec<u32>>,
    pub(super) pipes: Pipes,
    pub(super) table: Arc<Table>,
    pub(super) names: Names,
    all: Arc<[Shared]>,
    index: usize,
    serve: Serve,
    watched: RefCell<HashMap<u64, Watched>>,
    /// Connections are being told of a change.
    telling: Cell<bool>,
    /// Those that it has ended: closing them costs more than their reset, and is done when all have been told.
    ended: RefCell<Vec<Waker>>,
}

/// The connections of one route on this thread.
#[derive(Debug)]
struct Watched {
    route: Arc<Route>,
    seen_epoch: u64,
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl Worker {
    pub(super) fn new(
        timers: Rc<Timers>,
        table: Arc<Table>,
        all: Arc<[Shared]>,
        index: usize,
        serve: Serve,
    ) -> Rc<Self> {
        Rc::new(Self {
            timers,
            buffer: RefCell::new(vec![0; BUFFER_BYTES].into()),
            places: RefCell::default(),
            pipes: Pipes::new(&table.pipes),
            table,
            names: Names::default(),
            all,
            index,
            serve,
            watched: RefCell::default(),
            telling: Cell::new(false),
            ended: RefCell::default(),
        })
    }

    /// Waits until something has changed; to break off when the thread is to end.
    pub(super) async fn changed(&self) -> ControlFlow<()> {
        self.shared().changed.notified().await;
        if self.shared().stop.load(Acquire) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    pub(super) const fn is_first(&self) -> bool {
        self.index == 0
    }

    fn shared(&self) -> &Shared {
        &self.all[self.index]
    }

    /// Wakes the connections of routes that changed, a slice at a time.
    pub(super) async fn wake_changed(&self) {
        let changed: Vec<u64> = {
            let mut watched = self.watched.borrow_mut();
            let changed = watched.iter_mut().filter_map(|(id, route)| {
                let epoch = route.route.epoch();
                (std::mem::replace(&mut route.seen_epoch, epoch) != epoch).then_some(*id)
            });
            changed.collect()
        };
        self.telling.set(true);
        for id in changed {
            let mut from = 0;
            loop {
                {
                    let watched = self.watched.borrow();
                    let Some(route) = watched.get(&id) else { break };
                    let Some(slice) = route.wakers.get(from..).filter(|rest| !rest.is_empty()) else { break };
                    slice.iter().take(WAKE_SLICE).flatten().for_each(Waker::wake_by_ref);
                }
                from += WAKE_SLICE;
                tokio::task::yield_now().await;
            }
        }
        self.telling.set(false);
        let ended = self.ended.take();
        for slice in ended.chunks(WAKE_SLICE) {
            slice.iter().for_each(Waker::wake_by_ref);
            tokio::task::yield_now().await;
        }
    }

    /// Whether connections are being told of a change, so that one that it ends had better close later.
    pub(super) fn is_telling(&self) -> bool {
        self.telling.get()
    }

    /// Wakes the connection when all have been told.
    pub(super) fn close_later(&self, waker: &Waker) {
        self.ended.borrow_mut().push(waker.clone());
    }

    /// Hands a socket to the data thread with the fewest connections.
    pub(super) fn hand_out(self: &Rc<Self>, stream: TcpStream, accepted: Accepted) {
        let least = self.all.iter().enumerate().min_by_key(|(_, worker)| worker.load.load(Relaxed));
        let (index, chosen) = least.unwrap_or((self.index, self.shared()));
        if index != self.index {
            // Off this runtime and on to the other; if that fails or its inbox is full, the socket stays here.
            let moving = match stream.into_std() {
                Ok(stream) => Moving { stream, accepted },
                Err(error) => return tracing::debug!(%error, "moving a socket to another thread"),
            };
            // Counted before it goes: over there it may end before this thread goes on.
            chosen.load.fetch_add(1, Relaxed);
            match chosen.inbox.try_send(moving) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(back) | mpsc::error::TrySendError::Closed(back)) => {
                    chosen.load.fetch_sub(1, Relaxed);
                    self.shared().load.fetch_add(1, Relaxed);
                    self.take_over(back);
                }
            }
            return;
        }
        self.shared().load.fetch_add(1, Relaxed);
        (self.serve)(Burden::taken_over(self), stream, accepted);
    }

    /// Takes over a connection that is counted as this thread's.
    pub(super) fn take_over(self: &Rc<Self>, Moving { stream, accepted }: Moving) {
        let burden = Burden::taken_over(self);
        match TcpStream::from_std(stream) {
            Ok(stream) => (self.serve)(burden, stream, accepted),
            Err(error) => tracing::debug!(%error, "taking over a socket"),
        }
    }

    /// When it was descriptors, the pipes that nobody uses just now give theirs up, on every data thread.
    pub(super) fn ran_out_of(&self, error: &io::Error) {
        if !matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) {
            return;
        }
        self.table.pipes.do_without();
        self.pipes.give_up();
        self.all.iter().for_each(Shared::wake);
    }

    /// Puts a connection on the list of those to wake when its route changes.
    pub(super) fn watch(self: &Rc<Self>, route: &Arc<Route>, waker: Waker) -> Watch {
        let mut watched = self.watched.borrow_mut();
        let entry = watched.entry(route.id).or_insert_with(|| Watched {
            route: Arc::clone(route),
            // Older than any: the first look always wakes, so a change just before is not missed.
            seen_epoch: 0,
            wakers: Vec::new(),
            free: Vec::new(),
        });
        let place = entry.free.pop().unwrap_or_else(|| {
            entry.wakers.push(None);
            entry.wakers.len() - 1
        });
        entry.wakers[place] = Some(waker);
        Watch { worker: Rc::clone(self), route: route.id, place }
    }
}

/// A connection of this thread: it counts in the thread's load until this is dropped.
#[derive(Debug)]
pub(super) struct Burden(Rc<Worker>);

impl Burden {
    /// The connection was counted when it was handed out.
    fn taken_over(worker: &Rc<Worker>) -> Self {
        Self(Rc::clone(worker))
    }
}

impl Deref for Burden {
    type Target = Rc<Worker>;

    fn deref(&self) -> &Rc<Worker> {
        &self.0
    }
}

impl Drop for Burden {
    fn drop(&mut self) {
        self.0.shared().load.fetch_sub(1, Relaxed);
    }
}

/// A place on the list of connections to wake; dropping it leaves the list.
#[derive(Debug)]
pub(super) struct Watch {
    worker: Rc<Worker>,
    route: u64,
    place: usize,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watched = self.worker.watched.borrow_mut();
        let Some(route) = watched.get_mut(&self.route) else { return };
        route.wakers[self.place] = None;
        route.free.push(self.place);
        if route.free.len() == route.wakers.len() {
            watched.remove(&self.route);
        }
    }
}
