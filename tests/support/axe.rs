//! axe-core, which finds what hinders people with disabilities on a page. It is fetched through npm once and kept beside
//! what the tests build; it is no part of this repository.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::browser::Page;

const VERSION: &str = "4.14.1";

/// Every problem that axe finds on the page as it is shown now, in words; none: it finds nothing.
pub fn axe_problems(page: &Page<'_>) -> Vec<String> {
    let script = std::fs::read_to_string(fetched()).expect("what npm unpacked");
    page.eval(&format!("{script}; 0"));
    let found =
        page.eval("axe.run(document, {resultTypes: ['violations']}).then((found) => found.violations)");
    let problem = |one: &Value| {
        let nodes = one["nodes"].as_array().into_iter().flatten();
        let nodes = nodes.map(|node| format!("{}: {}", node["html"], node["failureSummary"]));
        format!("{}: {}\n  {}", one["id"], one["help"], nodes.collect::<Vec<_>>().join("\n  "))
    };
    found.as_array().expect("a list").iter().map(problem).collect()
}

/// Where the script is. The first test that asks fetches it; others wait.
fn fetched() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("axe-core-{VERSION}"));
    std::fs::create_dir_all(&folder).expect("a folder");
    let lock = std::fs::File::create(folder.join("lock")).expect("a lock file");
    lock.lock().expect("a lock");
    let script = folder.join("node_modules/axe-core/axe.min.js");
    if !script.is_file() {
        let mut npm = Command::new("npm");
        npm.args([
            "install",
            "--no-save",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--silent",
            "--prefix",
        ])
        .arg(&folder)
        .arg(format!("axe-core@{VERSION}"))
        .stdin(Stdio::null());
        let status = npm.status().expect("npm is installed");
        assert!(status.success() && script.is_file(), "npm could not fetch axe-core {VERSION}: {status}");
    }
    script
}
