//! Why the office does not do what it was asked, in words that go out as they are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::view::FileProblem;
use crate::coordinator::said::Unfit;
use crate::store::StoreError;
use crate::text::{Problems, Severity, Source, location};

const OF_THE_STORE: &str = "the store does not take it";

/// Why not, with the HTTP status that says the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("{title}: {detail}")]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// What kind of refusal: short, the same each time.
    pub title: String,
    /// What exactly, and the way out.
    pub detail: String,
    /// What is wrong with the files that were handed in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<FileProblem>,
}

impl Refusal {
    /// Whether the store is the reason, which may be another one the next time.
    pub(in crate::coordinator) fn is_of_the_store(&self) -> bool {
        self.title == OF_THE_STORE
    }

    /// A refusal in words.
    pub fn new(status: u16, title: &str, detail: impl Into<String>) -> Self {
        Self { status, title: title.to_owned(), detail: detail.into(), problems: Vec::new() }
    }

    /// There is no such thing.
    pub fn unknown(what: &str, id: &str, see: &str) -> Self {
        let shown: String = id.chars().take(80).flat_map(char::escape_debug).collect();
        Self::new(404, &format!("no such {what}"), format!("there is no {what} `{shown}`; {see}"))
    }

    /// It cannot be done as things stand.
    pub fn conflict(title: &str, detail: impl Into<String>) -> Self {
        Self::new(409, title, detail)
    }

    /// What was handed in cannot be used.
    pub fn unfit(title: &str, detail: impl Into<String>) -> Self {
        Self::new(422, title, detail)
    }
}

impl From<Unfit> for Refusal {
    fn from(Unfit { title, detail }: Unfit) -> Self {
        Self::unfit(title, detail)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let status = match error {
            StoreError::Unfit { .. } => 422,
            StoreError::Changed { .. } | StoreError::NotNext { .. } => 409,
            StoreError::Fenced { .. }
            | StoreError::Held { .. }
            | StoreError::Unusable { .. }
            | StoreError::Failed { .. } => 503,
        };
        Self::new(status, OF_THE_STORE, error.to_string())
    }
}

/// What is wrong with files, as lines: errors and warnings, each file's in the order of its places.
pub(super) fn file_problems(files: Vec<(Source, Problems)>) -> Vec<FileProblem> {
    let mut all = Vec::new();
    for (source, problems) in files {
        for problem in problems.into_sorted() {
            let (line, column) = location(&source, problem.span);
            all.push(FileProblem {
                file: source.path.clone(),
                line,
                column,
                severity: match problem.severity {
                    Severity::Error => "error".to_owned(),
                    Severity::Warning => "warning".to_owned(),
                },
                rule: problem.rule.to_owned(),
                message: problem.message,
                help: problem.help,
            });
        }
    }
    all
}
