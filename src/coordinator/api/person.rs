//! Persons that are named in a request.

use http::HeaderMap;

use super::problem::Refused;
use super::wire::IN_STEAD_OF;

/// The longest name of a person, in characters.
const NAME_MAX: usize = 100;

/// The person in whose stead something is asked, by the header.
pub(super) fn named(headers: &HeaderMap) -> Result<Option<String>, Refused> {
    let mut said = headers.get_all(IN_STEAD_OF).iter();
    let Some(value) = said.next() else { return Ok(None) };
    if said.next().is_some() {
        return Err(Refused::new(400, "two persons", "`In-Stead-Of` stands there twice; name one person"));
    }
    let name = match std::str::from_utf8(value.as_bytes()) {
        Ok(name) => name.to_owned(),
        // What headers were before UTF-8.
        Err(_) => value.as_bytes().iter().copied().map(char::from).collect(),
    };
    fit("In-Stead-Of", &name).map(|()| Some(name)).map_err(|why| Refused::new(400, "no person's name", why))
}

/// A person's name is for the record: it is not empty, not endless, and has nothing in it that moves a cursor.
pub(super) fn fit(what: &str, name: &str) -> Result<(), String> {
    let length = name.chars().count();
    if name.trim().is_empty() || name.starts_with(char::is_whitespace) {
        return Err(format!("`{what}` is {name:?}; write a name"));
    }
    if length > NAME_MAX {
        return Err(format!("`{what}` has {length} characters and may have {NAME_MAX}"));
    }
    match name.chars().find(|c| c.is_control()) {
        Some(bad) => Err(format!("`{what}` holds {bad:?}; write a name without control characters")),
        None => Ok(()),
    }
}
