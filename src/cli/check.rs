//! `firedrill check`: report every problem of scenario and environment files.

/// Report every problem of scenario and environment files
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn exec(_: Args) -> anyhow::Result<super::Exit> {
    anyhow::bail!("not built yet")
}
