//! The worker: does the deeds, and takes them back.

use std::ffi::OsString;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::clock::boot_time;
use super::deed::{Deed, candidates};
use super::heal::{EXTENSION, HealReport, heal};
use super::identity::{Identity, boot_id, pid_namespace};
use super::link::{Link, Started};
use super::policy::Policy;
use super::refusal::AgentError;
use super::standing::Standing;
use super::undo::{Entry, UndoJournal, VERSION};
use super::wire::ToGuardian;
use crate::fault::{Draws, Evidence, HostFault, Period};

/// How the agent is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where undo journals are kept.
    pub state_dir: PathBuf,
    /// How the guardian is started.
    pub guardian: GuardianProgram,
    /// Whose faults these are: a drill's id.
    pub owner: String,
    /// What the host's owner forbids.
    pub policy: Policy,
}

/// The program that becomes the guardian; `--journal PATH` is added.
#[derive(Clone, Debug)]
pub struct GuardianProgram {
    /// The executable.
    pub program: PathBuf,
    /// Its arguments: `agent guardian`.
    pub args: Vec<OsString>,
}

/// A process that a fault would hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its number.
    pub pid: i32,
    /// Its name.
    pub name: String,
    /// Its command line.
    pub command: String,
}

/// A fault that is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// On what, in words.
    pub detail: String,
}

/// A fault that was taken back.
#[derive(Clone, Debug, PartialEq)]
pub struct Removed {
    /// What it had done.
    pub evidence: Evidence,
    /// What it left behind; empty: nothing.
    pub residue: Vec<String>,
}

/// A fault that ended without `remove`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Its id.
    pub fault: String,
    /// Why.
    pub why: String,
}

/// The worker's side of the agent. Dropped without [`Agent::stop`], its guardian takes everything back.
#[derive(Debug)]
pub struct Agent {
    standing: Arc<Standing>,
    link: Link,
    policy: Arc<Policy>,
    healed: HealReport,
}

impl Agent {
    /// Undoes what dead lives left, starts the guardian, and waits until it answers.
    pub async fn start(options: Options) -> Result<Self, AgentError> {
        let Options { state_dir, guardian, owner, policy } = options;
        let folder = state_dir.clone();
        let (journal, unused, healed) = blocking(move || prepare(&folder, &owner)).await??;
        let started = Started::start(&guardian, journal.path()).await?;
        unused.into_use();
        let standing = Arc::new(Standing::new(journal));
        let link = started.attend(Arc::clone(&standing));
        Ok(Self { standing, link, policy: Arc::new(policy), healed })
    }

    /// What dead lives had left, and what became of it.
    pub fn healed(&self) -> &HealReport {
        &self.healed
    }

    /// Who would be hit (before `count` or `percent` choose among them), oldest first. Changes nothing.
    pub fn find(&self, fault: &HostFault) -> Result<Vec<Found>, AgentError> {
        let candidates = candidates(fault, Some(self.link.guardian()), &self.policy)?;
        let found = |seen: super::processes::Seen| Found {
            pid: seen.identity.pid,
            command: seen.command(),
            name: seen.name,
        };
        Ok(candidates.seen.into_iter().map(found).collect())
    }

    /// Applies a fault as one transaction: looks, writes the way back, does the deed, and sees its effect, or takes it
    /// back. Once begun it is finished, even when the caller no longer waits.
    pub async fn apply(
        &self,
        id: &str,
        fault: &HostFault,
        draws: &mut Draws,
        lease: Period,
        max: Option<Period>,
    ) -> Result<Applied, AgentError> {
        let turn = self.standing.turn().await;
        self.health().map_err(|why| AgentError::NoGuardian { why })?;
        if self.standing.is_on(id) {
            return Err(AgentError::AlreadyApplied { fault: id.into() });
        }
        if let Some(why) = self.policy.above(max, fault.is_instant(), self.standing.count_on()) {
            return Err(AgentError::AboveCeiling { fault: id.into(), why });
        }
        let (of, guardian, policy) = (fault.clone(), self.link.guardian(), Arc::clone(&self.policy));
        let candidates = blocking(move || candidates(&of, Some(guardian), &policy)).await??;
        let deed = Deed::choose(fault, candidates, draws)?;
        self.renew(lease).await;
        if let Some(max) = max {
            let until = boot_time().saturating_add(max.duration());
            self.link.say(ToGuardian::Max { fault: id.into(), until }).await;
        }
        let (standing, name) = (Arc::clone(&self.standing), id.to_owned());
        let applied = blocking(move || {
            let _turn = turn;
            standing.apply(&name, deed)
        })
        .await?;
        if applied.is_err() {
            self.link.say(ToGuardian::Forget { fault: id.into() }).await;
        }
        applied
    }

    /// What a fault has done by now, looked at in `/proc`: how many processes fit, and how many were hit.
    pub async fn measure(&self, id: &str) -> Evidence {
        let (standing, id) = (Arc::clone(&self.standing), id.to_owned());
        blocking(move || standing.measure(&id)).await.unwrap_or_default()
    }

    /// Renews the lease of all faults. Without it, the guardian takes them back.
    pub async fn renew(&self, lease: Period) {
        let until = boot_time().saturating_add(lease.duration());
        self.link.say(ToGuardian::Lease { until }).await;
    }

    /// Takes a fault back and looks that nothing of it is left. Idempotent.
    pub async fn remove(&self, id: &str) -> Result<Removed, AgentError> {
        let turn = self.standing.turn().await;
        let (standing, name) = (Arc::clone(&self.standing), id.to_owned());
        let removed = blocking(move || {
            let _turn = turn;
            standing.undo(&name)
        })
        .await??;
        self.link.say(ToGuardian::Forget { fault: id.into() }).await;
        Ok(removed)
    }

    /// An error once the guardian is gone: every fault is off then, and none can be applied.
    pub fn health(&self) -> Result<(), String> {
        self.standing.health()
    }

    /// The faults that ended without `remove` since the last call (their `max`, a lost guardian).
    pub fn lost(&self) -> Vec<Lost> {
        self.standing.take_lost()
    }

    /// Takes everything back and ends the guardian; says what is left behind.
    pub async fn stop(self) -> Vec<String> {
        let Self { standing, link, .. } = self;
        let turn = standing.turn().await;
        let all = Arc::clone(&standing);
        let undone = blocking(move || {
            let _turn = turn;
            all.undo_all()
        });
        let mut residue = undone.await.unwrap_or_else(|error| vec![error.to_string()]);
        link.end().await;
        if residue.is_empty()
            && let Err(error) = standing.close()
        {
            residue.push(error.to_string());
        }
        residue
    }
}

/// The file of an undo journal before the first deed: a later life need not know of it, so it goes when this is
/// dropped.
struct Unused(Option<PathBuf>);

impl Unused {
    fn into_use(mut self) {
        self.0 = None;
    }
}

impl Drop for Unused {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Undoes what dead lives left, and opens an undo journal for this one.
fn prepare(state_dir: &Path, owner: &str) -> Result<(UndoJournal, Unused, HealReport), AgentError> {
    let file = |what, path: &Path, source| AgentError::File { what, path: path.into(), source };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state_dir)
        .map_err(|source| file("create directory", state_dir, source))?;
    let healed = heal(state_dir);
    let path = state_dir.join(format!("{}.{EXTENSION}", as_file_name(owner)));
    let opened = Entry::Opened {
        version: VERSION,
        owner: owner.to_owned(),
        boot_id: boot_id()?,
        pid_namespace: pid_namespace(),
        worker: Identity::of_self()?,
    };
    let journal = UndoJournal::create(&path, &opened).map_err(|source| {
        let left = source.kind() == std::io::ErrorKind::AlreadyExists;
        file(
            if left { "another run of this name holds undo journal" } else { "create undo journal" },
            &path,
            source,
        )
    })?;
    Ok((journal, Unused(Some(path)), healed))
}

fn as_file_name(owner: &str) -> String {
    owner
        .chars()
        .take(120)
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' })
        .collect()
}

/// Runs what may block (the disk, a look at every process) away from the timers.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, AgentError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| AgentError::Proc {
        what: "the outcome of an operation".into(),
        why: error.to_string(),
    })
}
