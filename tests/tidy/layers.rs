//! Who may import whom. Tests may look further than what they test.

use crate::assert_none;
use crate::tree::{Source, code_lines, product, tests_begin};

/// A module, what it may import, and what it may never name.
struct Layer {
    module: &'static str,
    may_import: &'static [&'static str],
    never: &'static [&'static str],
}

const fn layer(
    module: &'static str,
    may_import: &'static [&'static str],
    never: &'static [&'static str],
) -> Layer {
    Layer { module, may_import, never }
}

/// The crate below this one, as a name in the table.
const PROXY: &str = "firedrill_proxy";
/// No runtime, no files, no sockets, no clock, no dice.
const PURE: &[&str] =
    &["tokio", "std::fs", "std::net::Tcp", "std::process", ".await", "Instant::now", "rand::", "SystemTime"];

const NO_RUNTIME: &[&str] = &["tokio", ".await", "std::net::Tcp", "std::process"];

/// The modules of `firedrill` in reading order. The second column is complete; nothing is transitive.
const FIREDRILL: &[Layer] = &[
    layer("text", &[], NO_RUNTIME),
    layer("fault", &[PROXY], PURE),
    layer("scenario", &["text", "fault"], PURE),
    layer("playbook", &["text", "fault", "scenario"], PURE),
    layer("drill", &["fault", "scenario", "playbook"], PURE),
    layer("gameday", &["text", "fault", "scenario", "playbook", "drill"], PURE),
    layer("score", &["fault", "scenario", "playbook", "drill"], PURE),
    layer("report", &["fault", "scenario", "playbook", "drill", "gameday", "score"], PURE),
    layer("store", &[], &["tokio", ".await"]),
    layer("alarm", &["text", "scenario", "drill"], PURE),
    layer("agent", &["text", "fault"], &[]),
    layer(
        "coordinator",
        &[
            "text", "fault", "scenario", "playbook", "drill", "gameday", "score", "report", "store", "alarm",
            "agent", PROXY,
        ],
        &[],
    ),
    layer(
        "web",
        &["fault", "scenario", "playbook", "drill", "gameday", "score", "report", "coordinator"],
        &["std::fs", "std::process"],
    ),
    layer("demo", &[], &[]),
    layer(
        "cli",
        &[
            "text",
            "fault",
            "scenario",
            "playbook",
            "drill",
            "gameday",
            "score",
            "report",
            "store",
            "alarm",
            "agent",
            "coordinator",
            "web",
            "demo",
            PROXY,
        ],
        &[],
    ),
];

/// The modules of `firedrill-proxy`: each may use only those above it.
const FIREDRILL_PROXY: &[Layer] = &[
    layer("quantity", &[], PURE),
    layer("seed", &["quantity"], &["tokio", "std::fs"]),
    layer("fault", &["quantity", "seed"], &["tokio", "std::fs"]),
    layer("control::wire", &["quantity", "seed", "fault"], &["tokio", "std::fs"]),
    layer("proxy_protocol", &["control::wire"], PURE),
    layer("engine", &["quantity", "seed", "fault", "control::wire", "proxy_protocol"], &[]),
    layer("control", &["quantity", "seed", "fault", "control::wire", "engine"], &[]),
];

#[test]
fn modules_import_only_what_stands_in_the_table() {
    let mut problems = Vec::new();
    for (root, layers) in [("src/", FIREDRILL), ("proxy/src/", FIREDRILL_PROXY)] {
        for source in product(root) {
            problems.extend(check(root, layers, &source));
        }
    }
    assert_none(&problems);
}

fn check(root: &str, layers: &[Layer], source: &Source) -> Vec<String> {
    let inside = source.path.trim_start_matches(root).trim_end_matches(".rs").trim_end_matches("/mod");
    let path: Vec<&str> = inside.split('/').collect();
    if matches!(path[..], ["lib" | "main"]) {
        return Vec::new();
    }
    let way_out = "see docs/architecture.md, Layers, and tests/tidy/layers.rs";
    let Some(layer) = find(layers, &path) else {
        return vec![format!(
            "{}:1: the module `{}` has no row in the table; {way_out}",
            source.path, path[0]
        )];
    };
    let mut problems = Vec::new();
    let product = tests_begin(&source.text) - 1;
    for (number, line) in code_lines(&source.text).take(product) {
        let place = format!("{}:{number}", source.path);
        for name in imports(line) {
            let module = find(layers, &name).map_or(name[0], |layer| layer.module);
            if module != layer.module && !layer.may_import.contains(&module) {
                problems.push(format!("{place}: `{}` may not import `{module}`; {way_out}", layer.module));
            }
        }
        if line.contains(&"super::".repeat(path.len())) {
            problems
                .push(format!("{place}: `super::` leaves `{}`; say `crate::…`, so that it is seen", path[0]));
        }
        if let Some(word) = layer.never.iter().find(|word| line.contains(**word)) {
            problems.push(format!("{place}: `{}` may never name `{word}`; {way_out}", layer.module));
        }
    }
    problems
}

/// The row for a path of module names: the longest that fits.
fn find<'a>(layers: &'a [Layer], path: &[&str]) -> Option<&'a Layer> {
    let joined = path.join("::");
    let fits = |layer: &&Layer| joined == layer.module || joined.starts_with(&format!("{}::", layer.module));
    layers.iter().filter(fits).max_by_key(|layer| layer.module.len())
}

/// The paths below the crate's root that a line names (at most two names deep), and the crate below.
fn imports(line: &str) -> Vec<Vec<&str>> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        let before = line[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &line[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            found.extend(outermost(group));
        } else {
            found.push(names(rest));
        }
    }
    if line.contains(PROXY) {
        found.push(vec![PROXY]);
    }
    found
}

/// The first names of each entry of a `{…}` group that has been opened.
fn outermost(group: &str) -> Vec<Vec<&str>> {
    let (mut found, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                found.push(names(group[start..at].trim()));
                return found;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(names(group[start..at].trim()));
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(names(group[start..].trim()));
    found
}

/// A path that names nothing means the crate's root, which no row allows.
fn names(path: &str) -> Vec<&str> {
    let end = path.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(path.len());
    let names: Vec<&str> = path[..end].split("::").filter(|name| !name.is_empty()).take(2).collect();
    if names.is_empty() { vec!["the root"] } else { names }
}

#[test]
fn a_wrong_import_is_found_however_it_is_written() {
    let source = |text: &str| Source { path: "src/drill/x.rs".to_owned(), text: text.to_owned() };
    for (text, problems) in [
        ("use crate::fault::Fault;", 0),
        ("use crate::drill::event::Event;", 0),
        ("// use crate::agent::Agent;", 0),
        ("use crate::agent::Agent;", 1),
        ("use crate::{fault::Fault, agent::{self, Agent}};", 1),
        ("fn f() { crate::cli::main(); }", 1),
        ("use firedrill_proxy::seed::Seed;", 1),
        ("use super::super::agent;", 1),
        ("async fn f() { g().await; }", 1),
        ("fn f() {}\n#[cfg(test)]\nmod tests {\n    use tokio::time;\n    use super::super::x;\n}", 0),
    ] {
        assert_eq!(check("src/", FIREDRILL, &source(text)).len(), problems, "{text}");
    }
    let unknown = Source { path: "src/misc.rs".to_owned(), text: String::new() };
    assert_eq!(check("src/", FIREDRILL, &unknown).len(), 1);
}

#[test]
fn the_wire_words_may_be_used_where_the_control_plane_may_not() {
    let engine = |text: &str| Source { path: "proxy/src/engine/x.rs".to_owned(), text: text.to_owned() };
    assert!(check("proxy/src/", FIREDRILL_PROXY, &engine("use crate::control::wire::Problem;")).is_empty());
    assert_eq!(check("proxy/src/", FIREDRILL_PROXY, &engine("use crate::control::client::C;")).len(), 1);
}
