//! `firedrill run`: run a scenario: faults on, watch, faults off, prove that nothing is left.

/// Run a scenario: faults on, watch, faults off, prove that nothing is left
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn exec(_: Args) -> anyhow::Result<super::Exit> {
    anyhow::bail!("not built yet")
}
