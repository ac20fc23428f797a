//! `http_body`: what is done to the body of a request or of an answer, with knowledge of how HTTP frames it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Direction, ParameterProblem};
use crate::quantity::{ByteSize, Percent, Period};

/// A body that comes in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drip {
    /// The most bytes of one piece.
    pub size: ByteSize,
    /// How long after a piece the next one leaves.
    pub every: Period,
}

impl Drip {
    /// What is wrong with it, as a problem of the key it stands in.
    pub(super) fn check(&self, key: &str) -> Option<ParameterProblem> {
        if self.size.bytes() == 0 {
            let why = "has a `size` of zero, and nothing would ever pass";
            return Some(ParameterProblem::new(key, why, "write for example `size: 64B`"));
        }
        self.every.is_zero().then(|| {
            let why = "has an `every` of zero and would do nothing";
            ParameterProblem::new(key, why, "write for example `every: 100ms`")
        })
    }
}

/// One thing done to a body: exactly one of the keys before `direction` stands here.
///
/// `drip`, `replace` and `corrupt` leave a legal message on a legal connection. `truncate`, `wrong_length` and
/// `no_last_chunk` break the framing on purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpBody {
    /// So many bytes of the body pass, then the connection ends (HTTP/2: the stream is reset). What was announced stays
    /// announced, so clients see that the body is cut off. A body that is no longer than this is left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncate: Option<ByteSize>,
    /// The body leaves in pieces of at most `size` bytes, one `every` so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drip: Option<Drip>,
    /// This text stands in the place of the body. Its length is announced; encoding, ETag and digests of the old body
    /// are taken out. Messages without a body (`HEAD`, 204, 304, a request that brings none) are left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace: Option<String>,
    /// The share of the body's bits that flip; length and headers stay, so that a client that checks a digest finds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrupt: Option<Percent>,
    /// Added to the true `Content-Length`. More than there is: the connection ends after the true body, early. Less: the
    /// rest of the body follows all the same, and a client that uses the connection again reads it as its next answer.
    /// (HTTP/2: the announced length is wrong, which clients must treat as an error of the stream.) Answers that
    /// announce no length are left alone. Only on responses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong_length: Option<i64>,
    /// The answer is sent in chunks, and the connection ends where the last chunk should come (HTTP/2: the stream is
    /// reset after the last byte). Only on responses.
    #[serde(default, skip_serializing_if = "is_false")]
    pub no_last_chunk: bool,
    /// `response` or `request`.
    #[serde(default)]
    pub direction: Direction,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// The one thing done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BodyAction {
    Truncate(u64),
    Drip(Drip),
    Replace(String),
    Corrupt(Percent),
    WrongLength(i64),
    NoLastChunk,
}

impl HttpBody {
    /// The longest text that a file may carry.
    pub const REPLACE_MAX_BYTES: usize = 64 * 1024;
    /// How far a length may be wrong, either way.
    pub const WRONG_LENGTH_MAX: i64 = 1 << 30;

    /// The one thing done; nothing only where the parameters were never checked.
    pub(crate) fn action(&self) -> Option<BodyAction> {
        self.actions().into_iter().flatten().next()
    }

    fn actions(&self) -> [Option<BodyAction>; 6] {
        [
            self.truncate.map(|size| BodyAction::Truncate(size.bytes())),
            self.drip.map(BodyAction::Drip),
            self.replace.clone().map(BodyAction::Replace),
            self.corrupt.map(BodyAction::Corrupt),
            self.wrong_length.map(BodyAction::WrongLength),
            self.no_last_chunk.then_some(BodyAction::NoLastChunk),
        ]
    }

    pub(super) fn check(&self) -> Vec<ParameterProblem> {
        let mut problems = Vec::new();
        let mut no = |key: &str, why: String, way_out: &str| {
            problems.push(ParameterProblem::new(key, why, way_out));
        };
        let keys = ["truncate", "drip", "replace", "corrupt", "wrong_length", "no_last_chunk"];
        let actions = self.actions();
        let given = actions.iter().zip(keys).filter_map(|(action, key)| action.as_ref().map(|_| key));
        let given: Vec<&str> = given.collect();
        match given[..] {
            [] => no(
                "truncate",
                "and all other actions are missing".into(),
                &format!("write one of `{}`", keys.join("`, `")),
            ),
            [_] => {}
            [first, second, ..] => no(
                second,
                format!("stands beside `{first}`, and only one thing is done to a body"),
                "leave one out, or make a fault of each",
            ),
        }
        if self.direction == Direction::Both {
            no("direction", "is both".into(), "use `response` or `request`, or make a fault of each");
        }
        if let (true, Some(BodyAction::WrongLength(_) | BodyAction::NoLastChunk)) =
            (self.direction == Direction::Request, self.action())
        {
            let why = format!("is request, and `{}` can only be done to answers", given[0]);
            no("direction", why, "leave it out, or use `truncate`");
        }
        if self.replace.as_ref().is_some_and(|text| text.len() > Self::REPLACE_MAX_BYTES) {
            no("replace", "is longer than 64 KiB".into(), "make it shorter");
        }
        if self.corrupt == Some(Percent::ZERO) {
            no("corrupt", "is zero and would do nothing".into(), "write for example `0.01%`");
        }
        match self.wrong_length {
            Some(0) => {
                no("wrong_length", "is zero and would be right".into(), "write for example `10` or `-10`")
            }
            Some(more) if more.unsigned_abs() > Self::WRONG_LENGTH_MAX.unsigned_abs() => {
                let most = Self::WRONG_LENGTH_MAX;
                no(
                    "wrong_length",
                    format!("{more} is further off than {most}"),
                    "write for example `10` or `-10`",
                );
            }
            _ => {}
        }
        problems.extend(self.drip.and_then(|drip| drip.check("drip")));
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_thing_is_done_and_it_can_be() {
        for (json, key, says) in [
            (r#"{"truncate": "0B"}"#, None, ""),
            (r#"{"drip": {"size": "1B", "every": "1ms"}, "direction": "request"}"#, None, ""),
            (r#"{"replace": ""}"#, None, ""),
            (r#"{"corrupt": "1%"}"#, None, ""),
            (r#"{"wrong_length": -10}"#, None, ""),
            (r#"{"no_last_chunk": true}"#, None, ""),
            (r#"{}"#, Some("truncate"), "write one of"),
            (r#"{"no_last_chunk": false}"#, Some("truncate"), "write one of"),
            (r#"{"truncate": "1B", "replace": "x"}"#, Some("replace"), "beside `truncate`"),
            (r#"{"drip": {"size": "0B", "every": "1ms"}}"#, Some("drip"), "ever pass"),
            (r#"{"drip": {"size": "1B", "every": "0s"}}"#, Some("drip"), "do nothing"),
            (r#"{"corrupt": "0%"}"#, Some("corrupt"), "do nothing"),
            (r#"{"wrong_length": 0}"#, Some("wrong_length"), "be right"),
            (r#"{"wrong_length": 2000000000}"#, Some("wrong_length"), "further off"),
            (r#"{"wrong_length": 1, "direction": "request"}"#, Some("direction"), "only be done to answers"),
            (r#"{"no_last_chunk": true, "direction": "request"}"#, Some("direction"), "`no_last_chunk`"),
            (r#"{"truncate": "1B", "direction": "both"}"#, Some("direction"), "fault of each"),
        ] {
            let fault: HttpBody = serde_json::from_str(json).unwrap();
            let problems = fault.check();
            assert_eq!(problems.first().map(|problem| problem.key.as_str()), key, "{json}: {problems:?}");
            assert!(
                problems.first().is_none_or(|problem| problem.to_string().contains(says)),
                "{problems:?}"
            );
            let again: HttpBody = serde_json::from_value(serde_json::to_value(&fault).unwrap()).unwrap();
            assert_eq!(again, fault);
        }
        let long = HttpBody { replace: Some("x".repeat(64 * 1024 + 1)), ..HttpBody::default() };
        assert_eq!(long.check()[0].key, "replace");
    }

    #[test]
    fn the_action_is_the_one_that_stands_there() {
        let action = |json| serde_json::from_str::<HttpBody>(json).unwrap().action();
        assert_eq!(action(r#"{"truncate": "1KiB"}"#), Some(BodyAction::Truncate(1024)));
        assert_eq!(action(r#"{"wrong_length": -3}"#), Some(BodyAction::WrongLength(-3)));
        assert_eq!(action(r#"{"no_last_chunk": true}"#), Some(BodyAction::NoLastChunk));
        assert_eq!(action("{}"), None);
    }
}
