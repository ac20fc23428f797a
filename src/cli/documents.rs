//! Every command that a document shows is one: its words are read by the command line itself.

use std::path::{Path, PathBuf};

use clap::Parser as _;

use super::Cli;

#[test]
fn every_command_in_the_documents_is_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    let mut count = 0;
    for path in documents(root) {
        let text = std::fs::read_to_string(&path).unwrap();
        for (line, command) in commands(&text) {
            count += 1;
            if let Err(error) = Cli::try_parse_from(&command)
                && error.use_stderr()
            {
                let said = error.to_string();
                let said = said.lines().next().unwrap_or_default();
                wrong.push(format!("{}:{line}: {}: {said}", path.display(), command.join(" ")));
            }
        }
    }
    assert!(count > 20, "{count}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn documents(root: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (vec![root.join("README.md")], vec![root.join("docs")]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                found.push(path);
            }
        }
    }
    found
}

/// The commands of this program in the shell blocks, each with its line.
fn commands(document: &str) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    let (mut is_shell, mut begun) = (false, String::new());
    for (n, line) in document.lines().enumerate() {
        let line = line.trim();
        if line.starts_with("```") {
            is_shell = !is_shell && matches!(line, "```sh" | "```bash" | "```console");
        } else if is_shell {
            if let Some(first) = line.strip_suffix('\\') {
                begun.push_str(first);
                continue;
            }
            begun.push_str(line);
            let pieces = pieces(&std::mem::take(&mut begun));
            found.extend(pieces.into_iter().filter_map(ours).map(|words| (n + 1, words)));
        }
    }
    found
}

/// The words of each command of a line, quotes taken off and what stands behind a `#` left out.
fn pieces(line: &str) -> Vec<Vec<String>> {
    let mut pieces = vec![Vec::new()];
    let (mut word, mut quote): (Option<String>, Option<char>) = (None, None);
    for c in line.chars().chain([' ']) {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, ' ' | ';' | '|' | '&') => {
                if let (Some(word), Some(piece)) = (word.take(), pieces.last_mut()) {
                    piece.push(word);
                }
                if c != ' ' {
                    pieces.push(Vec::new());
                }
            }
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    pieces
}

/// The words as the command line gets them, if the command is ours.
fn ours(words: Vec<String>) -> Option<Vec<String>> {
    let words: Vec<String> = words.into_iter().take_while(|word| !word.starts_with('>')).collect();
    // A variable may stand before a command, and `sudo`.
    let mut words = words.into_iter().skip_while(|word| word.contains('=') || word == "sudo").peekable();
    match words.peek().map(String::as_str) {
        Some("firedrill" | "./firedrill" | "target/release/firedrill") => Some(words.collect()),
        Some("cargo") => {
            let words: Vec<String> = words.collect();
            let own = words.iter().position(|word| word == "--")?;
            let runs = words.get(1).is_some_and(|word| word == "run");
            runs.then(|| std::iter::once("firedrill".to_owned()).chain(words[own + 1..].to_vec()).collect())
        }
        _ => None,
    }
}

#[test]
fn commands_are_found_as_a_shell_would_run_them() {
    let document = "`firedrill x`\n```sh\nA=1 firedrill note \"a # b\" # why\ncargo run -- demo\nfiredrill check \\\n  f && true | firedrill status > x\ncargo test\n```\n```yaml\nfiredrill: v1\n```\n";
    let found: Vec<String> = commands(document).into_iter().map(|(_, words)| words.join("|")).collect();
    assert_eq!(found, ["firedrill|note|a # b", "firedrill|demo", "firedrill|check|f", "firedrill|status"]);
}
