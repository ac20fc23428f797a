//! Secrets: found at the start, replaced at the edge, kept in memory only.

use std::collections::BTreeMap;
use std::fmt;

use super::disguise::Disguises;
use crate::scenario::plan::SecretSource;

/// The values of a plan's secrets. Never printed, never journalled.
#[derive(Clone, Default)]
pub struct Secrets {
    values: BTreeMap<String, String>,
    /// Longest first: one that begins another must not leave the other's end standing.
    known: Vec<Disguises>,
}

/// A shorter value says nothing, and stands in many texts by chance.
pub const KNOWN_MIN_BYTES: usize = 4;

/// How to know these values again, the longest first.
fn disguises<'v>(values: impl Iterator<Item = &'v String>) -> Vec<Disguises> {
    let mut worth: Vec<&String> = values.filter(|value| value.len() >= KNOWN_MIN_BYTES).collect();
    worth.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    worth.dedup();
    worth.into_iter().map(|value| Disguises::of(value)).collect()
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
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
        if missing.is_empty() { Ok(Self::of(found)) } else { Err(missing) }
    }

    fn of(values: BTreeMap<String, String>) -> Self {
        let known = disguises(values.values());
        Self { values, known }
    }

    /// Two sets that are revealed apart, for either may use a name of the other, and cut out together: what the one
    /// told somebody may come back to the other.
    pub fn together(self, other: Self) -> (Self, Self) {
        let known = disguises(self.values.values().chain(other.values.values()));
        (Self { known: known.clone(), ..self }, Self { known, ..other })
    }

    /// The text with every `${secrets.NAME}` replaced by its value.
    pub fn reveal(&self, text: &str) -> String {
        self.values
            .iter()
            .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${{secrets.{name}}}"), value))
    }

    /// The text with every secret value cut out, for what comes from outside and goes into the record: as it is, and
    /// as others escape and encode it.
    pub fn cut_from(&self, text: &str) -> String {
        if self.known.is_empty() {
            return text.to_owned();
        }
        let (mut out, mut rest) = (String::with_capacity(text.len()), text);
        while let Some(c) = rest.chars().next() {
            if let Some(length) = self.known.iter().find_map(|known| known.length_at(rest)) {
                out.push_str("[secret]");
                rest = &rest[length..];
            } else {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
        out
    }

    /// The names of those that [`Self::cut_from`] leaves standing.
    pub fn too_short(&self) -> impl Iterator<Item = &str> {
        let short = self.values.iter().filter(|(_, value)| value.len() < KNOWN_MIN_BYTES);
        short.map(|(name, _)| name.as_str())
    }

    /// The length of the longest form of a secret value in bytes, for those who cut a text before they cut secrets
    /// from it.
    pub fn longest(&self) -> usize {
        self.known.iter().map(Disguises::longest).max().unwrap_or(0)
    }
}
