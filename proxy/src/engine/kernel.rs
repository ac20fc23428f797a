//! What the kernel holds of a socket's bytes, written and not yet gone, come and not yet read, and how it drops them.

use std::os::fd::RawFd;

use tokio::net::TcpStream;

/// How long bytes that were let through may take to leave when their connection is to end.
pub(super) const LAST_BYTES_NS: u64 = 1_000_000_000;
/// How often to look whether they have.
pub(super) const LAST_BYTES_STEP_NS: u64 = 1_000_000;

/// Makes closing the socket a reset.
pub(super) fn reset(socket: &TcpStream) {
    if let Err(error) = socket.set_zero_linger() {
        tracing::debug!(%error, "resetting");
    }
}

/// Bytes written that the other side has not yet acknowledged; 0 when that cannot be found out.
pub(super) fn unsent(socket: RawFd) -> usize {
    let mut bytes: nix::libc::c_int = 0;
    // SAFETY: SIOCOUTQ (the same number as TIOCOUTQ) writes one int to a place that is ours; a descriptor that is no
    // socket any more is answered with an error.
    let result = unsafe { nix::libc::ioctl(socket, nix::libc::TIOCOUTQ, &raw mut bytes) };
    if result == 0 { usize::try_from(bytes).unwrap_or(0) } else { 0 }
}

/// Bytes that have come and not been read; 0 when that cannot be found out.
pub(super) fn unread(socket: RawFd) -> usize {
    let mut bytes: nix::libc::c_int = 0;
    // SAFETY: FIONREAD writes one int to a place that is ours; a descriptor that is no socket any more is answered with
    // an error.
    let result = unsafe { nix::libc::ioctl(socket, nix::libc::FIONREAD, &raw mut bytes) };
    if result == 0 { usize::try_from(bytes).unwrap_or(0) } else { 0 }
}
