//! `firedrill plan`: show what a scenario would do, and change nothing.

/// Show what a scenario would do, and change nothing
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn exec(_: Args) -> anyhow::Result<super::Exit> {
    anyhow::bail!("not built yet")
}
