//! The journal that a command names: the file, or a drill's folder that holds it.

use std::fs::File;
use std::io::{BufReader, Read as _, Take};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// The largest journal that is read. It is read line by line, so this bounds time and not memory.
const JOURNAL_MAX_BYTES: u64 = 16 << 30;
/// How much of it is in memory at a time, beside the line that is looked at.
const BUFFER_BYTES: usize = 256 << 10;

/// Where it is, and its bytes to be read.
pub(super) fn open(path: PathBuf) -> anyhow::Result<(PathBuf, BufReader<Take<File>>)> {
    let path = if path.is_dir() { path.join("journal.jsonl") } else { path };
    let file = File::open(&path).with_context(|| cannot(&path))?;
    let size = file.metadata().with_context(|| cannot(&path))?.len();
    if size > JOURNAL_MAX_BYTES {
        bail!(
            "`{}` is larger than {JOURNAL_MAX_BYTES} bytes; no drill writes such a journal",
            path.display()
        );
    }
    Ok((path, BufReader::with_capacity(BUFFER_BYTES, file.take(JOURNAL_MAX_BYTES))))
}

/// What to say when it cannot be read.
pub(super) fn cannot(path: &Path) -> String {
    format!("cannot read `{}`", path.display())
}
