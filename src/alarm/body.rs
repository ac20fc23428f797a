//! A body that was posted or fetched: its limits, its hash, and what is wrong with it.

use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

/// The largest body that is read. One message of 5,000 alarms has 1.6 MB.
pub const BODY_MAX_BYTES: usize = 16 << 20;

/// Why a body brought no alarms.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is too large.
    #[error("the body has {bytes} bytes, at most {max} are read; send fewer alarms in one message")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// It is no JSON, or not of the expected form.
    #[error("the body is not as expected: {why}; expected is {expected}")]
    Unreadable {
        /// What was met, with line and column.
        why: String,
        /// What the adapter reads.
        expected: &'static str,
    },
    /// A value is not what it must be.
    #[error("`{place}` is {found}; expected is {expected}")]
    Value {
        /// Where in the body.
        place: String,
        /// What stands there.
        found: String,
        /// What may stand there.
        expected: &'static str,
    },
}

/// The body as `T`, within a limit.
pub(super) fn read<T: DeserializeOwned>(
    body: &[u8],
    max: usize,
    expected: &'static str,
) -> Result<T, BodyError> {
    if body.len() > max {
        return Err(BodyError::TooLarge { bytes: body.len(), max });
    }
    serde_json::from_slice(body)
        .map_err(|error| BodyError::Unreadable { why: shorten(&error.to_string()), expected })
}

/// A value from outside as it may be repeated in a sentence.
pub(super) fn shown(value: &str) -> String {
    format!("`{}`", shorten(&value.escape_debug().to_string()))
}

fn shorten(text: &str) -> String {
    const SHOWN_MAX_BYTES: usize = 160;
    if text.len() <= SHOWN_MAX_BYTES {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(SHOWN_MAX_BYTES)])
}

/// SHA-256 of a body, in hexadecimal.
pub(super) fn sha256(body: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(body).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
