//! `firedrill schema`: print the JSON Schema of a kind of file.

/// Print the JSON Schema of a kind of file
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn exec(_: Args) -> anyhow::Result<super::Exit> {
    anyhow::bail!("not built yet")
}
