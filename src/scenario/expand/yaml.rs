//! YAML text of a value: blocks for maps and lists, words plain where nobody can misread them, else in quotes.

use serde_json::Value;

/// The document, with a line end.
pub(super) fn print(value: &Value) -> String {
    let mut out = String::new();
    block(value, 0, &mut out);
    out
}

fn block(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                pad(indent, out);
                out.push_str(&word(key));
                out.push(':');
                nested(value, indent + 2, out);
            }
        }
        Value::Array(list) => {
            for value in list {
                pad(indent, out);
                out.push('-');
                entry(value, indent + 2, out);
            }
        }
        scalar => {
            pad(indent, out);
            out.push_str(&text(scalar));
            out.push('\n');
        }
    }
}

/// What follows a key: on the same line, or as a block below it.
fn nested(value: &Value, indent: usize, out: &mut String) {
    if is_flat(value) {
        out.push(' ');
        out.push_str(&text(value));
        out.push('\n');
    } else {
        out.push('\n');
        block(value, indent, out);
    }
}

/// An entry of a list: a block begins on the line of its dash.
fn entry(value: &Value, indent: usize, out: &mut String) {
    if is_flat(value) {
        return nested(value, indent, out);
    }
    let mut inner = String::new();
    block(value, indent, &mut inner);
    out.push(' ');
    out.push_str(inner.trim_start_matches(' '));
}

fn pad(columns: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', columns));
}

fn is_flat(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => true,
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => word(text),
        // Numbers, booleans, null and empty blocks are written as in JSON.
        other => other.to_string(),
    }
}

fn word(text: &str) -> String {
    // A string in JSON's quotes is one in YAML's.
    if is_plain(text) { text.to_owned() } else { Value::from(text).to_string() }
}

/// Whether a text means itself without quotes, in every version of YAML.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let (Some(first), Some(last)) = (text.chars().next(), text.chars().next_back()) else { return false };
    let inside = |c: char| c.is_ascii_alphanumeric() || " _./%,+-".contains(c);
    // `2s` and `25%` are words; what begins and ends with a digit, and `0x1f`, may be read as a number.
    let number = first.is_ascii_digit()
        && (last.is_ascii_digit() || last == '.' || text.starts_with("0x") || text.starts_with("0o"));
    let begins = first.is_ascii_alphanumeric() || first == '/';
    begins
        && last != ' '
        && text.chars().all(inside)
        && !number
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_indented_and_doubtful_words_quoted() {
        let value = serde_json::json!({
            "a": {"b": [1, {"c": "2s", "d": []}], "e": {}},
            "no": ["true", "1.10", "0x1f", "a: b", "x #y", "${X}", "", "GET", "- a", "ü", " a", "100KB/s", "a\nb"],
            "list": [["x"], null, 1.5],
        });
        let expected = r#"a:
  b:
    - 1
    - c: 2s
      d: []
  e: {}
"no":
  - "true"
  - "1.10"
  - "0x1f"
  - "a: b"
  - "x #y"
  - "${X}"
  - ""
  - GET
  - "- a"
  - "ü"
  - " a"
  - 100KB/s
  - "a\nb"
list:
  - - x
  - null
  - 1.5
"#;
        assert_eq!(print(&value), expected);
    }
}
