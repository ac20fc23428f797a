//! What is refused or doubted: each mistake with the place and the rule of every problem that it makes, and no other.

use super::{checked, checked_in, problems, told};
use crate::playbook::Around;
use crate::scenario::plan::PlaybookStart;

/// A playbook without a mistake, block by block.
const BLOCKS: [(&str, &str); 5] = [
    ("firedrill", "firedrill: v1\n"),
    ("kind", "kind: Playbook\n"),
    ("name", "name: x\n"),
    ("triggers", "triggers: [CheckoutSlow]\n"),
    (
        "steps",
        "steps:\n  - {id: look, manual: Look., mutates: true, verify: steady_state, undo: {run: [./back]}}\n",
    ),
];

/// The part stands first, so that its lines count from 1; the blocks that it does not hold follow. A block whose name
/// stands behind `-` is left out.
fn whole(part: &str) -> String {
    let mut text = String::new();
    let mut held = Vec::new();
    for line in part.lines() {
        if let Some(name) = line.strip_prefix('-') {
            held.push(name);
            continue;
        }
        if let Some((name, _)) = line.split_once(':').filter(|_| !line.starts_with(' ')) {
            held.push(name);
        }
        text.push_str(line);
        text.push('\n');
    }
    for (name, block) in BLOCKS {
        if !held.contains(&name) {
            text.push_str(block);
        }
    }
    text
}

#[track_caller]
fn check_with(inputs: &[(&str, &str)], part: &str, expected: &str) {
    let text = whole(part);
    let read = checked("x.yaml", &text, inputs);
    let words = told(&read);
    let usable = read.value.is_some();
    let found = problems(read).join(", ");
    assert_eq!(found, expected, "\n{text}\n{words}");
    let errors = !expected.split(", ").all(|line| line.is_empty() || line.ends_with("(warning)"));
    assert_eq!(usable, !errors, "a file is usable exactly when it has no error\n{text}");
}

#[track_caller]
fn check(part: &str, expected: &str) {
    check_with(&[], part, expected);
}

/// One step, `s`, from line 3 on; a mutating one that leaves nothing open follows.
#[track_caller]
fn step(keys: &str, expected: &str) {
    let keys: String = keys.lines().map(|line| format!("    {line}\n")).collect();
    let rest = "  - {id: rest, run: [./do], verify: steady_state, undo: {run: [./back]}}\n";
    check(&format!("steps:\n  - id: s\n{keys}{rest}"), expected);
}

/// The words of the only problem of a step.
#[track_caller]
fn words(keys: &str, message: &str, help: &str) {
    let keys: String = keys.lines().map(|line| format!("    {line}\n")).collect();
    let rest = "  - {id: rest, run: [./do], verify: steady_state, undo: {run: [./back]}}\n";
    let read = checked("x.yaml", &whole(&format!("steps:\n  - id: s\n{keys}{rest}")), &[]);
    let found: Vec<_> = read.files[0].1.iter().collect();
    let [problem] = found[..] else { panic!("{}", told(&read)) };
    assert_eq!((problem.message.as_str(), problem.help.as_deref().unwrap_or_default()), (message, help));
}

#[test]
fn the_blocks_themselves_are_without_a_mistake() {
    check("", "");
    step("manual: Look.", "");
}

#[test]
fn what_a_file_begins_with() {
    check("firedrill: v2\n", "1:12 wrong-version");
    check("kind: Playbooks\n", "1:7 wrong-kind");
    check(
        "-firedrill\n-kind\n-name\n-steps\n",
        "1:1 missing-key, 1:1 missing-key, 1:1 missing-key, 1:1 missing-key",
    );
    check("name: z\n", "1:7 name-differs (warning)");
    check("stesp: []\n-steps\n", "1:1 unknown-key, 1:8 no-step");
    check("steps: []\n", "1:8 no-step");
    check("service: shop\n", "1:10 unknown-file (warning)");
    check("service: checkout\n", "");
}

#[test]
fn what_stands_above_the_steps() {
    check("triggers: [{}]\n", "1:12 empty-match");
    check("triggers: ['']\n", "1:12 bad-text");
    check("objectives: {rto: 0s}\n", "1:19 bad-number");
    check("objectives: {rto: 15m, rpo: 0s}\n", "");
    check("objectives: {rpo: soon}\n", "1:19 bad-value");
    check("contacts: [Ana, {via: phone}]\n", "1:17 missing-key");
    check("contacts: [{name: Ana, reach_within: 0s}]\n", "1:38 bad-number");
    check("contacts: [' ']\n", "1:12 bad-text");
    check("review_after: 0d\n", "1:15 bad-number");
    check("title: '${NOBODY}'\n", "1:8 unknown-variable");
    check("title: '${steps.look.outcome}'\n", "1:8 misplaced-value");
}

#[test]
fn inputs() {
    const USE: &str = "title: '${inputs.n}'\n";
    let input = |written: &str, given: &[(&str, &str)], expected: &str| {
        check_with(given, &format!("inputs: {{n: {written}}}\n{USE}"), expected);
    };
    input("eu-1", &[], "");
    input("{type: number, default: 4}", &[("n", "5")], "");
    input("{type: boolean, default: false}", &[("n", "true")], "");
    input("{default: a, choices: [a, b]}", &[("n", "b")], "");
    input("{}", &[("n", "x")], "");
    input("{}", &[], "1:10 missing-input");
    input("{}", &[("n", "${secrets.A}")], "1:10 bad-input");
    input("{type: number, default: many}", &[], "1:37 bad-input");
    input("{type: number, default: nan}", &[], "1:37 bad-input");
    input("{type: number, default: 4}", &[("n", "x")], "1:10 bad-input");
    input("{type: boolean, default: false}", &[("n", "yes")], "1:10 bad-input");
    input("{type: boolean, choices: [1], default: true}", &[], "1:39 bad-input");
    input("{default: c, choices: [a, b]}", &[], "1:23 bad-input");
    input("{default: a, choices: [a, b]}", &[("n", "c")], "1:10 bad-input");
    input("{default: a, choices: [a, a]}", &[], "1:39 duplicate-name");
    input("{default: a, choices: []}", &[], "1:35 no-choice");
    input("{type: int, default: 4}", &[], "1:20 unknown-value");
    check_with(&[("m", "1")], "inputs: {n: 1}\ntitle: '${inputs.n}'\n", "1:1 unknown-input");
    check_with(&[("m", "1")], "", "1:1 unknown-input");
    check("inputs: {a-b: 1}\n", "1:10 bad-name, 1:10 unused (warning)");
    check("inputs: {n: 1}\ntitle: '${inputs.m}'\n", "2:8 undeclared-input");
}

#[test]
fn secrets() {
    check("secrets: {A: {env: A}}\n", "1:11 unused (warning)");
    check("secrets: {A: {}}\n", "1:11 unused (warning), 1:14 no-secret-source");
    let with = |step: &str, expected: &str| {
        let rest = "  - {id: rest, run: [./do], verify: steady_state, undo: {run: [./back]}}\n";
        check(&format!("secrets: {{A: {{env: A}}}}\nsteps:\n  - {{id: s, {step}}}\n{rest}"), expected);
    };
    with("http: {url: 'http://127.0.0.1/', headers: {x: '${secrets.A}'}}", "");
    with("manual: 'Say ${secrets.A}.'", "3:21 misplaced-secret");
    with("notify: 'Say ${secrets.A}.'", "3:21 misplaced-secret");
    with("notify: {audience: '${secrets.A}', text: x}", "3:32 misplaced-secret");
    with("run: [./x, '${secrets.A}'], mutates: false", "3:24 secret-in-argv (warning)");
    with("run: [./x], env: {T: '${secrets.A}'}, mutates: false", "");
    with("http: 'http://127.0.0.1/${secrets.B}'", "3:19 undeclared-secret");
}

#[test]
fn ids_of_steps() {
    const ONE: &str = "manual: Look., mutates: true, verify: steady_state, undo: {run: [./back]}";
    check(&format!("steps:\n  - {{{ONE}}}\n"), "2:5 missing-key");
    check(&format!("steps:\n  - {{id: Look, {ONE}}}\n"), "2:10 bad-name");
    check(&format!("steps:\n  - {{id: stop, {ONE}}}\n"), "2:10 bad-name");
    check(&format!("steps:\n  - {{id: a, {ONE}}}\n  - {{id: a, {ONE}}}\n"), "3:10 duplicate-name");
    let many: String = (0..101).map(|n| format!("  - {{id: s{n}, {ONE}}}\n")).collect();
    check(&format!("steps:\n{many}"), "102:5 too-many-steps");
}

#[test]
fn one_action_each() {
    step("title: nothing", "2:5 no-action");
    step("manual: Look.\nnotify: Hello.", "4:5 two-actions");
    step("manual: ''", "3:13 no-text");
    step("manual: '  '", "3:13 no-text");
    step("manual:", "3:5 wrong-type");
    step("notify: ''", "3:13 no-text");
    step("notify: {audience: ops}", "3:13 missing-key");
    step("notify: {audience: '', text: x}", "3:24 no-text");
    step("approve: []", "3:14 no-role");
    step("approve: {count: 2}", "3:14 missing-key");
    step("approve: {from: [ops], count: 0}", "3:35 bad-number");
    step("approve: {from: [ops], count: 2}", "");
    step("approve: {from: [ops], expires: 5m}\ntimeout: 5m", "4:5 unfit-key");
    step("approve: [Ops]", "3:15 bad-name");
    step("run: []\nmutates: false", "3:10 no-command");
    step("run: ['']\nmutates: false", "3:10 no-command");
    step("run: ./x\nmutates: false", "3:10 wrong-type");
    step("run: [./x]\nenv: {'A=B': x}\nmutates: false", "4:11 bad-name");
    step("http: 'ftp://x'", "3:11 bad-url");
    step("http: {url: 'http://x/', methd: PUT}\nmutates: false", "3:30 unknown-key");
    step("http: {method: PUT}\nmutates: false", "3:11 missing-key");
    step("links: [dashboards]\nmanual: Look.", "3:13 bad-url");
    step("links: ['javascript:alert(1)']\nmanual: Look.", "3:13 bad-url");
    step("role: Commander\nmanual: Look.", "3:11 bad-name");
    step("http: 'http://127.0.0.1:${steps.rest.attempts}/'", "3:11 too-early (warning)");
}

#[test]
fn keys_that_say_nothing_about_an_action() {
    step("notify: Hello.\nquestions: [{id: a}]", "4:5 unfit-key");
    step("manual: Look.\nretry: 3", "4:5 unfit-key");
    step("manual: Look.\nenv: {A: b}", "4:5 unfit-key");
    step("probe: steady_state\nundo: {run: [./x]}", "4:5 unfit-key");
    step("probe: steady_state\nmutates: true", "4:5 unfit-key");
    step("manual: Look.\ntolerance: {status: 200}", "4:5 unfit-key");
    step("http: 'http://x/'\ntolerance: {p95: 1s}", "4:17 tolerance-unfit");
    step("http: 'http://x/'\ntolerance: {exit: 1}", "4:17 tolerance-unfit");
    step("run: [./x]\nmutates: false\ntolerance: {status: 200}", "5:17 tolerance-unfit");
    step("run: [./x]\nmutates: false\ntolerance: {exit: 3}", "");
}

#[test]
fn questions() {
    step("manual: Look.\nquestions: [{title: What?}]", "4:17 missing-key");
    step("manual: Look.\nquestions: [{id: a}, {id: a}]", "4:31 duplicate-name");
    step("manual: Look.\nquestions: [{id: a-b}, {id: a_b}]", "4:33 duplicate-name");
    step("manual: Look.\nquestions: [{id: outcome}]", "4:22 bad-name");
    step("manual: Look.\nquestions: [{id: not}]", "4:22 bad-name");
    step("manual: Look.\nquestions: [{id: 1a}]", "4:22 bad-name");
    step("manual: Look.\nquestions: [{id: a, type: number, choices: [1]}]", "4:39 unfit-key");
    step("manual: Look.\nquestions: [{id: a, choices: [x, y]}]", "");
}

#[test]
fn hosts() {
    step("host: {target: host/local}\nmutates: false", "3:11 no-deed");
    step("host: {target: host/local, process_restart: {name: x, grace: 5s}}\nmutates: false", "");
    step(
        "host: {target: host/local, process_restart: {name: x, grace: 5m}}\nmutates: false",
        "3:66 bad-parameter",
    );
    step("host: {target: host/local, process_restart: x, process_kill: x}\nmutates: false", "3:32 two-deeds");
    step("host: {process_kill: x}\nmutates: false", "3:11 missing-key");
    step("host: {target: route/a, process_kill: x}\nmutates: false", "3:20 bad-target");
    step("host: {target: host/far, process_kill: x}\nmutates: false", "3:20 unknown-target");
    step("host: {target: 'host[role=a]', process_kill: x}\nmutates: false", "3:20 unknown-target");
    step("host: {target: local, process_kill: x}\nmutates: false", "3:20 bad-target");
    step("host: {target: host/local, process_kill: {}}\nmutates: false", "3:46 bad-parameter");
    step("host: {target: host/local, process_kill: x}\nmutates: false", "");
}

#[test]
fn probes_and_verifications() {
    step("probe: steady_state", "");
    step("probe: checkout-http", "");
    step("probe: checkout-htp", "3:12 unknown-probe");
    step("probe: {http: 'http://x/'}", "");
    step("probe: {}", "3:12 no-action");
    step("probe: {http: 'http://x/', impact: true}", "3:32 unfit-key");
    step("probe: {prometheus: {url: 'http://x/', query: up}}", "3:13 not-asked");
    step("probe: {http: 'http://x/${steps.rest.attempts}'}", "3:19 misplaced-value");
    step("manual: Look.\nverify: steady-state", "4:13 unknown-probe");
    step("manual: Look.\nverify: {within: 1m}", "4:13 missing-key");
    step("manual: Look.\nverify: {probe: steady_state, within: 0s}", "4:43 bad-number");
    step("manual: Look.\nverify: {probe: steady_state, within: 2d}", "4:43 bad-number");
    step("manual: Look.\nverify: {probe: {tcp: 'x:1'}, within: 2m}", "");
    words(
        "probe: steady-state",
        "the scenario's steady state has no probe `steady-state`",
        "did you mean `steady_state`?",
    );
}

#[test]
fn without_a_scenario_any_probe_may_be_there() {
    let text = whole("steps:\n  - {id: s, probe: somewhere}\n  - {id: b, probe: Not A Name}\n");
    let found = problems(checked_in("x.yaml", &text, &[], None));
    assert_eq!(found, ["3:20 unknown-probe"]);
}

#[test]
fn times_and_attempts() {
    step("manual: Look.\ntimeout: 0s", "4:14 bad-number");
    step("manual: Look.\ntimeout: 25h", "4:14 bad-number");
    step("manual: Look.\ntimeout: 24h", "");
    step("manual: Look.\nbudget: 11m", "4:13 loose-bound (warning)");
    step("manual: Look.\nbudget: 10m", "");
    step("notify: Hello.\nbudget: 90s\nretry: {attempts: 3, delay: 1s}", "");
    step("notify: Hello.\nbudget: 95s\nretry: {attempts: 3, delay: 1s}", "4:13 loose-bound (warning)");
    step("notify: Hello.\nretry: 0", "4:12 bad-number");
    step("notify: Hello.\nretry: 21", "4:12 bad-number");
    step("notify: Hello.\nretry: {delay: 1s}", "4:12 missing-key");
    step("notify: Hello.\nretry: {attempts: 2, delay: 2d}", "4:33 bad-number");
}

#[test]
fn outputs() {
    let run = |outputs: &str, expected: &str| {
        step(&format!("run: [./x]\nmutates: false\noutputs: {outputs}"), expected)
    };
    run("{ticket: 'TICKET=(\\S+)'}", "");
    run("{ticket: {stdout: 'TICKET=(\\S+)'}}", "");
    run("{ticket: 'TICKET=\\S+'}", "5:23 bad-pattern");
    run("{ticket: 'TICKET=('}", "5:23 bad-pattern");
    run("{ticket: '(\\w{1000}){1000}'}", "5:23 bad-pattern");
    run("{ticket: {}}", "5:23 no-capture");
    run("{ticket: {stdout: (a), header: b}}", "5:37 two-captures");
    run("{ticket: {header: location}}", "5:24 unfit-key");
    run("{verify: (a)}", "5:15 bad-name");
    step("http: 'http://x/'\noutputs: {id: {json: '$.a[0]'}, to: {header: location}}", "");
    step("http: 'http://x/'\noutputs: {id: {json: 'a.b'}}", "4:26 bad-path");
    step("http: 'http://x/'\noutputs: {id: {header: 'a b'}}", "4:28 bad-header");
    step("http: 'http://x/'\noutputs: {id: (a)}", "4:19 unfit-key");
    step("manual: Look.\noutputs: {id: (a)}", "4:5 unfit-key");
}

#[test]
fn the_way_back() {
    let back = |undo: &str, expected: &str| {
        step(&format!("run: [./x]\nverify: steady_state\nundo: {undo}"), expected);
    };
    back("{run: [./back], timeout: 1m, retry: 3}", "");
    back("{}", "5:11 no-action");
    back("{run: [./back], http: 'http://x/'}", "5:12 two-actions");
    back("{manual: Put it back.}", "5:11 no-action, 5:12 unknown-key");
    back("{http: 'http://x/', env: {A: b}}", "5:31 unfit-key");
    back("{run: [./back], timeout: 2d}", "5:36 bad-number");
    back("{run: [./back, '${steps.rest.attempts}']}", "");
}

#[test]
fn conditions_are_marked_inside_their_text() {
    step("manual: Look.\nwhen: \"steps.rest.outcom == 'ok'\"", "4:12 bad-condition");
    step("manual: Look.\nwhen: steps.nobody.outcome == 'ok' and", "4:40 bad-condition");
    step("manual: Look.\nwhen: impact.seen and 'x'", "4:27 bad-condition");
    step("manual: Look.\nnext: [{when: \"outcome == 'god'\", go: rest}]", "4:31 bad-condition");
    step(
        "manual: Look.\nquestions: [{id: slow, type: boolean}]\nnext: [{when: slow == 'x', go: rest}]",
        "5:19 bad-condition",
    );
    // Its own answers are known only when it is over.
    step("manual: Look.\nquestions: [{id: slow, type: boolean}]\nwhen: slow", "5:11 bad-condition");
    step("manual: Look.\nwhen: 5", "4:11 bad-condition");
    step("manual: Look.\nwhen: ''", "4:11 bad-condition");
}

#[test]
fn where_steps_lead() {
    step("manual: Look.\nnext: rset", "4:11 unknown-step");
    step("manual: Look.\nnext: [{when: impact.seen}]", "4:12 missing-key");
    step("manual: Look.\nnext: [{go: rest}, {go: rest}]", "4:24 unreachable (warning)");
    step("manual: Look.\nnext: {go: rest}", "4:11 wrong-type");
    step("manual: Look.\non_failure: rst", "4:17 unknown-step");
    step("manual: Look.\non_failure: stopp", "4:17 unknown-step");
    step("manual: Look.\nnext: rest\nend: true", "4:5 unfit-key, 6:10 unreachable (warning)");
    step("manual: Look.\nend: true", "5:10 unreachable (warning)");
    step("manual: Look.\nend: true\non_failure: rest", "");
    step("manual: Look.\nwhen: impact.seen\nend: true", "");
    words("manual: Look.\non_failure: contine", "there is no step `contine`", "did you mean `continue`?");
}

#[test]
fn circles() {
    step("notify: Hello.\nnext: s", "2:9 circle (warning), 5:10 unreachable (warning)");
    step("notify: Hello.\nnext: [{when: impact.seen, go: s}]", "2:9 circle (warning)");
    step("notify: Hello.\non_failure: s", "2:9 circle (warning)");
    step("manual: Look.\nnext: [{when: impact.seen, go: s}]", "");
    check(
        "steps:\n  - {id: a, notify: Hello.}\n  - {id: b, probe: steady_state, on_failure: a}\n  - {id: c, run: [./x], verify: steady_state, undo: {run: [./y]}, on_failure: b}\n",
        "2:10 circle (warning)",
    );
    check(
        "steps:\n  - {id: a, manual: Look.}\n  - {id: b, probe: steady_state, on_failure: a}\n  - {id: c, run: [./x], verify: steady_state, undo: {run: [./y]}, on_failure: a}\n",
        "",
    );
}

#[test]
fn values_of_other_steps() {
    step("manual: 'See ${steps.rest.ticket}.'", "3:13 no-such-value");
    step("manual: 'See ${steps.rst.outcome}.'", "3:13 no-such-value");
    step("manual: 'See ${steps.rest.outcome}.'", "3:13 too-early (warning)");
    step("manual: 'See ${steps.s.attempts}.'", "3:13 too-early (warning)");
    step("manual: Look.\nwhen: steps.rest.outcome == 'ok'", "4:11 too-early (warning)");
    step("manual: Look.\nwhen: steps.s.outcome == 'ok'", "4:11 too-early (warning)");
    step("manual: Look.\nnext: [{when: steps.s.outcome == 'ok', go: rest}]", "");
    step("manual: 'Since ${impact.at}.'", "");
    step("manual: 'Since ${impact.time}.'", "3:13 bad-substitution");
    // In a circle what stands later may have run before.
    let circle = "steps:\n  - {id: a, manual: 'It was ${steps.c.outcome}.'}\n  - {id: c, run: [./x], verify: steady_state, undo: {run: [./y]}, on_failure: a}\n";
    check(circle, "");
}

#[test]
fn what_is_allowed_and_probably_not_meant() {
    step("run: [./x]", "2:9 not-taken-back (warning), 2:9 not-verified (warning)");
    step("http: {url: 'http://x/', method: PUT}\nverify: steady_state", "2:9 not-taken-back (warning)");
    step("http: 'http://x/'", "");
    check("steps: [{id: s, manual: Look.}]\n", "1:8 changes-nothing (warning)");
    check("-triggers\n", "1:1 never-begins (warning)");
    check("triggers: []\n", "1:1 never-begins (warning)");
}

#[test]
fn a_playbook_without_triggers_is_fine_where_something_else_starts_it() {
    let text = whole("-triggers\n");
    for (start, expects_alarms) in [(PlaybookStart::Alarm, true), (PlaybookStart::Impact, false)] {
        let around = Around { probes: vec![], start, expects_alarms };
        assert_eq!(problems(checked_in("x.yaml", &text, &[], Some(&around))), [""; 0]);
    }
    assert_eq!(problems(checked_in("x.yaml", &text, &[], None)), [""; 0]);
}

#[test]
fn all_problems_of_a_file_are_said_at_once() {
    check(
        "name: z\nobjectives: {rto: soon}\ninputs: {a: {type: integer}}\nsteps:\n  - {id: One, manual: Look.}\n  - {id: two, run: [./x, '${inputs.b}'], retry: 99}\n  - {id: three, when: \"one.two\", next: four, probe: nothing}\n",
        "1:7 name-differs (warning), 2:19 bad-value, 3:20 unknown-value, 5:10 bad-name, 6:26 undeclared-input, 6:49 bad-number, 7:24 bad-condition, 7:40 unknown-step, 7:53 unknown-probe",
    );
}
