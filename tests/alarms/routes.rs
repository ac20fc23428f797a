//! Whom a check says that Alertmanager tells, against what Alertmanager's own tool says.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Child, firedrill, requires, temp_dir};

const ROUTES: &str = r#"
route:
  receiver: everyone
  routes:
  - {matchers: [severity=~"page|critical"], receiver: archive, continue: true}
  - matchers: ['team="pay"']
    receiver: pay
    routes:
    - {match: {severity: info}, receiver: quiet}
    - {match_re: {service: 'card.*'}, receiver: cards, continue: true}
    - {matchers: ['zone!="a"'], receiver: abroad}
  - {matchers: ['team=~"shop|search"', 'severity != "info"'], receiver: shop}
  - {matchers: ['{team!~"pay.*", zone="b"}'], receiver: zone-b, continue: true}
  - {matchers: ['service=~"^cards?$"'], receiver: oddly}
  - {matchers: ['service=~".+"', zone=~"b|c"], receiver: late}
receivers:
"#;
const RECEIVERS: [&str; 10] =
    ["everyone", "archive", "pay", "quiet", "cards", "abroad", "shop", "zone-b", "oddly", "late"];
/// The pattern of this one is not judged by a check.
const NOT_JUDGED: &str = "oddly";

/// Labels that every alarm of this test has; an empty one is as if it were not there.
fn label_sets() -> Vec<[(&'static str, &'static str); 4]> {
    let mut sets = Vec::new();
    for severity in ["page", "critical", "info", "page2"] {
        for team in ["pay", "shop", "payments", "search"] {
            for service in ["cards", "x"] {
                for zone in ["a", "b", "c"] {
                    sets.push([("severity", severity), ("team", team), ("service", service), ("zone", zone)]);
                }
            }
        }
    }
    sets
}

/// What `amtool` says: every receiver that is told.
fn told(config: &std::path::Path, labels: &[(&str, &str)]) -> Vec<String> {
    let mut command = Command::new("amtool");
    command.args(["config", "routes", "test", "--config.file"]).arg(config);
    command.args(labels.iter().map(|(name, value)| format!("{name}={value}")));
    let ended = Child::spawn(&mut command).wait(Duration::from_secs(20));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout.trim().split(',').map(str::to_owned).collect()
}

#[test]
fn a_check_finds_the_receivers_that_alertmanagers_own_tool_finds() {
    if !requires(&["amtool"]) {
        return;
    }
    let dir = temp_dir();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    let receiver =
        |name: &&str| format!("- {{name: {name}, webhook_configs: [{{url: 'http://127.0.0.1:9/'}}]}}\n");
    write("am.yml", &format!("{ROUTES}{}", RECEIVERS.iter().map(receiver).collect::<String>()));
    let (mut rules, mut expected) = (String::new(), String::new());
    let sets = label_sets();
    for (n, labels) in sets.iter().enumerate() {
        let fixed: Vec<String> = labels.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        rules += &format!("  - {{alert: A{n}, expr: x, labels: {{{}}}}}\n", fixed.join(", "));
        for receiver in RECEIVERS {
            expected +=
                &format!("  - {{id: a{n}-{receiver}, match: A{n}, within: 1m, receiver: {receiver}}}\n");
        }
    }
    write("rules.yml", &format!("groups:\n- name: all\n  rules:\n{rules}"));
    let head = "firedrill: v1\nkind: Scenario\nname: x\nroutes: {a: {listen: '127.0.0.1:1', upstream: '127.0.0.1:2'}}\n\
        steady_state: [{name: up, tcp: '127.0.0.1:2'}]\nfaults: [{target: route/a, reset: {}, max: 2m}]\n";
    let scenario = format!("{head}expect:\n{expected}");
    write("x.yaml", &scenario);
    let mut command = firedrill();
    command.current_dir(dir.path()).args(["check", "--json", "x.yaml"]);
    command.args(["--rules", "rules.yml", "--alertmanager-config", "am.yml"]);
    let ended = Child::spawn(&mut command).wait(Duration::from_secs(60));
    let lines: Vec<&str> = scenario.lines().collect();
    let found = |rule: &str| -> Vec<String> {
        let problems = ended.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let of_rule = problems.filter(|problem| problem["rule"] == rule);
        let at = of_rule.map(|problem| lines[problem["line"].as_u64().unwrap() as usize - 1]);
        at.map(|line| line.split(['{', ',']).nth(1).unwrap().trim_start_matches("id: ").to_owned()).collect()
    };
    let (wrong, not_judged) = (found("wrong-receiver"), found("receiver-not-judged"));
    let mut judged = 0;
    for (n, labels) in sets.iter().enumerate() {
        let told = told(&dir.path().join("am.yml"), labels);
        for receiver in RECEIVERS {
            let id = format!("a{n}-{receiver}");
            if not_judged.contains(&id) {
                continue;
            }
            judged += 1;
            let is_told = told.iter().any(|name| name == receiver);
            assert_eq!(!wrong.contains(&id), is_told, "{receiver} of {labels:?}: amtool says {told:?}");
        }
    }
    assert!(not_judged.iter().any(|id| id.ends_with(NOT_JUDGED)), "{not_judged:?}");
    assert!(judged > sets.len() * 8, "{judged} of {}", sets.len() * RECEIVERS.len());
    println!("{judged} of {} answers compared with amtool", sets.len() * RECEIVERS.len());
}
