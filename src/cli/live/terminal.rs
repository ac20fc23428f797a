//! The terminal's keyboard in our hands, and given back whatever happens.
//!
//! Keys arrive one by one and unseen; Ctrl-C stays a signal. Nothing is read, and nothing set, while another job is in
//! the foreground: the kernel would stop us, and a drill that stands still is the last thing that one wants.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use nix::sys::signal::{Signal, raise};
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr, tcgetpgrp,
    tcsetattr,
};
use tokio::signal::unix::{SignalKind, signal};

/// The settings before ours, while ours are set.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);
/// Whether the keyboard is wanted, so that it is taken again after a stop.
static WANTED: AtomicBool = AtomicBool::new(false);
/// What no key stands for.
const NO_KEY: u8 = 0;

/// Whether standard input is a terminal.
pub(super) fn has_keyboard() -> bool {
    io::stdin().is_terminal()
}

/// Whether keys are ours to read now.
pub(super) fn is_taken() -> bool {
    before().is_some() && in_foreground()
}

/// Takes the keyboard, if we are in the foreground; says whether.
pub(super) fn take() -> bool {
    WANTED.store(true, Ordering::SeqCst);
    let mut before = before();
    if !in_foreground() {
        return false;
    }
    let Ok(found) = tcgetattr(io::stdin()) else { return false };
    let mut ours = found.clone();
    ours.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    ours.special_codes[SpecialCodeIndex::VMIN] = 1;
    ours.special_codes[SpecialCodeIndex::VTIME] = 0;
    // It would end us on the spot, with the terminal as it is.
    ours.special_codes[SpecialCodeIndex::VQUIT] = NO_KEY;
    if before.is_none() {
        *before = Some(found);
    }
    tcsetattr(io::stdin(), OptionalActions::Now, &ours).is_ok()
}

/// Gives the keyboard back for good; as often as one likes.
pub(super) fn give_back() {
    WANTED.store(false, Ordering::SeqCst);
    restore(&mut before());
}

/// The same for a panic, which may come while the settings are being changed.
pub(super) fn give_back_in_panic() {
    match BEFORE.try_lock() {
        Ok(mut before) => restore(&mut before),
        Err(TryLockError::Poisoned(before)) => restore(&mut before.into_inner()),
        Err(TryLockError::WouldBlock) => {}
    }
}

fn before() -> MutexGuard<'static, Option<Termios>> {
    BEFORE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn restore(before: &mut Option<Termios>) {
    let Some(found) = before.take() else { return };
    // In the background the shell has its own settings in place already, and we would be stopped.
    if in_foreground() {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &found);
        // What was typed and not read was meant for the drill, not for the shell.
        let _ = tcflush(io::stdin(), QueueSelector::IFlush);
    }
}

fn in_foreground() -> bool {
    tcgetpgrp(io::stdin()).is_ok_and(|group| group == rustix::process::getpgrp())
}

/// From now on Ctrl-Z gives the terminal back before it stops us, and takes it again when we go on.
pub(super) fn watch_stops() -> io::Result<()> {
    let mut stops = signal(SignalKind::from_raw(Signal::SIGTSTP as i32))?;
    let mut goes_on = signal(SignalKind::from_raw(Signal::SIGCONT as i32))?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                Some(()) = stops.recv() => {
                    super::screen::hide();
                    restore(&mut before());
                    // The signal that no one can catch: all of us stands still here until SIGCONT.
                    let _ = raise(Signal::SIGSTOP);
                    again();
                }
                Some(()) = goes_on.recv() => again(),
                else => break,
            }
        }
    });
    Ok(())
}

/// Takes the terminal again, if it is ours.
fn again() {
    if in_foreground() {
        super::screen::show();
        if WANTED.load(Ordering::SeqCst) {
            take();
        }
    }
    let _ = io::stdout().flush();
}
