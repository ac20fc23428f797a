//! What the watchman answers: the part of Prometheus' API by which one learns why an alarm stays away, and its page.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::server::{Question, Said};
use super::Watchman;
use super::eval::{self, Vector};
use super::page;
use super::promql;
use super::rules::Rule;
use super::series::Labels;
use super::standing::{Alarm, Standing};
use super::state::State;

impl Watchman {
    pub(super) fn said(&self, question: &Question) -> Said {
        if question.method != Method::GET {
            return Said::problem(StatusCode::METHOD_NOT_ALLOWED, "the watchman takes GET");
        }
        let state = self.lock();
        match question.path.as_str() {
            "/" => Said::html(page::draw(self, &state)),
            "/api/v1/rules" => success(self.rules(&state)),
            "/api/v1/alerts" => success(self.alerts(&state)),
            "/api/v1/targets" => success(self.targets(&state)),
            "/api/v1/query" => self.query(&state, question.query.as_deref().unwrap_or_default()),
            _ => Said::no_such_path(question),
        }
    }

    fn rules(&self, state: &State) -> Value {
        let groups = state.watched.iter().map(|watched| {
            let every = watched.group.interval.unwrap_or(self.watch.evaluation_interval);
            let rules: Vec<Value> =
                watched.rules().map(|(rule, standing)| self.rule(rule, standing)).collect();
            json!({
                "name": watched.group.name, "file": self.watch.rules, "interval": every.as_secs_f64(), "rules": rules,
            })
        });
        json!({ "groups": groups.collect::<Vec<_>>() })
    }

    fn rule(&self, rule: &Rule, standing: &Standing) -> Value {
        let health = match (&standing.error, standing.evaluated_at) {
            (Some(_), _) => "err",
            (None, Some(_)) => "ok",
            (None, None) => "unknown",
        };
        json!({
            "type": "alerting",
            "name": rule.name,
            "query": rule.query,
            "duration": rule.pending.as_secs_f64(),
            "keepFiringFor": rule.keeps.as_secs_f64(),
            "labels": rule.labels,
            "annotations": rule.annotations,
            "state": standing.word(),
            "health": health,
            "lastError": standing.error.as_deref().unwrap_or_default(),
            "lastEvaluation": standing.evaluated_at.map(|at| self.clock.text(at)),
            "alerts": standing.active().map(|alarm| self.alert(alarm)).collect::<Vec<_>>(),
        })
    }

    fn alerts(&self, state: &State) -> Value {
        let standings = state.watched.iter().flat_map(|watched| &watched.standings);
        let alerts = standings.flat_map(Standing::active).map(|alarm| self.alert(alarm));
        json!({ "alerts": alerts.collect::<Vec<_>>() })
    }

    fn alert(&self, alarm: &Alarm) -> Value {
        json!({
            "labels": alarm.labels,
            "annotations": alarm.annotations,
            "state": if alarm.fired_at.is_some() { "firing" } else { "pending" },
            "activeAt": self.clock.text(alarm.active_at),
            "value": alarm.value.to_string(),
        })
    }

    fn targets(&self, state: &State) -> Value {
        let targets = state.targets.iter().map(|target| {
            let (health, error) = match &target.asked {
                None => ("unknown", ""),
                Some((_, None)) => ("up", ""),
                Some((_, Some(why))) => ("down", why.as_str()),
            };
            json!({
                "labels": target.labels, "scrapeUrl": format!("http://{}/metrics", target.address), "health": health,
                "lastError": error, "lastScrape": target.asked.as_ref().map(|(at, _)| self.clock.text(*at)),
            })
        });
        json!({ "activeTargets": targets.collect::<Vec<_>>() })
    }

    /// An instant query at this moment.
    fn query(&self, state: &State, query: &str) -> Said {
        let text = query.split('&').find_map(|pair| pair.strip_prefix("query=")).unwrap_or_default();
        let now = self.clock.now();
        let read = promql::read(unescaped(text).trim());
        match read.and_then(|expr| eval::evaluate(&expr, &state.store, now)) {
            Ok(eval::Value::Scalar(value)) => {
                success(json!({ "resultType": "scalar", "result": self.sample(now, value) }))
            }
            Ok(eval::Value::Vector(vector)) => {
                success(json!({ "resultType": "vector", "result": self.samples(now, vector) }))
            }
            Err(why) => Said::problem(StatusCode::BAD_REQUEST, why),
        }
    }

    fn samples(&self, now: std::time::Duration, vector: Vector) -> Vec<Value> {
        let one =
            |(labels, value): (Labels, f64)| json!({ "metric": labels, "value": self.sample(now, value) });
        vector.into_iter().map(one).collect()
    }

    fn sample(&self, now: std::time::Duration, value: f64) -> Value {
        let seconds = self.clock.wall.as_millisecond() as f64 / 1e3 + now.as_secs_f64();
        json!([seconds, value.to_string().replace("inf", "+Inf").replace("-+", "-")])
    }
}

fn success(data: Value) -> Said {
    Said::json(&json!({ "status": "success", "data": data }))
}

/// A value of a URL's query without its escapes.
fn unescaped(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, after @ ..] = rest {
        let escaped = match (first, after) {
            (b'%', [high, low, ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                digit(high).zip(digit(low)).and_then(|(high, low)| u8::try_from(high * 16 + low).ok())
            }
            _ => None,
        };
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_without_its_escapes() {
        assert_eq!(unescaped("a%7Bb%3D%22c%20d%22%7D+%2B%C3%A9"), "a{b=\"c d\"} +é");
        assert_eq!(unescaped("5%"), "5%");
        assert_eq!(unescaped("%zz%4"), "%zz%4");
    }
}
