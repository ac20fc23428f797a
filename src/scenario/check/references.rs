//! Names of other files: is there such a file? Only the environment that it runs in and the
//! playbook are read; of the others one that is missing is worth a warning and no more.

use super::Checker;
use crate::scenario::Catalog;
use crate::scenario::plan::{People, PlaybookStart, PlaybookUse};
use crate::scenario::written::{PlaybookRef, PlaybookStart as Written, Scenario};
use crate::text::{Field, Form, Span, quote};

pub(in crate::scenario) fn check(
    checker: &mut Checker<'_>,
    written: &Scenario,
    catalog: &dyn Catalog,
    environment: Option<&str>,
) {
    if let Some((name, at)) = checker.name(&written.service, "service") {
        exists(checker, catalog, "services", (name, at));
    }
    for (name, at) in checker.names(&written.environments, "environments") {
        if environment != Some(name.as_str()) {
            exists(checker, catalog, "environments", (&name, at));
        }
    }
    if let Some((name, _)) = checker.name(&written.slo, "slo") {
        let what = format!("slo `{name}`: no error budget is watched");
        checker.not_acted_on(what);
    }
    if written.controls.is_given() {
        checker.not_acted_on("controls: drawn by a game day only");
    }
}

/// The playbook that is exercised, and how.
pub(in crate::scenario) fn playbook(
    checker: &mut Checker<'_>,
    field: &Field<Form<String, PlaybookRef>>,
    catalog: &dyn Catalog,
) -> Option<PlaybookUse> {
    let (form, at) = super::given(field)?;
    let (name, at, start) = match form {
        Form::Word(name) => {
            let field = Field::Given { key: at, span: at, value: name.clone() };
            let (name, at) = checker.name(&field, "playbook")?;
            (name.to_owned(), at, None)
        }
        Form::Map(map) => {
            checker.need(&map.name, "name", at, "payments-degraded");
            let (name, at) = checker.name(&map.name, "name")?;
            (name.to_owned(), at, map.start.get().copied())
        }
        Form::List(never) => match *never {},
    };
    if catalog.read("playbooks", &name).is_none() {
        checker
            .problems
            .error("unknown-file", at, format!("there is no file for the playbook {}", quote(&name)))
            .help(format!("write playbooks/{name}.yaml, or give its folder with `--catalog DIR`"));
    }
    let start = match start.unwrap_or(Written::Alarm) {
        Written::Alarm => PlaybookStart::Alarm,
        Written::Impact => PlaybookStart::Impact,
        Written::Manual => PlaybookStart::Manual,
    };
    Some(PlaybookUse { name, start, people: People::Ask, undo: true })
}

/// Warns when there is no such file.
pub(crate) fn exists(
    checker: &mut Checker<'_>,
    catalog: &dyn Catalog,
    folder: &str,
    (name, at): (&str, Span),
) {
    if catalog.read(folder, name).is_none() {
        checker
            .problems
            .warning("unknown-file", at, format!("there is no file for {} among `{folder}`", quote(name)))
            .help(format!("write {folder}/{name}.yaml, or give its folder with `--catalog DIR`"));
    }
}
