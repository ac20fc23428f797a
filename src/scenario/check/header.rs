//! `firedrill`, `kind` and `name`: what every file begins with.

use super::Checker;
use crate::text::{Field, Source, Span, quote};

/// The name, when the file is one of this kind and version.
pub(crate) fn check(
    checker: &mut Checker<'_>,
    source: &Source,
    kind: &str,
    (version_field, kind_field, name_field): (&Field<String>, &Field<String>, &Field<String>),
) -> Option<String> {
    let top = Span::new(0, source.text.lines().next().map_or(0, str::len));
    for (field, key, only) in [(version_field, "firedrill", "v1"), (kind_field, "kind", kind)] {
        if let Some((value, span)) = checker.need(field, key, top, only)
            && value != only
        {
            let rule = if key == "kind" { "wrong-kind" } else { "wrong-version" };
            checker
                .problems
                .error(rule, span, format!("`{key}` is {}, which cannot be read here", quote(value)))
                .help(format!("write `{key}: {only}`"));
        }
    }
    let stem = stem(&source.path);
    checker.need(name_field, "name", top, stem.unwrap_or("payments-slow"));
    let (name, span) = checker.name(name_field, "name")?;
    let name = name.to_owned();
    if let Some(stem) = stem
        && stem != name
    {
        checker
            .problems
            .warning("name-differs", span, format!("`{name}` differs from the file's name {}", quote(stem)))
            .help("references look for the file by its name: make them the same");
    }
    Some(name)
}

/// The file's name without folder and ending, when it is a file.
fn stem(path: &str) -> Option<&str> {
    let file = path.rsplit('/').next()?;
    file.strip_suffix(".yaml").or_else(|| file.strip_suffix(".yml"))
}
