//! `${NAME}`: the one substitution. Values only, never keys; and a value is not looked into again.

use std::collections::{BTreeMap, BTreeSet};

use super::Checker;
use crate::text::{Span, nearest, quote};

/// Where variables are looked up, in this order.
#[derive(Clone, Copy, Debug)]
pub struct Variables<'a> {
    /// From `--set NAME=value`.
    pub sets: &'a BTreeMap<String, String>,
    /// From the environment file.
    pub environment: &'a BTreeMap<String, String>,
    /// From the process that runs us.
    pub process: &'a BTreeMap<String, String>,
}

impl Variables<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let found =
            self.sets.get(name).or_else(|| self.environment.get(name)).or_else(|| self.process.get(name));
        found.map(String::as_str)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.sets.keys().chain(self.environment.keys()).chain(self.process.keys()).map(String::as_str)
    }
}

/// What the texts of a playbook may name beside variables and secrets, and what they did name.
#[derive(Debug, Default)]
pub(crate) struct OfPlaybook {
    /// What is put in for each input.
    pub(crate) inputs: BTreeMap<String, String>,
    /// The inputs that were named.
    pub(crate) used: BTreeSet<String>,
    /// Where what only the running drill knows may be named.
    pub(crate) later: Later,
    /// Every `steps.…` that was named, and the text that it stands in.
    pub(crate) steps: Vec<(String, Span)>,
}

/// Where `${steps.…}` and `${impact.at}` may stand: a text that is not looked into again at run time would show them
/// as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Later {
    #[default]
    Nowhere,
    /// In requests and commands.
    WhereSecretsMay,
    Everywhere,
}

/// Whether a text can be the name of a variable or of a secret.
pub(crate) fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.len() <= 100
}

impl Checker<'_> {
    /// The text with its variables replaced; nothing when something in it cannot be.
    pub(crate) fn resolve(&mut self, raw: &str, span: Span, secrets_may: bool) -> Option<String> {
        let (mut out, mut rest, mut good) = (String::with_capacity(raw.len()), raw, true);
        while let Some((before, after)) = rest.split_once("${") {
            out.push_str(before);
            let Some((inner, next)) = after.split_once('}') else {
                self.problems
                    .error(
                        "bad-substitution",
                        span,
                        format!("`${{` is opened in {} and not closed", quote(raw)),
                    )
                    .help("write `${NAME}`");
                return None;
            };
            match self.replacement(inner, span, secrets_may) {
                Some(value) => out.push_str(&value),
                None => good = false,
            }
            rest = next;
        }
        out.push_str(rest);
        good.then_some(out)
    }

    fn replacement(&mut self, inner: &str, span: Span, secrets_may: bool) -> Option<String> {
        if let Some(name) = inner.strip_prefix("secrets.") {
            return self.secret(name, span, secrets_may);
        }
        if ["inputs.", "steps.", "impact."].iter().any(|prefix| inner.starts_with(prefix)) {
            if self.playbook.is_some() {
                return self.of_playbook(inner, span, secrets_may);
            }
            self.problems
                .error("bad-substitution", span, format!("{} is known only in a playbook", quote(inner)))
                .help("use a variable: `${NAME}` with `--set NAME=value`");
            return None;
        }
        if !is_variable(inner) {
            self.problems
                .error("bad-substitution", span, format!("{} is no name of a variable", quote(inner)))
                .help("write `${NAME}` with letters, digits and `_`");
            return None;
        }
        if let Some(value) = self.variables.get(inner) {
            return Some(value.to_owned());
        }
        let near = nearest(inner, self.variables.names()).map(str::to_owned);
        let meant = near.map(|near| format!("did you mean `${{{near}}}`? Otherwise ")).unwrap_or_default();
        self.problems.error("unknown-variable", span, format!("the variable `{inner}` is not set")).help(
            format!(
                "{meant}give it with `--set {inner}=value`, in the environment file's `variables`, or as an \
                 environment variable"
            ),
        );
        None
    }

    /// What only a playbook may name.
    fn of_playbook(&mut self, inner: &str, span: Span, secrets_may: bool) -> Option<String> {
        let book = self.playbook.as_mut()?;
        if let Some(name) = inner.strip_prefix("inputs.") {
            if let Some(value) = book.inputs.get(name) {
                book.used.insert(name.to_owned());
                return Some(value.clone());
            }
            let help = nearest(name, book.inputs.keys().map(String::as_str)).map_or_else(
                || format!("add `inputs: {{{name}: {{type: string}}}}`"),
                |near| format!("did you mean `${{inputs.{near}}}`?"),
            );
            self.problems
                .error("undeclared-input", span, format!("the input {} is not declared", quote(name)))
                .help(help);
            return None;
        }
        let may = match book.later {
            Later::Nowhere => false,
            Later::WhereSecretsMay => secrets_may,
            Later::Everywhere => true,
        };
        if !may {
            self.problems
                .error(
                    "misplaced-value",
                    span,
                    format!("{} is not known yet when this is read", quote(inner)),
                )
                .help(
                    "values of steps and of the impact may stand in the texts of manual and notify steps, in \
                     requests, and in the arguments and `env` of commands",
                );
            return None;
        }
        if inner == "impact.at" {
            return Some("${impact.at}".to_owned());
        }
        if inner.starts_with("impact.") {
            self.problems
                .error("bad-substitution", span, format!("there is no {}", quote(inner)))
                .help("write `${impact.at}`, the time of the impact");
            return None;
        }
        book.steps.push((inner.to_owned(), span));
        Some(format!("${{{inner}}}"))
    }

    fn secret(&mut self, name: &str, span: Span, secrets_may: bool) -> Option<String> {
        self.used_secrets.insert(name.to_owned());
        if !secrets_may {
            self.problems
                .error("misplaced-secret", span, format!("the secret {} would be shown here", quote(name)))
                .help("secrets may stand in URLs, headers, bodies and commands only");
            return None;
        }
        if self.secrets.contains_key(name) {
            return Some(format!("${{secrets.{name}}}"));
        }
        let near = nearest(name, self.secrets.keys().map(String::as_str)).map(str::to_owned);
        let help = near.map_or_else(
            || format!("add `secrets: {{{name}: {{env: VARIABLE}}}}`"),
            |near| format!("did you mean `${{secrets.{near}}}`?"),
        );
        self.problems
            .error("undeclared-secret", span, format!("the secret {} is not declared", quote(name)))
            .help(help);
        None
    }
}
