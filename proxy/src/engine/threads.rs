//! The data threads: each one a current-thread runtime, on which connections are accepted, taken over and served.

use std::io;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::mpsc;
use tokio::task::spawn_local;

use super::Table;
use super::timer::Timers;
use super::worker::{Moving, Shared, Worker};
use super::{accept, connection};

/// Sockets that may wait to be taken over by another data thread.
const INBOX: usize = 1024;

/// All data threads, as seen from outside.
#[derive(Debug)]
pub(super) struct Workers {
    shared: Arc<[Shared]>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Workers {
    pub(super) fn start(count: usize, table: &Arc<Table>) -> io::Result<Self> {
        raise_descriptor_limit();
        let (senders, inboxes): (Vec<_>, Vec<_>) = (0..count).map(|_| mpsc::channel(INBOX)).unzip();
        let shared: Arc<[Shared]> = senders.into_iter().map(Shared::new).collect();
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
        self.shared.iter().for_each(Shared::wake);
    }

    /// Ends the data threads and all that runs on them.
    pub(super) fn stop(&self) {
        self.shared.iter().for_each(Shared::stop);
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
    mut inbox: mpsc::Receiver<Moving>,
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
    let worker = Worker::new(timers, table, all, index, connection::start);
    runtime.block_on(async {
        spawn_local(Rc::clone(&worker.timers).run());
        let taker = Rc::clone(&worker);
        spawn_local(async move {
            while let Some(moving) = inbox.recv().await {
                taker.take_over(moving);
            }
        });
        obey(&worker).await;
    });
    // A name lookup may still be under way on a helper thread; nobody needs its answer any more.
    runtime.shutdown_background();
}

/// Does what the control plane says until it says stop.
async fn obey(worker: &Rc<Worker>) {
    let mut accepting = accept::Accepting::default();
    loop {
        if worker.changed().await.is_break() {
            return;
        }
        // The first data thread is the one that accepts, for all of them.
        if worker.is_first() {
            accepting.follow(worker);
        }
        worker.pipes.give_up_if_short();
        worker.wake_changed().await;
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
