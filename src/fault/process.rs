//! Faults on processes: which processes, how many, and what is done to them.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Glob, ParameterProblem, Percent, Period};

/// Which processes of a host: exactly one way to find them, and what to leave alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProcessSelector {
    /// The process name (`comm`, at most 15 bytes, or the file name of the executable), as a glob.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Glob>,
    /// The command line, arguments joined by spaces, as a glob.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Glob>,
    /// One process id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// The effective user, by name or number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// A TCP port that the process listens on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The path of the executable, as a glob.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe: Option<Glob>,
    /// Command lines that are left alone, as globs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Glob>,
    /// How many of those found; absent: all.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub how_many: Option<HowMany>,
}

/// How many of what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HowMany {
    /// So many; fewer found is an error.
    Count(u32),
    /// This share, rounded up: never nobody.
    Percent(Percent),
}

impl ProcessSelector {
    /// What is wrong with it, by key.
    pub(super) fn check(&self) -> Vec<ParameterProblem> {
        let problem = |key: &str, why: String, way_out: &str| ParameterProblem {
            key: key.to_owned(),
            why,
            way_out: way_out.to_owned(),
        };
        let ways = [
            ("name", self.name.is_some()),
            ("pattern", self.pattern.is_some()),
            ("pid", self.pid.is_some()),
            ("user", self.user.is_some()),
            ("port", self.port.is_some()),
            ("exe", self.exe.is_some()),
        ];
        let given: Vec<&str> = ways.iter().filter(|(_, given)| *given).map(|(key, _)| *key).collect();
        let mut problems = Vec::new();
        if given.is_empty() {
            problems.push(problem(
                "name",
                "or another selector is missing".into(),
                "give one of `name`, `pattern`, `pid`, `user`, `port`, `exe`",
            ));
        }
        if let [first, second, ..] = given[..] {
            problems.push(problem(second, format!("stands beside `{first}`"), "keep one selector"));
        }
        if matches!(self.pid, Some(0 | 1)) {
            problems.push(problem(
                "pid",
                "is the init process, which is always protected".into(),
                "name another",
            ));
        }
        match self.how_many {
            Some(HowMany::Count(0)) => {
                problems.push(problem("count", "is 0 and would hit nobody".into(), "use 1 or more"));
            }
            Some(HowMany::Percent(share)) if share == Percent::ZERO => {
                problems.push(problem("percent", "is 0% and would hit nobody".into(), "use more"));
            }
            _ => {}
        }
        problems
    }
}

/// Processes get a signal that ends them. Cannot be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessKill {
    /// Which processes.
    #[serde(flatten)]
    pub select: ProcessSelector,
    /// Which signal.
    #[serde(default)]
    pub signal: Signal,
}

/// Processes are ended and started again as they were. Cannot be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessRestart {
    /// Which processes.
    #[serde(flatten)]
    pub select: ProcessSelector,
    /// Which signal asks them to end.
    #[serde(default = "ProcessRestart::signal")]
    pub signal: Signal,
    /// How long they may take to end before they are killed.
    #[serde(default = "ProcessRestart::grace")]
    pub grace: Period,
}

impl ProcessRestart {
    /// The longest grace: whoever ordered the deed waits for its end.
    pub const GRACE_MAX: Period = Period::from_secs(20);

    /// The signal, where none is given.
    pub const fn signal() -> Signal {
        Signal::Term
    }

    /// The grace, where none is given.
    pub const fn grace() -> Period {
        Period::from_secs(10)
    }

    /// What is wrong with it, by key.
    pub(super) fn check(&self) -> Vec<ParameterProblem> {
        let mut problems = self.select.check();
        if self.grace > Self::GRACE_MAX {
            problems.push(ParameterProblem {
                key: "grace".into(),
                why: format!("is {} and may be {} at most", self.grace, Self::GRACE_MAX),
                way_out: "what has not ended by then is killed; give less".into(),
            });
        }
        problems
    }
}

/// Processes stand still (SIGSTOP) until the fault ends (SIGCONT).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessPause {
    /// Which processes.
    #[serde(flatten)]
    pub select: ProcessSelector,
}

/// The signals that end processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Signal {
    /// Cannot be caught.
    #[default]
    Kill,
    /// Asks for an orderly end.
    Term,
    /// As by Ctrl-C.
    Int,
    /// As when the terminal goes.
    Hup,
    /// Ends with a core dump.
    Quit,
    /// As by `abort()`.
    Abrt,
}

impl Signal {
    /// Every signal by its name without `SIG`.
    pub const ALL: [(&str, Self); 6] = [
        ("KILL", Self::Kill),
        ("TERM", Self::Term),
        ("INT", Self::Int),
        ("HUP", Self::Hup),
        ("QUIT", Self::Quit),
        ("ABRT", Self::Abrt),
    ];
}

impl FromStr for Signal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bare = text.strip_prefix("SIG").unwrap_or(text);
        Self::ALL.iter().find(|(name, _)| *name == bare).map(|(_, signal)| *signal).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|(name, _)| *name).collect();
            format!(
                "`{}` is no signal that ends a process; use one of {}",
                text.escape_debug(),
                names.join(", ")
            )
        })
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, signal)| signal == self).map_or("KILL", |(name, _)| name);
        f.write_str(name)
    }
}
