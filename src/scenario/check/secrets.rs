//! `secrets:` says where each is found; its value never comes near a file.

use std::collections::BTreeMap;

use super::substitute::is_variable;
use super::{Checker, key_span};
use crate::scenario::plan::SecretSource;
use crate::scenario::written::Secret;
use crate::text::{Field, Pairs, quote};

pub(crate) fn check(
    checker: &mut Checker<'_>,
    field: &Field<Pairs<Secret>>,
) -> BTreeMap<String, SecretSource> {
    let mut secrets = BTreeMap::new();
    for pair in field.get().into_iter().flatten() {
        if !is_variable(&pair.name) {
            checker
                .problems
                .error("bad-name", pair.name_span, format!("{} is no name of a secret", quote(&pair.name)))
                .help("use letters, digits and `_`, for example `FLAGS`");
        }
        // A secret whose place is wrong is declared all the same: its uses are not wrong too.
        let source = source(checker, pair.value.get(), pair.value.span().unwrap_or(pair.name_span));
        secrets.insert(pair.name.clone(), source.unwrap_or_else(|| SecretSource::Env(pair.name.clone())));
    }
    secrets
}

fn source(
    checker: &mut Checker<'_>,
    secret: Option<&Secret>,
    span: crate::text::Span,
) -> Option<SecretSource> {
    let secret = secret?;
    let keys = [("env", key_span(&secret.env)), ("file", key_span(&secret.file))];
    let place = "the place where the secret is found";
    let key = checker.exactly_one(&keys, span, place, ("no-secret-source", "two-secret-sources"))?;
    if key == "file" {
        return checker.text(&secret.file).map(SecretSource::File);
    }
    let (name, span) = super::given(&secret.env)?;
    if !is_variable(name) {
        checker
            .problems
            .error("bad-name", span, format!("{} is no name of an environment variable", quote(name)))
            .help("write the variable's name without `$`, for example `FLAGS_TOKEN`");
        return None;
    }
    Some(SecretSource::Env(name.clone()))
}
