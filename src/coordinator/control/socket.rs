//! Where the control socket is, and how it is made so that nobody else can reach it.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tokio::net::UnixListener;

use crate::agent::make_private;

pub(super) const PREFIX: &str = "drill-";
pub(super) const SUFFIX: &str = ".sock";
/// The kernel's limit for the path of a Unix socket, without its final zero.
const PATH_MAX_BYTES: usize = 107;
/// Longer ids are shortened: the path must fit into the kernel's limit.
const ID_MAX_BYTES: usize = 40;

/// How many sockets are looked at in one sweep.
const SWEPT_MAX: usize = 1_000;

/// Why there is no control socket.
#[derive(Debug, thiserror::Error)]
pub enum BindProblem {
    /// The file system said no.
    #[error("cannot make the control socket `{}`: {source}", path.display())]
    Io {
        /// Of what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else could reach it.
    #[error("the runtime directory cannot be used: {source}")]
    Directory {
        /// Why, with the path.
        source: io::Error,
    },
    /// The kernel cannot take the path.
    #[error(
        "the path `{}` is {} bytes long and a Unix socket's may have {PATH_MAX_BYTES}; \
         set XDG_RUNTIME_DIR or FIREDRILL_DIR to a shorter one",
        path.display(),
        path.as_os_str().len()
    )]
    TooLong {
        /// The path.
        path: PathBuf,
    },
}

/// The socket of a drill.
pub fn socket_path(runtime_dir: &Path, drill_id: &str) -> PathBuf {
    let plain = drill_id.len() <= ID_MAX_BYTES
        && drill_id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    let name = if plain {
        drill_id.to_owned()
    } else {
        let digest = Sha256::digest(drill_id.as_bytes());
        digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect()
    };
    runtime_dir.join(format!("{PREFIX}{name}{SUFFIX}"))
}

/// Removes the sockets of drills that were killed and could not do it: a connection is refused only where nobody
/// listens any more. One that cannot be removed now is met again by the next drill, and by `firedrill status`.
fn sweep(runtime_dir: &Path) {
    let Ok(entries) = std::fs::read_dir(runtime_dir) else { return };
    let ours = |name: &str| name.starts_with(PREFIX) && name.ends_with(SUFFIX);
    let sockets = entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(ours));
    for path in sockets.take(SWEPT_MAX).map(|entry| entry.path()) {
        let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
        if std::os::unix::net::UnixStream::connect(&path).is_err_and(refused) {
            let _ = std::fs::remove_file(&path);
        }
    }
}

/// Makes the runtime directory (0700) and the socket (0600), and sweeps away those of the dead. The file goes away with the returned guard.
pub fn bind(runtime_dir: &Path, drill_id: &str) -> Result<(UnixListener, SocketFile), BindProblem> {
    let path = socket_path(runtime_dir, drill_id);
    if path.as_os_str().len() > PATH_MAX_BYTES {
        return Err(BindProblem::TooLong { path });
    }
    let failed = |source| BindProblem::Io { path: path.clone(), source };
    make_private(runtime_dir).map_err(|source| BindProblem::Directory { source })?;
    sweep(runtime_dir);
    // Listens under another name first: whoever sees the final name can connect, and a refused connection always
    // means that nobody is there any more.
    let making = runtime_dir.join(format!("new-{}", std::process::id()));
    match std::fs::remove_file(&making) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let listener = UnixListener::bind(&making).map_err(failed)?;
    std::fs::set_permissions(&making, Permissions::from_mode(0o600)).map_err(failed)?;
    std::fs::rename(&making, &path).map_err(failed)?;
    Ok((listener, SocketFile { path }))
}

/// The file of a socket; removed when dropped.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
}

impl SocketFile {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_new_socket_sweeps_away_those_of_the_dead_and_no_others() {
        let dir = tempfile::tempdir().unwrap();
        let dead = socket_path(dir.path(), "dead");
        // Dropping a listener leaves its file, as a kill does.
        drop(std::os::unix::net::UnixListener::bind(&dead).unwrap());
        let (_living, file) = bind(dir.path(), "living").unwrap();
        assert!(!dead.exists() && file.path().exists());
        let (_next, _file) = bind(dir.path(), "next").unwrap();
        assert!(file.path().exists(), "somebody listens there");
    }
}
