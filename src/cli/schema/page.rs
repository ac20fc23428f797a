//! A schema as a page for people: one table for each block, in the order in which a reader meets them.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

/// The page about files of one kind, in Markdown.
pub(super) fn of(kind: &str, schema: &Value) -> String {
    let title = text(schema, "title");
    let mut page = Page { schema, amounts: BTreeMap::new() };
    let mut out = format!("# {title}\n\n<!-- Made by `firedrill schema {kind} --format markdown`. -->\n\n");
    let more = match kind {
        "report" => "How to read a report: [reports.md](../reports.md).",
        _ => "How such a file is written: [files.md](../files.md).",
    };
    let _ = writeln!(out, "{} {more}\n", text(schema, "description"));
    let blocks = page.blocks();
    page.table(&mut out, schema);
    for Block { name, used } in blocks {
        let Some(block) = schema.pointer(&format!("/$defs/{name}")) else { continue };
        let _ =
            writeln!(out, "\n## {name}\n\n{} Stands at {}.\n", text(block, "description"), used.join(", "));
        if is_words(block) { words(&mut out, block) } else { page.table(&mut out, block) }
    }
    page.amounts(&mut out);
    out
}

/// A block of the page, and where it is used.
struct Block {
    name: String,
    used: Vec<String>,
}

struct Page<'s> {
    schema: &'s Value,
    /// What amounts are called in the tables, and in full.
    amounts: BTreeMap<String, String>,
}

impl Page<'_> {
    /// Every block that the file can hold, nearest to its top first.
    fn blocks(&self) -> Vec<Block> {
        let mut found: Vec<Block> = Vec::new();
        let mut waiting = VecDeque::from([(String::new(), self.schema)]);
        while let Some((within, block)) = waiting.pop_front() {
            for (key, value) in properties(block) {
                let place = if within.is_empty() {
                    format!("`{key}`")
                } else {
                    format!("`{key}` of [{within}](#{})", anchor(&within))
                };
                for name in references(value) {
                    if let Some(block) = found.iter_mut().find(|block| block.name == name) {
                        block.used.push(place.clone());
                        continue;
                    }
                    found.push(Block { name: name.clone(), used: vec![place.clone()] });
                    if let Some(block) = self.schema.pointer(&format!("/$defs/{name}")) {
                        waiting.push_back((name, block));
                    }
                }
            }
        }
        found
    }

    /// The keys of a block.
    fn table(&mut self, out: &mut String, block: &Value) {
        if properties(block).next().is_none() {
            out.push_str("It has no keys: `{}`.\n");
            return;
        }
        let required: Vec<&str> =
            block["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        out.push_str("| key | value | what it says |\n|---|---|---|\n");
        for (key, value) in properties(block) {
            let must = if required.contains(&key.as_str()) { " (required)" } else { "" };
            let form = cell(&self.form(value));
            let _ = writeln!(out, "| `{key}`{must} | {form} | {} |", cell(text(value, "description")));
        }
    }

    /// What may stand there, in words.
    fn form(&mut self, value: &Value) -> String {
        if let Some(name) = reference(value) {
            let block = self.schema.pointer(&format!("/$defs/{name}"));
            let shown = block.filter(|block| is_words(block)).map_or_else(|| name.to_owned(), choices);
            return format!("[{shown}](#{})", anchor(name));
        }
        if let Some(word) = value.get("const").and_then(Value::as_str) {
            return format!("`{word}`");
        }
        if value.get("enum").is_some() || is_words(value) {
            return choices(value);
        }
        if let Some(forms) = value.get("anyOf").and_then(Value::as_array) {
            let forms: Vec<String> = forms.iter().map(|form| self.form(form)).collect();
            return forms.join(", or ");
        }
        if let Some(title) = value.get("title").and_then(Value::as_str) {
            let short = title.split([',', ';']).next().unwrap_or(title);
            let short = short
                .strip_suffix(" with its unit")
                .or_else(|| short.strip_suffix(" with its sign"))
                .unwrap_or(short)
                .to_owned();
            self.amounts.insert(short.clone(), title.to_owned());
            return short;
        }
        self.plain(value)
    }

    fn plain(&mut self, value: &Value) -> String {
        match value.get("type").and_then(Value::as_str) {
            Some("array") => format!("a list of {}", plural(&self.form(&value["items"]))),
            Some("object") => match value.get("additionalProperties") {
                Some(of @ Value::Object(_)) => format!("names, each with {}", self.form(of)),
                _ => "a map".to_owned(),
            },
            Some("boolean") => "`true` or `false`".to_owned(),
            Some(kind @ ("integer" | "number")) => number(kind, value),
            Some("string") => match value.get("pattern").and_then(Value::as_str) {
                Some(pattern) => format!("text like `{pattern}`"),
                None => "text".to_owned(),
            },
            None => match value.get("type").and_then(Value::as_array) {
                Some(kinds) if kinds.iter().any(|kind| kind == "null") => match kinds.first() {
                    Some(kind) if kinds.len() == 2 && kind == "string" => "text, or `null`".to_owned(),
                    Some(kind) if kinds.len() == 2 => {
                        format!("{}, or `null`", self.plain(&json!({"type": kind})))
                    }
                    _ => "any value".to_owned(),
                },
                // A word that may look like a number.
                Some(_) => "a word".to_owned(),
                None => "any value".to_owned(),
            },
            _ => "any value".to_owned(),
        }
    }

    /// How the amounts in the tables are written.
    fn amounts(&self, out: &mut String) {
        if self.amounts.is_empty() {
            return;
        }
        out.push_str("\n## How amounts are written\n\n");
        for amount in self.amounts.values() {
            let _ = writeln!(out, "- {amount}");
        }
    }
}

/// The words of a choice with their meanings.
fn words(out: &mut String, block: &Value) {
    out.push_str("| word | what it means |\n|---|---|\n");
    for choice in block["oneOf"].as_array().into_iter().flatten() {
        let _ = writeln!(out, "| `{}` | {} |", text(choice, "const"), cell(text(choice, "description")));
    }
}

/// Whether it is a choice between words.
fn is_words(block: &Value) -> bool {
    let choices = block.get("oneOf").and_then(Value::as_array);
    choices.is_some_and(|choices| choices.iter().all(|choice| choice.get("const").is_some()))
}

/// The words of a choice in one line.
fn choices(block: &Value) -> String {
    let one_of =
        block["oneOf"].as_array().into_iter().flatten().filter_map(|choice| choice["const"].as_str());
    let listed = block["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let words: Vec<String> = one_of.chain(listed).map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

fn number(kind: &str, value: &Value) -> String {
    let what = if kind == "integer" { "a whole number" } else { "a number" };
    match (value.get("minimum"), value.get("maximum")) {
        (Some(from), Some(to)) => format!("{what} from {from} to {to}"),
        (Some(from), None) => format!("{what} from {from}"),
        (None, Some(to)) => format!("{what} up to {to}"),
        (None, None) => what.to_owned(),
    }
}

fn properties(block: &Value) -> impl Iterator<Item = (&String, &Value)> {
    block.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

/// The block that a value is, if it is one.
fn reference(value: &Value) -> Option<&str> {
    value.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/"))
}

/// The blocks that a value can hold, in their order.
fn references(value: &Value) -> Vec<String> {
    let mut found: Vec<String> = reference(value).map(str::to_owned).into_iter().collect();
    for key in ["items", "additionalProperties"] {
        found.extend(value.get(key).into_iter().flat_map(references));
    }
    found.extend(value.get("anyOf").and_then(Value::as_array).into_iter().flatten().flat_map(references));
    found
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The many of what a list holds.
fn plural(one: &str) -> String {
    match one {
        "text" => "texts".to_owned(),
        "a word" => "words".to_owned(),
        "a share" => "shares".to_owned(),
        one => one.to_owned(),
    }
}

/// What a heading is linked by.
fn anchor(name: &str) -> String {
    name.to_lowercase()
}

/// Text within a cell of a table: one line, and no bar that would end the cell.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_may_stand_where_and_links_the_blocks() {
        let schema = json!({
            "title": "Scenario", "description": "What goes wrong.", "required": ["name"],
            "properties": {
                "name": {"type": "string", "pattern": "^(a|b)$", "description": "Its name."},
                "faults": {"type": "array", "items": {"$ref": "#/$defs/Fault"}, "description": "All of them."},
                "mode": {"$ref": "#/$defs/Mode", "description": "How."},
            },
            "$defs": {
                "Fault": {"description": "One fault.", "properties": {
                    "max": {"anyOf": [{"title": "a time, for example `3s`", "type": "string"}, {"$ref": "#/$defs/Mode"}]},
                    "count": {"type": "integer", "minimum": 1},
                }},
                "Mode": {"description": "A way.", "oneOf": [{"const": "fast", "description": "Soon."}]},
                "Unused": {"description": "Nobody names it."},
            },
        });
        let page = of("scenario", &schema);
        for line in [
            "# Scenario",
            "| `name` (required) | text like `^(a\\|b)$` | Its name. |",
            "| `faults` | a list of [Fault](#fault) | All of them. |",
            "| `mode` | [`fast`](#mode) | How. |",
            "One fault. Stands at `faults`.",
            "| `max` | a time, or [`fast`](#mode) |  |",
            "| `count` | a whole number from 1 |  |",
            "A way. Stands at `mode`, `max` of [Fault](#fault).",
            "| `fast` | Soon. |",
            "- a time, for example `3s`",
        ] {
            assert!(page.lines().any(|found| found == line), "{line}\n\n{page}");
        }
        assert!(!page.contains("Unused"), "{page}");
    }
}
