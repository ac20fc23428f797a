//! `firedrill verify`: check that a journal is whole and unchanged.

/// Check that a journal is whole and unchanged
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn exec(_: Args) -> anyhow::Result<super::Exit> {
    anyhow::bail!("not built yet")
}
