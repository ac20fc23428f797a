//! The switches by which the people who run the shop change how it bears trouble, while it runs.
//!
//! `GET /flags` lists them, `GET /flags/NAME` shows one, and `PUT /flags/NAME` sets it: `{"enabled": true}`, with
//! `"value": 5` where the mechanism has a knob. All are off in a shop that has just come up.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::page::Page;
use super::server::{Question, Said};

/// Where flags live.
pub(super) const PATH: &str = "/flags";

/// One way of bearing trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flag {
    /// Payments gets less time; an order that it does not confirm in time is taken, and charged later.
    Timeout,
    /// A charge that broke off is asked for again.
    Retry,
    /// Payments is left alone while it fails or is slow.
    Breaker,
    /// Payments is left alone.
    PayLater,
    /// No dependency may have more than its own share of the calls.
    Bulkhead,
    /// Who only looks around is refused when too many are in the shop.
    ShedLoad,
    /// An order that cannot be paid is refused before anything is done for it.
    FailFast,
    /// Stock levels are shown as they were last known.
    Cache,
    /// Orders are charged at the second payments.
    Failover,
}

/// What a flag's number means.
struct Knob {
    unit: &'static str,
    default: u64,
    min: u64,
    max: u64,
}

impl Flag {
    pub(super) const ALL: [Self; 9] = [
        Self::Timeout,
        Self::Retry,
        Self::Breaker,
        Self::PayLater,
        Self::Bulkhead,
        Self::ShedLoad,
        Self::FailFast,
        Self::Cache,
        Self::Failover,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Retry => "retry",
            Self::Breaker => "breaker",
            Self::PayLater => "pay-later",
            Self::Bulkhead => "bulkhead",
            Self::ShedLoad => "shed-load",
            Self::FailFast => "fail-fast",
            Self::Cache => "cache",
            Self::Failover => "failover",
        }
    }

    fn knob(self) -> Option<Knob> {
        let knob = |unit, default, min, max| Some(Knob { unit, default, min, max });
        match self {
            Self::Timeout => knob("milliseconds for payments to answer", 300, 10, 60_000),
            Self::Retry => knob("attempts in all", 4, 2, 10),
            Self::Breaker => knob("failures in a row that open it", 5, 1, 1_000),
            Self::Bulkhead => knob("calls in flight for each dependency", 16, 1, 1_000),
            Self::ShedLoad => knob("requests in flight before browsing is refused", 20, 1, 1_000),
            Self::Cache => knob("seconds that a copy is good for", 600, 1, 86_400),
            Self::PayLater | Self::FailFast | Self::Failover => None,
        }
    }
}

#[derive(Default)]
struct Setting {
    enabled: AtomicBool,
    value: AtomicU64,
}

/// How all flags stand.
pub(super) struct Flags([Setting; Flag::ALL.len()]);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    enabled: Option<bool>,
    value: Option<u64>,
}

impl Flags {
    pub(super) fn new() -> Self {
        let flags = Self(Default::default());
        for flag in Flag::ALL {
            flags.setting(flag).value.store(flag.knob().map_or(0, |knob| knob.default), Relaxed);
        }
        flags
    }

    pub(super) fn is_enabled(&self, flag: Flag) -> bool {
        self.setting(flag).enabled.load(Relaxed)
    }

    /// Its number, when it is enabled.
    pub(super) fn value(&self, flag: Flag) -> Option<u64> {
        self.is_enabled(flag).then(|| self.setting(flag).value.load(Relaxed))
    }

    /// Answers a question about flags. `refuse` may have a reason why one cannot be enabled here.
    pub(super) fn answer(&self, question: &Question, refuse: impl Fn(Flag) -> Option<String>) -> Said {
        let name = question.path.strip_prefix(PATH).unwrap_or_default().trim_start_matches('/');
        if name.is_empty() && question.method == Method::GET {
            let all = Flag::ALL.map(|flag| (flag.name().to_owned(), self.shown(flag)));
            return Said::json(&Value::Object(all.into_iter().collect()));
        }
        let Some(flag) = Flag::ALL.into_iter().find(|flag| flag.name() == name) else {
            let known = Flag::ALL.map(Flag::name).join(", ");
            return Said::problem(
                StatusCode::NOT_FOUND,
                format!("there is no flag `{name}`; there are {known}"),
            );
        };
        match question.method {
            Method::GET => Said::json(&self.shown(flag)),
            Method::PUT => match self.set(flag, &question.body, refuse) {
                Ok(()) => Said::json(&self.shown(flag)),
                Err(said) => said,
            },
            _ => Said::problem(StatusCode::METHOD_NOT_ALLOWED, "a flag takes GET and PUT"),
        }
    }

    fn set(&self, flag: Flag, body: &[u8], refuse: impl Fn(Flag) -> Option<String>) -> Result<(), Said> {
        let name = flag.name();
        let bad = |why: String| Said::problem(StatusCode::BAD_REQUEST, format!("the flag `{name}`: {why}"));
        let wish: Wish = serde_json::from_slice(body).map_err(|error| {
            bad(format!("this is no {{\"enabled\": true}} or {{\"enabled\": false}}: {error}"))
        })?;
        let enabled = match (wish.enabled, wish.value) {
            (Some(enabled), _) => enabled,
            (None, Some(_)) => true,
            (None, None) => return Err(bad("say `\"enabled\"` or `\"value\"`".to_owned())),
        };
        let value = match (wish.value, flag.knob()) {
            (Some(value), Some(Knob { unit, min, max, .. })) if !(min..=max).contains(&value) => {
                return Err(bad(format!("{value} {unit}; use {min} to {max}")));
            }
            (Some(_), None) => return Err(bad("it has no value; it is on or off".to_owned())),
            (None, knob) => knob.map(|knob| knob.default),
            (value, _) => value,
        };
        if let Some(why) = refuse(flag).filter(|_| enabled) {
            return Err(Said::problem(StatusCode::CONFLICT, why));
        }
        let setting = self.setting(flag);
        if let Some(value) = value.filter(|_| enabled) {
            setting.value.store(value, Relaxed);
        }
        setting.enabled.store(enabled, Relaxed);
        Ok(())
    }

    /// One flag for every reader: its state, and its number where it has one.
    fn shown(&self, flag: Flag) -> Value {
        let setting = self.setting(flag);
        let (enabled, value) = (setting.enabled.load(Relaxed), setting.value.load(Relaxed));
        match flag.knob() {
            Some(knob) => json!({ "enabled": enabled, "value": value, "unit": knob.unit }),
            None => json!({ "enabled": enabled }),
        }
    }

    pub(super) fn measure(&self, page: &mut Page) {
        let all = Flag::ALL.map(|flag| (flag.name(), u64::from(self.is_enabled(flag))));
        page.by("gauge", ("shop_flag_enabled", "Whether a flag is on."), "flag", all);
    }

    fn setting(&self, flag: Flag) -> &Setting {
        &self.0[flag as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(flags: &Flags, method: Method, path: &str, body: &str) -> (u16, Value) {
        let question = Question::of(method, path, body);
        let said = flags.answer(&question, |flag| (flag == Flag::Failover).then(|| "no second".to_owned()));
        (said.status.as_u16(), serde_json::from_str(&said.text).unwrap())
    }

    #[test]
    fn a_flag_is_off_until_somebody_puts_it_on_and_off_again() {
        let flags = Flags::new();
        assert!(Flag::ALL.iter().all(|flag| !flags.is_enabled(*flag)));
        assert_eq!(ask(&flags, Method::PUT, "/flags/retry", r#"{"enabled":true}"#).1["value"], 4);
        assert_eq!(flags.value(Flag::Retry), Some(4));
        let (status, shown) = ask(&flags, Method::PUT, "/flags/retry", r#"{"value":3}"#);
        assert_eq!((status, &shown["enabled"], &shown["value"]), (200, &true.into(), &3.into()));
        assert_eq!(ask(&flags, Method::GET, "/flags/retry", "").1, shown);
        assert_eq!(ask(&flags, Method::GET, "/flags", "").1["retry"], shown);
        assert_eq!(ask(&flags, Method::PUT, "/flags/retry", r#"{"enabled":false}"#).0, 200);
        assert_eq!(flags.value(Flag::Retry), None);
    }

    #[test]
    fn what_cannot_be_is_refused_in_words_and_changes_nothing() {
        let flags = Flags::new();
        for (method, path, body, status, word) in [
            (Method::GET, "/flags/retries", "", 404, "there are timeout, retry"),
            (Method::PUT, "/flags/retry", "yes", 400, "enabled"),
            (Method::PUT, "/flags/retry", "{}", 400, "say"),
            (Method::PUT, "/flags/retry", r#"{"enabled":true,"for":1}"#, 400, "for"),
            (Method::PUT, "/flags/retry", r#"{"value":11}"#, 400, "2 to 10"),
            (Method::PUT, "/flags/pay-later", r#"{"value":1}"#, 400, "no value"),
            (Method::PUT, "/flags/failover", r#"{"enabled":true}"#, 409, "no second"),
            (Method::DELETE, "/flags/retry", "", 405, "GET and PUT"),
        ] {
            let (had, said) = ask(&flags, method, path, body);
            assert_eq!(had, status, "{path} {body}: {said}");
            assert!(said["error"].as_str().unwrap().contains(word), "{path} {body}: {said}");
        }
        assert!(Flag::ALL.iter().all(|flag| !flags.is_enabled(*flag)));
        assert_eq!(ask(&flags, Method::PUT, "/flags/failover", r#"{"enabled":false}"#).0, 200);
    }

    #[test]
    fn every_flag_has_its_own_place() {
        for (at, flag) in Flag::ALL.into_iter().enumerate() {
            assert_eq!(flag as usize, at, "{}", flag.name());
        }
    }
}
