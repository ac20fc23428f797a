//! What is different from a scenario's file is put into its checked form, and what is wrong with that is told where it
//! was written: in the game day's file.
//!
//! A value knows its place as bytes of one file. So that places of both files cannot be mistaken for each other, the
//! game day is read once more behind as many empty lines as the scenario has bytes.

use super::File;
use crate::gameday::written::GameDay;
use crate::playbook::{Exercise, check_changed_exercise, check_exercise};
use crate::scenario::Checked;
use crate::scenario::changes::FaultChange;
use crate::scenario::check::Checker;
use crate::text::{Form, Problem, Problems, Source, Span, read};

pub(super) fn check(
    checker: &mut Checker<'_>,
    source: Source,
    (place, at): (usize, Span),
    file: &File<'_>,
) -> Checked<Exercise> {
    let lead = source.text.len() + 1;
    if lead + file.source.text.len() > Source::BYTES_MAX {
        let most = Source::BYTES_MAX;
        checker
            .problems
            .error(
                "file-too-large",
                at,
                format!("this file and the scenario's have more than {most} bytes together"),
            )
            .help("make a scenario of its own of what is different");
        return Checked { files: Vec::new(), value: None };
    }
    let plain = check_exercise(source.clone(), file.context, None);
    let changes = changes(file.source, lead, place);
    let mut changed = check_changed_exercise(source, file.context, changes);
    // Of the files only the scenario's own, the first, is read differently.
    if let (Some((_, problems)), Some((_, known))) = (changed.files.first_mut(), plain.files.first()) {
        let own = std::mem::take(problems).into_sorted();
        *problems = sort(checker, own, known, (lead, at));
    }
    changed
}

/// The faults that are different in one entry, each with its place moved by `lead`.
fn changes(source: &Source, lead: usize, place: usize) -> Vec<FaultChange> {
    let moved = Source::new(source.path.clone(), "\n".repeat(lead) + &source.text);
    // Its problems were told already.
    let Some(written) = read::<GameDay>(&moved, &mut Problems::new()) else { return Vec::new() };
    let entry = written.injects.into_value().and_then(|list| list.into_iter().nth(place));
    let Some(Form::Map(map)) = entry.and_then(crate::text::Field::into_value) else { return Vec::new() };
    let faults = map.different.into_value().and_then(|different| different.faults.into_value());
    let pairs = faults.into_iter().flat_map(|pairs| pairs.0);
    pairs
        .filter_map(|pair| {
            Some(FaultChange { id: pair.name, at: pair.name_span, keys: pair.value.into_value()?.0 })
        })
        .collect()
}

/// Problems of the scenario as it is different here: what was written here goes to this file, what follows from it is
/// told here too, and what is wrong anyway stays with the scenario.
fn sort(
    checker: &mut Checker<'_>,
    problems: Vec<Problem>,
    known: &Problems,
    (lead, at): (usize, Span),
) -> Problems {
    let mut stay = Problems::new();
    for mut problem in problems {
        let back = |span: Span| Span::new(span.start.saturating_sub(lead), span.end.saturating_sub(lead));
        if problem.span.start >= lead {
            problem.span = back(problem.span);
            problem.others.retain(|(span, _)| span.start >= lead);
            problem.others.iter_mut().for_each(|(span, _)| *span = back(*span));
            checker.problems.push(problem);
            continue;
        }
        problem.others.retain(|(span, _)| span.start < lead);
        let same = |other: &Problem| (other.span, other.rule) == (problem.span, problem.rule);
        if known.iter().any(same) {
            stay.push(problem);
        } else {
            let message = format!("with this the scenario has a problem: {}", problem.message);
            checker.problems.push(Problem { span: at, message, label: None, others: Vec::new(), ..problem });
        }
    }
    stay
}
