//! The examples of the documents are read by the program that they are about.

use std::path::Path;
use std::time::Duration;

use crate::support::{Child, firedrill, temp_dir};

const SOON: Duration = Duration::from_secs(20);

#[test]
fn the_whole_files_that_documents_show_have_no_error() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for example in examples(&text) {
            has_no_error(&path, example);
            count += 1;
        }
    }
    assert!(count >= 3, "{count}");
}

/// The blocks of YAML that are whole files.
fn examples(document: &str) -> impl Iterator<Item = &str> {
    let blocks = document.split("```yaml\n").skip(1).filter_map(|block| block.split("\n```").next());
    blocks.filter(|block| block.starts_with("firedrill: v1"))
}

fn has_no_error(document: &Path, example: &str) {
    let dir = temp_dir();
    let name = example.lines().find_map(|line| line.strip_prefix("name: ")).expect("a name");
    let file = dir.path().join(format!("{name}.yaml"));
    std::fs::write(&file, example).unwrap();
    let ended = Child::spawn(firedrill().arg("check").arg(&file).current_dir(dir.path())).wait(SOON);
    assert_eq!(ended.code, Some(0), "{}, {name}:\n{}", document.display(), ended.stdout);
}

#[test]
fn whole_files_are_told_from_snippets() {
    let document =
        "x\n```yaml\nfiredrill: v1\nname: a\n```\n```yaml\nwhen: b\n```\n```sh\nfiredrill: v1\n```\n";
    assert_eq!(examples(document).collect::<Vec<_>>(), ["firedrill: v1\nname: a"]);
}
