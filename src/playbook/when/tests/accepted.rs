use super::super::Expression;
use super::good;

#[track_caller]
fn check(text: &str, canonical: &str) {
    let expression = good(text);
    assert_eq!(expression.to_string(), canonical, "{text}");
    assert_eq!(good(canonical), expression, "{text}");
}

#[test]
fn an_expression_has_one_canonical_form() {
    check("slow", "slow");
    check(" slow==false\n", "slow == false");
    check("steps.pay_later.verify == \"failed\"", "steps.pay_later.verify == 'failed'");
    check("a<1 and\tb>=-0.50 or not c", "a < 1 and b >= -0.5 or not c");
    check("((a))", "a");
    check("(a and b) and (c and d)", "a and b and c and d");
    check("a or (b or c)", "a or b or c");
    check("(a or b) and c", "(a or b) and c");
    check("(a and b) or c", "a and b or c");
    check("not (a and b)", "not (a and b)");
    check("not (a == b)", "not a == b");
    check("(not a) == b", "(not a) == b");
    check("not not a", "not not a");
    check("(a == 1) == (b < 2)", "(a == 1) == (b < 2)");
    check("a != ''", "a != ''");
    check(r#"a == 'it\'s' or a == "it's" or a == "\"" "#, r#"a == 'it\'s' or a == 'it\'s' or a == '"'"#);
    check(r"a == 'x\n\t\\é日'", r"a == 'x\n\t\\é日'");
    check("a == 007 or a == -0 or a == 1.0", "a == 7 or a == 0 or a == 1");
    check("a == 0.00000000000001", "a == 0.00000000000001");
    check("a == 999999999999999", "a == 999999999999999");
}

#[test]
fn the_words_of_the_language_are_names_behind_a_dot() {
    check("steps.not.approved and steps.or.true", "steps.not.approved and steps.or.true");
}

#[test]
fn the_paths_are_listed_once_in_order_with_their_places() {
    let text = "b.c == 'x' and (a or not b.c) and d > 1";
    let expression = good(text);
    let paths: Vec<_> = expression.paths().iter().map(|path| (path.to_string(), path.at())).collect();
    assert_eq!(paths, [("b.c".to_owned(), 0..3), ("a".to_owned(), 16..17), ("d".to_owned(), 34..35)]);
    assert_eq!(expression.paths()[0].names(), ["b", "c"]);
}

#[test]
fn it_travels_as_its_canonical_text() {
    let expression = good("(slow)==false");
    let json = serde_json::to_string(&expression).unwrap();
    assert_eq!(json, r#""slow == false""#);
    assert_eq!(serde_json::from_str::<Expression>(&json).unwrap(), expression);
    let refused = serde_json::from_str::<Expression>(r#""slow && (fast""#).unwrap_err().to_string();
    assert!(
        refused.contains("did you mean `and`?") && refused.contains("this `(` is not closed"),
        "{refused}"
    );
}
