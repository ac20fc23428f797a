//! What every command has in common.

use std::process::Command;
use std::time::Duration;

use crate::support::{Child, firedrill, requires, temp_dir};

const SOON: Duration = Duration::from_secs(10);

#[test]
fn help_is_no_failure_and_names_the_commands() {
    let ended = Child::spawn(firedrill().arg("--help")).wait(SOON);
    assert_eq!(ended.code, Some(0));
    for command in ["check", "plan", "run", "demo"] {
        assert!(ended.stdout.contains(command), "{}", ended.stdout);
    }
}

#[test]
fn bad_usage_is_refused_with_status_1() {
    let ended = Child::spawn(firedrill().arg("no-such-command")).wait(SOON);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("no-such-command"), "{}", ended.stderr);
}

#[test]
fn bash_completes_commands_and_options_by_what_is_printed_for_it() {
    let ended = Child::spawn(firedrill().args(["completions", "bash"])).wait(SOON);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    if !requires(&["bash"]) {
        return;
    }
    let dir = temp_dir();
    std::fs::write(dir.path().join("completions"), ended.stdout).unwrap();
    let offered = |words: &[&str]| {
        let last = words.len() - 1;
        let script = format!(
            "source completions; COMP_WORDS=({}); COMP_CWORD={last}; _firedrill firedrill '{}' '{}'; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words.join(" "),
            words[last],
            words[last - 1]
        );
        let mut bash = Command::new("bash");
        bash.args(["--norc", "--noprofile", "-uc", &script]).current_dir(dir.path());
        let ended = Child::spawn(&mut bash).wait(SOON);
        assert_eq!(ended.stderr, "", "{words:?}");
        ended.stdout.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(offered(&["firedrill", "gam"]), ["gameday"]);
    assert_eq!(offered(&["firedrill", "gameday", "appr"]), ["approve"]);
    assert_eq!(offered(&["firedrill", "run", "--sc"]), Vec::<String>::new());
    assert_eq!(offered(&["firedrill", "proxy", "--cont"]), ["--control"]);
}

/// What `firedrill completions SHELL` prints, in a folder under the name by which the shell finds it.
fn completions(shell: &str, name: &str) -> tempfile::TempDir {
    let ended = Child::spawn(firedrill().args(["completions", shell])).wait(SOON);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let dir = temp_dir();
    std::fs::write(dir.path().join(name), ended.stdout).unwrap();
    dir
}

#[test]
fn fish_completes_commands_and_options_by_what_is_printed_for_it() {
    let dir = completions("fish", "firedrill.fish");
    if !requires(&["fish"]) {
        return;
    }
    let offered = |line: &str| {
        let mut fish = Command::new("fish");
        let script = format!("source firedrill.fish; complete -C '{line}'");
        fish.args(["--no-config", "-c", &script]).current_dir(dir.path()).env("HOME", dir.path());
        let ended = Child::spawn(&mut fish).wait(SOON);
        assert_eq!(ended.stderr, "", "{line}");
        // What is offered stands before a tab, what it is after it.
        let words = ended.stdout.lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned());
        words.collect::<Vec<_>>()
    };
    assert_eq!(offered("firedrill gam"), ["gameday"]);
    assert_eq!(offered("firedrill gameday appr"), ["approve"]);
    assert_eq!(offered("firedrill run --sc"), Vec::<String>::new());
    assert_eq!(offered("firedrill proxy --cont"), ["--control"]);
}

/// Presses the tab key after each argument, as only a shell on a terminal completes, and prints what the line became.
const AT_A_TERMINAL: &str = r#"
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1= ; fpath=($PWD \$fpath); autoload -Uz compinit; compinit -u -D; firedrill() { print -r -- \"<\$*>\" }; print REA''DY"
zpty -r -m shell said '*READY*'
for words in $argv; do
  zpty -w -n shell "$words"$'\t\n'
  zpty -r -m shell said '*<*>*' && print -r -- "${${said##*<}%%>*}"
done
zpty -d shell
"#;

#[test]
fn zsh_completes_commands_and_options_by_what_is_printed_for_it() {
    let dir = completions("zsh", "_firedrill");
    if !requires(&["zsh"]) {
        return;
    }
    let mut zsh = Command::new("zsh");
    zsh.args(["-f", "-c", AT_A_TERMINAL, "zsh"]).current_dir(dir.path()).env("HOME", dir.path());
    zsh.args(["firedrill gam", "firedrill gameday appr", "firedrill run --sc", "firedrill proxy --cont"]);
    let ended = Child::spawn(&mut zsh).wait(3 * SOON);
    assert_eq!(ended.stderr, "");
    let completed: Vec<&str> = ended.stdout.lines().map(str::trim_end).collect();
    assert_eq!(completed, ["gameday", "gameday approve", "run --sc", "proxy --control"]);
}

#[test]
fn manual_pages_are_written_into_a_folder_that_need_not_be_there() {
    let dir = temp_dir();
    let folder = dir.path().join("share/man1");
    let ended = Child::spawn(firedrill().arg("man").arg(&folder)).wait(SOON);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let page = std::fs::read_to_string(folder.join("firedrill-run.1")).unwrap();
    assert!(page.starts_with(".ie") && page.contains("firedrill\\-run"), "{page}");
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let ended = Child::spawn(firedrill().arg("man").arg(&file)).wait(SOON);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains(&file.display().to_string()), "{}", ended.stderr);
}
