//! `firedrill fault`: change a fault of the running drill.

/// Change a fault of the running drill
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn exec(_: Args) -> anyhow::Result<super::Exit> {
    anyhow::bail!("not built yet")
}
