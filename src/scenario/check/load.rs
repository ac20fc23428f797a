//! The traffic that a drill brings.

use super::{Checker, given, optional, request};
use crate::scenario::defaults;
use crate::scenario::plan::Load;
use crate::scenario::written::Load as Written;
use crate::text::Field;

pub(in crate::scenario) fn check(checker: &mut Checker<'_>, field: &Field<Written>) -> Option<Load> {
    let (written, at) = given(field)?;
    checker.need(&written.http, "http", at, "\"http://127.0.0.1:8080/checkout\"");
    let request = request::check(checker, &written.http);
    let rate = checker.need(&written.rate, "rate", at, "20/s").map(|(rate, _)| *rate);
    let timeout = super::probes::positive(checker, &written.timeout, "timeout");
    optional(&written.timeout)?;
    Some(Load { request: request?, rate: rate?, timeout: timeout.unwrap_or(defaults::LOAD_TIMEOUT) })
}
