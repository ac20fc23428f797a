//! Sessions of the page: a random id in a cookie, its hash in memory, an end.

use std::io;
use std::sync::Mutex;
use std::time::Duration;

use http::{HeaderMap, header};
use tokio::time::Instant;

use super::token::{Hashed, fresh};

/// The cookie's name.
const COOKIE: &str = "firedrill_session";
/// How long a session lives, and not longer by being used.
const LIVES: Duration = Duration::from_secs(12 * 3600);
/// How many there may be; one more ends the oldest.
const SESSIONS_MAX: usize = 64;

/// The sessions that live. They end with the process.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    living: Mutex<Vec<(Hashed, Instant)>>,
}

impl Sessions {
    /// Begins one; gives the `Set-Cookie` for it.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(super) fn begin(&self, now: Instant) -> io::Result<String> {
        let id = fresh("")?;
        let mut living = self.living.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        living.retain(|(_, until)| *until > now);
        if living.len() >= SESSIONS_MAX {
            living.remove(0);
        }
        living.push((Hashed::of(&id), now + LIVES));
        Ok(set_cookie(&id, LIVES))
    }

    /// Whether the headers hold the cookie of a living one.
    pub(super) fn lives(&self, headers: &HeaderMap, now: Instant) -> bool {
        let Some(said) = cookie(headers).map(Hashed::of) else { return false };
        let living = self.living.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        living.iter().any(|(id, until)| bool::from(id.is(&said)) && *until > now)
    }

    /// Ends the one that the headers name; gives the `Set-Cookie` that takes the cookie away.
    pub(super) fn end(&self, headers: &HeaderMap) -> String {
        if let Some(said) = cookie(headers).map(Hashed::of) {
            let mut living = self.living.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            living.retain(|(id, _)| !bool::from(id.is(&said)));
        }
        set_cookie("", Duration::ZERO)
    }
}

fn set_cookie(value: &str, lives: Duration) -> String {
    format!("{COOKIE}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={}", lives.as_secs())
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = pairs.flat_map(|value| value.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('=')).filter(|id| id.len() <= 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(set: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let pair = format!("other=1; {}", set.split(';').next().unwrap());
        headers.insert(header::COOKIE, pair.parse().unwrap());
        headers
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_opens_until_it_ends_or_is_ended() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let set = sessions.begin(now).unwrap();
        assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict"), "{set}");
        assert!(sessions.lives(&with(&set), now));
        assert!(!sessions.lives(&with(&set), now + LIVES));
        assert!(!sessions.lives(&HeaderMap::new(), now));
        assert!(!sessions.lives(&with("firedrill_session=x"), now));
        assert!(sessions.end(&with(&set)).contains("Max-Age=0"));
        assert!(!sessions.lives(&with(&set), now));
    }

    #[tokio::test(start_paused = true)]
    async fn one_session_too_many_ends_the_oldest() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let sets: Vec<String> = (0..=SESSIONS_MAX).map(|_| sessions.begin(now).unwrap()).collect();
        assert!(!sessions.lives(&with(&sets[0]), now));
        assert!(sets[1..].iter().all(|set| sessions.lives(&with(set), now)));
    }
}
