//! `firedrill new`: write a commented file to start from.

/// Write a commented file to start from
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn exec(_: Args) -> anyhow::Result<super::Exit> {
    anyhow::bail!("not built yet")
}
