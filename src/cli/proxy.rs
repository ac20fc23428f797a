//! `firedrill proxy`: run a fault-injecting proxy by hand.

/// Run a fault-injecting proxy by hand
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn exec(_: Args) -> anyhow::Result<super::Exit> {
    anyhow::bail!("not built yet")
}
