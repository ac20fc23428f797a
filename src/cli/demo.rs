//! `firedrill demo`: show it all on a small shop of its own; needs no root and no network.

/// Show it all on a small shop of its own; needs no root and no network
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn exec(_: Args) -> anyhow::Result<super::Exit> {
    anyhow::bail!("not built yet")
}
