use super::super::{DEPTH_MAX, Expression, LENGTH_MAX};
use super::said;

const VALUES: &str = "a value is a path, `true`, `false`, a number, or a text in quotes";
const OPERATORS: &str = "between two values stands `==`, `!=`, `<`, `<=`, `>`, `>=`, `and` or `or`";
const WORDS: &str = "there are paths, `true`, `false`, numbers, texts in quotes, `== != < <= > >=`, `and or not` and \
                     parentheses";
const MINUS: &str = "there is no arithmetic; a `-` in an id is written `_`";
const NAMES: &str = "between dots stand names of letters a-z, digits and `_`: `steps.confirm.outcome`";
const TWO: &str = "join two comparisons: `a < b and b < c`";

#[track_caller]
fn check(text: &str, refused: &[(&str, &str, &str)]) {
    let refusals = Expression::parse(text).expect_err(text);
    assert_eq!(said(text, &refusals), refused, "{text}");
}

#[test]
fn what_other_languages_write_is_named_with_what_was_meant() {
    check("slow = true", &[("=", "`=` is no operator here", "did you mean `==`?")]);
    check(
        "a && b || !c",
        &[
            ("&&", "`&&` is no operator here", "did you mean `and`?"),
            ("||", "`||` is no operator here", "did you mean `or`?"),
            ("!", "`!` is no operator here", "did you mean `not`?"),
        ],
    );
    check("a === b", &[("===", "`===` is no operator here", "did you mean `==`?")]);
    check("a !== b", &[("!==", "`!==` is no operator here", "did you mean `!=`?")]);
    check("a <> b", &[("<>", "`<>` is no operator here", "did you mean `!=`?")]);
    check("a =< 1", &[("=<", "`=<` is no operator here", "did you mean `<=`?")]);
    check("a => 1", &[("=>", "`=>` is no operator here", "did you mean `>=`?")]);
    check(
        "a & b | c",
        &[
            ("&", "`&` is no operator here", "did you mean `and`?"),
            ("|", "`|` is no operator here", "did you mean `or`?"),
        ],
    );
    check("a ≠ b", &[("≠", "`≠` is no operator here", "did you mean `!=`?")]);
    check(
        "a AND Not b",
        &[
            ("AND", "`AND` is written in small letters", "write `and`"),
            ("Not", "`Not` is written in small letters", "write `not`"),
        ],
    );
    check("slow == True", &[("True", "`True` is written in small letters", "write `true`")]);
    check(
        "a == ‘x’",
        &[
            ("‘", "`‘` is no quote here", "put a text in `'` or `\"`"),
            ("’", "`’` is no quote here", "put a text in `'` or `\"`"),
        ],
    );
    check(
        "${inputs.region} == 'x'",
        &[(
            "${inputs.region}",
            "`${inputs.region}` is not substituted here",
            "a path stands as it is: `inputs.region`",
        )],
    );
    check("$x", &[("$", "`$` is not substituted here", "a path stands as it is: `inputs.region`")]);
    check("$", &[("$", "`$` is not substituted here", "a path stands as it is: `inputs.region`")]);
}

#[test]
fn a_chained_comparison_is_refused() {
    check("0 < a < 9", &[("<", "`<` compares what is already compared", TWO)]);
    check("a == b == c", &[("==", "`==` compares what is already compared", TWO)]);
}

#[test]
fn a_path_that_cannot_be_is_refused() {
    check(
        "steps.pay-later.verify",
        &[(
            "steps.pay-later.verify",
            "`steps.pay-later.verify` holds a `-`, and nothing is subtracted here",
            "write `_` for the `-` of an id: `steps.pay_later.verify`; if it is a text, put it in quotes: `'steps.pay-later.verify'`",
        )],
    );
    check(
        "region == eu-1",
        &[(
            "eu-1",
            "`eu-1` holds a `-`, and nothing is subtracted here",
            "write `_` for the `-` of an id: `eu_1`; if it is a text, put it in quotes: `'eu-1'`",
        )],
    );
    check("a - b", &[("-", "`-` stands only before the digits of a number", MINUS)]);
    check("a -", &[("-", "`-` stands only before the digits of a number", MINUS)]);
    check("-a", &[("-", "`-` stands only before the digits of a number", MINUS)]);
    check("steps.", &[("steps.", "`steps.` is no path", NAMES)]);
    check("steps..x", &[("steps..x", "`steps..x` is no path", NAMES)]);
    check("a.1b", &[("a.1b", "`a.1b` is no path", NAMES)]);
    check("a > --1", &[("-", "`-` stands only before the digits of a number", MINUS)]);
    check("größe > 1", &[("größe", "`größe` is no path", NAMES)]);
}

#[test]
fn a_number_is_plain() {
    check(
        "a > 2m",
        &[(
            "2m",
            "`2m` is no number",
            "numbers are written like `120` or `-0.5`, without a unit; if it is a text, put it in quotes: `'2m'`",
        )],
    );
    check(
        "a > 50%",
        &[(
            "50%",
            "`50%` is no number",
            "numbers are written like `120` or `-0.5`, without a unit; if it is a text, put it in quotes: `'50%'`",
        )],
    );
    check(
        "a > 1e3",
        &[(
            "1e3",
            "`1e3` is no number",
            "numbers are written like `120` or `-0.5`, without a unit; if it is a text, put it in quotes: `'1e3'`",
        )],
    );
    check(
        "a > 1_000",
        &[(
            "1_000",
            "`1_000` is no number",
            "numbers are written like `120` or `-0.5`, without a unit; if it is a text, put it in quotes: `'1_000'`",
        )],
    );
    check("a > .5", &[(".", "`.` means nothing here", WORDS)]);
    check(
        "a > 5.",
        &[(
            "5.",
            "`5.` is no number",
            "numbers are written like `120` or `-0.5`, without a unit; if it is a text, put it in quotes: `'5.'`",
        )],
    );
    check("a > +5", &[("+", "`+` is no operator here", "there is no arithmetic")]);
    check(
        "a > 1.2.3",
        &[(
            "1.2.3",
            "`1.2.3` is no number",
            "numbers are written like `120` or `-0.5`, without a unit; if it is a text, put it in quotes: `'1.2.3'`",
        )],
    );
    check(
        "a > 1234567890123456",
        &[("1234567890123456", "`1234567890123456` has 16 digits, at most 15 are kept", "round the number")],
    );
}

#[test]
fn a_text_ends_and_holds_nothing_invisible() {
    check(
        "a == 'x",
        &[("'x", "this text does not end", "end it with `'`; inside a text that mark is written `\\'`")],
    );
    check(
        "a == \"it's",
        &[(
            "\"it's",
            "this text does not end",
            "end it with `\"`; inside a text that mark is written `\\\"`",
        )],
    );
    check(
        "a == '\\q'",
        &[(
            "\\q",
            "`\\q` is no escape",
            "write `\\\\` for a backslash; the others are `\\'`, `\\\"`, `\\n` and `\\t`",
        )],
    );
    check(
        "a == '\\",
        &[("'\\", "this text does not end", "end it with `'`; inside a text that mark is written `\\'`")],
    );
    check("a == 'x\ny'", &[("\n", "the character `\\n` is invisible in a text", "write `\\n`")]);
    check("a == 'x\u{7}'", &[("\u{7}", "the character `\\u{7}` is invisible in a text", "take it out")]);
}

#[test]
fn what_means_nothing_is_refused_and_the_rest_still_read() {
    check("a * 2 > 3", &[("*", "`*` is no operator here", "there is no arithmetic")]);
    check("a[0]", &[("[", "`[` means nothing here", WORDS), ("]", "`]` means nothing here", WORDS)]);
    check(
        "a == @ and b == #",
        &[("@", "`@` means nothing here", WORDS), ("#", "`#` means nothing here", WORDS)],
    );
    check("a\u{a0}== b", &[("\u{a0}", "`\\u{a0}` means nothing here", WORDS)]);
    check(
        "a = b & @",
        &[
            ("=", "`=` is no operator here", "did you mean `==`?"),
            ("&", "`&` is no operator here", "did you mean `and`?"),
            ("@", "`@` means nothing here", WORDS),
        ],
    );
}

#[test]
fn a_value_or_an_operator_that_is_missing_is_said_with_its_place() {
    check("", &[("", "the expression is empty", "write for example `slow == false`, or leave `when` out")]);
    check(
        "  ",
        &[("  ", "the expression is empty", "write for example `slow == false`, or leave `when` out")],
    );
    check("slow is true", &[("is", "expected an operator, found `is`", "did you mean `==`?")]);
    check(
        "region in x",
        &[(
            "in",
            "expected an operator, found `in`",
            "compare with each: `region == 'eu-1' or region == 'eu-2'`",
        )],
    );
    check("a not b", &[("not", "expected an operator, found `not`", "did you mean `!=` or `and not`?")]);
    check(
        "a xor b",
        &[(
            "xor",
            "expected an operator, found `xor`",
            "write `!=` between two values that are true or false",
        )],
    );
    check("a b", &[("b", "expected an operator, found `b`", OPERATORS)]);
    check("a 1", &[("1", "expected an operator, found `1`", OPERATORS)]);
    check("(a", &[("(", "this `(` is not closed", "add `)` where it ends")]);
    check("(a b)", &[("b", "expected an operator or `)`, found `b`", OPERATORS)]);
    check("a)", &[(")", "this `)` closes nothing", "take it out, or add `(` before")]);
    check("()", &[(")", "a value is missing before `)`", VALUES)]);
    check("a and", &[("and", "a value is missing after `and`", VALUES)]);
    check("a ==", &[("==", "a value is missing after `==`", VALUES)]);
    check("a == == b", &[("==", "a value is missing before `==`", VALUES)]);
    check("and a", &[("and", "a value is missing before `and`", VALUES)]);
    check("not", &[("not", "a value is missing after `not`", VALUES)]);
    check(
        "a == not b",
        &[(
            "not",
            "`not` stands before a whole comparison",
            "put what it turns round in parentheses: `a == (not b)`",
        )],
    );
    check("a -1", &[("-1", "expected an operator, found `-1`", OPERATORS)]);
}

#[test]
fn an_expression_is_at_most_so_long_however_it_is_written() {
    let most = format!("a == '{}'", "é".repeat(LENGTH_MAX - 7));
    assert!(Expression::parse(&most).is_ok());
    for (text, said) in [
        (format!("{most} "), "has 1001 characters, at most 1000"),
        (format!("{}a", " ".repeat(LENGTH_MAX)), "has 1001 characters, at most 1000"),
        (format!("a{}", "<1 and a".repeat(124)), "has 1241 characters with single spaces, at most 1000"),
    ] {
        let refusals = Expression::parse(&text).unwrap_err();
        let [refusal] = refusals.as_slice() else { panic!("{refusals:#?}") };
        assert!(refusal.message.contains(said), "{refusal}");
        assert_eq!(refusal.at, 0..text.len());
    }
}

#[test]
fn parentheses_and_nots_are_nested_so_deep_and_no_deeper() {
    let message = "more than 32 parentheses and `not`s inside each other";
    for (open, close) in [("(", ")"), ("not ", ""), ("not(", ")")] {
        let count = DEPTH_MAX / open.trim_end().chars().filter(|c| *c == '(' || *c == 'n').count();
        let nested = |count: usize| format!("{}a{}", open.repeat(count), close.repeat(count));
        assert!(Expression::parse(&nested(count)).is_ok(), "{open}");
        let (deep, deepest) = (nested(count + 1), nested(999 / (open.len() + close.len())));
        for text in [deep, deepest] {
            let refusals = Expression::parse(&text).unwrap_err();
            assert_eq!(said(&text, &refusals)[0].1, message, "{text}");
        }
    }
    // Side by side they are not inside each other.
    assert!(Expression::parse(&vec!["(not a)"; 90].join(" or ")).is_ok());
}
