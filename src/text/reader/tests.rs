use proptest::prelude::*;
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::super::{Field, Form, Json, Never, Pairs, Problem, Problems, Scalar, Source};
use super::{kind_of, read};

/// Words with a grammar of their own, as the quantities are.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Amount<const UNIT: char>(u64);

type Period = Amount<'s'>;
type Percent = Amount<'%'>;

impl<'de, const UNIT: char> Deserialize<'de> for Amount<UNIT> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text<const UNIT: char>;
        impl<const UNIT: char> serde::de::Visitor<'_> for Text<UNIT> {
            type Value = Amount<UNIT>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "an amount in {UNIT}")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Amount<UNIT>, E> {
                let number = text.strip_suffix(UNIT).and_then(|number| number.parse().ok());
                number.filter(|number| *number <= 100).map(Amount).ok_or_else(|| {
                    E::custom(format!("{} is no amount; write for example `90{UNIT}`", super::quote(text)))
                })
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Direction {
    Response,
    Request,
    Both,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Fault {
    Latency(Delay),
    Reset {},
}

/// Without `Field`, as types of the wire are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Delay {
    delay: Period,
    direction: Option<Direction>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Top {
    name: Field<String>,
    count: Field<u16>,
    ratio: Field<f64>,
    production: Field<bool>,
    max: Field<Period>,
    direction: Field<Direction>,
    latency: Field<Form<Period, Latency>>,
    probes: Field<Form<Never, Probes, Vec<Field<Probe>>>>,
    tags: Field<Vec<Field<String>>>,
    variables: Field<Pairs<Scalar>>,
    json: Field<Json>,
    wire: Field<Fault>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Latency {
    delay: Field<Period>,
    jitter: Field<Period>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Probes {
    every: Field<Period>,
    probes: Field<Vec<Field<Probe>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Probe {
    name: Field<String>,
    errors: Field<Percent>,
}

fn reading(text: &str) -> (Option<Top>, Vec<Problem>, Source) {
    let source = Source::new("a.yaml", text);
    let mut problems = Problems::new();
    let top = read(&source, &mut problems);
    (top, problems.into_sorted(), source)
}

fn good(text: &str) -> Top {
    let (top, problems, _) = reading(text);
    assert_eq!(problems, [], "{text}");
    top.unwrap()
}

/// The marked text, the message and the help of the only problem.
#[track_caller]
fn only_problem(text: &str) -> (String, String, String) {
    let (_, problems, source) = reading(text);
    let [problem] = problems.as_slice() else { panic!("{text}: {problems:#?}") };
    let marked = source.text[problem.span.start..problem.span.end].to_owned();
    (marked, problem.message.clone(), problem.help.clone().unwrap_or_default())
}

#[track_caller]
fn check(text: &str, marked: &str, message: &str, help: &str) {
    let found = only_problem(text);
    assert_eq!((found.0.as_str(), found.1.as_str(), found.2.as_str()), (marked, message, help), "{text}");
}

#[test]
fn values_come_with_their_places() {
    let top = good("name: shop\ncount: 3\nratio: -0.5\nproduction: true\nmax: 90s\ndirection: both\n");
    let (key, span) = (top.count.key().unwrap(), top.count.span().unwrap());
    assert_eq!((key.start, key.end, span.start, span.end), (11, 16, 18, 19));
    assert_eq!(top.count.get(), Some(&3));
    assert_eq!(top.ratio.get(), Some(&-0.5));
    assert_eq!(top.max.into_value(), Some(Amount(90)));
    assert_eq!(top.direction.get(), Some(&Direction::Both));
    assert!(top.tags.is_absent() && top.production.is_given());
}

#[test]
fn a_block_is_read_in_the_form_that_stands_there() {
    assert!(matches!(good("latency: 2s").latency.get(), Some(Form::Word(_))));
    assert!(matches!(good("latency: {delay: 2s}").latency.get(), Some(Form::Map(_))));
    assert!(matches!(good("probes: [{name: a}]").probes.get(), Some(Form::List(list)) if list.len() == 1));
    assert!(matches!(good("probes: {every: 1s}").probes.get(), Some(Form::Map(_))));
    check("latency: [2s]", "[2s]", "expected a word or a map, found a list", "");
    check("probes: web", "web", "expected a map or a list, found `web`", "");
}

#[test]
fn free_maps_keep_their_order_and_the_text_of_their_values() {
    let top = good("variables: {B: 1.10, A: true, C: 'x', D: 0755}");
    let pairs = top.variables.into_value().unwrap();
    let texts: Vec<_> = pairs.iter().map(|p| (p.name.as_str(), p.value.get().unwrap().0.as_str())).collect();
    assert_eq!(texts, [("B", "1.10"), ("A", "true"), ("C", "x"), ("D", "0755")]);
    assert_eq!((pairs.0[0].name_span.start, pairs.0[0].name_span.end), (12, 13));
}

#[test]
fn json_follows_yaml_1_2() {
    let top = good("json: {a: [1, -2, 2.5, true, null, ~, yes, '1', 0755, +5, 18446744073709551615]}");
    let json = top.json.into_value().unwrap().0;
    let expected = serde_json::json!(
        {"a": [1, -2, 2.5, true, null, null, "yes", "1", 755, "+5", 18_446_744_073_709_551_615_u64]}
    );
    assert_eq!(json, expected);
    let (_, message, _) = only_problem("json: [1, .nan]");
    assert_eq!(message, "`.nan` is not a finite number");
}

#[test]
fn types_of_the_wire_are_read_too() {
    let top = good("wire: {latency: {delay: 2s, direction: both}}");
    assert!(matches!(
        top.wire.get(),
        Some(Fault::Latency(Delay { delay: Amount(2), direction: Some(Direction::Both) }))
    ));
    assert!(matches!(good("wire: {reset: {}}").wire.get(), Some(Fault::Reset {})));
    check(
        "wire: {latencey: {delay: 2s}}",
        "latencey",
        "`latencey` is not one of `latency` or `reset`",
        "did you mean `latency`?",
    );
    check("wire: {latency: {delay: 2}}", "2", "`2` is no amount", "write for example `90s`");
    check("wire: {latency: {direction: both}}", "{direction: both}", "`delay` is missing", "");
    check(
        "wire: {latency: {delay: 2s, banana: 1}}",
        "banana",
        "unknown key `banana`",
        "the keys here are `delay` or `direction`",
    );
    check(
        "wire: {latency: {delay: 2s}, reset: {}}",
        "{latency: {delay: 2s}, reset: {}}",
        "expected exactly one key (`latency` or `reset`), found 2",
        "",
    );
    check("wire: latency", "latency", "`latency` has parameters", "write `latency: {…}`");
}

#[test]
fn a_wrong_value_is_named_with_the_way_out() {
    check("count: 70000", "70000", "`70000` is too large; the most is 65535", "");
    check("count: -1", "-1", "`-1` is too small; the least is 0", "");
    check("count: 5.0", "5.0", "expected a whole number, found `5.0`", "");
    check("count: +5", "+5", "expected a whole number, found `+5`", "");
    check("count: '5'", "'5'", "expected a whole number, found the text `5`", "write it without quotes");
    check("count: 0755", "0755", "`0755` starts with a zero", "write the number without leading zeros");
    check(
        &format!("count: {}", "9".repeat(60)),
        &"9".repeat(60),
        &format!("`{}…` is too large; the most is 65535", "9".repeat(40)),
        "",
    );
    for word in ["inf", "nan", ".inf", "infinity", "1e999", "+1.5", "1_000"] {
        check(&format!("ratio: {word}"), word, &format!("expected a number, found `{word}`"), "");
    }
    check(
        "production: yes",
        "yes",
        "expected `true` or `false`, found `yes`",
        "write `true`; YAML 1.2 knows no other word for it",
    );
    check(
        "production: Off",
        "Off",
        "expected `true` or `false`, found `Off`",
        "write `false`; YAML 1.2 knows no other word for it",
    );
    check("max: 5", "5", "`5` is no amount", "write for example `90s`");
    check("direction: upward", "upward", "`upward` is not one of `response`, `request` or `both`", "");
    check("direction: {both: 1}", "both", "`both` has no parameters", "write the word alone");
    check("name: [a]", "[a]", "expected a text, found a list", "");
    check("tags: one", "one", "expected a list, found `one`", "write `[one]`");
    check("tags: {a: 1}", "{a: 1}", "expected a list, found a map", "put `- ` before its first key");
    check("latency: {delay: {}}", "{}", "expected an amount in s, found a map", "");
    check("variables: [1]", "[1]", "expected a map, found a list", "");
}

#[test]
fn a_key_with_nothing_after_it_is_found() {
    check("name:", "name", "expected a text, found nothing", "");
    check("name:  # the shop", "name", "expected a text, found nothing", "");
    check("name: ~", "~", "expected a text, found nothing", "");
    check(
        "name: #shop",
        "name",
        "expected a text, found nothing",
        "`#` starts a comment; a text that starts with it must stand in quotes",
    );
    check("tags: [a, , b]", ",", "a value is missing before this comma", "");
    check("latency:\nname: x", "latency", "expected a value, found nothing", "");
}

#[test]
fn a_mistyped_key_is_read_as_what_was_meant() {
    let (top, problems, _) = reading("latancy: {dealy: 2}\n");
    let messages: Vec<_> = problems.iter().map(|p| p.message.as_str()).collect();
    assert_eq!(messages, ["unknown key `latancy`", "unknown key `dealy`", "`2` is no amount"]);
    assert_eq!(problems[0].help.as_deref(), Some("did you mean `latency`?"));
    assert!(top.unwrap().latency.is_given());
    let (top, problems, _) = reading("name: a\nnmae: b\n");
    assert_eq!(top.unwrap().name.get().map(String::as_str), Some("a"), "what is written rightly wins");
    assert_eq!(problems[0].help.as_deref(), Some("did you mean `name`? It is given already"));
    check("latency: {banana: 1}", "banana", "unknown key `banana`", "the keys here are `delay` or `jitter`");
}

#[test]
fn one_mistake_does_not_hide_the_next() {
    let (top, problems, _) = reading(
        "name: [x]\ncount: many\nprobes:\n  - {name: a, errors: 200%}\n  - {nme: b}\n  - 5\ntags: [a, {}, c]\n\
         max: soon\nvariables: {A: [1], B: 2}\nalias: *x\n",
    );
    let rules: Vec<_> = problems.iter().map(|p| p.rule).collect();
    assert_eq!(
        rules,
        [
            "wrong-type",
            "wrong-type",
            "bad-value",
            "unknown-key",
            "wrong-type",
            "wrong-type",
            "bad-value",
            "wrong-type",
            "unknown-key",
            "alias"
        ],
        "{problems:#?}"
    );
    let top = top.unwrap();
    assert!(top.name.is_bad() && top.max.is_bad());
    assert_eq!(top.tags.get().unwrap().iter().filter(|tag| tag.is_given()).count(), 2);
}

#[test]
fn the_kind_of_a_file_is_found_or_missed_by_name() {
    let kind = |text: &str| {
        let mut problems = Problems::new();
        let kind = kind_of(&Source::new("a.yaml", text), &mut problems);
        (kind.map(|(kind, _)| kind), problems.into_sorted().first().map(|problem| problem.message.clone()))
    };
    assert_eq!(kind("firedrill: v1\nkind: Scenario\n"), (Some("Scenario".into()), None));
    assert_eq!(kind("firedrill: v1\n").1.unwrap(), "`kind` is missing");
    assert_eq!(kind("- 1\n").1.unwrap(), "expected a map, found a list");
    assert_eq!(kind("kind: [a]\n").1.unwrap(), "expected the kind of file, found a list");
    assert_eq!(kind("kind:\n").1.unwrap(), "expected the kind of file, found nothing");
}

/// Good files, from which the broken ones are made.
const SEEDS: [&str; 3] = [
    "name: shop # words\ncount: 3\nlatency: {delay: 2s, jitter: 10s}\nprobes:\n  - name: a\n    errors: 1%\n  - {name: \"b\", errors: 2%}\ntags: [x, 'y z']\n",
    "variables:\n  SHOP: \"http://127.0.0.1/${x}\"\n  日本: 'ü🙂'\n\njson:\n  a: |\n    block\n    text\n  b: >-\n    folded\nwire: {reset: {}}\n",
    "---\nmax: 60s\nproduction: false\nprobes: {every: 1s, probes: []}\ndirection: both\nratio: 1e3\n...\n",
];

/// What is thrown in: all that means something to YAML.
const PIECES: [&str; 28] = [
    ":", ": ", "- ", "\n", "\n\n  ", "\t", "[", "]", "{", "}", ",", "'", "\"", "#", " #", "&a ", "*a", "!t ",
    "<<: ", "---\n", "|\n", "%", "\\", "\u{0}", "\u{feff}", "🙂", "\r\n", "? ",
];

#[derive(Clone, Debug)]
enum Change {
    Insert(prop::sample::Index, usize),
    Remove(prop::sample::Index, usize),
    Copy(prop::sample::Index, prop::sample::Index, usize),
}

fn changed(mut text: Vec<char>, changes: &[Change]) -> String {
    for change in changes {
        match change {
            Change::Insert(at, piece) => {
                let at = at.index(text.len() + 1);
                text.splice(at..at, PIECES[*piece].chars());
            }
            Change::Remove(at, len) => {
                let at = at.index(text.len() + 1);
                let end = (at + len).min(text.len());
                text.drain(at..end);
            }
            Change::Copy(from, to, len) => {
                let from = from.index(text.len() + 1);
                let copy: Vec<char> = text[from..(from + len).min(text.len())].to_vec();
                let to = to.index(text.len() + 1);
                text.splice(to..to, copy);
            }
        }
    }
    text.into_iter().collect()
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<prop::sample::Index>(), 0..PIECES.len()).prop_map(|(at, piece)| Change::Insert(at, piece)),
        (any::<prop::sample::Index>(), 1..12_usize).prop_map(|(at, len)| Change::Remove(at, len)),
        (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1..30_usize)
            .prop_map(|(from, to, len)| Change::Copy(from, to, len)),
    ]
}

fn every_problem_has_a_place_and_can_be_shown(bytes: &[u8]) -> Result<(), TestCaseError> {
    let source = Source::new("a.yaml", bytes);
    let mut problems = Problems::new();
    let top: Option<Top> = read(&source, &mut problems);
    prop_assert!(top.is_some() || problems.has_errors(), "no value and no problem");
    let problems = problems.into_sorted();
    for problem in &problems {
        for span in [problem.span].into_iter().chain(problem.others.iter().map(|(span, _)| *span)) {
            prop_assert!(span.start <= span.end, "{problem:?}");
            prop_assert!(
                source.text.get(span.start..span.end).is_some(),
                "outside or inside a character: {problem:?}"
            );
        }
        prop_assert!(!problem.message.contains('\n'), "{problem:?}");
    }
    let shown = super::super::render(&problems, &source, super::super::Style::default());
    prop_assert_eq!(shown.is_empty(), problems.is_empty());
    let lines = super::super::render_short(&problems, &source).lines().count();
    prop_assert_eq!(lines, problems.len());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn broken_files_never_break_the_reader(
        seed in 0..SEEDS.len(),
        changes in prop::collection::vec(change(), 1..8),
    ) {
        let text = changed(SEEDS[seed].chars().collect(), &changes);
        every_problem_has_a_place_and_can_be_shown(text.as_bytes())?;
    }

    #[test]
    fn bytes_of_any_sort_never_break_the_reader(
        seed in 0..SEEDS.len(),
        at in any::<prop::sample::Index>(),
        bytes in prop::collection::vec(any::<u8>(), 0..12),
    ) {
        let mut text = SEEDS[seed].as_bytes().to_vec();
        let at = at.index(text.len() + 1);
        text.splice(at..at, bytes);
        every_problem_has_a_place_and_can_be_shown(&text)?;
    }
}

#[test]
fn good_seeds_are_good() {
    for seed in SEEDS {
        good(seed);
    }
}
