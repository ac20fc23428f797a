//! Secrets: found at the start, replaced at the edge, kept in memory only.

use std::collections::BTreeMap;
use std::fmt;

use crate::scenario::plan::SecretSource;

/// The values of a plan's secrets. Never printed, never journalled.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<String, String>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Secrets {
    /// Finds every secret; says all that are missing at once, by name and place, never by value.
    pub fn find(sources: &BTreeMap<String, SecretSource>) -> Result<Self, Vec<String>> {
        let (mut found, mut missing) = (BTreeMap::new(), Vec::new());
        for (name, source) in sources {
            let value = match source {
                SecretSource::Env(variable) => std::env::var(variable).map_err(|_| {
                    format!("secret `{name}`: the environment variable `{variable}` is not set")
                }),
                SecretSource::File(path) => std::fs::read_to_string(path)
                    .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
                    .map_err(|error| format!("secret `{name}`: cannot read `{path}`: {error}")),
            };
            match value {
                Ok(value) => drop(found.insert(name.clone(), value)),
                Err(why) => missing.push(why),
            }
        }
        if missing.is_empty() { Ok(Self(found)) } else { Err(missing) }
    }

    /// The text with every `${secrets.NAME}` replaced by its value.
    pub fn reveal(&self, text: &str) -> String {
        self.0
            .iter()
            .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${{secrets.{name}}}"), value))
    }

    /// The text with every secret value cut out, for what comes from outside and goes into the record.
    pub fn cut_from(&self, text: &str) -> String {
        let mut values: Vec<&String> = self.0.values().filter(|value| value.len() >= 4).collect();
        // A secret that begins another must not leave the other's end standing.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values.into_iter().fold(text.to_owned(), |text, value| text.replace(value, "[secret]"))
    }

    /// The length of the longest secret value in bytes, for those who cut a text before they cut secrets from it.
    pub fn longest(&self) -> usize {
        self.0.values().map(String::len).max().unwrap_or(0)
    }
}
