//! A store that refuses to write some journals for a while, as a full disk would.

use std::sync::Mutex;

use super::guarded::Guard;
use crate::store::StoreError;

/// Of the journals that it was told to refuse it takes no line.
#[derive(Default)]
pub(super) struct Moody {
    refuses: Mutex<Vec<Refuses>>,
    refused: Mutex<u32>,
}

/// What is refused, and how often still.
struct Refuses {
    journal: &'static str,
    /// Lines that hold this.
    saying: &'static str,
    times: u32,
}

impl Moody {
    /// Refuses so many lines of these journals that say so.
    pub(super) fn refuse(&self, journal: &'static str, saying: &'static str, times: u32) {
        self.refuses.lock().unwrap().push(Refuses { journal, saying, times });
    }

    /// Takes everything again.
    pub(super) fn relent(&self) {
        self.refuses.lock().unwrap().clear();
    }

    /// How many lines it has refused.
    pub(super) fn refused(&self) -> u32 {
        *self.refused.lock().unwrap()
    }
}

impl Guard for Moody {
    fn before(&self, journal: &str, _: u64, line: &[u8]) -> Result<(), StoreError> {
        let line = String::from_utf8_lossy(line);
        let mut refuses = self.refuses.lock().unwrap();
        let refused = refuses
            .iter_mut()
            .find(|refuses| refuses.journal == journal && refuses.times > 0 && line.contains(refuses.saying));
        let Some(refused) = refused else { return Ok(()) };
        refused.times -= 1;
        *self.refused.lock().unwrap() += 1;
        Err(StoreError::Failed { deed: "append a line", why: "no space left on device".to_owned() })
    }
}
