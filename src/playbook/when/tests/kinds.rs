use super::super::{Kind, Names};
use super::{Known, good, said};

#[track_caller]
fn check(text: &str, refused: &[(&str, &str, &str)]) {
    let refusals = good(text).check(&Known);
    assert_eq!(said(text, &refusals), refused, "{text}");
}

#[test]
fn a_path_that_is_not_there_is_refused_with_the_one_that_was_meant() {
    check("slo", &[("slo", "there is no `slo`", "did you mean `slow`?")]);
    check(
        "steps.confirm",
        &[(
            "steps.confirm",
            "there is no `steps.confirm`",
            "it has `steps.confirm.answers.slow`, `steps.confirm.outcome`",
        )],
    );
    check(
        "answers.slow and slow",
        &[("answers.slow", "there is no `answers.slow`", "did you mean `steps.confirm.answers.slow`?")],
    );
    check(
        "steps.pay_later.verfy == 'failed'",
        &[(
            "steps.pay_later.verfy",
            "there is no `steps.pay_later.verfy`",
            "did you mean `steps.pay_later.verify`?",
        )],
    );
    check(
        "wholly_else == 1",
        &[(
            "wholly_else",
            "there is no `wholly_else`",
            "known here: `slow`, `count`, `steps.confirm.answers.slow`, `steps.confirm.outcome`, `steps.pay_later.verify`, `steps.later.verify`, `steps.later.count`, `steps.may_fail_over.approved`, 3 more; if it is a text, put it in quotes: `'wholly_else'`",
        )],
    );
    check(
        "slo == 1 and cont > 2 or not inputs",
        &[
            ("slo", "there is no `slo`", "did you mean `slow`?"),
            ("cont", "there is no `cont`", "did you mean `count`?"),
            ("inputs", "there is no `inputs`", "it has `inputs.region`, `inputs.broken`"),
        ],
    );
}

#[test]
fn the_result_is_true_or_false() {
    check(
        "inputs.region",
        &[(
            "inputs.region",
            "`inputs.region` is a text, not true or false",
            "compare it: `inputs.region == 'eu-1'`",
        )],
    );
    check("count", &[("count", "`count` is a number, not true or false", "compare it: `count > 0`")]);
    check(
        "steps.fail_over.outputs.ticket",
        &[(
            "steps.fail_over.outputs.ticket",
            "`steps.fail_over.outputs.ticket` is a text, not true or false",
            "compare it: `steps.fail_over.outputs.ticket == 'value'`",
        )],
    );
    check("1", &[("1", "`1` is a number, not true or false", "compare it with a path")]);
    check("'x' and slow", &[("'x'", "`'x'` is a text, not true or false", "compare it with a path")]);
    check("not count", &[("count", "`count` is a number, not true or false", "compare it: `count > 0`")]);
}

#[test]
fn a_fixed_set_is_compared_only_with_what_is_in_it() {
    check(
        "inputs.region == 'eu-3'",
        &[("'eu-3'", "`inputs.region` is never `eu-3`", "did you mean 'eu-1'? It is one of 'eu-1', 'eu-2'")],
    );
    check(
        "'eu1' != inputs.region",
        &[("'eu1'", "`inputs.region` is never `eu1`", "did you mean 'eu-1'? It is one of 'eu-1', 'eu-2'")],
    );
    check(
        "inputs.region == steps.confirm.outcome",
        &[(
            "inputs.region == steps.confirm.outcome",
            "`inputs.region` and `steps.confirm.outcome` have no value in common",
            "the first is one of 'eu-1', 'eu-2', the second one of 'done', 'failed', 'skipped'",
        )],
    );
}

#[test]
fn only_numbers_have_an_order() {
    check(
        "inputs.region < 'eu-2'",
        &[(
            "inputs.region < 'eu-2'",
            "`<` orders numbers, and `inputs.region` is a text",
            "use `==` or `!=`",
        )],
    );
    check(
        "slow >= false",
        &[("slow >= false", "`>=` orders numbers, and `slow` is true or false", "use `==` or `!=`")],
    );
}

#[test]
fn values_of_different_kinds_are_not_compared() {
    check(
        "slow == 'true'",
        &[("slow == 'true'", "`slow` is true or false, `'true'` is a text", "write `true` without quotes")],
    );
    check(
        "slow == 1",
        &[("slow == 1", "`slow` is true or false, `1` is a number", "compare it with `true` or `false`")],
    );
    check(
        "count == '3'",
        &[("count == '3'", "`count` is a number, `'3'` is a text", "write `3` without quotes")],
    );
    check(
        "count > true",
        &[("count > true", "`count` is a number, `true` is true or false", "compare values of one kind")],
    );
    check(
        "count == 'three'",
        &[("count == 'three'", "`count` is a number, `'three'` is a text", "compare values of one kind")],
    );
    check(
        "inputs.region == true",
        &[(
            "inputs.region == true",
            "`inputs.region` is a text, `true` is true or false",
            "write `'true'`, with quotes",
        )],
    );
    check(
        "steps.fail_over.outputs.ticket == 12",
        &[(
            "steps.fail_over.outputs.ticket == 12",
            "`steps.fail_over.outputs.ticket` is a text, `12` is a number",
            "write `'12'`, with quotes",
        )],
    );
    check(
        "slow == count",
        &[("slow == count", "`slow` is true or false, `count` is a number", "compare values of one kind")],
    );
    check(
        "(slow == 1) == 2",
        &[
            ("(slow == 1)", "`slow` is true or false, `1` is a number", "compare it with `true` or `false`"),
            (
                "(slow == 1) == 2",
                "`slow == 1` is true or false, `2` is a number",
                "compare it with `true` or `false`",
            ),
        ],
    );
}

#[test]
fn kinds_that_fit_pass() {
    for text in [
        "slow",
        "true",
        "slow == false",
        "slow != steps.confirm.answers.slow",
        "(count > 1) == slow",
        "count >= -0.5 and 3 < count",
        "steps.pay_later.verify == 'failed' or 'good' != steps.pay_later.verify",
        "steps.fail_over.outputs.ticket == 'whatever'",
        "steps.fail_over.outputs.ticket != inputs.region",
        "steps.confirm.outcome == steps.later.verify",
        "not (steps.may_fail_over.approved and slow)",
        "'a' == 'b' or 1 < 2",
    ] {
        check(text, &[]);
    }
}

#[test]
fn where_nothing_is_known_that_is_said_and_a_long_list_is_cut() {
    struct Many(usize);
    impl Names for Many {
        fn kind(&self, _: &[&str]) -> Option<Kind> {
            None
        }
        fn known(&self) -> Vec<String> {
            (0..self.0).map(|number| format!("value_{number}")).collect()
        }
    }
    let help = |count| good("elsewhere").check(&Many(count)).remove(0).help;
    assert_eq!(help(0), "nothing is known here");
    assert!(help(20).contains("`value_7`, 12 more"), "{}", help(20));
}
