//! The tokens in the store.

use super::Auth;
use super::token::{Printed, Tokens};
use crate::coordinator::office::{Office, Refusal};

const FOLDER: &str = "auth";
const NAME: &str = "tokens";

impl Auth {
    /// The tokens of an office; at its first start they are made, and given once. `is_local`: only this host can reach
    /// the listener.
    ///
    /// # Errors
    /// The store fails, or holds what this version does not understand.
    pub async fn open(office: &Office, is_local: bool) -> Result<(Self, Option<Printed>), Refusal> {
        if let Some(kept) = office.kept(FOLDER, NAME).await? {
            let tokens = Tokens::from_bytes(&kept.text).ok_or_else(|| {
                let why = "the tokens in the store are of another version of firedrill; start that version";
                Refusal::new(503, "unknown tokens", why)
            })?;
            return Ok((Self::new(tokens, is_local), None));
        }
        let (tokens, printed) = fresh()?;
        office.keep(FOLDER, NAME, &tokens.to_bytes(), 0).await?;
        Ok((Self::new(tokens, is_local), Some(printed)))
    }

    /// New tokens in the place of the old, which open nothing from now on.
    ///
    /// # Errors
    /// The store fails.
    pub async fn renew(office: &Office, is_local: bool) -> Result<(Self, Printed), Refusal> {
        let version = office.kept(FOLDER, NAME).await?.map_or(0, |kept| kept.version);
        let (tokens, printed) = fresh()?;
        office.keep(FOLDER, NAME, &tokens.to_bytes(), version).await?;
        Ok((Self::new(tokens, is_local), printed))
    }
}

fn fresh() -> Result<(Tokens, Printed), Refusal> {
    Tokens::fresh().map_err(|error| {
        Refusal::new(503, "no tokens", format!("the system gives no random bytes: {error}; start again"))
    })
}
