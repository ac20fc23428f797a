//! `firedrill halt`: stop the running drill and take every fault back.

/// Stop the running drill and take every fault back
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn exec(_: Args) -> anyhow::Result<super::Exit> {
    anyhow::bail!("not built yet")
}
