//! Finds running drills by their sockets, and speaks with them.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use firedrill_proxy::control::wire::Problem;
use http::{Method, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

pub use super::peer::ourselves;
use super::socket::{PREFIX, SUFFIX};
use super::wire::{Changed, Drills, Halt, Note, Said, SetFault, Status};
use crate::playbook::event::StepAnswer;

/// How long one call may take; longer than the server waits for its engine.
const CALL_WITHIN: Duration = Duration::from_secs(8);
/// The largest answer that is read.
const ANSWER_MAX_BYTES: usize = 4 * 1024 * 1024;
/// How many sockets are looked at.
const SOCKETS_MAX: usize = 64;

/// Why a running drill could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum CallProblem {
    /// Nobody is there (any more).
    #[error("the drill behind `{}` is gone", path.display())]
    Gone {
        /// The socket.
        path: PathBuf,
    },
    /// The socket cannot be used.
    #[error("cannot use the control socket `{}`: {source}", path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The call broke.
    #[error("the call to the drill behind `{}` broke: {why}", path.display())]
    Broken {
        /// The socket.
        path: PathBuf,
        /// How.
        why: String,
    },
    /// It took too long.
    #[error("the drill behind `{}` did not answer within {} s", path.display(), CALL_WITHIN.as_secs())]
    Late {
        /// The socket.
        path: PathBuf,
    },
    /// The drill said no.
    #[error("{0}")]
    Refused(Problem),
}

/// Why no drill could be chosen.
#[derive(Debug, thiserror::Error)]
pub enum FindProblem {
    /// The directory cannot be read.
    #[error("cannot look for running drills in `{}`: {source}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// None runs.
    #[error("no drill is running here (looked in `{}`)", path.display())]
    None {
        /// The directory.
        path: PathBuf,
    },
    /// None of those running is meant.
    #[error("no drill `{wanted}` is running here; running: {}", running.join(", "))]
    Unknown {
        /// The id given.
        wanted: String,
        /// The ids running.
        running: Vec<String>,
    },
    /// More than one runs.
    #[error("{} drills are running here; choose one with --drill: {}", running.len(), running.join(", "))]
    Several {
        /// The ids running.
        running: Vec<String>,
    },
    /// A socket is there, but whoever made it does not answer.
    #[error(transparent)]
    Call(#[from] CallProblem),
}

/// A running drill.
#[derive(Clone, Debug)]
pub struct Drill {
    path: PathBuf,
    /// How it stood when it was found.
    pub status: Status,
}

/// Every running drill, by id. Sockets that nobody listens on any more are removed; drills that do not answer are
/// given beside the others, so that nobody takes them for absent.
pub async fn running(runtime_dir: &Path) -> Result<(Vec<Drill>, Vec<CallProblem>), FindProblem> {
    let failed = |source| FindProblem::Directory { path: runtime_dir.to_owned(), source };
    let entries = match std::fs::read_dir(runtime_dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), Vec::new())),
        Err(error) => return Err(failed(error)),
    };
    let mut sockets = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let is_ours = name.to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX));
        if is_ours && sockets.len() < SOCKETS_MAX {
            sockets.push(entry.path());
        }
    }
    let (mut drills, mut silent) = (Vec::new(), Vec::new());
    for path in sockets {
        match call::<Drills>(&path, Method::GET, "/v1/drills", None).await {
            Ok(found) => {
                drills.extend(found.drills.into_iter().map(|status| Drill { path: path.clone(), status }));
            }
            // Its process is gone and could not clean up.
            Err(CallProblem::Gone { path }) => drop(std::fs::remove_file(path)),
            // It ends right now.
            Err(CallProblem::Refused(problem)) if problem.status == 503 => {}
            Err(problem) => silent.push(problem),
        }
    }
    drills.sort_by(|a, b| a.status.drill.cmp(&b.status.drill));
    Ok((drills, silent))
}

/// The drill with this id, or the only one.
pub async fn find(runtime_dir: &Path, wanted: Option<&str>) -> Result<Drill, FindProblem> {
    let (mut drills, mut silent) = running(runtime_dir).await?;
    let ids = |drills: &[Drill]| drills.iter().map(|drill| drill.status.drill.clone()).collect::<Vec<_>>();
    if let Some(wanted) = wanted
        && !drills.is_empty()
    {
        return match drills.iter().position(|drill| drill.status.drill == wanted) {
            Some(at) => Ok(drills.swap_remove(at)),
            None => Err(FindProblem::Unknown { wanted: wanted.to_owned(), running: ids(&drills) }),
        };
    }
    match (drills.len(), silent.is_empty()) {
        (1, _) => Ok(drills.swap_remove(0)),
        (0, true) => Err(FindProblem::None { path: runtime_dir.to_owned() }),
        (0, false) => Err(silent.swap_remove(0).into()),
        _ => Err(FindProblem::Several { running: ids(&drills) }),
    }
}

impl Drill {
    /// How it stands now.
    pub async fn status(&self) -> Result<Status, CallProblem> {
        call(&self.path, Method::GET, &self.route(""), None).await
    }

    /// Tells it to stop and take everything back; returns once it was told.
    pub async fn halt(&self, reason: &str) -> Result<(), CallProblem> {
        let body = Halt { reason: reason.to_owned() };
        call::<Nothing>(&self.path, Method::POST, "/v1/halt", Some(json(&body))).await.map(drop)
    }

    /// Writes something into its journal.
    pub async fn note(&self, text: &str) -> Result<(), CallProblem> {
        self.post("/notes", &Note { text: text.to_owned(), action: false }).await
    }

    /// Writes down what somebody did that no step says.
    pub async fn note_action(&self, text: &str) -> Result<(), CallProblem> {
        self.post("/notes", &Note { text: text.to_owned(), action: true }).await
    }

    /// Says something about a step of its playbook.
    pub async fn answer(
        &self,
        step: &str,
        answer: StepAnswer,
        role: Option<String>,
    ) -> Result<(), CallProblem> {
        self.post(&format!("/steps/{}", percent_encoded(step)), &Said { answer, role }).await
    }

    /// Starts its playbook.
    pub async fn start_playbook(&self) -> Result<(), CallProblem> {
        self.post("/playbook/start", &serde_json::json!({})).await
    }

    async fn post<T: Serialize + Sync>(&self, rest: &str, body: &T) -> Result<(), CallProblem> {
        call::<Nothing>(&self.path, Method::POST, &self.route(rest), Some(json(body))).await.map(drop)
    }

    /// Changes a fault that is on; gives old → new.
    pub async fn set_fault(&self, fault: &str, changes: &[(String, String)]) -> Result<String, CallProblem> {
        let set = changes.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect();
        let path = self.route(&format!("/faults/{}", percent_encoded(fault)));
        let changed: Changed = call(&self.path, Method::POST, &path, Some(json(&SetFault { set }))).await?;
        Ok(changed.change)
    }

    fn route(&self, rest: &str) -> String {
        format!("/v1/drills/{}{rest}", percent_encoded(&self.status.drill))
    }
}

/// An empty answer.
#[derive(serde::Deserialize)]
struct Nothing {}

fn json<T: Serialize>(body: &T) -> Bytes {
    // These bodies are maps of texts, which always have a JSON form.
    serde_json::to_vec(body).unwrap_or_default().into()
}

/// A path segment in which nothing is special.
fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

async fn call<T: DeserializeOwned>(
    path: &Path,
    method: Method,
    route: &str,
    body: Option<Bytes>,
) -> Result<T, CallProblem> {
    match tokio::time::timeout(CALL_WITHIN, exchange(path, method, route, body)).await {
        Ok(Ok((status, answer))) if status.is_success() => {
            let answer = if answer.is_empty() { Bytes::from_static(b"{}") } else { answer };
            serde_json::from_slice(&answer).map_err(|error| CallProblem::Broken {
                path: path.to_owned(),
                why: format!("the answer is not what is expected: {error}"),
            })
        }
        Ok(Ok((status, answer))) => Err(CallProblem::Refused(problem(status, &answer))),
        Ok(Err(problem)) => Err(problem),
        Err(_) => Err(CallProblem::Late { path: path.to_owned() }),
    }
}

fn problem(status: StatusCode, answer: &[u8]) -> Problem {
    serde_json::from_slice(answer).unwrap_or_else(|_| Problem {
        status: status.as_u16(),
        title: "refused".to_owned(),
        detail: format!("the drill answered {status}"),
    })
}

async fn exchange(
    path: &Path,
    method: Method,
    route: &str,
    body: Option<Bytes>,
) -> Result<(StatusCode, Bytes), CallProblem> {
    let stream = UnixStream::connect(path).await.map_err(|source| match source.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
            CallProblem::Gone { path: path.to_owned() }
        }
        _ => CallProblem::Socket { path: path.to_owned(), source },
    })?;
    let broken = |why: String| CallProblem::Broken { path: path.to_owned(), why };
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(error.to_string()))?;
    let request = http::Request::builder()
        .method(method)
        .uri(route)
        .header(header::HOST, "firedrill")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(body.unwrap_or_default()))
        .map_err(|error| broken(error.to_string()))?;
    let answered = async {
        let response = sender.send_request(request).await.map_err(|error| broken(error.to_string()))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_MAX_BYTES)
            .collect()
            .await
            .map_err(|error| broken(error.to_string()))?;
        Ok((status, body.to_bytes()))
    };
    // The connection only moves while it is polled; it may end first, once the answer has been read from it.
    let (mut answered, mut connection) = (std::pin::pin!(answered), std::pin::pin!(connection));
    tokio::select! {
        answer = answered.as_mut() => answer,
        _ = connection.as_mut() => answered.await,
    }
}
