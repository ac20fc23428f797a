//! What every command has in common.

use std::time::Duration;

use crate::support::{Child, firedrill};

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
