//! Two who add the same game day at the same moment.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use jiff::Timestamp;

use super::{House, on_threads};
use crate::coordinator::test_server::TestServer;
use crate::store::{Document, Fence, Memory, Store, StoreError};

const DAILY: &str = "schedule: {cron: \"0 12 * * *\", timezone: UTC}\ninjects: [{ask: Ready?}]\n";

/// A store in which two who begin a game day's journal wait for each other, so that they would overlap if they could.
#[derive(Default)]
struct Meeting {
    memory: Memory,
    came: Mutex<u32>,
    news: Condvar,
}

impl Meeting {
    /// Waits for the other; whoever is let in alone goes on alone after a while.
    fn meet(&self) {
        const ALONE_AFTER: Duration = Duration::from_millis(500);
        let mut came = self.came.lock().unwrap();
        *came += 1;
        self.news.notify_all();
        drop(self.news.wait_timeout_while(came, ALONE_AFTER, |came| *came < 2).unwrap());
    }
}

impl Store for Meeting {
    fn append(&self, journal: &str, seq: u64, line: &[u8], fence: Fence) -> Result<(), StoreError> {
        if seq == 0 && journal.starts_with("gamedays/") {
            self.meet();
        }
        self.memory.append(journal, seq, line, fence)
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.memory.sync()
    }

    fn lines(&self, journal: &str, from: u64, most: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        self.memory.lines(journal, from, most)
    }

    fn length(&self, journal: &str) -> Result<u64, StoreError> {
        self.memory.length(journal)
    }

    fn journals(&self, prefix: &str, after: &str, most: usize) -> Result<Vec<String>, StoreError> {
        self.memory.journals(prefix, after, most)
    }

    fn take(&self, holder: &str, now: Timestamp, how_long: Duration) -> Result<Fence, StoreError> {
        self.memory.take(holder, now, how_long)
    }

    fn renew(&self, fence: Fence, now: Timestamp, how_long: Duration) -> Result<(), StoreError> {
        self.memory.renew(fence, now, how_long)
    }

    fn release(&self, fence: Fence) -> Result<(), StoreError> {
        self.memory.release(fence)
    }

    fn put(
        &self,
        folder: &str,
        name: &str,
        text: &[u8],
        expected: u64,
        fence: Fence,
    ) -> Result<u64, StoreError> {
        self.memory.put(folder, name, text, expected, fence)
    }

    fn get(&self, folder: &str, name: &str) -> Result<Option<Document>, StoreError> {
        self.memory.get(folder, name)
    }

    fn list(&self, folder: &str, after: &str, most: usize) -> Result<Vec<Document>, StoreError> {
        self.memory.list(folder, after, most)
    }

    fn remove(&self, folder: &str, name: &str, expected: u64, fence: Fence) -> Result<(), StoreError> {
        self.memory.remove(folder, name, expected, fence)
    }
}

#[test]
fn of_two_schedules_of_one_name_that_are_added_at_once_one_is_refused() {
    on_threads(async {
        let (store, dir, server) =
            (Arc::new(Meeting::default()), tempfile::tempdir().unwrap(), TestServer::start().await);
        let house = House::reopen(store, Arc::new(dir), Arc::default(), Arc::new(server)).await;
        let runtime = tokio::runtime::Handle::current();
        let add = || runtime.block_on(house.office.add_gameday(house.bundle(DAILY), "admin"));
        // Threads of their own: the office answers each of the two without waiting for anything.
        let (one, other) = std::thread::scope(|scope| {
            let (one, other) = (scope.spawn(add), scope.spawn(add));
            (one.join().unwrap(), other.join().unwrap())
        });
        let (added, refused): (Vec<_>, Vec<_>) = [one, other].into_iter().partition(Result::is_ok);
        assert_eq!((added.len(), refused.len()), (1, 1), "{added:?} {refused:?}");
        let refusal = refused.into_iter().next().unwrap().unwrap_err();
        assert!(refusal.status == 409 && refusal.title == "scheduled already", "{refusal}");
        assert_eq!(house.office.gamedays().await.unwrap().len(), 1, "one name has one schedule");
        house.ended().await;
    });
}
