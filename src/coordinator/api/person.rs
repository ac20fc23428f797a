//! Persons that are named in a request.

use http::HeaderMap;

use super::problem::Refused;
use super::wire::IN_STEAD_OF;
use crate::coordinator::said;

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
    match said::person("In-Stead-Of", &name) {
        Ok(()) => Ok(Some(name)),
        Err(unfit) => Err(Refused::new(400, unfit.title, unfit.detail)),
    }
}
