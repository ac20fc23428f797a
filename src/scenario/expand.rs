//! The long form of a scenario.

use super::plan::SteadyState;
use super::written;

pub(super) fn text(_written: &written::Scenario, _steady: &SteadyState) -> String {
    String::new()
}
