//! Who may ask: one admin token, one for the alarm intake, and the sessions of the page.

mod attempts;
mod kept;
mod session;
mod token;

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, Method, header};
use tokio::time::Instant;

pub use token::Printed;

use super::person;
use super::problem::Refused;
use crate::coordinator::said;
use attempts::Attempts;
use session::Sessions;
use token::Tokens;

/// For the record, until people have tokens of their own.
const ADMIN: &str = "admin";

/// Who asks, for the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// `admin`, or `admin for ana`.
    pub who: String,
    /// The person in whose stead.
    pub in_stead_of: Option<String>,
}

impl Caller {
    pub(super) fn admin(in_stead_of: Option<String>) -> Self {
        Self { who: said::by(ADMIN, in_stead_of.as_deref()), in_stead_of }
    }
}

/// Who may ask.
#[derive(Clone, Debug)]
pub struct Auth {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    tokens: Tokens,
    sessions: Sessions,
    attempts: Attempts,
    /// Whether only this host can reach the listener: then the intake needs no token.
    is_local: bool,
}

impl Auth {
    fn new(tokens: Tokens, is_local: bool) -> Self {
        let (sessions, attempts) = (Sessions::default(), Attempts::default());
        Self { inner: Arc::new(Inner { tokens, sessions, attempts, is_local }) }
    }

    /// Whether only this host can reach the listener.
    pub fn is_local(&self) -> bool {
        self.inner.is_local
    }

    /// Whoever shows the admin token, or the cookie of a session; with the cookie only our own pages may change
    /// anything.
    ///
    /// # Errors
    /// 401, 403 or 429, with what to do.
    pub fn caller(&self, method: &Method, headers: &HeaderMap, peer: IpAddr) -> Result<Caller, Refused> {
        if let Some(token) = bearer(headers)? {
            self.hold(self.inner.tokens.is_admin(token), peer)?;
        } else if !self.inner.sessions.lives(headers, Instant::now()) {
            return Err(unauthorized("no token", NO_TOKEN));
        } else if !method.is_safe() && !is_same_origin(headers) {
            return Err(Refused::new(
                403,
                "not from our own page",
                "with the cookie only firedrill's own page may change something; \
                 elsewhere send `Authorization: Bearer TOKEN`",
            ));
        }
        // Whoever only looks does it in nobody's stead.
        let in_stead_of = if method.is_safe() { None } else { person::named(headers)? };
        Ok(Caller::admin(in_stead_of))
    }

    /// Whoever may hand in alarms: anybody on this host when only this host can reach us, and no proxy asks for
    /// somebody else; else who shows the intake's token, or the admin's, in the header or as `?token=`.
    ///
    /// # Errors
    /// 401 or 429, with what to do.
    pub(super) fn may_hand_in(
        &self,
        headers: &HeaderMap,
        query: Option<&str>,
        peer: IpAddr,
    ) -> Result<(), Refused> {
        if headers.contains_key(header::ORIGIN) && !is_same_origin(headers) {
            let why = "a page in a browser sent it; alarms come from monitoring systems";
            return Err(Refused::new(403, "not from a page", why));
        }
        let in_query = || {
            query.into_iter().flat_map(|query| query.split('&')).find_map(|pair| pair.strip_prefix("token="))
        };
        let said = match bearer(headers) {
            Ok(said) => said.or_else(in_query),
            // Some senders can only speak Basic, or send a header of their own: the URL is their way.
            Err(refused) => Some(in_query().ok_or(refused)?),
        };
        match said {
            Some(token) => self.hold(self.inner.tokens.is_intake(token), peer),
            None if self.inner.is_local && is_of_this_host(headers, peer) => Ok(()),
            None => Err(unauthorized(
                "no token",
                "send the intake's token as `Authorization: Bearer TOKEN`, or as `?token=TOKEN` in the URL; \
                 it was printed at the first start",
            )),
        }
    }

    /// Begins a session for whoever shows the admin token; gives the whole `Set-Cookie`.
    ///
    /// # Errors
    /// 401 or 429, with what to do.
    pub fn session_begin(&self, token: &str, peer: IpAddr) -> Result<String, Refused> {
        self.hold(self.inner.tokens.is_admin(token.trim()), peer)?;
        self.inner.sessions.begin(Instant::now()).map_err(|error| {
            Refused::new(500, "no session", format!("the system gives no random bytes: {error}; try again"))
        })
    }

    /// Ends the session of the cookie; gives the `Set-Cookie` that takes it away.
    pub fn session_end(&self, headers: &HeaderMap) -> String {
        self.inner.sessions.end(headers)
    }

    fn hold(&self, right: bool, peer: IpAddr) -> Result<(), Refused> {
        if right {
            return Ok(());
        }
        let Some(wait) = self.inner.attempts.wrong(peer, Instant::now()) else {
            return Err(unauthorized("wrong token", WRONG_TOKEN));
        };
        let seconds = wait.as_secs() + 1;
        let detail = format!("too many wrong tokens from this address; try again in {seconds} s");
        Err(Refused::new(429, "too many wrong tokens", detail).header(header::RETRY_AFTER, seconds))
    }
}

const NO_TOKEN: &str =
    "send `Authorization: Bearer TOKEN`; the token was printed at the first start of the server";
const WRONG_TOKEN: &str = "the token is not the one of this server; it was printed at its first start";

fn unauthorized(title: &str, detail: &str) -> Refused {
    Refused::new(401, title, detail).header(header::WWW_AUTHENTICATE, r#"Bearer realm="firedrill""#)
}

/// Whether somebody on this host asks, as far as it can be seen: a proxy on this host has an address of this host too,
/// but says for whom it asks.
fn is_of_this_host(headers: &HeaderMap, peer: IpAddr) -> bool {
    const OF_PROXIES: [&str; 5] =
        ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "via"];
    peer.to_canonical().is_loopback() && !OF_PROXIES.iter().any(|name| headers.contains_key(*name))
}

/// The token of the header, if there is one.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refused> {
    let mut said = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = said.next() else { return Ok(None) };
    let not_so = || unauthorized("not a bearer token", "the header is `Authorization: Bearer TOKEN`, once");
    if said.next().is_some() {
        return Err(not_so());
    }
    let (scheme, token) = value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(not_so)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(Some(token.trim())) } else { Err(not_so()) }
}

/// Whether a browser says that the request comes from a page of ours. Old browsers say only the origin.
pub fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        return site == "same-origin";
    }
    let (Some(origin), Some(host)) = (text(header::ORIGIN), text(header::HOST)) else { return false };
    origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")) == Some(host)
}

#[cfg(test)]
mod tests;
