use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{Field, Form, Json, Pairs, Scalar};

/// A request: its URL, or all of it.
pub type HttpForm = Form<String, Http>;

/// A request that the drill sends.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["url"]))]
pub struct Http {
    /// `http://…` or `https://…`.
    pub url: Field<String>,
    /// The method; absent: GET, or POST with a body.
    pub method: Field<String>,
    /// Headers by name.
    pub headers: Field<Pairs<Scalar>>,
    /// The body as text.
    pub body: Field<String>,
    /// The body as a value, sent as JSON.
    pub json: Field<Json>,
    /// A PEM file with the certificate authority to trust instead of the system's.
    pub ca: Field<String>,
}
