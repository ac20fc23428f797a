use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::Field;

/// Where a secret is found: exactly one of the two.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Secret {
    /// In this environment variable.
    pub env: Field<String>,
    /// In this file.
    pub file: Field<String>,
}
