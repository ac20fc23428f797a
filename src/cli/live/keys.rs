//! Keys as they are pressed.

use std::io;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::SigSet;

use super::terminal;

/// How many keys wait at most; more are dropped.
const KEYS_MAX: usize = 1024;
/// How often it is looked whether to go on, in milliseconds.
const LOOK_EVERY_MS: u16 = 200;

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// One that writes.
    Char(char),
    /// Enter.
    Enter,
    /// Escape.
    Escape,
    /// Backspace.
    Back,
    /// Ctrl-U: all that was written goes.
    Clear,
}

/// The keys of standard input, read by a thread that ends with the value.
#[derive(Debug)]
pub(super) struct Keys {
    keys: Receiver<Key>,
    stop: Arc<AtomicBool>,
}

impl Keys {
    /// Takes the keyboard and reads it; absent when standard input is no terminal.
    pub(super) fn open() -> io::Result<Option<Self>> {
        if !terminal::has_keyboard() {
            return Ok(None);
        }
        let (sender, keys) = sync_channel(KEYS_MAX);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        std::thread::Builder::new().name("keys".into()).spawn(move || read(&sender, &stopped))?;
        terminal::take();
        Ok(Some(Self { keys, stop }))
    }

    /// The next key, if one was pressed.
    pub(super) fn next(&self) -> Option<Key> {
        self.keys.try_recv().ok()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        terminal::give_back();
    }
}

fn read(keys: &SyncSender<Key>, stop: &AtomicBool) {
    // Signals are for other threads. One of them would stop all of us for reading while another job is in the
    // foreground; without it the read fails, which is what one wants.
    let _ = SigSet::all().thread_block();
    let (stdin, mut decoder, mut bytes) = (io::stdin(), Decoder::default(), [0; 256]);
    while !stop.load(Ordering::SeqCst) {
        let mut input = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        let taken = terminal::is_taken();
        let ready = poll(if taken { &mut input } else { &mut [] }, PollTimeout::from(LOOK_EVERY_MS));
        match ready {
            Ok(0) | Err(Errno::EINTR) => continue,
            Ok(_) => {}
            Err(_) => return,
        }
        if !terminal::is_taken() || stop.load(Ordering::SeqCst) {
            continue;
        }
        match nix::unistd::read(stdin.as_fd(), &mut bytes) {
            Ok(0) => return,
            // What does not fit is dropped: nobody types that fast, and a paste is no answer.
            Ok(count) => decoder.feed(&bytes[..count], |key| {
                let _ = keys.try_send(key);
            }),
            Err(Errno::EINTR | Errno::EAGAIN | Errno::EIO) => {
                let _ = poll(&mut [], PollTimeout::from(LOOK_EVERY_MS));
            }
            Err(_) => return,
        }
    }
}

/// Makes keys of what a terminal sends.
#[derive(Debug, Default)]
struct Decoder {
    at: At,
    partial: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Text,
    /// After an escape.
    Escape,
    /// In the name of a key that we do not use: an arrow, say.
    Name,
}

impl Decoder {
    /// The keys of these bytes, which arrived together.
    fn feed(&mut self, bytes: &[u8], mut out: impl FnMut(Key)) {
        for byte in bytes {
            match (self.at, byte) {
                (At::Text, 0x1b) => self.at = At::Escape,
                (At::Text, b'\r' | b'\n') => out(Key::Enter),
                (At::Text, 0x08 | 0x7f) => out(Key::Back),
                (At::Text, 0x15) => out(Key::Clear),
                (At::Text, 0..=0x1f) => {}
                (At::Text, _) => self.character(*byte).into_iter().for_each(|c| out(Key::Char(c))),
                (At::Escape, 0x1b) => out(Key::Escape),
                (At::Escape, b'[' | b'O') => self.at = At::Name,
                // Alt with a key is neither.
                (At::Escape, _) => self.at = At::Text,
                (At::Name, 0x40..=0x7e) => self.at = At::Text,
                (At::Name, _) => {}
            }
        }
        // The names of keys arrive in one piece; an escape alone is the key.
        if self.at == At::Escape {
            self.at = At::Text;
            out(Key::Escape);
        }
    }

    fn character(&mut self, byte: u8) -> Option<char> {
        self.partial.push(byte);
        match std::str::from_utf8(&self.partial) {
            Ok(text) => {
                let c = text.chars().next().filter(|c| !c.is_control());
                self.partial.clear();
                c
            }
            Err(error) if error.error_len().is_none() => None,
            Err(_) => {
                self.partial.clear();
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pieces: &[&[u8]], expected: &[Key]) {
        let (mut decoder, mut keys) = (Decoder::default(), Vec::new());
        for piece in pieces {
            decoder.feed(piece, |key| keys.push(key));
        }
        assert_eq!(keys, expected, "{pieces:?}");
    }

    #[test]
    fn keys_are_told_apart() {
        check(&[b"d\r"], &[Key::Char('d'), Key::Enter]);
        check(&[b"\x7f\x08\x15\x01\x00"], &[Key::Back, Key::Back, Key::Clear]);
        check(&["ü→".as_bytes()], &[Key::Char('ü'), Key::Char('→')]);
        check(&[&"ü".as_bytes()[..1], &"ü".as_bytes()[1..]], &[Key::Char('ü')]);
        check(&[b"\xffa\xc3("], &[Key::Char('a')]);
    }

    #[test]
    fn an_escape_alone_is_a_key_and_an_arrow_is_none() {
        check(&[b"\x1b"], &[Key::Escape]);
        check(&[b"\x1b[A\x1bOP\x1b[1;5Dx"], &[Key::Char('x')]);
        check(&[b"\x1b\x1b[B"], &[Key::Escape]);
        check(&[b"\x1bd"], &[]);
        check(&[b"\x1b[1", b";5Cx"], &[Key::Char('x')]);
    }
}
