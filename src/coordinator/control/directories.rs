//! Where a drill of this user keeps its sockets and its lever.

use std::ffi::OsString;
use std::path::PathBuf;

use nix::unistd::{Uid, User};

/// The directories of this user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directories {
    /// Sockets, and the HALT file; gone after a restart of the host.
    pub runtime: PathBuf,
    /// What outlives a restart.
    pub state: PathBuf,
}

impl Directories {
    /// Root's are the system's; everybody else's follow XDG.
    pub fn of_this_user() -> Self {
        Self::of(Uid::effective(), |name| std::env::var_os(name))
    }

    fn of(uid: Uid, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        if uid.is_root() {
            return Self { runtime: "/run/firedrill".into(), state: "/var/lib/firedrill".into() };
        }
        // A relative path would mean another place in every working directory; XDG says to ignore it.
        let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let runtime = absolute("XDG_RUNTIME_DIR").map_or_else(
            // Made 0700 and checked for its owner before use, since anybody can make it first.
            || PathBuf::from(format!("/tmp/firedrill-{uid}")),
            |path| path.join("firedrill"),
        );
        let home = || {
            absolute("HOME")
                .or_else(|| User::from_uid(uid).ok().flatten().map(|user| user.dir))
                .unwrap_or_else(|| runtime.clone())
        };
        let state =
            absolute("XDG_STATE_HOME").unwrap_or_else(|| home().join(".local/state")).join("firedrill");
        Self { runtime, state }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uid: u32, variables: &[(&str, &str)]) -> (String, String) {
        let found = Directories::of(Uid::from_raw(uid), |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        });
        (found.runtime.display().to_string(), found.state.display().to_string())
    }

    #[test]
    fn root_uses_the_systems_directories_whatever_the_environment_says() {
        let expected = ("/run/firedrill".to_owned(), "/var/lib/firedrill".to_owned());
        assert_eq!(of(0, &[("XDG_RUNTIME_DIR", "/run/user/0"), ("HOME", "/root")]), expected);
    }

    #[test]
    fn others_use_their_own_and_relative_paths_do_not_count() {
        let given = [("XDG_RUNTIME_DIR", "/run/user/7"), ("XDG_STATE_HOME", "/s"), ("HOME", "/h")];
        assert_eq!(of(7, &given), ("/run/user/7/firedrill".into(), "/s/firedrill".into()));
        let relative = [("XDG_RUNTIME_DIR", "run"), ("XDG_STATE_HOME", "s"), ("HOME", "/h")];
        assert_eq!(of(7, &relative), ("/tmp/firedrill-7".into(), "/h/.local/state/firedrill".into()));
    }
}
