//! The journal that a command names: the file, or a drill's folder that holds it.

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail};

/// The largest journal that is read.
const JOURNAL_MAX_BYTES: u64 = 1 << 30;

/// Where it is and what it holds.
pub(super) fn read(path: PathBuf) -> anyhow::Result<(PathBuf, Vec<u8>)> {
    let path = if path.is_dir() { path.join("journal.jsonl") } else { path };
    let cannot = || format!("cannot read `{}`", path.display());
    let file = std::fs::File::open(&path).with_context(cannot)?;
    let mut bytes = Vec::new();
    file.take(JOURNAL_MAX_BYTES + 1).read_to_end(&mut bytes).with_context(cannot)?;
    if bytes.len() as u64 > JOURNAL_MAX_BYTES {
        bail!(
            "`{}` is larger than {JOURNAL_MAX_BYTES} bytes; no drill writes such a journal",
            path.display()
        );
    }
    Ok((path, bytes))
}
