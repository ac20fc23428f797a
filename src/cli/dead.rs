//! Ending runs that died, before anything else begins: their playbooks are taken back, their records closed.

use std::path::Path;

use anyhow::Context as _;

use super::drill::guardian;
use crate::agent::{Directories, HealReport, Policy};
use crate::coordinator::engine::{Dead, Ended, Place, Watcher, dead_runs};
use crate::drill::{Command, Event, Timed};

/// Ends every run of this user that died with a playbook under way. What was done, and what was not, is added to the
/// report.
pub(super) fn end_all(report: &mut HealReport) -> anyhow::Result<()> {
    let directories = Directories::here();
    let (dead, unread) = dead_runs(&directories.state);
    report.residue.extend(unread);
    if dead.is_empty() {
        return Ok(());
    }
    let here = std::env::current_dir().context("cannot tell the current directory")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    for run in dead {
        let name = run.drill().to_owned();
        let place = place(&directories, run.folder())?;
        if let Err(why) = end(&runtime, run, place, report) {
            report.residue.push(format!("{name}: {why}"));
        }
    }
    std::env::set_current_dir(&here).context("cannot go back to the current directory")?;
    Ok(())
}

fn end(
    runtime: &tokio::runtime::Runtime,
    run: Dead,
    place: Place,
    report: &mut HealReport,
) -> Result<(), String> {
    let name = run.drill().to_owned();
    // The commands of its playbook were written for this directory.
    let started_in = run.started_in();
    std::env::set_current_dir(started_in).map_err(|error| {
        format!("the directory that it was started in, {}: {error}", started_in.display())
    })?;
    let Ended::InOrder(outcome) = runtime.block_on(run.end(place, &mut Silent))? else { return Ok(()) };
    let left = outcome.summary.residue.iter().map(|what| format!("{name}: {what}"));
    report.residue.extend(left);
    let clean = if outcome.summary.clean { "what its playbook had changed is taken back, and " } else { "" };
    report.undone.push(format!("{name}: {clean}its record is closed in {}", outcome.folder.display()));
    if let Err(error) = super::report::keep_all(&outcome.folder) {
        tracing::warn!(error = format!("{error:#}"), "the reports are not written");
    }
    Ok(())
}

fn place(directories: &Directories, folder: &Path) -> anyhow::Result<Place> {
    Ok(Place {
        folder: folder.to_owned(),
        runtime_dir: directories.runtime.clone(),
        state_dir: directories.state.clone(),
        workers: 1,
        guardian: guardian()?,
        policy: Policy::open(&directories.policy())?,
    })
}

/// What a dead run is put away by is told at the end, not as it happens.
struct Silent;

impl Watcher for Silent {
    fn event(&mut self, _: &Timed<Event>) {}

    fn command(&mut self, _: &Timed<Command>) {}

    fn tick(&mut self, _: std::time::Duration) {}
}
