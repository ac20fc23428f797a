//! What a drill came to, in plain words: the headline, the verdicts with their rules, what happened in order, what went
//! well, what surprised, and what to do next. Every form of the report says this, and nothing else.

mod headline;
mod next;
mod told;
mod verdicts;

pub use headline::Headline;
pub use next::Advice;
pub use told::Sentence;
pub use verdicts::{Verdict, known};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Report;

/// A drill in plain words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Story {
    /// The one thing to remember.
    pub headline: Headline,
    /// Each result as a word with its rule.
    pub verdicts: Vec<Verdict>,
    /// What happened, in order.
    pub told: Vec<Sentence>,
    /// What went well.
    pub went_well: Vec<String>,
    /// What nobody had planned or expected.
    pub surprises: Vec<String>,
    /// What to do next, the most urgent first; at most three.
    pub next: Vec<Advice>,
}

/// How good a word is. The word alone carries the meaning too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    /// What one hopes for.
    Good,
    /// Neither good nor bad, or nothing can be said.
    Neutral,
    /// Worth a look.
    Doubtful,
    /// What must be mended.
    Bad,
}

impl Tone {
    /// Its sign, so that colour is never the only carrier.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Neutral => "–",
            Self::Doubtful => "!",
            Self::Bad => "✗",
        }
    }
}

impl Tone {
    /// Its class in the style sheet of the report and of the pages.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Neutral => "neutral",
            Self::Doubtful => "doubtful",
            Self::Bad => "bad",
        }
    }
}

impl Story {
    /// Of one drill.
    pub fn of(report: &Report) -> Self {
        let (went_well, surprises) = (next::went_well(report), next::surprises(report));
        Self {
            headline: headline::of(report),
            verdicts: verdicts::of(report),
            told: told::of(report),
            went_well,
            surprises,
            next: next::advice(report),
        }
    }
}

/// A length of time as people say it.
pub(super) fn span(time: std::time::Duration) -> String {
    crate::drill::words::short(time)
}
