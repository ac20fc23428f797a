//! Tests that need more than Rust: they run where it is there, and are never skipped in silence.

use std::io::Write as _;
use std::path::Path;

/// Whether all these programs are installed. Otherwise says loudly that the test is skipped, or fails it when
/// `FIREDRILL_TEST_ALL=1`. A test begins with `if !requires(&["nginx"]) { return; }`.
pub fn requires(programs: &[&str]) -> bool {
    let missing: Vec<&str> = programs.iter().copied().filter(|program| !is_installed(program)).collect();
    requires_that(missing.is_empty(), &format!("needs {}, which is not installed", missing.join(", ")))
}

/// The same for anything else that a test needs: root, a kernel feature. `why` completes "SKIPPED: this test …".
pub fn requires_that(there: bool, why: &str) -> bool {
    if there {
        return true;
    }
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let all = std::env::var("FIREDRILL_TEST_ALL").is_ok_and(|value| value == "1");
    assert!(!all, "{test} {why}, and FIREDRILL_TEST_ALL=1 forbids skipping");
    // Straight to the stream: what `eprintln!` says in a test that passes is swallowed.
    let _ = std::io::stderr().write_all(format!("SKIPPED {test}: {why}\n").as_bytes());
    false
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    // Servers are installed into sbin, which is not on everyone's path.
    let folders = path.split(':').chain(["/usr/sbin", "/sbin", "/usr/local/sbin"]);
    folders.into_iter().any(|folder| Path::new(folder).join(program).is_file())
}
