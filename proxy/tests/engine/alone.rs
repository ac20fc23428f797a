//! Tests that need a process of their own: a network, fewer rights, or their own memory to measure.

use std::process::{Command, Stdio};

use crate::requires::{requires, requires_that};

const ALONE: &str = "FIREDRILL_TEST_ALONE";

/// Runs the test, `module::name`, again in a process of its own, and fails with it; true there.
pub fn in_own_process(test: &str) -> bool {
    std::env::var_os(ALONE).is_some() || again(test, Command::new(std::env::current_exe().unwrap()))
}

/// The same in a network of its own, where it may do everything.
pub fn in_own_network(test: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    if !requires(&["nft", "ip", "unshare"]) {
        return false;
    }
    let mut possible = Command::new("unshare");
    possible.args(["-rn", "nft", "add table ip firedrill_test"]).stdout(Stdio::null()).stderr(Stdio::null());
    let possible = possible.status().is_ok_and(|status| status.success());
    let why = "needs a network namespace with nftables, which this machine does not give";
    requires_that(possible, why) && again(test, unshared("-rn"))
}

/// The same in the network that there is, where it may change nothing.
pub fn without_rights_on_the_network(test: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let possible = Command::new("unshare").args(["-r", "true"]).status().is_ok_and(|status| status.success());
    let why = "needs a user namespace, which this machine does not give";
    requires(&["unshare"]) && requires_that(possible, why) && again(test, unshared("-r"))
}

fn unshared(what: &str) -> Command {
    let mut unshare = Command::new("unshare");
    unshare.arg(what).arg(std::env::current_exe().unwrap());
    unshare
}

fn again(test: &str, mut alone: Command) -> bool {
    let output = alone.args(["--exact", test, "--nocapture"]).env(ALONE, "1").output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success() && said[0].contains("1 passed"), "{}", said.concat());
    false
}
