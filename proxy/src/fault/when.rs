//! When an answer of the proxy's own takes the place of the upstream's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether the upstream saw the request that the proxy answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// It never did: nothing has happened there.
    #[default]
    Before,
    /// It did, and answered; its answer is thrown away, and what it has done stays done.
    After,
}

impl When {
    /// Whether it is the default.
    pub const fn is_before(&self) -> bool {
        matches!(self, Self::Before)
    }

    /// Whether the upstream sees the request.
    pub const fn is_after(self) -> bool {
        matches!(self, Self::After)
    }
}
