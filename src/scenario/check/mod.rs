//! From what was written to what cannot be wrong: every problem of a file is found, none that follows from another.

pub(super) mod abort;
pub(crate) mod address;
pub(crate) mod alarms;
mod connections;
pub(super) mod environment;
pub(super) mod expect;
pub(super) mod faults;
pub(crate) mod header;
mod http_faults;
pub(super) mod hypothesis;
mod latency;
pub(super) mod lint;
pub(super) mod load;
pub(super) mod matching;
pub(super) mod order;
pub(in crate::scenario) mod parameters;
pub(super) mod policy;
pub(crate) mod probes;
pub(crate) mod processes;
pub(crate) mod references;
pub(crate) mod request;
pub(crate) mod routes;
mod schedule;
pub(crate) mod secrets;
pub(super) mod service;
pub(crate) mod substitute;
pub(crate) mod targets;
mod tls;
pub(crate) mod tolerance;

use std::collections::{BTreeMap, BTreeSet};

use crate::fault::is_name;
use crate::scenario::plan::SecretSource;
use crate::text::{Field, Problems, Span, quote};
use substitute::{OfPlaybook, Variables};

/// What every check needs: where to report, what `${…}` stands for, and what to tell people at the end.
pub(crate) struct Checker<'a> {
    pub(crate) problems: Problems,
    pub(crate) variables: Variables<'a>,
    /// The secrets that the file declares.
    pub(crate) secrets: BTreeMap<String, SecretSource>,
    /// The secrets that its texts name.
    pub(crate) used_secrets: BTreeSet<String>,
    /// What else the texts of a playbook may name; absent in other files.
    pub(crate) playbook: Option<OfPlaybook>,
    /// What the file asks for and this version does not act on.
    pub(crate) not_acted_on: Vec<String>,
}

impl<'a> Checker<'a> {
    pub(crate) fn new(problems: Problems, variables: Variables<'a>) -> Self {
        Self {
            problems,
            variables,
            secrets: BTreeMap::new(),
            used_secrets: BTreeSet::new(),
            playbook: None,
            not_acted_on: Vec::new(),
        }
    }

    /// The value of a key that must be there. Silent when it is there and bad: that was reported.
    pub(crate) fn need<'f, T>(
        &mut self,
        field: &'f Field<T>,
        key: &str,
        inside: Span,
        example: &str,
    ) -> Option<(&'f T, Span)> {
        if field.is_absent() {
            self.problems
                .error("missing-key", inside, format!("`{key}` is missing"))
                .help(format!("add for example `{key}: {example}`"));
        }
        given(field)
    }

    /// A name as files use them.
    pub(crate) fn name<'f>(&mut self, field: &'f Field<String>, key: &str) -> Option<(&'f str, Span)> {
        let (name, span) = given(field)?;
        if is_name(name) {
            return Some((name, span));
        }
        self.problems.error("bad-name", span, format!("`{key}` {} is no name", quote(name))).help(
            "use a-z, 0-9 and `-`, begin with a letter, at most 100 characters, and no word that YAML may \
                   read as something else, such as `true`, `null` or `no`",
        );
        None
    }

    /// Every name of a list.
    pub(crate) fn names(&mut self, list: &Field<Vec<Field<String>>>, key: &str) -> Vec<(String, Span)> {
        let Some(entries) = list.get() else { return Vec::new() };
        let mut names: Vec<(String, Span)> = Vec::new();
        for entry in entries {
            let Some((name, span)) = self.name(entry, key) else { continue };
            if let Some((_, first)) = names.iter().find(|(other, _)| other == name) {
                self.problems
                    .error("duplicate-name", span, format!("{} stands twice in `{key}`", quote(name)))
                    .other(*first, "first here")
                    .help("leave one out");
                continue;
            }
            names.push((name.to_owned(), span));
        }
        names
    }

    /// A text with its variables resolved, where a secret may not stand.
    pub(crate) fn text(&mut self, field: &Field<String>) -> Option<String> {
        let (raw, span) = given(field)?;
        self.resolve(raw, span, false)
    }

    /// A text with its variables resolved; `${secrets.NAME}` stays for the edge to replace.
    pub(crate) fn private_text(&mut self, field: &Field<String>) -> Option<String> {
        let (raw, span) = given(field)?;
        self.resolve(raw, span, true)
    }

    /// Every text of a list, resolved.
    pub(crate) fn texts(&mut self, list: &Field<Vec<Field<String>>>) -> Vec<String> {
        list.get().into_iter().flatten().filter_map(|entry| self.text(entry)).collect()
    }

    /// Says what the file asks for and this version does not do.
    pub(crate) fn not_acted_on(&mut self, what: impl Into<String>) {
        self.not_acted_on.push(what.into());
    }

    /// Exactly one of several keys: which, if so. Underlines both of two, and the block of none.
    pub(crate) fn exactly_one<'k>(
        &mut self,
        keys: &[(&'k str, Option<Span>)],
        inside: Span,
        what: &str,
        rules: (&'static str, &'static str),
    ) -> Option<&'k str> {
        let written: Vec<(&str, Span)> = keys.iter().filter_map(|(key, at)| Some((*key, (*at)?))).collect();
        match written[..] {
            [(only, _)] => Some(only),
            [] => {
                let all: Vec<String> = keys.iter().map(|(key, _)| format!("`{key}`")).collect();
                self.problems
                    .error(rules.0, inside, format!("{what} is missing"))
                    .help(format!("write exactly one of {}", all.join(", ")));
                None
            }
            [(first, first_at), (second, second_at), ..] => {
                self.problems
                    .error(
                        rules.1,
                        second_at,
                        format!("`{second}` stands beside `{first}`: {what} is one of them"),
                    )
                    .other(first_at, "the other one")
                    .help("keep one, or make two entries");
                None
            }
        }
    }
}

/// The value and its place, if one is given.
pub(crate) fn given<T>(field: &Field<T>) -> Option<(&T, Span)> {
    Some((field.get()?, field.span()?))
}

/// Where the key is; of a value that could not be read, the value.
pub(crate) fn key_span<T>(field: &Field<T>) -> Option<Span> {
    field.key().or(field.span())
}

/// Nothing, or the value; `None` when it was bad, so that nothing is built on a guess.
pub(crate) fn optional<T: Clone>(field: &Field<T>) -> Option<Option<T>> {
    if field.is_bad() { None } else { Some(field.get().cloned()) }
}
