//! What a `latency` cannot be.

use super::{Before, Direction, Distribution, Latency, TABLE_MAX, TABLE_MIN};
use crate::fault::ParameterProblem;
use crate::quantity::{Percent, Period};

/// Delays that are almost the same for ever would be no spread.
const CORRELATION_MAX: Percent = Percent::from_parts_per_million(990_000);
/// A tail that is longer than this many times its mean would be mostly cut off.
const LONG_JITTER: u32 = 10;

impl Latency {
    pub(in crate::fault) fn check(&self) -> Vec<ParameterProblem> {
        let mut problems = Vec::new();
        let mut no = |key: &str, why: String, way_out: &str| {
            problems.push(ParameterProblem::new(key, why, way_out));
        };
        self.middle(&mut no);
        self.spread(&mut no);
        self.measured(&mut no);
        self.in_time(&mut no);
        self.place(&mut no);
        problems
    }

    fn place(&self, no: &mut impl FnMut(&str, String, &str)) {
        use Direction::{Both, Request};
        match (self.before, self.direction) {
            (Some(Before::Request), Both) => no(
                "before",
                "is `request` beside `direction: both`".into(),
                "leave `direction` out, or make a fault of each",
            ),
            (Some(Before::Headers | Before::Body), Request | Both) => no(
                "before",
                "names a part of the answer beside a `direction` that is not `response`".into(),
                "leave `direction` out, or make a fault of each",
            ),
            _ => {}
        }
    }

    fn middle(&self, no: &mut impl FnMut(&str, String, &str)) {
        let is_table = self.distribution() == Distribution::Table;
        match (is_table, self.delay.is_zero()) {
            (false, true) => {
                no("delay", "is missing or zero, and would do nothing".into(), "write for example `200ms`")
            }
            (true, false) => {
                no("delay", "stands beside a `table`, which has all delays".into(), "leave `delay` out");
            }
            _ => {}
        }
        if is_table {
            if !self.jitter.is_zero() {
                no("jitter", "stands beside a `table`, which has the spread".into(), "leave `jitter` out");
            }
            return;
        }
        let long = matches!(self.distribution, Some(Distribution::Lognormal | Distribution::Pareto));
        let most = if long { self.delay.duration() * LONG_JITTER } else { self.delay.duration() };
        if self.jitter.duration() > most {
            let most = Period::from(most);
            let than = if long { format!("{LONG_JITTER} times `delay`") } else { "`delay`".to_owned() };
            no(
                "jitter",
                format!("{} is larger than {than} {}", self.jitter, self.delay),
                &format!("use {most} or less"),
            );
        }
    }

    fn spread(&self, no: &mut impl FnMut(&str, String, &str)) {
        use Distribution::{Constant, Lognormal, Normal, Pareto, Table, Uniform};
        match self.distribution {
            Some(Constant) if !self.jitter.is_zero() => no(
                "distribution",
                "is constant beside a `jitter`".into(),
                "use `uniform`, `normal`, `lognormal` or `pareto`, or leave `jitter` out",
            ),
            Some(Uniform | Normal | Lognormal | Pareto) if self.jitter.is_zero() => {
                no("distribution", "needs a `jitter` to spread".into(), "add for example `jitter: 50ms`")
            }
            Some(Table) if self.table.is_empty() => no(
                "distribution",
                "needs a `table`".into(),
                "add for example `table: [[0%, 1ms], [50%, 5ms], [100%, 2s]]`",
            ),
            Some(Constant | Uniform | Normal | Lognormal | Pareto) if !self.table.is_empty() => {
                no("distribution", "is another than that of the `table` beside it".into(), "leave one out");
            }
            _ => {}
        }
        let Some(correlation) = self.correlation else { return };
        if correlation > CORRELATION_MAX {
            no(
                "correlation",
                format!("{correlation} is more than {CORRELATION_MAX}"),
                "use `99%` or less; delays that never differ are `constant`",
            );
        }
        if correlation > Percent::ZERO && self.distribution() == Constant {
            let why = "has nothing to act on: every delay is the same".into();
            no("correlation", why, "add a `jitter` or a `table`, or leave `correlation` out");
        }
    }

    fn measured(&self, no: &mut impl FnMut(&str, String, &str)) {
        let points = self.table.len();
        if points == 0 {
            return;
        }
        if !(TABLE_MIN..=TABLE_MAX).contains(&points) {
            let way_out = format!("give {TABLE_MIN} to {TABLE_MAX} of them");
            return no("table", format!("has {points} points"), &way_out);
        }
        let ends = (self.table[0].0, self.table[points - 1].0);
        if ends != (Percent::ZERO, Percent::ALL) {
            let why = format!("goes from {} to {}", ends.0, ends.1);
            return no("table", why, "let it go from `0%` (the shortest delay) to `100%` (the longest)");
        }
        for two in self.table.windows(2) {
            let ((share, delay), (next_share, next_delay)) = (two[0], two[1]);
            if next_share <= share || next_delay < delay {
                let why = format!("has [{next_share}, {next_delay}] after [{share}, {delay}]");
                return no(
                    "table",
                    why,
                    "let the shares rise, and let no delay be shorter than the one before",
                );
            }
        }
        if self.table[points - 1].1.is_zero() {
            no("table", "has no delay and would do nothing".into(), "write for example `[100%, 2s]`");
        }
    }

    fn in_time(&self, no: &mut impl FnMut(&str, String, &str)) {
        if self.ramp.is_some_and(|ramp| ramp.is_zero()) {
            no("ramp", "is zero and would do nothing".into(), "write for example `1m`, or leave `ramp` out");
        }
        let Some(wave) = &self.wave else { return };
        if wave.period.is_zero() {
            no("wave", "has a `period` of zero".into(), "write for example `period: 30s`");
        }
        if wave.low.duration().as_nanos() > u128::from(self.longest_ns()) {
            let longest = Period::from(std::time::Duration::from_nanos(self.longest_ns()));
            let why = format!("has a `low` of {}, longer than any delay of this fault", wave.low);
            no("wave", why, &format!("use {longest} or less"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_refused_by_its_key_and_with_the_way_out() {
        for (json, key, says) in [
            (r#"{"delay": "0s"}"#, "delay", "missing or zero"),
            (r#"{}"#, "delay", "would do nothing"),
            (r#"{"delay": "10ms", "jitter": "20ms"}"#, "jitter", "use 10ms or less"),
            (
                r#"{"delay": "10ms", "jitter": "101ms", "distribution": "pareto"}"#,
                "jitter",
                "use 100ms or less",
            ),
            (r#"{"delay": "10ms", "jitter": "1ms", "distribution": "constant"}"#, "distribution", "beside a"),
            (r#"{"delay": "10ms", "distribution": "lognormal"}"#, "distribution", "needs a `jitter`"),
            (r#"{"delay": "10ms", "distribution": "table"}"#, "distribution", "needs a `table`"),
            (r#"{"delay": "10ms", "correlation": "50%"}"#, "correlation", "every delay is the same"),
            (r#"{"delay": "10ms", "jitter": "1ms", "correlation": "99.5%"}"#, "correlation", "more than 99%"),
            (r#"{"delay": "10ms", "ramp": "0s"}"#, "ramp", "would do nothing"),
            (r#"{"delay": "10ms", "wave": {"shape": "sine", "period": "0s"}}"#, "wave", "a `period` of zero"),
            (
                r#"{"delay": "10ms", "wave": {"shape": "sine", "period": "9s", "low": "11ms"}}"#,
                "wave",
                "use 10ms or less",
            ),
            (r#"{"delay": "1ms", "before": "request", "direction": "both"}"#, "before", "fault of each"),
            (
                r#"{"delay": "1ms", "before": "headers", "direction": "request"}"#,
                "before",
                "a part of the answer",
            ),
            (r#"{"delay": "1ms", "before": "body", "direction": "both"}"#, "before", "a part of the answer"),
            (r#"{"table": [["0%", "1ms"]]}"#, "table", "has 1 points"),
            (r#"{"table": [["10%", "1ms"], ["100%", "2ms"]]}"#, "table", "from 10% to 100%"),
            (r#"{"table": [["0%", "1ms"], ["0%", "2ms"], ["100%", "2ms"]]}"#, "table", "after [0%, 1ms]"),
            (r#"{"table": [["0%", "9ms"], ["100%", "2ms"]]}"#, "table", "no delay be shorter"),
            (r#"{"table": [["0%", "0s"], ["100%", "0s"]]}"#, "table", "would do nothing"),
            (r#"{"delay": "1ms", "table": [["0%", "1ms"], ["100%", "2ms"]]}"#, "delay", "leave `delay` out"),
            (
                r#"{"jitter": "1ms", "table": [["0%", "1ms"], ["100%", "2ms"]]}"#,
                "jitter",
                "leave `jitter` out",
            ),
            (
                r#"{"distribution": "constant", "table": [["0%", "1ms"], ["100%", "2ms"]]}"#,
                "distribution",
                "leave one out",
            ),
        ] {
            let latency: Latency = serde_json::from_str(json).unwrap();
            let problems = latency.check();
            let found =
                problems.iter().any(|problem| problem.key == key && problem.to_string().contains(says));
            assert!(found, "{json}: {problems:?}");
        }
    }

    #[test]
    fn what_can_be_is_not_refused() {
        for json in [
            r#"{"delay": "10ms", "jitter": "10ms"}"#,
            r#"{"delay": "10ms", "before": "request"}"#,
            r#"{"delay": "10ms", "before": "request", "direction": "request"}"#,
            r#"{"delay": "10ms", "before": "body"}"#,
            r#"{"delay": "10ms", "jitter": "100ms", "distribution": "lognormal", "correlation": "99%"}"#,
            r#"{"table": [["0%", "0s"], ["99%", "0s"], ["100%", "2ms"]], "correlation": "10%"}"#,
            r#"{"delay": "10ms", "ramp": "1m", "wave": {"shape": "sawtooth", "period": "1s", "low": "10ms"}}"#,
        ] {
            let latency: Latency = serde_json::from_str(json).unwrap();
            assert_eq!(latency.check(), [], "{json}");
        }
    }
}
