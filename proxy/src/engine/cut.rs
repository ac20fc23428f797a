//! Resetting a connection without closing its socket.

use std::os::fd::AsRawFd;

use nix::libc;
use tokio::net::TcpStream;

/// Sends the reset now and leaves a socket that is connected to nobody; false when that cannot be done. Closing a socket
/// takes several times as long, and of thousands of connections that end by one call the last should not wait for it.
pub(super) fn cut(socket: &TcpStream) -> bool {
    let nobody = libc::sockaddr { sa_family: libc::AF_UNSPEC as libc::sa_family_t, sa_data: [0; 14] };
    // SAFETY: the address lives for the time of the call and is as long as is said; the descriptor belongs to the socket,
    // which is borrowed.
    let result = unsafe {
        libc::connect(socket.as_raw_fd(), &raw const nobody, size_of::<libc::sockaddr>() as libc::socklen_t)
    };
    result == 0
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    #[test]
    fn the_other_side_sees_a_reset_while_the_socket_is_still_open() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let ours = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (theirs, _) = listener.accept().await.unwrap();
            assert!(cut(&ours));
            theirs.readable().await.unwrap();
            assert_eq!(theirs.try_read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::ConnectionReset);
            drop(ours);
        });
    }
}
