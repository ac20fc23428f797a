//! The data threads: each one a current-thread runtime with its own timers, buffer and list of connections.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::thread::JoinHandle;

use nix::libc;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::{Notify, mpsc};
use tokio::task::spawn_local;

use super::Table;
use super::accept;
use super::connection::{self, Accepted};
use super::names::Names;
use super::pipes::Pipes;
use super::route::Route;
use super::timer::Timers;

/// Sockets that may wait to be taken over by another data thread.
const INBOX: usize = 1024;
/// Connections woken in one go before other work has its turn: a reset takes some 20 µs, and delays of other routes are
/// not to be late by many of them.
const WAKE_SLICE: usize = 32;
const BUFFER_BYTES: usize = 64 * 1024;

/// All data threads, as seen from outside.
#[derive(Debug)]
pub(super) struct Workers {
    shared: Arc<[Shared]>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What others may touch of a data thread.
#[derive(Debug)]
pub(super) struct Shared {
    /// Something changed: look at the table and at the epochs.
    changed: Notify,
    stop: AtomicBool,
    /// Connections on this thread, those on their way to it included.
    load: AtomicUsize,
    inbox: mpsc::Sender<Accepted>,
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

impl Workers {
    pub(super) fn start(count: usize, table: &Arc<Table>) -> io::Result<Self> {
        raise_descriptor_limit();
        let (senders, inboxes): (Vec<_>, Vec<_>) = (0..count).map(|_| mpsc::channel(INBOX)).unzip();
        let shared: Arc<[Shared]> = senders
            .into_iter()
            .map(|inbox| Shared {
                changed: Notify::new(),
                stop: AtomicBool::new(false),
                load: AtomicUsize::new(0),
                inbox,
            })
            .collect();
        let workers = Self { shared: Arc::clone(&shared), threads: Mutex::default() };
        for (index, inbox) in inboxes.into_iter().enumerate() {
            // The runtime's parts are made on the thread that uses them; a failure must still be seen by the caller.
            let (ready, started) = std::sync::mpsc::sync_channel(1);
            let (all, table) = (Arc::clone(&shared), Arc::clone(table));
            let body = move || run(index, all, table, inbox, &ready);
            let thread = std::thread::Builder::new().name(format!("data-{index}")).spawn(body)?;
            workers.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
            let started = started.recv().unwrap_or_else(|_| Err(io::Error::other("a data thread died")));
            if let Err(error) = started {
                workers.stop();
                return Err(error);
            }
        }
        Ok(workers)
    }

    /// Lets every data thread see what changed.
    pub(super) fn wake(&self) {
        self.shared.iter().for_each(|worker| worker.changed.notify_one());
    }

    /// Ends the data threads and all that runs on them.
    pub(super) fn stop(&self) {
        self.shared.iter().for_each(|worker| worker.stop.store(true, Release));
        self.wake();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a data thread ended by a panic");
            }
        }
    }
}

fn run(
    index: usize,
    all: Arc<[Shared]>,
    table: Arc<Table>,
    mut inbox: mpsc::Receiver<Accepted>,
    ready: &std::sync::mpsc::SyncSender<io::Result<()>>,
) {
    let made = Builder::new_current_thread().enable_io().build_local(LocalOptions::default());
    let made = made.and_then(|runtime| {
        let timers = runtime.block_on(async { Timers::new() })?;
        Ok((runtime, timers))
    });
    let (runtime, timers): (LocalRuntime, _) = match made {
        Ok(made) => made,
        Err(error) => {
            // The caller waits for this one word, so there is always room for it.
            let _ = ready.try_send(Err(error));
            return;
        }
    };
    let _ = ready.try_send(Ok(()));
    let worker = Rc::new(Worker {
        timers,
        buffer: RefCell::new(vec![0; BUFFER_BYTES].into()),
        places: RefCell::default(),
        pipes: Pipes::new(&table.pipes),
        table,
        names: Names::default(),
        all,
        index,
        watched: RefCell::default(),
        telling: Cell::new(false),
        ended: RefCell::default(),
    });
    runtime.block_on(async {
        spawn_local(Rc::clone(&worker.timers).run());
        let taker = Rc::clone(&worker);
        spawn_local(async move {
            while let Some(accepted) = inbox.recv().await {
                connection::start(&taker, accepted);
            }
        });
        worker.obey().await;
    });
    // A name lookup may still be under way on a helper thread; nobody needs its answer any more.
    runtime.shutdown_background();
}

impl Worker {
    /// Does what the control plane says until it says stop.
    async fn obey(self: &Rc<Self>) {
        let mut accepting = accept::Accepting::default();
        loop {
            self.shared().changed.notified().await;
            if self.shared().stop.load(Acquire) {
                return;
            }
            // The first data thread is the one that accepts, for all of them.
            if self.index == 0 {
                accepting.follow(self);
            }
            self.pipes.give_up_if_short();
            self.wake_changed().await;
        }
    }

    fn shared(&self) -> &Shared {
        &self.all[self.index]
    }

    /// Wakes the connections of routes that changed, a slice at a time.
    async fn wake_changed(&self) {
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
    pub(super) fn hand_out(self: &Rc<Self>, stream: TcpStream, mut accepted: Accepted) {
        let least = self.all.iter().enumerate().min_by_key(|(_, worker)| worker.load.load(Relaxed));
        let (index, chosen) = least.unwrap_or((self.index, self.shared()));
        if index != self.index {
            // Off this runtime and on to the other; if that fails or its inbox is full, the socket stays here.
            match stream.into_std() {
                Ok(stream) => accepted.stream = Some(stream),
                Err(error) => return tracing::debug!(%error, "moving a socket to another thread"),
            }
            // Counted before it goes: over there it may end before this thread goes on.
            chosen.load.fetch_add(1, Relaxed);
            match chosen.inbox.try_send(accepted) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(back) | mpsc::error::TrySendError::Closed(back)) => {
                    chosen.load.fetch_sub(1, Relaxed);
                    self.shared().load.fetch_add(1, Relaxed);
                    connection::start(self, back);
                }
            }
            return;
        }
        self.shared().load.fetch_add(1, Relaxed);
        connection::start_here(self, stream, accepted);
    }

    /// When it was descriptors, the pipes that nobody uses just now give theirs up, on every data thread.
    pub(super) fn ran_out_of(&self, error: &io::Error) {
        if !matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) {
            return;
        }
        self.table.pipes.do_without();
        self.pipes.give_up();
        self.all.iter().for_each(|worker| worker.changed.notify_one());
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
    pub(super) fn taken_over(worker: &Rc<Worker>) -> Self {
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

/// Every connection takes two descriptors; a thousand, the usual soft limit, are soon gone.
fn raise_descriptor_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        if soft < hard { setrlimit(Resource::RLIMIT_NOFILE, hard, hard) } else { Ok(()) }
    });
    if let Err(error) = raised {
        tracing::debug!(%error, "raising the limit of open files");
    }
}
