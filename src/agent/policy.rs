//! What the host's owner forbids; nobody else can override it.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::Deserialize;

use super::refusal::AgentError;
use crate::fault::{Fault, Glob, Percent, Period};
use crate::text::{Field, Problems, Source, nearest, quote, read, render_short};

/// The host owner's policy: it can forbid more than is always protected, never less.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Kinds of fault that are refused (`faults.deny`).
    pub deny: Vec<String>,
    /// The longest `max` of a fault (`duration_max`).
    pub duration_max: Option<Period>,
    /// How many faults may be on at once (`concurrent_max`).
    pub concurrent_max: Option<u32>,
    /// Names of processes (`comm` or the file name of the executable) that are never touched (`protect.processes`).
    pub protect_processes: Vec<Glob>,
    /// Names of systemd units whose processes are never touched (`protect.units`).
    pub protect_units: Vec<Glob>,
}

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    faults: Field<WrittenFaults>,
    duration_max: Field<Period>,
    concurrent_max: Field<u32>,
    percent_max: Field<Percent>,
    windows: Field<Vec<Field<String>>>,
    approvals: Field<WrittenApprovals>,
    protect: Field<WrittenProtect>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenFaults {
    deny: Field<Vec<Field<String>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenApprovals {
    from: Field<Vec<Field<String>>>,
    count: Field<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenProtect {
    units: Field<Vec<Field<String>>>,
    paths: Field<Vec<Field<String>>>,
    processes: Field<Vec<Field<String>>>,
}

impl Policy {
    /// Reads `policy.yaml`; a file that is not there forbids nothing. One that cannot be held in full, or that others
    /// can write, is refused, and then there is no agent.
    pub fn open(path: &Path) -> Result<Self, AgentError> {
        let file =
            |source| AgentError::File { what: "read the policy of this host", path: path.into(), source };
        let metadata = match std::fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            metadata => metadata.map_err(file)?,
        };
        let own = nix::unistd::geteuid().as_raw();
        if (metadata.uid() != 0 && metadata.uid() != own) || metadata.mode() & 0o022 != 0 {
            let why = "others can write it, so it says nothing; `chown root` and `chmod go-w` it";
            return Err(file(io::Error::other(why)));
        }
        Self::of(&Source::open(path).map_err(file)?)
    }

    fn of(source: &Source) -> Result<Self, AgentError> {
        let mut problems = Problems::new();
        let written: Written = read(source, &mut problems).unwrap_or_default();
        let policy = checked(&written, &mut problems);
        if problems.has_errors() {
            let all = render_short(&problems.into_sorted(), source);
            return Err(AgentError::Policy { problems: all.trim_end().to_owned() });
        }
        Ok(policy)
    }

    /// Whether a kind of fault is refused.
    pub fn denies(&self, kind: &str) -> bool {
        self.deny.iter().any(|denied| denied == kind)
    }

    /// Why a fault may not be applied beside so many others, if it may not.
    pub(super) fn above(&self, max: Option<Period>, is_instant: bool, others: usize) -> Option<String> {
        if let Some(limit) = self.duration_max.filter(|_| !is_instant)
            && max.is_none_or(|max| max > limit)
        {
            let max = max.map_or_else(|| "no `max`".to_owned(), |max| format!("`max: {max}`"));
            return Some(format!("{max}, and `duration_max` is {limit}"));
        }
        let limit = self.concurrent_max.filter(|limit| others as u64 >= u64::from(*limit))?;
        Some(format!("{others} other faults are on, and `concurrent_max` is {limit}"))
    }
}

fn checked(written: &Written, problems: &mut Problems) -> Policy {
    let WrittenProtect { units, paths: _, processes } = written.protect.get().unwrap_or(&NO_PROTECT);
    // `paths` are for faults on files, of which this version has none: held by doing nothing.
    let globs = |list: &Field<Vec<Field<String>>>| {
        strings(list).map(|(text, _)| Glob(text.clone())).collect::<Vec<_>>()
    };
    let unheld = [
        ("windows", written.windows.key(), "the time of day"),
        ("approvals", written.approvals.key(), "who agreed"),
        ("percent_max", written.percent_max.key(), "a share of traffic"),
    ];
    for (key, at, what) in unheld {
        if let Some(at) = at {
            let message =
                format!("`{key}` cannot be held by a host: this version does not know {what} there");
            problems
                .error("policy-unheld", at, message)
                .help("write it into the environment's policy instead");
        }
    }
    let mut deny = Vec::new();
    for (kind, at) in written.faults.get().into_iter().flat_map(|faults| strings(&faults.deny)) {
        // A kind of a later version may be denied already; what only looks like one of ours is a slip that would allow it.
        if !Fault::kinds().any(|known| known == kind)
            && let Some(near) = nearest(kind, Fault::kinds())
        {
            let help = format!("did you mean `{near}`?");
            problems.error("unknown-fault", at, format!("there is no fault {}", quote(kind))).help(help);
        }
        deny.push(kind.clone());
    }
    Policy {
        deny,
        duration_max: written.duration_max.get().copied(),
        concurrent_max: written.concurrent_max.get().copied(),
        protect_processes: globs(processes),
        protect_units: globs(units),
    }
}

const NO_PROTECT: WrittenProtect =
    WrittenProtect { units: Field::Absent, paths: Field::Absent, processes: Field::Absent };

fn strings(list: &Field<Vec<Field<String>>>) -> impl Iterator<Item = (&String, crate::text::Span)> {
    list.get().into_iter().flatten().filter_map(|entry| Some((entry.get()?, entry.span()?)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn of(text: &str) -> Result<Policy, String> {
        Policy::of(&Source::new("policy.yaml", text)).map_err(|error| error.to_string())
    }

    #[test]
    fn all_that_a_host_can_hold_is_read() {
        let text = "faults: {deny: [process_kill, shutdown]}\nduration_max: 5m\nconcurrent_max: 2\n\
                    protect: {processes: [postgres*], units: [payments.service], paths: [/var/lib/postgresql]}\n";
        let globs = |text: &str| vec![Glob(text.to_owned())];
        let expected = Policy {
            deny: vec!["process_kill".into(), "shutdown".into()],
            duration_max: Some(Period::from_secs(300)),
            concurrent_max: Some(2),
            protect_processes: globs("postgres*"),
            protect_units: globs("payments.service"),
        };
        assert_eq!(of(text).unwrap(), expected);
    }

    #[test]
    fn what_cannot_be_held_or_is_a_slip_is_refused_and_never_ignored() {
        for (text, expected) in [
            ("windows: [Mon-Fri 09:00-17:00]", "policy.yaml:1:1: error: `windows` cannot be held"),
            ("approvals: {count: 2}", "`approvals` cannot be held"),
            ("percent_max: 1%", "`percent_max` cannot be held"),
            ("faults: {deny: [proces_kill]}", "did you mean `process_kill`?"),
            ("protect: {process: [a]}", "process"),
            ("duration_max: soon", "soon"),
            ("[]", "policy.yaml:1:1"),
        ] {
            let refusal = of(text).unwrap_err();
            assert!(refusal.contains(expected), "{text}: {refusal}");
        }
    }

    #[test]
    fn ceilings_are_held() {
        let policy = of("duration_max: 1m\nconcurrent_max: 1").unwrap();
        let (short, long) = (Some(Period::from_secs(60)), Some(Period::from_secs(61)));
        assert_eq!(policy.above(short, false, 0), None);
        assert_eq!(policy.above(None, true, 0), None, "an instant fault has no max");
        for (max, others, expected) in [
            (long, 0, "`max: 1m1s`, and `duration_max` is 1m"),
            (None, 0, "no `max`"),
            (short, 1, "`concurrent_max` is 1"),
        ] {
            assert!(policy.above(max, false, others).unwrap().contains(expected));
        }
    }

    #[test]
    fn a_policy_that_others_can_write_is_refused_and_one_that_is_not_there_forbids_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.yaml");
        assert_eq!(Policy::open(&path).unwrap(), Policy::default());
        std::fs::write(&path, "faults: {deny: [process_kill]}").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(Policy::open(&path).unwrap().denies("process_kill"));
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).unwrap();
        let refusal = Policy::open(&path).unwrap_err().to_string();
        assert!(refusal.contains("others can write it"), "{refusal}");
    }
}
