//! Writing JSON byte for byte as Toxiproxy's clients have always seen it.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A value as JSON text in which `<`, `>`, `&` and the two line separators of Unicode are written as escapes.
pub(super) fn json(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let plain = serde_json::to_string(value)?;
    let mut out = String::with_capacity(plain.len());
    for c in plain.chars() {
        // None of these stands outside of a string in JSON, so each one is inside of one.
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    Ok(out)
}

/// A number of single precision in the fewest digits that mean it: `1`, `0.2`, `1e-7`.
pub(super) fn shortest<S: Serializer>(number: &f32, to: S) -> Result<S::Ok, S::Error> {
    let size = number.abs();
    let text = if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{number:e}");
        if text.contains("e-") { text } else { text.replace('e', "e+") }
    } else {
        number.to_string()
    };
    RawValue::from_string(text).map_err(serde::ser::Error::custom)?.serialize(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct One(#[serde(serialize_with = "shortest")] f32);

    #[test]
    fn numbers_of_single_precision_are_as_short_as_can_be() {
        for (number, text) in [
            (1.0, "1"),
            (0.2, "0.2"),
            (0.25, "0.25"),
            (0.0, "0"),
            (-1.0, "-1"),
            (2.5, "2.5"),
            (1e-7, "1e-7"),
            (1e21, "1e+21"),
            (16_777_216.0, "16777216"),
        ] {
            assert_eq!(json(&One(number)).unwrap(), text);
        }
    }

    #[test]
    fn what_html_knows_is_escaped() {
        assert_eq!(json(&"a<b>&\u{2028}\"é\n\u{1}").unwrap(), r#""a\u003cb\u003e\u0026\u2028\"é\n\u0001""#);
    }
}
