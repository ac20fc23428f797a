//! What the commands share that speak with a running drill.

use std::future::Future;

use anyhow::Context as _;

use crate::agent::Directories;
use crate::coordinator::control::client::{self, Drill};

/// Which running drill is meant.
#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// The drill's id; needed only when several run
    #[arg(long, value_name = "ID")]
    pub(super) drill: Option<String>,
}

impl Which {
    /// The drill meant.
    pub(super) async fn find(&self) -> anyhow::Result<Drill> {
        Ok(client::find(&Directories::here().runtime, self.drill.as_deref()).await?)
    }
}

/// Runs a few calls to the end.
pub(super) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(work)
}
