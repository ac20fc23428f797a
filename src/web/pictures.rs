//! The pictures of drills that somebody looks at: one growing picture each, drawn at most once a second.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use maud::{Markup, PreEscaped};

use crate::coordinator::office::{Office, Refusal};
use crate::report::Live;

/// How many drills are kept; of more, the one that was not looked at for longest is begun anew when somebody looks.
const DRILLS_MAX: usize = 8;
/// How often a picture is drawn at most.
const EVERY: Duration = Duration::from_millis(900);

/// The pictures.
#[derive(Default)]
pub(super) struct Pictures {
    drills: Mutex<BTreeMap<String, Seen>>,
}

struct Seen {
    looked: Timestamp,
    picture: Arc<tokio::sync::Mutex<Picture>>,
}

#[derive(Default)]
struct Picture {
    live: Live,
    drawn: Option<(Timestamp, u64, String)>,
}

impl Pictures {
    /// The picture of a drill as it is now; absent while there is nothing to see.
    pub(super) async fn of(
        &self,
        office: &Office,
        drill: &str,
        now: Timestamp,
    ) -> Result<Option<Markup>, Refusal> {
        let picture = self.kept(drill, now);
        let mut picture = picture.lock().await;
        if let Some((at, _, svg)) = &picture.drawn
            && now.duration_since(*at).unsigned_abs() < EVERY
        {
            return Ok(Some(PreEscaped(svg.clone())));
        }
        loop {
            let lines = office.lines(drill, picture.live.next()).await?;
            if lines.is_empty() {
                break;
            }
            for line in &lines {
                let taken = picture.live.take(line);
                taken.map_err(|error| Refusal::new(500, "no picture", error.to_string()))?;
            }
        }
        let next = picture.live.next();
        if let Some((at, lines, svg)) = &mut picture.drawn
            && *lines == next
        {
            *at = now;
            return Ok(Some(PreEscaped(svg.clone())));
        }
        let Some(markup) = picture.live.picture() else { return Ok(None) };
        picture.drawn = Some((now, next, markup.0.clone()));
        Ok(Some(markup))
    }

    fn kept(&self, drill: &str, now: Timestamp) -> Arc<tokio::sync::Mutex<Picture>> {
        let mut drills = self.drills.lock().unwrap_or_else(PoisonError::into_inner);
        if !drills.contains_key(drill) && drills.len() >= DRILLS_MAX {
            let oldest = drills.iter().min_by_key(|(_, seen)| seen.looked).map(|(id, _)| id.clone());
            if let Some(oldest) = oldest {
                drills.remove(&oldest);
            }
        }
        let seen =
            drills.entry(drill.to_owned()).or_insert_with(|| Seen { looked: now, picture: Arc::default() });
        seen.looked = now;
        Arc::clone(&seen.picture)
    }
}
