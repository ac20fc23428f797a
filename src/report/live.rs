//! The picture of a drill that is under way, from its journal's lines as they come.

use maud::Markup;

use super::chart::chart;
use super::timeline::Builder;
use super::{Planned, ReportError, read};
use crate::drill::journal::{PLANNED, RawLine};

/// How many points of a curve are drawn: the picture is sent anew each second, and is 800 units wide.
const POINTS_MAX: usize = 400;

/// A picture that grows. What it keeps does not grow with the drill.
#[derive(Debug, Default)]
pub struct Live {
    builder: Option<Builder>,
    next: u64,
}

impl Live {
    /// The number of the line that it takes in next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Takes in a whole line, without its line end. A line that was taken in before changes nothing.
    ///
    /// # Errors
    /// It is not a line of a drill's journal.
    pub fn take(&mut self, raw: &[u8]) -> Result<(), ReportError> {
        let line: RawLine<'_> =
            serde_json::from_slice(raw).map_err(|source| ReportError::Line { line: self.next, source })?;
        if line.seq < self.next {
            return Ok(());
        }
        match &mut self.builder {
            None if line.kind == PLANNED => {
                let first: Planned = read(&line)?;
                self.builder = Some(Builder::new(&first.plan, first.playbook.as_ref()));
            }
            None => return Err(ReportError::Empty),
            Some(builder) => builder.take(&line)?,
        }
        self.next = line.seq + 1;
        Ok(())
    }

    /// The picture of what was taken in; absent before the first line.
    pub fn picture(&self) -> Option<Markup> {
        let timeline = self.builder.as_ref()?.so_far(POINTS_MAX);
        Some(chart(&timeline, "The lists beside this picture say how probes, faults and alarms stand now."))
    }

    #[cfg(test)]
    pub(super) fn so_far(&self) -> super::timeline::Timeline {
        self.builder.as_ref().map(|builder| builder.so_far(POINTS_MAX)).unwrap_or_default()
    }
}
