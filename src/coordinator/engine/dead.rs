//! Runs that died while a playbook had something to take back: a run leaves a sign that it lives, and by a sign that
//! nobody holds any more a later start finds the record, takes back what stands in it, and closes it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::folder::Folder;
use super::record::JOURNAL;
use super::restart::{Place, end_interrupted};
use super::{Outcome, Setup, Watcher};
use crate::agent::make_private;
use crate::coordinator::secrets::Secrets;
use crate::drill::journal::{Verified, verify, whole_lines};
use crate::drill::replay::take_up;

/// The folder of the signs, in the state directory.
const SIGNS: &str = "runs";
/// The ending of a sign's name; before it is whole it has another.
const EXTENSION: &str = "json";
/// Signs that are looked at.
const SIGNS_MAX: usize = 1_000;
/// The longest sign.
const SIGN_MAX_BYTES: u64 = 64 * 1024;
/// The version of its form.
const VERSION: u32 = 1;

/// What a sign says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sign {
    version: u32,
    /// Which drill.
    drill: String,
    /// Where its record is.
    folder: PathBuf,
    /// The directory that its commands were started in.
    started_in: PathBuf,
}

/// The sign of a run that lives, for as long as this is held.
#[derive(Debug)]
pub struct Alive {
    path: PathBuf,
    /// Locked: the kernel lets go of it when this process ends, however that happens.
    _locked: File,
}

impl Alive {
    /// Leaves the sign of a run, before its playbook can change anything.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn sign(state_dir: &Path, drill: &str, folder: &Path) -> io::Result<Self> {
        let signs = state_dir.join(SIGNS);
        make_private(&signs)?;
        let sign = Sign {
            version: VERSION,
            drill: drill.to_owned(),
            folder: std::path::absolute(folder)?,
            started_in: std::env::current_dir()?,
        };
        let (path, beside) = (signs.join(format!("{drill}.{EXTENSION}")), signs.join(format!("{drill}.new")));
        let mut file =
            OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
        // Locked before it can be seen, or it would be taken for that of a dead one.
        file.try_lock()?;
        file.write_all(&serde_json::to_vec(&sign)?)?;
        file.sync_all()?;
        std::fs::rename(&beside, &path)?;
        File::open(&signs)?.sync_all()?;
        Ok(Self { path, _locked: file })
    }

    /// The run is over, and took back what it had to.
    ///
    /// # Errors
    /// The sign cannot be removed; the next start finds a record that is closed, and removes it.
    pub fn over(self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}

/// A run that died. Nobody else ends it while this is held.
#[derive(Debug)]
pub struct Dead {
    sign: Sign,
    alive: Alive,
}

/// What became of a dead run.
#[derive(Debug)]
pub enum Ended {
    /// Nothing was to be done: it had begun nothing, or was over.
    Nothing,
    /// It was ended in order.
    InOrder(Box<Outcome>),
}

/// The runs of these directories that died. What cannot be read is told beside them.
pub fn dead_runs(state_dir: &Path) -> (Vec<Dead>, Vec<String>) {
    let signs = state_dir.join(SIGNS);
    let entries = match std::fs::read_dir(&signs) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return (Vec::new(), Vec::new());
        }
        Err(error) => {
            return (Vec::new(), vec![format!("cannot look for dead runs in {}: {error}", signs.display())]);
        }
    };
    let is_sign = |path: &PathBuf| path.extension().is_some_and(|extension| extension == EXTENSION);
    let mut paths: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(is_sign).take(SIGNS_MAX).collect();
    paths.sort();
    let (mut dead, mut unread) = (Vec::new(), Vec::new());
    for path in paths {
        match open(&path) {
            Ok(found) => dead.extend(found),
            Err(error) => unread.push(format!("the sign of a run, {}: {error}", path.display())),
        }
    }
    (dead, unread)
}

/// Nothing, when its run lives or is over.
fn open(path: &Path) -> io::Result<Option<Dead>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => return Ok(None),
        Err(std::fs::TryLockError::Error(error)) => return Err(error),
    }
    // Its run was over just now.
    if file.metadata()?.nlink() == 0 {
        return Ok(None);
    }
    let mut text = Vec::new();
    (&file).take(SIGN_MAX_BYTES).read_to_end(&mut text)?;
    let sign: Sign = serde_json::from_slice(&text)?;
    if sign.version > VERSION {
        return Err(io::Error::other(format!(
            "is of version {} and this program reads {VERSION}; use a newer firedrill",
            sign.version
        )));
    }
    Ok(Some(Dead { sign, alive: Alive { path: path.to_owned(), _locked: file } }))
}

impl Dead {
    /// Its drill.
    pub fn drill(&self) -> &str {
        &self.sign.drill
    }

    /// Where its record is.
    pub fn folder(&self) -> &Path {
        &self.sign.folder
    }

    /// The directory in which its commands were started, and ways back are to be.
    pub fn started_in(&self) -> &Path {
        &self.sign.started_in
    }

    /// Takes back what it changed, and closes its record; the sign goes once nothing more can be done by it.
    ///
    /// # Errors
    /// Why nothing was taken back, and the way out. It is found again.
    pub async fn end(self, place: Place, watcher: &mut dyn Watcher) -> Result<Ended, String> {
        let journal = match std::fs::read(self.folder().join(JOURNAL)) {
            Ok(journal) => journal,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let why = format!(
                    "its record is not in {} any more, so nobody knows what its playbook changed",
                    self.folder().display()
                );
                self.gone()?;
                return Err(why);
            }
            Err(error) => {
                return Err(format!("its record in {} cannot be read: {error}", self.folder().display()));
            }
        };
        let is_empty = whole_lines(&journal).next().is_none();
        if is_empty || matches!(verify(&journal, None), Verified::Whole { .. }) {
            self.gone()?;
            return Ok(Ended::Nothing);
        }
        let place = Place { folder: self.folder().to_owned(), ..place };
        let setup = Setup::of_journal(&journal, place).map_err(|error| error.to_string())?;
        can_be_taken_back(&setup, &journal)?;
        let paper = Folder::go_on(self.folder(), &journal).map_err(|error| error.to_string())?;
        // People have nothing to ask of a drill that is only put away.
        let (_requests, requests_in) = mpsc::channel(1);
        let ended = end_interrupted(setup, &journal, Box::new(paper), requests_in, watcher).await;
        let outcome = ended.map_err(|error| error.to_string())?;
        self.gone()?;
        Ok(Ended::InOrder(Box::new(outcome)))
    }

    fn gone(self) -> Result<(), String> {
        let path = self.alive.path.clone();
        self.alive.over().map_err(|error| format!("{} cannot be removed: {error}", path.display()))
    }
}

/// A way back that cannot be gone now may be gone later: it is not tried without what it needs.
fn can_be_taken_back(setup: &Setup, journal: &[u8]) -> Result<(), String> {
    let Some(book) = &setup.playbook else { return Ok(()) };
    let left = take_up(journal, |_| {}).map_err(|error| error.to_string())?;
    let Some(progress) = left.drill.playbook() else { return Ok(()) };
    let steps: Vec<&str> = progress.to_take_back().into_iter().map(|at| book.steps[at].id.as_str()).collect();
    if steps.is_empty() {
        return Ok(());
    }
    Secrets::find(&book.secrets).map(drop).map_err(|missing| {
        format!(
            "what the steps {} changed is not taken back: {}; then run `firedrill agent heal`",
            steps.join(", "),
            missing.join("; ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sign_of_a_run_that_lives_is_nobodys_and_that_of_a_dead_one_is_found_once() {
        let (state, record) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let alive = Alive::sign(state.path(), "d-1", record.path()).unwrap();
        assert!(dead_runs(state.path()).0.is_empty(), "it lives");
        drop(alive);
        let (dead, unread) = dead_runs(state.path());
        assert_eq!((dead.len(), unread.len(), dead[0].drill()), (1, 0, "d-1"));
        assert_eq!(dead[0].folder(), record.path());
        assert!(dead_runs(state.path()).0.is_empty(), "somebody ends it already");
        drop(dead);
        let alive = Alive::sign(state.path(), "d-2", record.path()).unwrap();
        alive.over().unwrap();
        let (dead, _) = dead_runs(state.path());
        assert_eq!(dead.iter().map(Dead::drill).collect::<Vec<_>>(), ["d-1"]);
    }

    #[test]
    fn a_sign_that_cannot_be_read_is_told_and_left() {
        let state = tempfile::tempdir().unwrap();
        assert!(dead_runs(state.path()).1.is_empty(), "nothing was ever run here");
        let signs = state.path().join(SIGNS);
        std::fs::create_dir_all(&signs).unwrap();
        std::fs::write(signs.join("torn.json"), "{").unwrap();
        let later = r#"{"version":99,"drill":"d","folder":"/f","started_in":"/f"}"#;
        std::fs::write(signs.join("later.json"), later).unwrap();
        std::fs::write(signs.join("unborn.new"), "").unwrap();
        let (dead, unread) = dead_runs(state.path());
        assert!(dead.is_empty() && unread.len() == 2, "{unread:?}");
        assert!(unread[0].contains("use a newer firedrill"), "{unread:?}");
    }
}
