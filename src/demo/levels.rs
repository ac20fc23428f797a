//! Stock levels as the shop last knew them: with the flag `cache`, an old copy is better than an empty shelf.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

/// With the cache on, stock is asked no more often than this.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// The last good answer, and when stock was asked last, whatever it said.
#[derive(Default)]
struct Known {
    copy: Option<(Bytes, Instant)>,
    asked: Option<Instant>,
}

/// What the shop knows of the stock levels.
#[derive(Default)]
pub(super) struct Levels {
    known: Mutex<Known>,
    hits: AtomicU64,
    stale: AtomicU64,
}

/// A copy and its age.
#[derive(Debug, PartialEq)]
pub(super) struct Copy {
    pub(super) levels: Bytes,
    pub(super) age: Duration,
}

impl Copy {
    /// Whether a reader should be told that it is old.
    pub(super) fn is_stale(&self) -> bool {
        self.age >= FRESH_FOR
    }
}

impl Levels {
    /// The copy to show without asking stock: it was asked a moment ago.
    pub(super) fn without_asking(&self, max_age: Duration) -> Option<Copy> {
        let known = self.lock();
        let asked = known.asked.is_some_and(|asked| asked.elapsed() < FRESH_FOR);
        let copy = if asked { copy(&known, max_age) } else { None };
        drop(known);
        self.count(copy)
    }

    /// The copy to show because stock was of no use.
    pub(super) fn instead(&self, max_age: Duration) -> Option<Copy> {
        let copy = copy(&self.lock(), max_age);
        self.count(copy)
    }

    /// Notes that stock is being asked now, so that others need not.
    pub(super) fn asking(&self) {
        self.lock().asked = Some(Instant::now());
    }

    /// Keeps what stock said.
    pub(super) fn keep(&self, levels: Bytes) {
        self.lock().copy = Some((levels, Instant::now()));
    }

    /// Answers out of the copy, and those of them that were old.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.hits.load(Relaxed), self.stale.load(Relaxed))
    }

    fn count(&self, copy: Option<Copy>) -> Option<Copy> {
        let copy = copy?;
        self.hits.fetch_add(1, Relaxed);
        self.stale.fetch_add(u64::from(copy.is_stale()), Relaxed);
        Some(copy)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn copy(known: &Known, max_age: Duration) -> Option<Copy> {
    let (levels, at) = known.copy.as_ref()?;
    let age = at.elapsed();
    (age <= max_age).then(|| Copy { levels: levels.clone(), age })
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const MAX_AGE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn an_old_copy_is_shown_until_it_is_too_old() {
        let levels = Levels::default();
        assert_eq!(levels.instead(MAX_AGE), None, "nothing is known yet");
        levels.asking();
        levels.keep(Bytes::from_static(b"[]"));
        advance(Duration::from_millis(999)).await;
        assert!(!levels.without_asking(MAX_AGE).unwrap().is_stale());
        advance(Duration::from_millis(1)).await;
        assert_eq!(levels.without_asking(MAX_AGE), None, "time to ask again");
        levels.asking();
        let copy = levels.instead(MAX_AGE).unwrap();
        assert!(copy.is_stale() && copy.age == FRESH_FOR, "{copy:?}");
        assert!(levels.without_asking(MAX_AGE).is_some(), "stock failed a moment ago and is left alone");
        advance(MAX_AGE).await;
        assert_eq!(levels.instead(MAX_AGE), None);
        assert_eq!(levels.counts(), (3, 2));
    }
}
