//! The examples of the reference, and what they mean.

use super::{COMPLETE, SMALLEST, STAGING, checked, golden, planned, problems, shelf, told};
use crate::scenario::plan::{Plan, ProbeAction, Start, StatusRange, Until};
use crate::scenario::{Context, check_environment};
use crate::text::Source;

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

#[test]
fn the_environment_has_no_problem() {
    let nothing = std::collections::BTreeMap::new();
    let shelf = shelf();
    let context = Context {
        catalog: &shelf,
        sets: &nothing,
        process_env: &nothing,
        inputs: &nothing,
        environment: None,
    };
    let checked = check_environment(Source::new("staging.yaml", STAGING), &context);
    assert!(checked.value.is_some(), "{}", told(&checked));
    let environment = checked.value.as_ref().unwrap();
    assert_eq!((environment.name.as_str(), environment.production), ("staging", false));
    assert_eq!(environment.policy.percent_max, Some("25%".parse().unwrap()));
    assert_eq!(environment.alarms.len(), 1);
    assert_eq!(environment.not_acted_on.len(), 3, "{:?}", environment.not_acted_on);
    assert_eq!(problems(checked), [""; 0]);
}

#[test]
fn production_is_strict_where_its_policy_says_nothing() {
    let nothing = std::collections::BTreeMap::new();
    let shelf = shelf();
    let context = Context {
        catalog: &shelf,
        sets: &nothing,
        process_env: &nothing,
        inputs: &nothing,
        environment: None,
    };
    let text = "firedrill: v1\nkind: Environment\nname: live\nproduction: true\n";
    let environment = check_environment(Source::new("live.yaml", text), &context).value.unwrap();
    assert_eq!(environment.policy.percent_max, Some("1%".parse().unwrap()));
}

#[test]
fn plans_are_these() {
    let json = |plan: &Plan| serde_json::to_string_pretty(plan).unwrap() + "\n";
    golden("payments-slow.plan.json", &json(&planned("payments-slow.yaml", SMALLEST, None)));
    let complete = planned("checkout-payments-slow.yaml", COMPLETE, Some("staging"));
    golden("checkout-payments-slow.plan.json", &json(&complete));
    assert_eq!(
        serde_json::from_str::<Plan>(&json(&complete)).unwrap(),
        complete,
        "a plan survives its journal"
    );
}

#[test]
fn defaults_are_those_of_the_reference() {
    let plan = planned("payments-slow.yaml", SMALLEST, None);
    let secs = |period: crate::fault::Period| period.duration().as_secs();
    let steady = &plan.steady_state;
    assert_eq!((secs(steady.stable_for), secs(steady.no_impact_after)), (10, 30));
    assert_eq!((secs(steady.gate_within), secs(steady.recovery_within)), (70, 130));
    let probe = &steady.probes[0];
    assert_eq!((probe.name.as_str(), secs(probe.every), secs(probe.timeout)), ("http-1", 1, 5));
    assert!(probe.impact && !probe.invariant);
    assert_eq!(probe.tolerance.status, [StatusRange { from: 200, to: 200 }]);
    assert!(matches!(&probe.action, ProbeAction::Http(request) if request.method == "GET"));
    let fault = &plan.faults[0];
    assert_eq!((fault.id.as_str(), fault.until), ("latency-1", Until::Max));
    assert_eq!(fault.start, Start { after: None, delay: crate::fault::Period::ZERO });
    assert_eq!(secs(plan.load.unwrap().timeout), 10);
}

#[test]
fn what_is_not_acted_on_is_named_and_left_out() {
    let plan = planned("checkout-payments-slow.yaml", COMPLETE, Some("staging"));
    assert_eq!(plan.routes.len(), 1);
    assert_eq!(plan.routes[0].control.as_deref(), Some("127.0.0.1:8474"));
    assert_eq!(plan.faults.iter().map(|fault| fault.id.as_str()).collect::<Vec<_>>(), ["slow-payments"]);
    assert_eq!(plan.faults[0].until, Until::Recovered);
    let probes: Vec<_> = plan.steady_state.probes.iter().map(|probe| probe.name.as_str()).collect();
    assert_eq!(probes, ["checkout-http", "no-double-charge"]);
    assert_eq!(plan.abort.iter().map(|rule| rule.probe.as_str()).collect::<Vec<_>>(), ["no-double-charge"]);
    let named = plan.not_acted_on.join("\n");
    for word in ["kill-one", "orders-per-minute", "expect.logs", "abort 3", "abort 4", "slo"] {
        assert!(named.contains(word), "{word} is not named in\n{named}");
    }
    assert_eq!(plan.alarms.expected.len(), 2);
    assert_eq!((plan.alarms.collateral.len(), plan.alarms.forbidden.len()), (1, 1));
    // Two of the scenario; the environment names one of them again.
    assert_eq!(plan.alarms.sources.len(), 2);
}

#[test]
fn an_alarm_source_of_its_own_form_stands_in_the_plan() {
    let form = r#"{name: pager, mapping: {name: '$.Alarm["the name"]', status: $.state}}"#;
    let text = format!("{SMALLEST}alarms: [{{generic: {form}}}, {{generic: plain}}]\n");
    let generic = planned("payments-slow.yaml", &text, None).alarms.generic;
    assert_eq!(generic.len(), 2);
    assert_eq!((generic[0].name.as_str(), generic[0].mapping["status"].as_str()), ("pager", "$.state"));
    assert_eq!((generic[1].name.as_str(), generic[1].mapping.len()), ("plain", 0));
}
