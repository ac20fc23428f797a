//! Pipes for `splice(2)`: bytes go from socket to socket without passing through this process.

use std::cell::RefCell;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use nix::fcntl::{FcntlArg, OFlag, SpliceFFlags, fcntl, splice};
use nix::unistd::pipe2;
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::timer::now_ns;

/// Pipes in the whole engine. Each takes two descriptors, and users have few pages for pipes.
const PIPES_MAX: usize = 512;
/// Empty pipes that one data thread keeps.
const FREE_MAX: usize = 64;
/// What a pipe holds unless its user has too many; then the kernel hands out far smaller ones, which are no gain.
const PIPE_BYTES: i32 = 64 * 1024;
/// What one call may move: a pipe is counted in pages, and a page of it may be a large one.
const SPLICE_BYTES: usize = 256 * 1024;
/// How long to do without pipes when there were no descriptors left, or no room for another pipe.
const WITHOUT_NS: u64 = 1_000_000_000;

/// How many pipes there are, and whether there may be more; shared by all data threads.
#[derive(Debug, Default)]
pub(super) struct PipeCount {
    made: AtomicUsize,
    /// No pipes before this moment.
    none_until_ns: AtomicU64,
    /// What came out of them at a socket.
    spliced_bytes: AtomicU64,
}

impl PipeCount {
    /// Descriptors have run out: connections need them more.
    pub(super) fn do_without(&self) {
        self.none_until_ns.store(now_ns() + WITHOUT_NS, Relaxed);
    }

    pub(super) fn spliced_bytes(&self) -> u64 {
        self.spliced_bytes.load(Relaxed)
    }

    fn is_without(&self) -> bool {
        let until_ns = self.none_until_ns.load(Relaxed);
        until_ns != 0 && now_ns() < until_ns
    }
}

/// The pipes of one data thread.
#[derive(Debug)]
pub(super) struct Pipes {
    free: RefCell<Vec<Pipe>>,
    count: Arc<PipeCount>,
}

impl Pipes {
    pub(super) fn new(count: &Arc<PipeCount>) -> Self {
        Self { free: RefCell::default(), count: Arc::clone(count) }
    }

    /// An empty pipe, unless there are too many.
    pub(super) fn take(&self) -> Option<Pipe> {
        if self.count.is_without() {
            self.give_up();
            return None;
        }
        self.free.borrow_mut().pop().or_else(|| Pipe::new(&self.count))
    }

    /// Keeps the pipe for another connection. One with bytes in it is closed: they belong to nobody else.
    pub(super) fn put(&self, pipe: Pipe) {
        let mut free = self.free.borrow_mut();
        if pipe.is_empty() && free.len() < FREE_MAX && !self.count.is_without() {
            free.push(pipe);
        }
    }

    /// Closes the pipes that nobody uses, so that connections get their descriptors.
    pub(super) fn give_up(&self) {
        self.free.take();
    }

    /// The same, if descriptors have run out.
    pub(super) fn give_up_if_short(&self) {
        if self.count.is_without() {
            self.give_up();
        }
    }

    /// Whether `take` is worth asking.
    pub(super) fn may_be_had(&self) -> bool {
        let more = self.count.made.load(Relaxed) < PIPES_MAX || !self.free.borrow().is_empty();
        more && !self.count.is_without()
    }
}

/// One pipe. Boxed, because most connections have none at any time.
#[derive(Debug)]
pub(super) struct Pipe(Box<Ends>);

#[derive(Debug)]
struct Ends {
    read: std::fs::File,
    write: OwnedFd,
    filled: usize,
    count: Arc<PipeCount>,
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.count.made.fetch_sub(1, Relaxed);
    }
}

impl Pipe {
    fn new(count: &Arc<PipeCount>) -> Option<Self> {
        if count.made.fetch_add(1, Relaxed) >= PIPES_MAX {
            count.made.fetch_sub(1, Relaxed);
            return None;
        }
        let made = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK);
        let Ok((read, write)) = made else {
            count.made.fetch_sub(1, Relaxed);
            count.do_without();
            return None;
        };
        let pipe = Self(Box::new(Ends { read: read.into(), write, filled: 0, count: Arc::clone(count) }));
        if fcntl(&pipe.0.write, FcntlArg::F_GETPIPE_SZ).is_ok_and(|bytes| bytes >= PIPE_BYTES) {
            return Some(pipe);
        }
        count.do_without();
        None
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.filled == 0
    }

    /// Takes bytes from the socket. Only into an empty pipe: then "would block" can only mean that the socket has
    /// nothing, never that the pipe is full.
    pub(super) fn fill(&mut self, from: &TcpStream, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        loop {
            ready!(from.poll_read_ready(cx))?;
            match from.try_io(Interest::READABLE, || move_bytes(from, &self.0.write, SPLICE_BYTES)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => {
                    self.0.filled = *result.as_ref().unwrap_or(&0);
                    return Poll::Ready(result);
                }
            }
        }
    }

    /// Gives `most` bytes to the socket, or what there is. Only from a pipe that has some.
    pub(super) fn pour(
        &mut self,
        to: &TcpStream,
        most: u64,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(to.poll_write_ready(cx))?;
            let ends = &mut self.0;
            let want = ends.filled.min(usize::try_from(most).unwrap_or(usize::MAX));
            match to.try_io(Interest::WRITABLE, || move_bytes(&ends.read, to, want)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // The pipe is known to hold bytes, and a socket that takes none says why.
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(moved) => {
                    ends.filled = ends.filled.saturating_sub(moved);
                    ends.count.spliced_bytes.fetch_add(moved as u64, Relaxed);
                    return Poll::Ready(Ok(moved));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Reads what is in the pipe, as much as there is room for.
    pub(super) fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let ends = &mut *self.0;
        let most = room.len().min(ends.filled);
        let read = ends.read.read(&mut room[..most])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        ends.filled -= read;
        Ok(read)
    }
}

fn move_bytes(from: &impl AsFd, to: &impl AsFd, most: usize) -> io::Result<usize> {
    let flags = SpliceFFlags::SPLICE_F_MOVE | SpliceFFlags::SPLICE_F_NONBLOCK;
    Ok(splice(from, None, to, None, most, flags)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(pipe: &mut Pipe, bytes: &[u8]) {
        pipe.0.filled += nix::unistd::write(&pipe.0.write, bytes).unwrap();
    }

    #[test]
    fn a_pipe_with_bytes_left_is_closed_and_never_kept() {
        let count = Arc::default();
        let pipes = Pipes::new(&count);
        let mut pipe = pipes.take().unwrap();
        fill(&mut pipe, b"secret");
        pipes.put(pipe);
        assert_eq!((pipes.free.borrow().len(), count.made.load(Relaxed)), (0, 0));
        pipes.put(pipes.take().unwrap());
        assert_eq!((pipes.free.borrow().len(), count.made.load(Relaxed)), (1, 1));
    }

    #[test]
    fn pipes_are_bounded_over_all_threads_and_few_are_kept() {
        let count = Arc::default();
        let (one, other) = (Pipes::new(&count), Pipes::new(&count));
        let taken: Vec<_> = std::iter::from_fn(|| one.take()).take(PIPES_MAX + 1).collect();
        // A user with too few pages for pipes gets fewer, and then there are none for a while.
        assert!(!taken.is_empty() && taken.len() <= PIPES_MAX, "{}", taken.len());
        assert!(other.take().is_none());
        let many = taken.len();
        taken.into_iter().for_each(|pipe| one.put(pipe));
        assert_eq!(count.made.load(Relaxed), one.free.borrow().len());
        assert!(one.free.borrow().len() <= FREE_MAX.min(many));
    }

    #[test]
    fn short_of_descriptors_there_are_no_pipes() {
        let count = Arc::default();
        let pipes = Pipes::new(&count);
        pipes.put(pipes.take().unwrap());
        count.do_without();
        assert!(pipes.take().is_none() && !pipes.may_be_had());
        assert_eq!(count.made.load(Relaxed), 0, "those that were kept are given up");
    }

    #[test]
    fn what_is_in_a_pipe_is_read_in_order_and_no_more() {
        let count = Arc::default();
        let mut pipe = Pipe::new(&count).unwrap();
        fill(&mut pipe, b"abcdef");
        let mut room = [0; 4];
        assert_eq!((pipe.read(&mut room).unwrap(), &room), (4, b"abcd"));
        assert_eq!((pipe.read(&mut room).unwrap(), &room[..2]), (2, &b"ef"[..]));
        assert!(pipe.is_empty());
    }
}
