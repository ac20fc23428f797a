use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::HttpForm;
use crate::fault::{Frequency, Period};
use crate::text::Field;

/// Open-loop traffic: requests leave when they are due, whether or not earlier ones were answered.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["http", "rate"]))]
pub struct Load {
    /// What is asked. A word is its URL.
    pub http: Field<HttpForm>,
    /// How often, for example `20/s`.
    pub rate: Field<Frequency>,
    /// When a request is given up; absent: `10s`.
    pub timeout: Field<Period>,
}
