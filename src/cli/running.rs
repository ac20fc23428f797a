//! What the commands share that speak with a running drill: of this host, or of a server.

use std::future::Future;

use anyhow::{Context as _, bail};

use super::server::{self, Server, segment};
use crate::agent::Directories;
use crate::coordinator::api::wire::{Changed, Note, Said, SetFault, Status};
use crate::coordinator::control::client;
use crate::coordinator::office::{DrillView, Standing};
use crate::playbook::event::StepAnswer;

/// Which running drill is meant.
#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// The drill's id; needed only when several run
    #[arg(long, value_name = "ID")]
    pub(super) drill: Option<String>,
    #[command(flatten)]
    pub(super) server: server::Perhaps,
}

/// A running drill, and how it stood when it was found.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) status: Status,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Here(Box<client::Drill>),
    There(Server),
}

impl Which {
    /// The drill meant.
    pub(super) async fn find(&self) -> anyhow::Result<Running> {
        match self.server.open()? {
            Some(server) => served(server, self.drill.as_deref()).await,
            None => {
                let drill = client::find(&Directories::here().runtime, self.drill.as_deref()).await?;
                Ok(Running { status: drill.status.clone(), place: Place::Here(Box::new(drill)) })
            }
        }
    }
}

/// The drill with this id, or the only one that a server runs.
async fn served(server: Server, wanted: Option<&str>) -> anyhow::Result<Running> {
    let id = match wanted {
        Some(id) => id.to_owned(),
        None => only(&server).await?,
    };
    let view: DrillView = server.get(&format!("/v1/drills/{}", segment(&id))).await?;
    let Some(status) = view.status else {
        bail!("drill {id} is over; `firedrill drill show {id}` says what it came to");
    };
    Ok(Running { status, place: Place::There(server) })
}

/// The id of the only drill that a server runs.
pub(super) async fn only(server: &Server) -> anyhow::Result<String> {
    let standing: Standing = server.get("/v1/status").await?;
    let ids: Vec<&str> = standing.drills.iter().map(|drill| drill.id.as_str()).collect();
    match ids.as_slice() {
        [] => bail!("no drill is running at {}; `firedrill drill list` names those that were", server.url()),
        [id] => Ok((*id).to_owned()),
        ids => bail!("{} drills are running at {}; choose one: {}", ids.len(), server.url(), ids.join(", ")),
    }
}

impl Running {
    /// Writes something into its journal; `action`: it tells of something that was done and no step says.
    pub(super) async fn note(&self, text: &str, action: bool) -> anyhow::Result<()> {
        match &self.place {
            Place::Here(drill) if action => Ok(drill.note_action(text).await?),
            Place::Here(drill) => Ok(drill.note(text).await?),
            Place::There(server) => {
                server.tell(&self.path("/notes"), &Note { text: text.to_owned(), action }).await
            }
        }
    }

    /// Says something about a step of its playbook.
    pub(super) async fn answer(
        &self,
        step: &str,
        answer: StepAnswer,
        role: Option<String>,
    ) -> anyhow::Result<()> {
        match &self.place {
            Place::Here(drill) => Ok(drill.answer(step, answer, role).await?),
            Place::There(server) => {
                server.tell(&self.path(&format!("/steps/{}", segment(step))), &Said { answer, role }).await
            }
        }
    }

    /// Starts its playbook.
    pub(super) async fn start_playbook(&self) -> anyhow::Result<()> {
        match &self.place {
            Place::Here(drill) => Ok(drill.start_playbook().await?),
            Place::There(server) => server.tell(&self.path("/playbook/start"), &serde_json::json!({})).await,
        }
    }

    /// Changes a fault that is on; gives old → new.
    pub(super) async fn set_fault(
        &self,
        fault: &str,
        changes: &[(String, String)],
    ) -> anyhow::Result<String> {
        match &self.place {
            Place::Here(drill) => Ok(drill.set_fault(fault, changes).await?),
            Place::There(server) => {
                let set = changes.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect();
                let path = self.path(&format!("/faults/{}", segment(fault)));
                let changed: Changed = server.post(&path, &SetFault { set }).await?;
                Ok(changed.change)
            }
        }
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/drills/{}{rest}", segment(&self.status.drill))
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
