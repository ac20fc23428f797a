//! Tokens: 32 random bytes each, of which only the SHA-256 is kept.

use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// What every token begins with, so that one that leaked is recognized.
const PREFIX: &str = "fd_";
/// No token is longer; more is not even hashed.
const TOKEN_MAX_BYTES: usize = 256;

/// The SHA-256 of a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Hashed([u8; 32]);

impl Hashed {
    pub(super) fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// Takes the same time whatever the difference is.
    pub(super) fn is(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }

    fn hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

/// Never in a log, not even hashed.
impl std::fmt::Debug for Hashed {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("Hashed")
    }
}

/// What was made at the first start, to be shown once and never again.
#[derive(Clone, PartialEq, Eq)]
pub struct Printed {
    /// Opens everything.
    pub admin: String,
    /// Opens the alarm intake and nothing else.
    pub intake: String,
}

impl std::fmt::Debug for Printed {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("Printed")
    }
}

/// The tokens of a store, hashed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tokens {
    admin: Hashed,
    intake: Hashed,
}

/// How they are kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    version: u32,
    admin_sha256: String,
    intake_sha256: String,
}

const KEPT_VERSION: u32 = 1;

impl Tokens {
    /// Two new tokens.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(super) fn fresh() -> io::Result<(Self, Printed)> {
        let printed = Printed { admin: fresh(PREFIX)?, intake: fresh(PREFIX)? };
        let tokens = Self { admin: Hashed::of(&printed.admin), intake: Hashed::of(&printed.intake) };
        Ok((tokens, printed))
    }

    pub(super) fn to_bytes(self) -> Vec<u8> {
        let (admin, intake) = (self.admin.hex(), self.intake.hex());
        let kept = serde_json::json!({
            "version": KEPT_VERSION, "admin_sha256": admin, "intake_sha256": intake,
        });
        kept.to_string().into_bytes()
    }

    /// Absent: it is not what this version writes.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let kept: Kept =
            serde_json::from_slice(bytes).ok().filter(|kept: &Kept| kept.version == KEPT_VERSION)?;
        Some(Self {
            admin: Hashed::from_hex(&kept.admin_sha256)?,
            intake: Hashed::from_hex(&kept.intake_sha256)?,
        })
    }

    pub(super) fn is_admin(&self, token: &str) -> bool {
        token.len() <= TOKEN_MAX_BYTES && Hashed::of(token).is(&self.admin).into()
    }

    /// The admin token opens the intake too.
    pub(super) fn is_intake(&self, token: &str) -> bool {
        let said = Hashed::of(token);
        token.len() <= TOKEN_MAX_BYTES && (said.is(&self.intake) | said.is(&self.admin)).into()
    }
}

/// A secret that nobody can guess: 256 random bits of the kernel, in letters that need no quoting anywhere.
pub(super) fn fresh(prefix: &str) -> io::Result<String> {
    let mut bytes = [0; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{prefix}{}", base64url(&bytes)))
}

/// RFC 4648, section 5, without padding.
fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits =
            three.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for at in 0..=three.len() {
            out.push(char::from(LETTERS[(bits >> (18 - 6 * at) & 63) as usize]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_as_the_standard_says() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "Zg"),
            (b"fo", "Zm8"),
            (b"foo", "Zm9v"),
            (b"foob", "Zm9vYg"),
            (b"fooba", "Zm9vYmE"),
            (b"foobar", "Zm9vYmFy"),
            (&[0xfb, 0xff, 0xfe], "-__-"),
        ] {
            assert_eq!(base64url(bytes), text);
        }
    }

    #[test]
    fn only_the_hash_of_a_token_is_kept_and_it_still_opens() {
        let (tokens, printed) = Tokens::fresh().unwrap();
        let (_, others) = Tokens::fresh().unwrap();
        let kept = tokens.to_bytes();
        assert!(!String::from_utf8_lossy(&kept).contains(&printed.admin[3..]), "the token itself is kept");
        assert_eq!((printed.admin.len(), &printed.admin[..3]), (46, "fd_"));
        let tokens = Tokens::from_bytes(&kept).unwrap();
        assert!(tokens.is_admin(&printed.admin) && tokens.is_intake(&printed.intake));
        assert!(tokens.is_intake(&printed.admin), "the admin token opens everything");
        assert!(!tokens.is_admin(&printed.intake), "the intake's token opens nothing else");
        assert!(!tokens.is_admin(&others.admin) && !tokens.is_admin("") && !tokens.is_intake(""));
    }

    #[test]
    fn what_is_kept_and_not_understood_opens_nothing() {
        for kept in ["", "{}", r#"{"version":2,"admin_sha256":"","intake_sha256":""}"#] {
            assert!(Tokens::from_bytes(kept.as_bytes()).is_none(), "{kept}");
        }
        let short = r#"{"version":1,"admin_sha256":"00","intake_sha256":"ü"}"#;
        assert!(Tokens::from_bytes(short.as_bytes()).is_none());
    }
}
