use super::super::{Expression, Value, Values};
use super::{Known, good};

#[track_caller]
fn check(text: &str, holds: bool) {
    assert_eq!(good(text).check(&Known), [], "{text}");
    assert_eq!(good(text).evaluate(&Known), Ok(holds), "{text}");
}

#[test]
fn values_are_compared_by_what_they_are_worth() {
    check("steps.confirm.answers.slow", true);
    check("slow", false);
    check("slow == false", true);
    check("slow != steps.confirm.answers.slow", true);
    check("count == 3.0", true);
    check("count < 3", false);
    check("count <= 3", true);
    check("count > 2.9", true);
    check("count >= 3", true);
    check("count > -1", true);
    check("3 > count", false);
    check("inputs.region == 'eu-1'", true);
    check("inputs.region != 'eu-1'", false);
    check("steps.pay_later.verify == \"failed\"", true);
    check("(count > 1) == (count > 2)", true);
}

#[test]
fn not_binds_more_than_and_and_and_more_than_or() {
    check("not slow and count == 3", true);
    check("not (slow or count == 3)", false);
    check("not slow == false", false);
    check("(not slow) == false", false);
    check("true or true and false", true);
    check("(true or true) and false", false);
    check("not not true", true);
}

#[test]
fn a_value_that_is_not_there_equals_nothing_and_counts_as_false_alone() {
    check("steps.may_fail_over.approved", false);
    check("not steps.may_fail_over.approved", true);
    check("steps.may_fail_over.approved == true", false);
    check("steps.may_fail_over.approved == false", false);
    check("steps.may_fail_over.approved != true", true);
    check("steps.later.verify == 'good'", false);
    check("steps.later.verify != 'good'", true);
    check("not steps.later.verify == 'good'", true);
    check("steps.later.verify == steps.later.verify", false);
    check("steps.later.verify != steps.later.verify", true);
    for operator in ["<", "<=", ">", ">="] {
        check(&format!("steps.later.count {operator} 0"), false);
        check(&format!("not steps.later.count {operator} 0"), true);
        check(&format!("inputs.broken {operator} 0"), false);
    }
    check("inputs.broken == inputs.broken", false);
    check("inputs.broken != 0", true);
}

#[test]
fn a_value_of_another_kind_than_it_was_declared_is_an_error_and_not_a_guess() {
    struct All(Value);
    impl Values for All {
        fn value(&self, _: &[&str]) -> Option<Value> {
            Some(self.0.clone())
        }
    }
    let text = || All(Value::Text("x".to_owned()));
    let error = |written: &str, values: All| {
        Expression::parse(written).unwrap().evaluate(&values).unwrap_err().to_string()
    };
    assert_eq!(error("a", text()), "`a` is a text, and true or false is needed there");
    assert_eq!(error("1 == a", text()), "`a` is a text, and a number is needed there");
    assert_eq!(error("a < b", text()), "`a` is a text, and a number is needed there");
    assert_eq!(
        error("true and not b", All(Value::Number(1.0))),
        "`b` is a number, and true or false is needed there"
    );
    // Nobody asks for the second when the first decides.
    assert_eq!(good("false and a").evaluate(&text()), Ok(false));
    assert_eq!(good("true or a").evaluate(&text()), Ok(true));
}
