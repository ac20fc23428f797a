//! Where a fault is applied: a route, or hosts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The agent inside `firedrill run`.
pub const LOCAL_HOST: &str = "local";

/// Where: `route/NAME`, `host/NAME`, `host[label=value,other!=value]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A route by its name.
    Route(String),
    /// Hosts.
    Host(HostSelector),
}

/// Which hosts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostSelector {
    /// One host by its name.
    Named(String),
    /// All hosts whose labels fit: (label, whether equal, value).
    Labelled(Vec<(String, bool, String)>),
}

/// Whether a text is a name as files use them: `[a-z][a-z0-9-]*`, and no word that YAML may read as something else.
pub fn is_name(text: &str) -> bool {
    const YAML_WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && text.len() <= 100
        && !YAML_WORDS.contains(&text)
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let no = |why: &str| {
            Err(format!(
                "`{}` {why}; write `route/NAME`, `host/NAME` or `host[label=value]`",
                text.chars().take(60).flat_map(char::escape_debug).collect::<String>()
            ))
        };
        if let Some(name) = text.strip_prefix("route/") {
            return if is_name(name) { Ok(Self::Route(name.into())) } else { no("names no route") };
        }
        if let Some(name) = text.strip_prefix("host/") {
            return if is_name(name) {
                Ok(Self::Host(HostSelector::Named(name.into())))
            } else {
                no("names no host")
            };
        }
        let Some(labels) = text.strip_prefix("host[").and_then(|rest| rest.strip_suffix(']')) else {
            return no("is no target");
        };
        let mut terms = Vec::new();
        for term in labels.split(',') {
            let Some((label, value)) = term.split_once('=') else { return no("has a label without `=`") };
            let (label, equal) = label.strip_suffix('!').map_or((label, true), |label| (label, false));
            let (label, value) = (label.trim(), value.trim());
            if label.is_empty() || value.is_empty() {
                return no("has an empty label or value");
            }
            terms.push((label.to_owned(), equal, value.to_owned()));
        }
        Ok(Self::Host(HostSelector::Labelled(terms)))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route(name) => write!(f, "route/{name}"),
            Self::Host(HostSelector::Named(name)) => write!(f, "host/{name}"),
            Self::Host(HostSelector::Labelled(terms)) => {
                let terms: Vec<String> = terms
                    .iter()
                    .map(|(label, equal, value)| format!("{label}{}={value}", if *equal { "" } else { "!" }))
                    .collect();
                write!(f, "host[{}]", terms.join(","))
            }
        }
    }
}

impl Serialize for Target {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_read_and_print_the_same() {
        for text in ["route/payments", "host/local", "host[role=checkout]", "host[role=checkout,zone!=a]"] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_wrong_target_says_how_to_write_one() {
        for text in ["", "payments", "route/", "route/A", "host[]", "host[role]", "host[role=", "route/null"]
        {
            assert!(text.parse::<Target>().unwrap_err().contains("write `route/NAME`"), "{text}");
        }
    }
}
