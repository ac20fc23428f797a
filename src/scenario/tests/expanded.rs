//! The long form says the same as what was written.

use super::{COMPLETE, SMALLEST, checked, golden, planned};

/// Reads, expands, reads again; returns the expansion.
pub(super) fn round_trip(path: &str, text: &str, environment: Option<&str>) -> String {
    let first = planned(path, text, environment);
    let expanded = checked(path, text, environment).value.unwrap().expanded();
    assert_eq!(planned(path, &expanded, environment), first, "{expanded}");
    let again = checked(path, &expanded, environment).value.unwrap().expanded();
    assert_eq!(again, expanded, "the long form of the long form is itself");
    expanded
}

#[test]
fn the_long_form_gives_the_same_plan() {
    round_trip("payments-slow.yaml", SMALLEST, None);
    round_trip("checkout-payments-slow.yaml", COMPLETE, Some("staging"));
}

#[test]
fn the_long_form_is_this() {
    golden("payments-slow.expanded.yaml", &round_trip("payments-slow.yaml", SMALLEST, None));
    let complete = round_trip("checkout-payments-slow.yaml", COMPLETE, Some("staging"));
    golden("checkout-payments-slow.expanded.yaml", &complete);
}
