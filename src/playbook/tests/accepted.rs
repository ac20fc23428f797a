//! The example of the reference, short forms and defaults.

use super::{COMPLETE, checked, problems, resolved, told};
use crate::playbook::plan::{Answer, Check, OnFailure, Playbook};

#[test]
fn the_complete_example_is_usable_and_what_it_leaves_open_is_said() {
    let checked = checked("payments-degraded.yaml", COMPLETE, &[]);
    assert!(checked.value.is_some(), "{}", told(&checked));
    // Its failover has neither a verification nor a way back.
    assert_eq!(problems(checked), ["42:9 not-taken-back (warning)", "42:9 not-verified (warning)"]);
}

#[test]
fn the_complete_example_means_this() {
    let book = resolved("payments-degraded.yaml", COMPLETE, &[("region", "eu-2")]);
    assert_eq!(book.inputs["region"], Answer::Text("eu-2".into()));
    let ids: Vec<&str> = book.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["confirm", "tell", "pay-later", "may-fail-over", "fail-over", "done", "escalate"]);
    let step = |id: &str| book.steps.iter().find(|step| step.id == id).unwrap();
    assert_eq!(step("confirm").timeout.to_string(), "10m");
    assert_eq!(step("fail-over").title.as_deref(), Some("Fail over payments to eu-2"));
    assert_eq!(step("fail-over").on_failure, OnFailure::Go("escalate".into()));
    assert!(step("pay-later").mutates && step("fail-over").mutates && !step("tell").mutates);
    assert_eq!(step("pay-later").verify.as_ref().unwrap().check, Check::Named("checkout-http".into()));
    assert!(step("pay-later").undo.is_some());
    assert_eq!(book.borrowed_probes(), (vec!["checkout-http"], true));
    let json = serde_json::to_string(&book).unwrap();
    assert_eq!(serde_json::from_str::<Playbook>(&json).unwrap(), book, "a playbook survives its journal");
}
