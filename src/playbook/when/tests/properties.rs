use proptest::prelude::*;

use super::super::tree::{Literal, Node, Operator, Part, Path, Place};
use super::super::{DEPTH_MAX, Expression, LENGTH_MAX};
use super::Known;

/// Whatever a text is, reading it ends, and says where: inside the text, between characters, with a way out.
fn reads(text: &str) -> Result<(), TestCaseError> {
    match Expression::parse(text) {
        Ok(expression) => {
            let canonical = expression.to_string();
            prop_assert!(canonical.chars().count() <= LENGTH_MAX);
            let again = Expression::parse(&canonical);
            prop_assert_eq!(again.as_ref(), Ok(&expression));
            prop_assert_eq!(again.map(|again| again.to_string()), Ok(canonical));
            let refusals = expression.check(&Known);
            for refusal in &refusals {
                prop_assert!(text.get(refusal.at.clone()).is_some_and(|marked| !marked.is_empty()));
            }
            prop_assert!(!refusals.is_empty() || expression.evaluate(&Known).is_ok());
        }
        Err(refusals) => {
            prop_assert!(!refusals.is_empty());
            for refusal in refusals {
                prop_assert!(text.get(refusal.at.clone()).is_some());
                prop_assert!(!refusal.message.is_empty() && !refusal.help.is_empty());
            }
        }
    }
    Ok(())
}

fn leaf() -> impl Strategy<Value = Part> {
    let name = "[a-zA-Z_][a-zA-Z0-9_]{0,5}".prop_filter("a word of the language", |name| {
        let lower = name.to_ascii_lowercase();
        !["and", "or", "not", "true", "false"].contains(&lower.as_str())
    });
    let known = prop::sample::select(super::KNOWN.map(|(name, ..)| name.to_owned()).to_vec());
    let path = prop_oneof![name, known].prop_map(|path| {
        let names = path.split('.').map(str::to_owned).collect();
        Part::Path(Path { names, place: Place::default() })
    });
    prop_oneof![
        3 => path,
        1 => any::<bool>().prop_map(|truth| Part::Literal(Literal::Boolean(truth))),
        1 => (-99_999_i32..99_999, 0_u8..4).prop_map(|(number, places)| {
            Part::Literal(Literal::Number(f64::from(number) / 10_f64.powi(i32::from(places))))
        }),
        1 => "[\\PC\n\t'\"\\\\]{0,6}".prop_map(|text| Part::Literal(Literal::Text(text))),
    ]
}

fn bare(part: Part) -> Node {
    Node { part, place: Place::default() }
}

/// Trees as the parser makes them: no `and` directly inside an `and`, no `or` inside an `or`.
fn tree() -> impl Strategy<Value = Node> {
    let operators = [
        Operator::Equal,
        Operator::NotEqual,
        Operator::Less,
        Operator::AtMost,
        Operator::Greater,
        Operator::AtLeast,
    ];
    leaf().prop_map(bare).prop_recursive(5, 24, 4, move |inner| {
        let compared = (inner.clone(), prop::sample::select(operators.to_vec()), inner.clone());
        let listed = prop::collection::vec(inner.clone(), 2..5);
        prop_oneof![
            compared.prop_map(|(left, operator, right)| {
                bare(Part::Compare(Box::new(left), operator, Box::new(right)))
            }),
            inner.prop_map(|inner| bare(Part::Not(Box::new(inner)))),
            (listed, any::<bool>()).prop_map(|(parts, all)| bare(opened(parts, all))),
        ]
    })
}

fn opened(parts: Vec<Node>, all: bool) -> Part {
    let open = |node: Node| match node.part {
        Part::And(parts) if all => parts,
        Part::Or(parts) if !all => parts,
        part => vec![bare(part)],
    };
    let parts = parts.into_iter().flat_map(open).collect();
    if all { Part::And(parts) } else { Part::Or(parts) }
}

proptest! {
    #[test]
    fn any_tree_is_printed_so_that_it_reads_back_as_itself(node in tree()) {
        let text = node.to_string();
        prop_assume!(text.chars().count() <= LENGTH_MAX);
        let read = Expression::parse(&text);
        prop_assert_eq!(read.map(|expression| expression.0), Ok(node), "{}", text);
    }

    #[test]
    fn any_text_is_read_or_refused_with_its_place(text in "\\PC{0,80}") {
        reads(&text)?;
    }

    #[test]
    fn any_row_of_words_is_read_or_refused_with_its_place(
        words in prop::collection::vec(prop::sample::select(WORDS.to_vec()), 0..40),
        space in prop::sample::select(vec!["", " ", "\n"]),
    ) {
        reads(&words.join(space))?;
    }

    #[test]
    fn any_nesting_is_read_or_refused_and_never_overflows(
        opening in prop::sample::select(vec!["(", "not ", "not(", "a and (", "(a) == ("]), count in 0_usize..400,
    ) {
        let text: String = opening.repeat(count).chars().take(LENGTH_MAX - 1).collect::<String>() + "a";
        reads(&text)?;
        prop_assert!(count <= DEPTH_MAX || Expression::parse(&text).is_err());
    }
}

const WORDS: [&str; 30] = [
    "slow",
    "count",
    "steps",
    ".",
    "inputs.region",
    "true",
    "false",
    "and",
    "or",
    "not",
    "==",
    "!=",
    "<",
    "<=",
    ">=",
    "=",
    "&",
    "!",
    "(",
    ")",
    "1",
    "-",
    "2.5",
    "'x'",
    "\"",
    "'",
    "\\",
    "é",
    "$",
    "{",
];
