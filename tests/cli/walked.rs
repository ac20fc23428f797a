//! The pages for beginners are walked through: their files are written, their commands are run, and each ends as the
//! page says.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::{Child, free_port, requires, temp_dir};

/// A page may take this long on a busy machine.
const PATIENCE: Duration = Duration::from_secs(240);

/// What a page asks its reader to do.
#[derive(Debug, PartialEq)]
enum Deed {
    /// Write this file.
    Write { name: String, text: String },
    /// Run these commands; the last one exits so.
    Run { commands: String, exit: i32 },
}

/// The deeds of a page: code that follows a paragraph whose last line names a file in backticks is that file; shell
/// code below `<!-- run: exit N -->` is run.
fn deeds(page: &str) -> Vec<Deed> {
    let (mut deeds, mut file, mut exit) = (Vec::new(), None, None);
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(code) = line.strip_prefix("<!-- run: exit ") {
            exit = Some(code.trim_end_matches(" -->").parse().unwrap());
        } else if line.starts_with("```") {
            let text: String =
                lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
            if let Some(exit) = exit.take() {
                assert_eq!(line, "```sh", "what is run is shell code");
                deeds.push(Deed::Run { commands: text, exit });
            } else if let Some(name) = file.take() {
                deeds.push(Deed::Write { name, text });
            }
        } else if !line.trim().is_empty() {
            // A paragraph that names a file is about the code that follows it, unless it has more to say.
            file = named(line).or_else(|| file.take().filter(|_| line.ends_with(':')));
        }
    }
    deeds
}

/// The last word in backticks, if it looks like a file's name.
fn named(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
    let is_file = |word: &&&str| {
        [".py", ".yaml", ".yml", ".ics"].iter().any(|ending| word.ends_with(ending)) && !word.contains(' ')
    };
    words.iter().rev().find(is_file).map(|word| (*word).to_owned())
}

/// The same with ports that are free here, one for each that the page uses.
fn with_free_ports(text: &str, ports: &mut BTreeMap<String, u16>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let end = rest[at..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |end| at + end);
        let (before, number) = (&rest[..at], &rest[at..end]);
        let is_port =
            number.len() == 4 && (before.ends_with(':') || before.ends_with(", ")) && number >= "7000";
        out.push_str(before);
        if is_port {
            out.push_str(&ports.entry(number.to_owned()).or_insert_with(free_port).to_string());
        } else {
            out.push_str(number);
        }
        rest = &rest[end..];
    }
    out + rest
}

/// Does all that a page says, in a folder of its own.
fn walk(page: &str, needs: &[&str]) {
    if !requires(&[&["bash"][..], needs].concat()) {
        return;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/getting-started").join(page);
    let dir = temp_dir();
    let mut ports = BTreeMap::new();
    let mut script = String::new();
    let mut runs = 0;
    for (n, deed) in deeds(&std::fs::read_to_string(&path).unwrap()).into_iter().enumerate() {
        match deed {
            Deed::Write { name, text } => {
                let text = with_free_ports(&text, &mut ports);
                std::fs::create_dir_all(dir.path().join(format!("{n}"))).unwrap();
                std::fs::write(dir.path().join(format!("{n}/text")), text).unwrap();
                script.push_str(&format!("mkdir -p \"$(dirname {name})\" && cp ../{n}/text {name}\n"));
            }
            Deed::Run { commands, exit } => {
                runs += 1;
                let commands = with_free_ports(&commands, &mut ports);
                script.push_str(&format!(
                    "{commands}code=$?\nif [ $code != {exit} ]; then echo \"step {n} ended with $code, and the page \
                     says {exit}\"; exit 99; fi\n"
                ));
            }
        }
    }
    assert!(runs > 0, "{page} has something to run");
    script.push_str("exit 0\n");
    let work = dir.path().join("work");
    std::fs::create_dir_all(&work).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_firedrill")).parent().unwrap();
    let mut command = Command::new("bash");
    command
        .arg("-c")
        .arg(&script)
        .current_dir(&work)
        .env("PATH", format!("{}:{}", program.display(), std::env::var("PATH").unwrap()))
        .env("FIREDRILL_DIR", dir.path().join("own"))
        // Where a drill listens for alarms when a page does not say: others may be walking.
        .env("FIREDRILL_ALARMS", format!("127.0.0.1:{}", free_port()))
        .env_remove("FIREDRILL_SERVER")
        .env_remove("FIREDRILL_TOKEN")
        .stdin(std::process::Stdio::null());
    let ended = Child::spawn(&mut command).wait(PATIENCE);
    assert_eq!(ended.code, Some(0), "{page}:\n{}\n{}", ended.stdout, ended.stderr);
}

#[test]
fn the_developers_page_works_as_it_stands() {
    walk("developer.md", &["python3"]);
}

#[test]
fn the_sres_page_works_as_it_stands() {
    walk("sre.md", &["python3", "prometheus", "prometheus-alertmanager"]);
}

#[test]
fn the_facilitators_page_works_as_it_stands() {
    walk("facilitator.md", &["sed"]);
}

#[test]
fn a_page_is_taken_apart_into_files_and_commands() {
    let page = "In `a.py`:\n\n```python\nx\n```\n\nSee `b.yaml`\nand so on.\n\n```yaml\ny\n```\n\n<!-- run: exit 4 -->\n```sh\nz\n```\n```sh\nnot run\n```\n";
    assert_eq!(
        deeds(page),
        [
            Deed::Write { name: "a.py".into(), text: "x\n".into() },
            Deed::Run { commands: "z\n".into(), exit: 4 }
        ]
    );
    let mut ports = BTreeMap::from([("9001".to_owned(), 20_001), ("9000".to_owned(), 20_000)]);
    let text = "(\"127.0.0.1\", 9000) http://127.0.0.1:9001/ 2026 5m 9002 250ms";
    let replaced = "(\"127.0.0.1\", 20000) http://127.0.0.1:20001/ 2026 5m 9002 250ms";
    assert_eq!(with_free_ports(text, &mut ports), replaced);
}
