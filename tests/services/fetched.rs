//! Clients and libraries of others, fetched by name in a fixed version. They are no part of this repository.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::support::{Child, Ended};

/// A folder beside what the tests build, filled once by `fill`; others wait meanwhile.
pub fn fetched(name: &str, fill: impl FnOnce(&Path)) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name.replace(['@', '='], "-"));
    std::fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let whole = folder.join("whole");
    if !whole.is_file() {
        fill(&folder);
        File::create(whole).unwrap();
    }
    folder
}

/// Runs a program that must succeed.
#[track_caller]
pub fn succeeds(command: &mut Command) -> Ended {
    let ended = Child::spawn(command).wait(Duration::from_secs(120));
    assert_eq!(ended.code, Some(0), "{command:?}: {ended:?}");
    ended
}

/// A package of PyPI with what it needs and does not pin; where Python finds it.
pub fn python_package(name: &str, needs: &[&str]) -> PathBuf {
    let folder = fetched(name, |folder| {
        let quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"];
        succeeds(Command::new("python3").args(quiet).arg(folder.join("site")).arg(name).args(needs));
    });
    folder.join("site")
}

/// Runs a script that says `all is well` at its end.
#[track_caller]
pub fn python(dir: &Path, package: &Path, script: &str, arguments: &[String]) {
    let file = dir.join("drive.py");
    std::fs::write(&file, script).unwrap();
    let mut program = Command::new("python3");
    let ended = succeeds(program.arg(file).args(arguments).env("PYTHONPATH", package));
    assert_eq!(ended.stdout, "all is well\n");
}
