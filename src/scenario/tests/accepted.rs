//! The examples of the reference, and what they mean.

use super::{COMPLETE, SMALLEST, checked, problems, told};

#[test]
fn the_smallest_scenario_has_no_problem() {
    let checked = checked("payments-slow.yaml", SMALLEST, None);
    assert!(checked.value.is_some(), "{}", told(&checked));
    assert_eq!(problems(checked), [""; 0]);
}

#[test]
fn the_complete_scenario_has_no_problem_in_its_environment() {
    let checked = checked("checkout-payments-slow.yaml", COMPLETE, Some("staging"));
    assert!(checked.value.is_some(), "{}", told(&checked));
    assert_eq!(problems(checked), [""; 0]);
}
