//! Two who add the same game day at the same moment.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::guarded::{Guard, Guarded};
use super::{House, on_threads};
use crate::coordinator::test_server::TestServer;
use crate::store::StoreError;

const DAILY: &str = "schedule: {cron: \"0 12 * * *\", timezone: UTC}\ninjects: [{ask: Ready?}]\n";

/// Two who begin a game day's journal wait for each other, so that they would overlap if they could.
#[derive(Default)]
struct Meeting {
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

impl Guard for Meeting {
    fn before(&self, journal: &str, seq: u64, _: &[u8]) -> Result<(), StoreError> {
        if seq == 0 && journal.starts_with("gamedays/") {
            self.meet();
        }
        Ok(())
    }
}

#[test]
fn of_two_schedules_of_one_name_that_are_added_at_once_one_is_refused() {
    on_threads(async {
        let (store, dir, server) =
            (Arc::<Guarded<Meeting>>::default(), tempfile::tempdir().unwrap(), TestServer::start().await);
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
