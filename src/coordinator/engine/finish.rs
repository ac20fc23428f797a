//! The end of the loop: what the drill came to, and its closed record.

use super::Outcome;
use super::driver::Driver;
use super::operator::Order;
use super::record::RecordError;
use crate::drill::Summary;
use crate::drill::event::Phase;
use crate::drill::summary::Validity;

impl Driver<'_> {
    /// What the playbook changed and nobody took back.
    fn not_taken_back(&self) -> Vec<String> {
        let Some(playbook) = self.drill.playbook() else { return Vec::new() };
        let steps = playbook.to_take_back().into_iter().map(|place| &playbook.book().steps[place].id);
        let left = steps.filter(|step| !playbook.taken_back().done.contains(step));
        left.map(|step| format!("what step `{step}` of the playbook changed was not taken back")).collect()
    }

    /// Scores the drill, closes its record, and gives both.
    pub(super) async fn finish(mut self) -> Result<Outcome, RecordError> {
        let mut summary = Summary::of(&self.drill);
        let mut scored = None;
        if self.drill.phase() != Phase::Scored {
            // The decider itself failed twice: no order can be trusted, so everything is taken back directly.
            for operator in self.operators.values() {
                operator.order(Order::Remove);
            }
            self.operators.clear();
            let residue = std::mem::take(&mut self.running).take_down(self.outside.as_ref()).await;
            summary.reasons.push("firedrill itself failed; every fault was taken back".into());
            summary.residue.extend(residue);
            summary.residue.extend(self.not_taken_back());
            summary.clean = summary.residue.is_empty();
            summary.exit = if summary.clean { 5 } else { 7 };
        } else if self.record_error.is_none()
            && let Some(card) = self.recorder.score()
        {
            // The journal alone says what the drill came to, alarms included. One that broke off does not know how it
            // went on, nor what was left behind.
            summary = card.summary.clone();
            scored = Some(card);
        }
        let now = self.now();
        let kept = self.recorder.close(self.outside.wall(), now, &summary).and_then(|head| {
            // The closing line adds nothing to a drill that was decided to its end; only another needs it to be scored.
            let card = scored.or_else(|| self.recorder.score());
            self.recorder.keep_scorecard(card.as_ref())?;
            Ok((head, card))
        });
        match (self.record_error.take(), kept) {
            (Some(mut error), _) | (None, Err(mut error)) => {
                // What is not on record is not proven, however well it went.
                summary.exit = if summary.clean { 5 } else { 7 };
                summary.drill = Validity::Invalid;
                let why = format!("what is told here is not whole on record: {error}");
                summary.reasons.insert(0, why);
                error.came_to = Some(Box::new(summary));
                Err(error)
            }
            (None, Ok((head, card))) => Ok(Outcome { summary, card, folder: self.setup.folder, head }),
        }
    }
}
