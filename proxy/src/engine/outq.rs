//! What the kernel holds of a socket's bytes: written and not yet gone, come and not yet read.

use std::os::fd::RawFd;

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
