//! `firedrill note`: write something into the running drill's journal.

/// Write something into the running drill's journal
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn exec(_: Args) -> anyhow::Result<super::Exit> {
    anyhow::bail!("not built yet")
}
