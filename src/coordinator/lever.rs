//! The lever: after a halt no drill starts until somebody releases it and says why.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A lever or a HALT file is never larger; more of it is not read.
const FILE_MAX_BYTES: u64 = 16 * 1024;

/// Where the lever is.
#[derive(Clone, Debug)]
pub struct Lever {
    halted: PathBuf,
    record: PathBuf,
    halt_file: PathBuf,
}

/// A lever that is engaged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engaged {
    /// Who halted.
    pub who: String,
    /// Why; may be empty.
    pub why: String,
    /// When; absent when nobody wrote it down.
    pub when: Option<Timestamp>,
}

/// Why the lever could not be moved or read.
#[derive(Debug, thiserror::Error)]
#[error("cannot {deed} `{}`: {source}", path.display())]
pub struct LeverProblem {
    deed: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// A line of the record beside the lever.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case", tag = "did")]
enum Moved<'a> {
    Engaged { who: &'a str, why: &'a str, when: Timestamp },
    Released { who: &'a str, why: &'a str, when: Timestamp },
}

impl Lever {
    /// The lever of this machine's user: `<state>/halted`, and `<runtime>/HALT` for whoever has only a shell.
    pub fn new(runtime_dir: &Path, state_dir: &Path) -> Self {
        Self {
            halted: state_dir.join("halted"),
            record: state_dir.join("halts.jsonl"),
            halt_file: runtime_dir.join("HALT"),
        }
    }

    /// The file that a person makes to halt every drill: its text is the reason.
    pub fn halt_file(&self) -> &Path {
        &self.halt_file
    }

    /// Whether the HALT file is there, and the reason it gives. A file that cannot be looked at counts as there.
    pub fn halt_asked(&self) -> Option<String> {
        match read(&self.halt_file) {
            Ok(text) => text.map(|text| text.trim().to_owned()),
            Err(error) => Some(format!("the HALT file cannot be read: {error}")),
        }
    }

    /// Whether no drill may start. What cannot be read counts as engaged.
    pub fn engaged(&self) -> Option<Engaged> {
        match read(&self.halted) {
            Ok(Some(text)) => Some(serde_json::from_str(&text).unwrap_or_else(|_| Engaged {
                who: "unknown".to_owned(),
                why: format!("`{}` is there and not readable as a lever", self.halted.display()),
                when: None,
            })),
            Ok(None) => self.halt_asked().map(|why| Engaged {
                who: format!("the file `{}`", self.halt_file.display()),
                why,
                when: None,
            }),
            Err(error) => Some(Engaged {
                who: "unknown".to_owned(),
                why: format!("`{}` cannot be read: {error}", self.halted.display()),
                when: None,
            }),
        }
    }

    /// Engages it. Engaged already: the first halt stays on it, and the new one goes only into the record.
    pub fn engage(&self, who: &str, why: &str, when: Timestamp) -> Result<(), LeverProblem> {
        let engaged = Engaged { who: who.to_owned(), why: why.to_owned(), when: Some(when) };
        let text = serde_json::to_vec(&engaged).unwrap_or_default();
        self.make_state_dir()?;
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.halted);
        match made {
            Ok(mut file) => {
                // The file's being there is what halts, whatever of its text reaches the disk.
                file.write_all(&text)
                    .and_then(|()| file.sync_all())
                    .map_err(problem("write", &self.halted))?;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(problem("engage the lever", &self.halted)(source)),
        }
        self.write_down(&Moved::Engaged { who, why, when })
    }

    /// Releases it, with who and why in the record first. Gives what was on it; absent: it was not engaged.
    pub fn release(&self, who: &str, why: &str, when: Timestamp) -> Result<Option<Engaged>, LeverProblem> {
        let Some(engaged) = self.engaged() else { return Ok(None) };
        self.make_state_dir()?;
        self.write_down(&Moved::Released { who, why, when })?;
        for path in [&self.halt_file, &self.halted] {
            match std::fs::remove_file(path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(problem("remove", path)(source)),
            }
        }
        Ok(Some(engaged))
    }

    fn make_state_dir(&self) -> Result<(), LeverProblem> {
        let Some(dir) = self.halted.parent() else { return Ok(()) };
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(problem("make", dir))
    }

    fn write_down(&self, moved: &Moved<'_>) -> Result<(), LeverProblem> {
        let mut line = serde_json::to_vec(moved).unwrap_or_default();
        line.push(b'\n');
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.record)
            .and_then(|mut file| file.write_all(&line).and_then(|()| file.sync_all()))
            .map_err(problem("write", &self.record))
    }
}

impl Engaged {
    /// Why no drill starts, and the way out.
    pub fn refusal(&self) -> String {
        let when = self.when.map_or_else(String::new, |when| format!(" at {when}"));
        let why = if self.why.is_empty() { "no reason given" } else { &self.why };
        format!(
            "no drill starts here: halted by {}{when} ({why}); \
             when it is safe again, run `firedrill halt release --reason TEXT`",
            self.who
        )
    }
}

/// The text of a file; absent: no such file.
fn read(path: &Path) -> io::Result<Option<String>> {
    match File::open(path) {
        Ok(file) => {
            let mut bytes = Vec::new();
            file.take(FILE_MAX_BYTES).read_to_end(&mut bytes)?;
            Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn problem<'a>(deed: &'static str, path: &'a Path) -> impl Fn(io::Error) -> LeverProblem + use<'a> {
    move |source| LeverProblem { deed, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lever(dir: &tempfile::TempDir) -> Lever {
        Lever::new(&dir.path().join("run"), &dir.path().join("state"))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn an_engaged_lever_says_who_why_when_and_the_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let lever = lever(&dir);
        assert_eq!(lever.engaged(), None);
        lever.engage("ana (1000)", "pager storm", at(60)).unwrap();
        let refusal = lever.engaged().unwrap().refusal();
        for part in ["ana (1000)", "pager storm", "1970-01-01T00:01:00Z", "firedrill halt release --reason"] {
            assert!(refusal.contains(part), "{refusal}");
        }
    }

    #[test]
    fn the_first_halt_stays_on_the_lever_and_every_move_is_in_the_record() {
        let dir = tempfile::tempdir().unwrap();
        let lever = lever(&dir);
        lever.engage("ana", "first", at(1)).unwrap();
        lever.engage("ben", "second", at(2)).unwrap();
        assert_eq!(lever.engaged().unwrap().who, "ana");
        let released = lever.release("cleo", "all quiet", at(3)).unwrap().unwrap();
        assert_eq!(released.why, "first");
        assert_eq!(lever.engaged(), None);
        let record = std::fs::read_to_string(dir.path().join("state/halts.jsonl")).unwrap();
        let lines: Vec<serde_json::Value> =
            record.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let did: Vec<_> =
            lines.iter().map(|line| (line["did"].as_str().unwrap(), line["who"].as_str().unwrap())).collect();
        assert_eq!(did, [("engaged", "ana"), ("engaged", "ben"), ("released", "cleo")]);
    }

    #[test]
    fn a_halt_file_counts_as_engaged_until_it_is_released() {
        let dir = tempfile::tempdir().unwrap();
        let lever = lever(&dir);
        std::fs::create_dir_all(dir.path().join("run")).unwrap();
        std::fs::write(lever.halt_file(), "smoke in room 3\n").unwrap();
        assert_eq!(lever.halt_asked().as_deref(), Some("smoke in room 3"));
        assert_eq!(lever.engaged().unwrap().why, "smoke in room 3");
        lever.release("ana", "it was toast", at(1)).unwrap().unwrap();
        assert_eq!((lever.engaged(), lever.halt_asked()), (None, None));
    }

    #[test]
    fn a_lever_that_cannot_be_read_is_engaged() {
        let dir = tempfile::tempdir().unwrap();
        let lever = lever(&dir);
        std::fs::create_dir_all(dir.path().join("state/halted")).unwrap();
        assert!(lever.engaged().unwrap().why.contains("cannot be read"));
        std::fs::remove_dir(dir.path().join("state/halted")).unwrap();
        std::fs::write(dir.path().join("state/halted"), "{ half").unwrap();
        assert!(lever.engaged().unwrap().why.contains("not readable"));
    }

    #[test]
    fn releasing_what_is_not_engaged_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(lever(&dir).release("ana", "why not", at(1)).unwrap(), None);
        assert!(!dir.path().join("state").exists());
    }
}
