//! The report as Markdown: for a pull request, a wiki, a terminal.

use std::fmt::Write as _;

use super::Report;
use super::story::Story;
use crate::drill::words::stamp;

/// The whole report. What comes from outside is escaped: it can make no heading, link or table of its own.
pub fn markdown(report: &Report) -> String {
    let story = Story::of(report);
    let mut text = String::new();
    let summary = &report.card.summary;
    let title = report.plan.title.as_deref().unwrap_or(&report.plan.scenario);
    let _ = writeln!(text, "# {}: {}\n", escaped(&story.headline.words), escaped(title));
    let _ = writeln!(text, "{}\n", escaped(&story.headline.sentence));
    let _ = writeln!(
        text,
        "Scenario `{}`, drill `{}`, {}, seed {}, exit {}.\n",
        report.plan.scenario,
        report.drill,
        report.began.strftime("%Y-%m-%d %H:%M:%S UTC"),
        summary.seed.0,
        summary.exit
    );
    if !summary.reasons.is_empty() {
        let _ = writeln!(text, "Why not 0:\n");
        list(&mut text, summary.reasons.iter().map(|reason| escaped(reason)));
    }
    verdicts(&mut text, &story);
    alarms(&mut text, report);
    playbook(&mut text, report);
    phases(&mut text, report);
    section(&mut text, "What went well", story.went_well.iter().map(|line| escaped(line)));
    section(&mut text, "Surprises", story.surprises.iter().map(|line| escaped(line)));
    let advice = story
        .next
        .iter()
        .map(|advice| format!("**{}** Because: {}", escaped(&advice.text), escaped(&advice.because)));
    section(&mut text, "Next", advice);
    let told = story.told.iter().map(|sentence| {
        let lines: Vec<String> = sentence.lines.iter().map(|line| line.to_string()).collect();
        let lines = if lines.is_empty() { String::new() } else { format!(" (line {})", lines.join(", ")) };
        format!("`{}` {}{lines}", stamp(sentence.at), escaped(&sentence.text))
    });
    section(&mut text, "What happened", told);
    section(&mut text, "Not acted on", summary.not_acted_on.iter().map(|line| escaped(line)));
    let _ = writeln!(
        text,
        "---\n\nJournal of {} lines, head `{}`. `firedrill verify` finds any changed byte; `firedrill rescore \
         --explain` computes every verdict again.",
        report.lines, report.head
    );
    text
}

fn verdicts(text: &mut String, story: &Story) {
    let _ = writeln!(text, "| | | rule |\n|---|---|---|");
    for verdict in &story.verdicts {
        let sign = verdict.tone.sign();
        let (about, word, rule) = (&verdict.about, &verdict.word, escaped(&verdict.rule));
        let _ = writeln!(text, "| {about} | {sign} **{word}** | {rule} |");
    }
    text.push('\n');
}

fn alarms(text: &mut String, report: &Report) {
    let score = &report.card.alarms;
    if score.expectations.is_empty() && score.others.is_empty() {
        return;
    }
    let _ = writeln!(text, "## Alarms\n");
    text_block(text, &crate::score::table(&report.card));
}

fn playbook(text: &mut String, report: &Report) {
    let steps: Vec<_> = report.timeline.steps.iter().collect();
    let Some(book) = report.playbook.as_ref() else { return };
    let _ = writeln!(text, "## Playbook {}\n", escaped(&book.name));
    if steps.is_empty() {
        let _ = writeln!(text, "No step was entered.\n");
        return;
    }
    let _ = writeln!(text, "| step | kind | began | took | outcome |\n|---|---|---|---|---|");
    for step in steps {
        let took = step.finished.map_or_else(
            || "–".to_owned(),
            |finished| super::story::span(finished.saturating_sub(step.entered)),
        );
        let name = if step.is_undo { format!("{} (way back)", step.step) } else { step.step.clone() };
        let why = if step.why.is_empty() { String::new() } else { format!(": {}", step.why) };
        let outcome = escaped(&format!("{}{why}", step.outcome.replace('_', " ")));
        let (kind, began) = (&step.kind, stamp(step.entered));
        let _ = writeln!(text, "| {} | {kind} | {began} | {took} | {outcome} |", escaped(&name));
    }
    text.push('\n');
}

fn phases(text: &mut String, report: &Report) {
    let spans = &report.timeline.recovery;
    if spans.is_empty() {
        return;
    }
    let _ = writeln!(text, "## Where the time went\n\n| phase | from | took |\n|---|---|---|");
    for span in spans {
        let took = super::story::span(span.to.saturating_sub(span.from));
        let _ = writeln!(text, "| {} | {} | {took} |", span.name, stamp(span.from));
    }
    text.push('\n');
}

fn section(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        let _ = writeln!(text, "## {title}\n");
        list(text, lines);
    }
}

fn list(text: &mut String, lines: impl Iterator<Item = String>) {
    for line in lines {
        let _ = writeln!(text, "- {line}");
    }
    text.push('\n');
}

fn text_block(text: &mut String, lines: &[String]) {
    let _ = writeln!(text, "```text");
    for line in lines {
        let _ = writeln!(text, "{}", line.replace("```", "'''"));
    }
    let _ = writeln!(text, "```\n");
}

/// Text from outside, so that it stays text.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => out.push(' '),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '*' | '_' | '[' | ']' | '#' | '|' | '!' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_makes_no_markup() {
        let nasty = "<script>alert(1)</script> [x](http://evil) | # heading\n- item *bold*";
        let text = escaped(nasty);
        assert!(!text.contains('<') && !text.contains('\n'));
        assert_eq!(
            text,
            "&lt;script&gt;alert(1)&lt;/script&gt; \\[x\\](http://evil) \\| \\# heading - item \\*bold\\*"
        );
    }
}
