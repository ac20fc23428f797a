//! `keep_alive_kill`: connections do not live on for the next request.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ParameterProblem;

/// The answer is complete and legal, and then the connection is closed; HTTP/1 says so with `Connection: close`, HTTP/2
/// with GOAWAY. A connection that its client ends anyway is left alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeepAliveKill {
    /// From the how-manieth request of a connection on; absent: from the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_requests: Option<u64>,
    /// Nothing announces it: right after the answer the connection is gone, as when a server or a middlebox gives up idle
    /// connections too soon. HTTP/2 says GOAWAY all the same: without it, answers that wait for their client would be lost.
    #[serde(default, skip_serializing_if = "is_false")]
    pub silent: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl KeepAliveKill {
    /// Whether the connection is closed after its `nth` request, counted from 1.
    pub(crate) fn kills_after(&self, nth: u64) -> bool {
        nth >= self.after_requests.unwrap_or(1)
    }

    pub(super) fn check(&self) -> Vec<ParameterProblem> {
        if self.after_requests == Some(0) {
            let why = "is zero, and requests are counted from 1";
            return vec![ParameterProblem::new("after_requests", why, "write 1 or more, or leave it out")];
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_kills_from_the_request_that_is_named_on() {
        let kills = |json| {
            let fault: KeepAliveKill = serde_json::from_str(json).unwrap();
            [1, 2, 3, 4].map(|nth| fault.kills_after(nth))
        };
        assert_eq!(kills("{}"), [true; 4]);
        assert_eq!(kills(r#"{"after_requests": 3}"#), [false, false, true, true]);
    }

    #[test]
    fn requests_are_counted_from_one() {
        let fault = |json| serde_json::from_str::<KeepAliveKill>(json).unwrap();
        assert_eq!(fault(r#"{"after_requests": 0}"#).check()[0].key, "after_requests");
        for json in ["{}", r#"{"after_requests":1,"silent":true}"#] {
            assert_eq!(fault(json).check(), []);
            assert_eq!(serde_json::to_string(&fault(json)).unwrap(), json);
        }
    }
}
