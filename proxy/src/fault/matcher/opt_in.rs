//! Requests that ask for the fault themselves, by a header that only who knows the secret can write.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::hmac;
use http::{HeaderMap, HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::ParameterProblem;

/// The header that is looked for unless another is named.
pub const OPT_IN_HEADER: &str = "x-firedrill-opt-in";
/// How far ahead its end may be: whoever sees it in a log can use it until then.
pub const OPT_IN_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// How much the clocks of who signs and who looks may differ.
const CLOCKS_DIFFER_BY_SECONDS: u64 = 5 * 60;
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 16..=256;
/// Digits of the time and of the signature, and the dot between them.
const VALUE_MAX_BYTES: usize = 20 + 1 + 64;

/// A signed header makes a request one that is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OptIn {
    /// Its name.
    #[serde(default = "opt_in_header")]
    pub header: String,
    /// What it is signed with, 16 to 256 bytes.
    pub secret: Secret,
}

fn opt_in_header() -> String {
    OPT_IN_HEADER.to_owned()
}

/// A text that is not shown: a proxy answers with `***` in its place.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Secret(pub String);

impl Secret {
    /// What is shown in the place of a secret.
    pub const HIDDEN: &str = "***";
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::HIDDEN)
    }
}

impl OptIn {
    /// What is wrong with it, by key.
    pub fn check(&self) -> Vec<ParameterProblem> {
        let mut problems = Vec::new();
        if HeaderName::from_bytes(self.header.as_bytes()).is_err() {
            let why = format!("`{}` is no name of an HTTP header", self.header.escape_debug());
            problems.push(ParameterProblem::new("opt_in.header", why, "use letters, digits and `-`"));
        }
        if self.secret.0 == Secret::HIDDEN {
            let why = "is what a proxy shows in place of a secret";
            problems.push(ParameterProblem::new("opt_in.secret", why, "send the secret itself"));
        } else if !SECRET_BYTES.contains(&self.secret.0.len()) {
            let why = format!("has {} bytes", self.secret.0.len());
            problems.push(ParameterProblem::new("opt_in.secret", why, "use 16 to 256 that nobody guesses"));
        }
        problems
    }

    /// The value of the header that opts in to a fault until a time, in seconds since 1970.
    pub fn signed(secret: &Secret, route: &str, fault: &str, expires: u64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.0.as_bytes());
        let signature = hmac::sign(&key, message(route, fault, &expires.to_string()).as_bytes());
        let hex: String = signature.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{expires}.{hex}")
    }

    pub(super) fn compile(&self, route: &str, fault: &str) -> Option<Signed> {
        Some(Signed {
            header: HeaderName::from_bytes(self.header.as_bytes()).ok()?,
            key: hmac::Key::new(hmac::HMAC_SHA256, self.secret.0.as_bytes()),
            route: route.to_owned(),
            fault: fault.to_owned(),
        })
    }
}

/// What is signed: a header for one fault is worth nothing for another.
fn message(route: &str, fault: &str, expires: &str) -> String {
    format!("{route}\n{fault}\n{expires}")
}

/// A key with what it signs.
#[derive(Clone)]
pub(crate) struct Signed {
    header: HeaderName,
    key: hmac::Key,
    route: String,
    fault: String,
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed").field("header", &self.header).finish_non_exhaustive()
    }
}

impl Signed {
    /// The name of the header.
    pub(super) const fn header(&self) -> &HeaderName {
        &self.header
    }

    /// Whether one of the headers is signed, has not expired, and does so before long. `unix_seconds` is only asked for where one is signed.
    pub(super) fn fits(&self, headers: &HeaderMap, unix_seconds: fn() -> u64) -> bool {
        headers.get_all(&self.header).iter().filter_map(|value| value.to_str().ok()).any(|value| {
            let Some((expires, until, signature)) = parts(value) else { return false };
            // Compared in the same time whatever the difference is.
            let signed = message(&self.route, &self.fault, expires);
            hmac::verify(&self.key, signed.as_bytes(), &signature).is_ok() && {
                let now = unix_seconds();
                now < until && until - now <= OPT_IN_MAX.as_secs() + CLOCKS_DIFFER_BY_SECONDS
            }
        })
    }
}

/// Whether a header's value is one that opts in to something, whatever that is.
pub(crate) fn is_opt_in(value: &HeaderValue) -> bool {
    value.to_str().is_ok_and(|value| parts(value).is_some())
}

/// When it expires, as written and as a number, and its signature.
fn parts(value: &str) -> Option<(&str, u64, [u8; 32])> {
    let (expires, hex) = value.split_once('.').filter(|_| value.len() <= VALUE_MAX_BYTES)?;
    let digits = expires.bytes().all(|c| c.is_ascii_digit());
    let until = expires.parse().ok().filter(|_| digits)?;
    Some((expires, until, bytes_of(hex)?))
}

fn bytes_of(hex: &str) -> Option<[u8; 32]> {
    let digits = hex.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |c: u8| char::from(c).to_digit(16);
        *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret("correct horse battery".into())
    }

    fn fits(value: &str, now: fn() -> u64) -> bool {
        let opt_in = OptIn { header: OPT_IN_HEADER.into(), secret: secret() };
        let mut headers = HeaderMap::new();
        headers.insert(OPT_IN_HEADER, value.parse().unwrap());
        opt_in.compile("shop", "slow").unwrap().fits(&headers, now)
    }

    #[test]
    fn only_a_header_signed_for_this_fault_and_a_day_at_most_opts_in() {
        let good = OptIn::signed(&secret(), "shop", "slow", 1_000);
        assert!(fits(&good, || 999));
        assert!(fits(&good.to_uppercase(), || 0), "hexadecimal digits of either case");
        assert!(!fits(&good, || 1_000), "expired");
        let day = OPT_IN_MAX.as_secs();
        assert!(fits(&OptIn::signed(&secret(), "shop", "slow", day + 300), || 0));
        for wrong in [
            OptIn::signed(&secret(), "shop", "slow", day + 301),
            OptIn::signed(&secret(), "shop", "slow", u64::MAX),
            OptIn::signed(&secret(), "shop", "other", 1_000),
            OptIn::signed(&secret(), "other", "slow", 1_000),
            OptIn::signed(&Secret("another secret of 24 b.".into()), "shop", "slow", 1_000),
            good.replacen("1000", "2000", 1),
            good.replacen("1000", "+1000", 1),
            good[..good.len() - 2].to_owned(),
            format!("{good}00"),
            format!("{}{good}", "0".repeat(30)),
            "1000".to_owned(),
            "1000.".to_owned(),
            ".".to_owned(),
            String::new(),
            format!("1000.{}", "g".repeat(64)),
        ] {
            assert!(!fits(&wrong, || 0), "{wrong}");
        }
    }

    #[test]
    fn a_signature_is_the_same_for_ever() {
        // Golden: who signs with another program has to come to the same.
        assert_eq!(OptIn::signed(&secret(), "shop", "slow", 1_000), GOLDEN);
    }
    const GOLDEN: &str = "1000.048071276be5af20b7f286da823235768ffb7c8c69d9878e009c5ca19e7285a3";

    #[test]
    fn what_cannot_be_signed_with_is_told_and_no_secret_is_shown() {
        let problems = |json: &str| {
            let opt_in: OptIn = serde_json::from_str(json).unwrap();
            assert!(!format!("{opt_in:?}").contains("short"));
            opt_in.check().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        };
        assert_eq!(problems(r#"{"secret": "0123456789abcdef"}"#), "");
        assert!(problems(r#"{"secret": "short"}"#).contains("has 5 bytes"));
        assert!(problems(r#"{"secret": "***"}"#).contains("in place of a secret"));
        assert!(problems(r#"{"secret": "0123456789abcdef", "header": "a b"}"#).contains("no name"));
    }
}
