//! Which game day is meant: an id, or a name that means its latest occurrence.

use anyhow::bail;
use serde::Deserialize;

use crate::cli::server::{Server, segment};
use crate::coordinator::office::GameDayLine;
use crate::text::nearest;

#[derive(Deserialize)]
struct Listed {
    gamedays: Vec<GameDayLine>,
}

/// All game days of a server, the newest first.
pub(super) async fn all(server: &Server) -> anyhow::Result<Vec<GameDayLine>> {
    Ok(server.get::<Listed>("/v1/gamedays").await?.gamedays)
}

/// The id of the game day meant.
pub(super) async fn find(server: &Server, given: &str) -> anyhow::Result<String> {
    match among(&all(server).await?, given) {
        Ok(id) => Ok(id),
        Err(why) => bail!("{why} (asked {})", server.url()),
    }
}

/// Where it stands.
pub(super) fn path(id: &str) -> String {
    format!("/v1/gamedays/{}", segment(id))
}

fn among(days: &[GameDayLine], given: &str) -> Result<String, String> {
    if let Some(day) = days.iter().find(|day| day.id == given) {
        return Ok(day.id.clone());
    }
    // Occurrences are numbered, and 10 comes after 9.
    let number =
        |day: &&GameDayLine| day.id.rsplit('-').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
    if let Some(day) = days.iter().filter(|day| day.name == given).max_by_key(number) {
        return Ok(day.id.clone());
    }
    let shown: String = given.chars().take(80).flat_map(char::escape_debug).collect();
    let known = days.iter().flat_map(|day| [day.id.as_str(), day.name.as_str()]);
    Err(match (nearest(given, known), days.is_empty()) {
        (Some(meant), _) => format!("there is no game day `{shown}`; did you mean `{meant}`?"),
        (None, true) => {
            format!("there is no game day `{shown}`, nor any other; `firedrill gameday add FILE` adds one")
        }
        (None, false) => format!("there is no game day `{shown}`; `firedrill gameday list` names them"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(id: &str, name: &str) -> GameDayLine {
        serde_json::from_value(serde_json::json!({
            "id": id, "name": name, "title": null, "state": "draft", "why": null, "environment": null,
            "added": "2026-01-01T00:00:00Z", "due": null, "deadline": null, "runs": 1, "done": 0, "drill": null,
            "lines": 1, "closed": false
        }))
        .unwrap()
    }

    #[test]
    fn a_name_means_its_latest_occurrence_and_an_id_itself() {
        let days = [day("pay-9", "pay"), day("pay-10", "pay"), day("pay-2", "pay"), day("other-3", "other")];
        assert_eq!(among(&days, "pay").unwrap(), "pay-10");
        assert_eq!(among(&days, "pay-2").unwrap(), "pay-2");
        assert!(among(&days, "pau").unwrap_err().contains("did you mean `pay`?"));
        assert!(among(&days, "something-else").unwrap_err().contains("gameday list"));
        assert!(among(&[], "pay").unwrap_err().contains("gameday add FILE"));
    }
}
