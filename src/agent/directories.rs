//! Where firedrill keeps what on this host.

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Overrides all three directories; for containers whose file system is read-only, and for tests.
pub const OVERRIDE: &str = "FIREDRILL_DIR";

/// The three directories of firedrill on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directories {
    /// Sockets: gone after a restart of the host.
    pub runtime: PathBuf,
    /// What must last: undo journals.
    pub state: PathBuf,
    /// What the host's owner writes: `policy.yaml`.
    pub config: PathBuf,
}

impl Directories {
    /// Those of this process's user.
    pub fn here() -> Self {
        Self::of(nix::unistd::geteuid().as_raw(), |name| std::env::var_os(name))
    }

    /// Those of a user with this environment. As root the system's, else the user's own; without a runtime directory
    /// or a home, one below `/tmp` that [`make_private`] checks.
    pub fn of(user: u32, environment: impl Fn(&str) -> Option<OsString>) -> Self {
        // An empty or relative path counts as absent, as the XDG specification asks.
        let path = |name: &str| environment(name).map(PathBuf::from).filter(|path| path.is_absolute());
        if let Some(base) = path(OVERRIDE) {
            return Self {
                runtime: base.join("run"),
                state: base.join("state"),
                config: base.join("config"),
            };
        }
        if user == 0 {
            return Self {
                runtime: "/run/firedrill".into(),
                state: "/var/lib/firedrill".into(),
                config: "/etc/firedrill".into(),
            };
        }
        let fallback = PathBuf::from(format!("/tmp/firedrill-{user}"));
        let home = path("HOME");
        let own = |name: &str, below_home: &str, last: &str| match (path(name), &home) {
            (Some(base), _) => base.join("firedrill"),
            (None, Some(home)) => home.join(below_home).join("firedrill"),
            (None, None) => fallback.join(last),
        };
        Self {
            runtime: path("XDG_RUNTIME_DIR").map_or_else(|| fallback.clone(), |base| base.join("firedrill")),
            state: own("XDG_STATE_HOME", ".local/state", "state"),
            config: own("XDG_CONFIG_HOME", ".config", "config"),
        }
    }

    /// Where undo journals are kept.
    pub fn undo_journals(&self) -> PathBuf {
        self.state.join("undo")
    }

    /// Where the test CA is kept.
    pub fn test_ca(&self) -> PathBuf {
        self.state.join("ca")
    }

    /// The host owner's policy.
    pub fn policy(&self) -> PathBuf {
        self.config.join("policy.yaml")
    }
}

/// Makes a directory, and what is missing above it, that only this user can enter. One that is there already is
/// refused when it is a link, another user's, or can be written by others: what stands in it is believed, and `/tmp` is
/// everybody's. Whether others may enter and read it is left to whoever made it.
pub fn make_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let metadata = std::fs::symlink_metadata(path)?;
    let user = nix::unistd::geteuid().as_raw();
    if !metadata.is_dir() || metadata.uid() != user {
        return Err(io::Error::other(format!(
            "{} is not a directory of user {user}; remove it, or set {OVERRIDE} to a directory of your own",
            path.display()
        )));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(io::Error::other(format!(
            "{0} can be written by others; `chmod 700 {0}`",
            path.display()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[track_caller]
    fn check(user: u32, environment: &[(&str, &str)], expected: [&str; 3]) {
        let of = |name: &str| {
            environment.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        };
        let [runtime, state, config] = expected.map(PathBuf::from);
        assert_eq!(Directories::of(user, of), Directories { runtime, state, config });
    }

    #[test]
    fn root_has_the_systems_and_others_their_own() {
        check(0, &[("HOME", "/root")], ["/run/firedrill", "/var/lib/firedrill", "/etc/firedrill"]);
        check(
            7,
            &[("HOME", "/home/u"), ("XDG_RUNTIME_DIR", "/run/user/7")],
            ["/run/user/7/firedrill", "/home/u/.local/state/firedrill", "/home/u/.config/firedrill"],
        );
        check(
            7,
            &[("HOME", "/h"), ("XDG_STATE_HOME", "/s"), ("XDG_CONFIG_HOME", "relative")],
            ["/tmp/firedrill-7", "/s/firedrill", "/h/.config/firedrill"],
        );
        check(7, &[], ["/tmp/firedrill-7", "/tmp/firedrill-7/state", "/tmp/firedrill-7/config"]);
        check(0, &[(OVERRIDE, "/own")], ["/own/run", "/own/state", "/own/config"]);
    }

    #[test]
    fn a_directory_that_others_can_write_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        make_private(&path).unwrap();
        make_private(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(make_private(&path).unwrap_err().to_string().contains("chmod 700"));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        make_private(&link).unwrap_err();
    }
}
