//! What stands above the steps.

use super::wait;
use crate::fault::Period;
use crate::playbook::plan::{Contact, Objectives};
use crate::playbook::written::{Contact as WrittenContact, Objectives as WrittenObjectives};
use crate::scenario::check::{Checker, alarms, given, optional};
use crate::scenario::expectation::AlarmMatch;
use crate::scenario::written::AlarmMatch as WrittenMatch;
use crate::text::{Field, Form};

/// A text for people; an empty one says nothing.
pub(super) fn words(checker: &mut Checker<'_>, field: &Field<String>) -> Option<String> {
    checker.text(field).filter(|text| !text.trim().is_empty())
}

pub(super) fn triggers(
    checker: &mut Checker<'_>,
    field: &Field<Vec<Field<WrittenMatch>>>,
) -> Option<Vec<AlarmMatch>> {
    let mut triggers = Vec::new();
    let mut good = !field.is_bad();
    for entry in field.get().into_iter().flatten() {
        good &= entry.is_given();
        triggers.push(alarms::matcher(checker, entry));
    }
    good.then_some(triggers)
}

pub(super) fn objectives(checker: &mut Checker<'_>, field: &Field<WrittenObjectives>) -> Option<Objectives> {
    let Some(written) = optional_ref(field)? else { return Some(Objectives::default()) };
    let rto = wait(checker, &written.rto, "rto", Period::MAX);
    // No data lost at all is what many promise.
    let rpo = optional(&written.rpo)?;
    (rto.is_some() || written.rto.is_absent()).then_some(Objectives { rto, rpo })
}

/// Nothing, or what is given; `None` when it was bad.
fn optional_ref<T>(field: &Field<T>) -> Option<Option<&T>> {
    if field.is_bad() { None } else { Some(field.get()) }
}

pub(super) fn contacts(
    checker: &mut Checker<'_>,
    field: &Field<Vec<Field<Form<String, WrittenContact>>>>,
) -> Option<Vec<Contact>> {
    let mut contacts = Vec::new();
    let mut good = !field.is_bad();
    for entry in field.get().into_iter().flatten() {
        let contact = contact(checker, entry);
        good &= contact.is_some();
        contacts.extend(contact);
    }
    good.then_some(contacts)
}

fn contact(checker: &mut Checker<'_>, entry: &Field<Form<String, WrittenContact>>) -> Option<Contact> {
    let (form, at) = given(entry)?;
    let (name, map) = match form {
        Form::Word(name) => (checker.resolve(name, at, false)?, None),
        Form::Map(map) => {
            checker.need(&map.name, "name", at, "Payments duty");
            (checker.text(&map.name)?, Some(map))
        }
        Form::List(never) => match *never {},
    };
    if name.trim().is_empty() {
        checker.problems.error("bad-text", at, "a contact without a name").help("say who it is");
        return None;
    }
    let Some(map) = map else {
        return Some(Contact { name, via: None, reference: None, reach_within: None });
    };
    let reference = given(&map.reference).map(|(text, at)| checker.resolve(&text.0, at, false));
    let reach_within = wait(checker, &map.reach_within, "reach_within", Period::MAX);
    let good = !(map.via.is_bad() || map.reference.is_bad() || map.reach_within.is_bad());
    good.then_some(Contact {
        name,
        via: words(checker, &map.via),
        reference: reference.flatten(),
        reach_within,
    })
}
