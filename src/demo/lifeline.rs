//! A process of the shop lives no longer than the process that started it, whatever happens to that one.
//!
//! Two ties, because each has a gap: the kernel's parent-death signal works even when we are stuck, but only from the
//! moment it is asked for; the end of standard input needs us to be alive, but cannot be missed.

use std::future::Future;
use std::io::{self, Read};

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::getppid;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Ties this process to its parent, if it has one to be tied to, and returns what completes when it is to end.
pub(super) fn tie(parent: Option<u32>) -> io::Result<impl Future<Output = ()>> {
    if let Some(parent) = parent {
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        // The parent may have died before the line above; then nobody will ever send that signal.
        if u32::try_from(getppid().as_raw()) != Ok(parent) {
            return Err(io::Error::other(format!("the process {parent} that started this one is gone")));
        }
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let input_ended = parent.map(|_| end_of_input());
    Ok(async move {
        let input_ended = async move {
            match input_ended {
                Some(ended) => drop(ended.await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = input_ended => {}
        }
    })
}

/// Completes when standard input ends. A thread, because reading a pipe that says nothing blocks.
fn end_of_input() -> oneshot::Receiver<()> {
    let (send, receive) = oneshot::channel();
    std::thread::spawn(move || {
        let mut ignored = [0; 64];
        while matches!(io::stdin().read(&mut ignored), Ok(1..)) {}
        let _ = send.send(());
    });
    receive
}
