//! A toxic: as it is sent, as it is kept, as it is shown.

use serde::Serialize;
use serde_json::value::RawValue;

use super::kind::{Attributes, Kind};
use super::reading::{Fields, Place};
use super::refusal::Refusal;
use super::writing;
use crate::fault::Direction;

const STRUCTURE: &str = "ToxicWrapper";
const KNOWN: [&str; 5] = ["attributes", "name", "type", "stream", "toxicity"];

/// A toxic. The order of the fields is that of its JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Toxic {
    pub(super) attributes: Attributes,
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    /// As it was written: `upstream`, `DOWNSTREAM`, `both`.
    pub(super) stream: String,
    /// Any number; what is not between 0 and 1 acts as the nearest that is.
    #[serde(serialize_with = "writing::shortest")]
    pub(super) toxicity: f32,
}

impl Toxic {
    /// A toxic as it is sent to be made.
    pub(super) fn read(body: &RawValue, strict: bool) -> Result<Self, Refusal> {
        let fields = Fields::of(body, "toxics.ToxicWrapper")?;
        if strict {
            fields.only(&KNOWN)?;
        }
        let given = attributes(&fields)?;
        let name = fields.text(STRUCTURE, "name")?.unwrap_or_default();
        let kind = fields.text(STRUCTURE, "type")?.unwrap_or_default();
        let stream = fields.text(STRUCTURE, "stream")?.unwrap_or_else(|| "downstream".to_owned());
        let toxicity = fields.float(STRUCTURE, "toxicity")?.unwrap_or(1.0);
        direction(&stream).ok_or(Refusal::BadStream)?;
        let name = if name.is_empty() { format!("{kind}_{stream}") } else { name };
        let zero = Attributes::zero(Kind::named(&kind).ok_or(Refusal::BadType)?);
        if strict {
            given.only(zero.keys())?;
        }
        Ok(Self { attributes: zero.with(&given)?, name, kind: zero.kind.name(), stream, toxicity })
    }

    /// This one with the changes of a body: only attributes and toxicity change.
    pub(super) fn changed(&self, body: &RawValue, strict: bool) -> Result<Self, Refusal> {
        let fields = Fields::of(body, "toxics.ToxicWrapper")?;
        let given = attributes(&fields)?;
        if strict {
            fields.only(&KNOWN)?;
            given.only(self.attributes.keys())?;
        }
        let attributes = self.attributes.with(&given)?;
        let toxicity = fields.float(STRUCTURE, "toxicity")?.unwrap_or(self.toxicity);
        Ok(Self { attributes, toxicity, ..self.clone() })
    }

    pub(super) fn direction(&self) -> Direction {
        // Nothing else is ever kept.
        direction(&self.stream).unwrap_or_default()
    }
}

fn attributes(fields: &Fields) -> Result<Fields, Refusal> {
    Ok(fields.object(Place { structure: STRUCTURE, field: "attributes", kind: "toxics.Toxic" })?)
}

/// `both` is an extension of ours.
fn direction(stream: &str) -> Option<Direction> {
    match stream.to_lowercase().as_str() {
        "upstream" => Some(Direction::Request),
        "downstream" => Some(Direction::Response),
        "both" => Some(Direction::Both),
        _ => None,
    }
}

/// The word for a direction.
pub(super) const fn stream(direction: Direction) -> &'static str {
    match direction {
        Direction::Request => "upstream",
        Direction::Response => "downstream",
        Direction::Both => "both",
    }
}

#[cfg(test)]
mod tests {
    use super::super::reading::first_value;
    use super::*;

    fn read(body: &str) -> Result<String, String> {
        let toxic = Toxic::read(&first_value(body.as_bytes()).unwrap(), body.contains("strict"));
        toxic.map(|toxic| writing::json(&toxic).unwrap()).map_err(|refusal| refusal.message())
    }

    #[test]
    fn what_is_not_given_has_its_default_and_what_is_given_is_shown_as_given() {
        for (body, shown) in [
            (
                r#"{"type": "latency"}"#,
                r#"{"attributes":{"latency":0,"jitter":0},"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1}"#,
            ),
            (
                r#"{"type": "latency", "stream": "UPSTREAM", "toxicity": 2.5, "attributes": {"Latency": -5}}"#,
                r#"{"attributes":{"latency":-5,"jitter":0},"name":"latency_UPSTREAM","type":"latency","stream":"UPSTREAM","toxicity":2.5}"#,
            ),
            (
                r#"{"type": "slicer", "name": "s", "stream": null, "attributes": null, "more": 1}"#,
                r#"{"attributes":{"average_size":0,"size_variation":0,"delay":0},"name":"s","type":"slicer","stream":"downstream","toxicity":1}"#,
            ),
            (
                r#"{"type": "noop", "stream": "both", "toxicity": 0.2, "attributes": {"x": 1}}"#,
                r#"{"attributes":{},"name":"noop_both","type":"noop","stream":"both","toxicity":0.2}"#,
            ),
        ] {
            assert_eq!(read(body).unwrap(), shown, "{body}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_in_the_order_body_stream_type_attributes() {
        for (body, says) in [
            (
                r#"{"type": 5, "stream": ""}"#,
                "bad request body: json: cannot unmarshal number 5 into Go struct",
            ),
            (r#"{"type": "x", "stream": ""}"#, "stream was invalid"),
            (r#"{"type": "x", "attributes": {"latency": "5"}}"#, "invalid toxic type"),
            (r#"{"type": "LATENCY"}"#, "invalid toxic type"),
            (
                r#"{"type": "latency", "attributes": {"latency": "5"}}"#,
                "bad request body: json: cannot unmarshal string into Go struct field \
                 LatencyToxic.attributes.latency of type int64",
            ),
            (
                r#"{"type": "slicer", "attributes": {"delay": 1.5}}"#,
                "number 1.5 into Go struct field SlicerToxic",
            ),
            (r#"{"type": "noop", "attributes": 5}"#, "bad request body"),
            (r#"{"type": "noop", "strict": 1}"#, "unknown field \"strict\""),
            (
                r#"{"type": "latency", "name": "strict", "attributes": {"delay": 1}}"#,
                "unknown field \"delay\"",
            ),
        ] {
            let said = read(body).unwrap_err();
            assert!(said.contains(says), "{body}: {said}");
        }
    }

    #[test]
    fn a_change_merges_or_changes_nothing() {
        let toxic = |body: &str| Toxic::read(&first_value(body.as_bytes()).unwrap(), false).unwrap();
        let change = |toxic: &Toxic, body: &str| toxic.changed(&first_value(body.as_bytes()).unwrap(), false);
        let before = toxic(r#"{"type": "latency", "attributes": {"latency": 10, "jitter": 2}}"#);
        let after =
            change(&before, r#"{"attributes": {"jitter": 5}, "name": "n", "stream": "x", "type": 7}"#)
                .unwrap();
        assert_eq!((after.attributes.values, &after.name), ([10, 5, 0], &before.name));
        let refused = change(&before, r#"{"attributes": {"latency": 99, "jitter": "x"}}"#);
        assert!(matches!(refused, Err(Refusal::BadBody(_))));
        assert_eq!(change(&before, "null").unwrap(), before);
        assert_eq!(change(&before, r#"{"toxicity": 0.5}"#).unwrap().toxicity, 0.5);
    }
}
