//! Who is at the other end of a Unix socket, as the kernel says.

use nix::unistd::{Uid, User};
use tokio::net::UnixStream;

/// The other end, let in.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// For the record: `name (uid)`.
    pub(super) who: String,
}

impl Peer {
    /// The other end, if it is the user we run as, or root; nobody else steers a drill.
    pub(super) fn let_in(stream: &UnixStream) -> Option<Self> {
        let uid = Uid::from_raw(stream.peer_cred().ok()?.uid());
        (uid.is_root() || uid == Uid::effective()).then(|| Self { who: who(uid) })
    }
}

/// A user for the record: `name (uid)`, or `uid 1234` when no name is known.
fn who(uid: Uid) -> String {
    match User::from_uid(uid) {
        Ok(Some(user)) => format!("{} ({uid})", user.name),
        Ok(None) | Err(_) => format!("uid {uid}"),
    }
}

/// The user we run as, for the record.
pub fn ourselves() -> String {
    who(Uid::current())
}
