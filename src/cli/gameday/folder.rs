//! A game day's reports in a folder: its own, and a folder for each of its drills.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::which;
use crate::cli::server::{Server, segment};
use crate::coordinator::office::GameDayView;

/// The files of a game day and of each drill.
const FILES: [&str; 5] = ["report.html", "report.md", "report.json", "junit.xml", "journal.jsonl"];

/// Fetches all that there is; gives the paths within the folder.
pub(super) async fn fetch(server: &Server, id: &str, out: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let view: GameDayView = server.get(&which::path(id)).await?;
    make(out)?;
    let mut kept = Vec::new();
    let own = which::path(id);
    for name in FILES {
        keep(server, &format!("{own}/{name}"), out, Path::new(name), &mut kept).await?;
    }
    for drill in view.runs.iter().filter_map(|run| run.drill.as_deref()) {
        // The id becomes a folder's name: it must not lead elsewhere.
        if !drill.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') || drill.is_empty() {
            bail!("the server names a drill `{}`, which is no drill's id", drill.escape_debug());
        }
        for name in FILES {
            let path = format!("/v1/drills/{}/{name}", segment(drill));
            keep(server, &path, out, &Path::new("drills").join(drill).join(name), &mut kept).await?;
        }
    }
    if kept.is_empty() {
        bail!("{id} has no report yet; it has one when it is reviewed");
    }
    Ok(kept)
}

fn make(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))
}

async fn keep(
    server: &Server,
    path: &str,
    out: &Path,
    name: &Path,
    kept: &mut Vec<PathBuf>,
) -> anyhow::Result<()> {
    // What there is not (yet), such as the report of a run that waits, is left out.
    let Some(bytes) = server.file(path).await? else { return Ok(()) };
    let file = out.join(name);
    if let Some(folder) = file.parent() {
        make(folder)?;
    }
    std::fs::write(&file, bytes).with_context(|| format!("cannot write `{}`", file.display()))?;
    kept.push(name.to_owned());
    Ok(())
}
