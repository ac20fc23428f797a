//! A rules file as a tree. The shop is to know nothing of the product, and so it reads YAML itself.

use granit_parser::{Event, Parser, ScalarStyle, options};
use serde_json::{Map, Value};

const DEPTH_MAX: usize = 16;
const NODES_MAX: usize = 20_000;

/// A list or map that is not finished.
enum Open {
    List(Vec<Value>),
    Map(Map<String, Value>, Option<String>),
}

/// The one document of a text; every scalar is a text, or nothing.
pub(super) fn read(text: &str) -> Result<Value, String> {
    let limits = options! {
        disallow_directives: true,
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        flow_nesting_limit: DEPTH_MAX,
        block_nesting_limit: DEPTH_MAX,
    };
    let (mut stack, mut root, mut nodes) = (Vec::new(), Value::Null, 0_usize);
    for event in Parser::new_from_str_with_options(text, limits) {
        let (event, span) = event.map_err(|error| error.to_string())?;
        let whole = match event {
            Event::Scalar(text, style, ..) => {
                // The parser says `~` where nothing was written.
                let nothing = style == ScalarStyle::Plain && text == "~";
                if nothing { Value::Null } else { Value::String(text.into_owned()) }
            }
            Event::SequenceStart(..) => {
                stack.push(Open::List(Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                stack.push(Open::Map(Map::new(), None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match stack.pop() {
                Some(Open::List(items)) => Value::Array(items),
                Some(Open::Map(map, _)) => Value::Object(map),
                None => Value::Null,
            },
            Event::Alias(_) | Event::UnresolvedAlias(_) | Event::Anchor(..) => {
                return Err("anchors and aliases are not read; write the value out".to_owned());
            }
            _ => continue,
        };
        nodes += 1;
        if nodes > NODES_MAX {
            return Err(format!("it has more than {NODES_MAX} values"));
        }
        match stack.last_mut() {
            None => root = whole,
            Some(Open::List(items)) => items.push(whole),
            Some(Open::Map(map, key)) => match (key.take(), whole) {
                (None, Value::String(name)) => *key = Some(name),
                (None, _) => return Err(format!("line {}: a key must be a text", span.start.line())),
                (Some(name), whole) => {
                    if map.insert(name.clone(), whole).is_some() {
                        return Err(format!("line {}: the key `{name}` stands twice", span.start.line()));
                    }
                }
            },
        }
    }
    Ok(root)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn block_and_flow_are_read_alike_and_what_is_no_tree_is_refused() {
        let block = "a:\n  - b: '1'\n    c: >-\n      x\n      y\n  - d:\n";
        let flow = "{a: [{b: 1, c: x y}, {d: }]}";
        assert_eq!(read(block).unwrap(), json!({"a": [{"b": "1", "c": "x y"}, {"d": null}]}));
        assert_eq!(read(flow).unwrap(), read(block).unwrap());
        assert!(read("a: 1\na: 2\n").unwrap_err().contains("twice"));
        assert!(read("a: &x 1\nb: *x\n").unwrap_err().contains("anchors"));
        assert!(read("a: [1").is_err());
        assert!(read(&"[".repeat(100)).is_err());
    }
}
