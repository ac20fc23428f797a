//! `firedrill step`: answer steps of the running drill's playbook.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};

use super::Exit;
use super::playbook_lines;
use super::running::{Running, Which, block_on};
use super::say::say;
use crate::coordinator::control::playbook::PlaybookStatus;
use crate::playbook::event::StepAnswer;
use crate::playbook::plan::{Answer, Question, QuestionKind};

/// Answer steps of the running drill's playbook
///
/// Without a command: shows the steps, how far each is, and what is asked.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show the steps, how far each is, and what is asked
    List(List),
    /// Say that you are on it: from now on the time is work, not waiting
    Take(Which1),
    /// Say that it is done (of an approval: that you agree)
    Done(Done),
    /// Say that it is not needed
    Skip(Why),
    /// Say that it cannot be done (of an approval: that you refuse)
    Fail(Why),
    /// Say that you do not know how to go on; the step goes on waiting
    Stuck(Why),
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    which: Which,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Which1 {
    /// The step's id
    #[arg(value_name = "STEP")]
    step: String,
    /// As whom you say so
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, clap::Args)]
struct Done {
    #[command(flatten)]
    step: Which1,
    /// What you answer to a question of the step; may be given several times
    #[arg(long = "answer", value_name = "QUESTION=ANSWER", value_parser = question_and_answer)]
    answers: Vec<(String, String)>,
}

#[derive(Debug, clap::Args)]
struct Why {
    #[command(flatten)]
    step: Which1,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    why: String,
}

fn question_and_answer(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((question, answer)) if !question.is_empty() => Ok((question.to_owned(), answer.to_owned())),
        _ => Err("write QUESTION=ANSWER".to_owned()),
    }
}

pub(super) fn exec(args: Args) -> anyhow::Result<Exit> {
    block_on(async {
        let (step, answer, said) = match args.command {
            None => return list(&args.list).await,
            Some(Command::List(list_args)) => return list(&list_args).await,
            Some(Command::Take(step)) => (step, Ok(StepAnswer::Taken {}), "taken on"),
            Some(Command::Done(done)) => (done.step, Err(done.answers), "done"),
            Some(Command::Skip(args)) => (args.step, Ok(StepAnswer::Skipped { why: args.why }), "skipped"),
            Some(Command::Fail(args)) => (args.step, Ok(StepAnswer::Failed { why: args.why }), "failed"),
            Some(Command::Stuck(args)) => (args.step, Ok(StepAnswer::Stuck { why: args.why }), "stuck"),
        };
        let drill = step.which.find().await?;
        let answer = match answer {
            Ok(answer) => answer,
            Err(answers) => StepAnswer::Done { answers: read_answers(&drill, &step.step, answers)? },
        };
        drill.answer(&step.step, answer, step.role).await?;
        say(&format!("step {}: {said}, noted in drill {}", step.step, drill.status.drill));
        Ok(Exit::Passed)
    })
}

async fn list(args: &List) -> anyhow::Result<Exit> {
    let drill = args.which.find().await?;
    let playbook = playbook(&drill)?;
    if args.json {
        say(&serde_json::to_string_pretty(playbook)?);
    } else {
        say(playbook_lines::text(playbook, drill.status.elapsed.duration()).trim_end());
    }
    Ok(Exit::Passed)
}

fn playbook(drill: &Running) -> anyhow::Result<&PlaybookStatus> {
    let none = || format!("drill {} has no playbook, so there are no steps", drill.status.drill);
    drill.status.playbook.as_ref().with_context(none)
}

/// The answers, each read as its question wants it. What nobody asked goes as text: the drill says what it asks.
fn read_answers(
    drill: &Running,
    step: &str,
    answers: Vec<(String, String)>,
) -> anyhow::Result<BTreeMap<String, Answer>> {
    let asked = drill.status.playbook.as_ref().and_then(|playbook| playbook.asks.as_ref());
    let asked = asked.filter(|ask| ask.step == step);
    let questions = asked.map(|ask| ask.questions.as_slice()).unwrap_or_default();
    let mut read = BTreeMap::new();
    for (id, given) in answers {
        let question = questions.iter().find(|question| question.id == id);
        let answer = match question {
            Some(question) => read_answer(question, &given)?,
            None => Answer::Text(given),
        };
        if read.insert(id.clone(), answer).is_some() {
            bail!("`{}` is answered twice; keep one --answer for it", id.escape_debug());
        }
    }
    Ok(read)
}

/// The answer to a question from what was typed, as the question wants it.
///
/// # Errors
/// It is none; what is wanted.
pub(super) fn read_answer(question: &Question, given: &str) -> anyhow::Result<Answer> {
    let shown: String = given.chars().take(60).flat_map(char::escape_debug).collect();
    let (id, title) = (&question.id, &question.title);
    Ok(match &question.kind {
        QuestionKind::Boolean => match given.to_ascii_lowercase().as_str() {
            "yes" | "y" | "true" => Answer::Boolean(true),
            "no" | "n" | "false" => Answer::Boolean(false),
            _ => bail!("`{id}` ({title}) is answered by yes or no, not by `{shown}`"),
        },
        QuestionKind::Number => match given.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Answer::Number(number),
            _ => bail!("`{id}` ({title}) is answered by a number, not by `{shown}`"),
        },
        QuestionKind::Choice(choices) if !choices.iter().any(|choice| choice == given) => {
            bail!("`{id}` ({title}) is answered by one of {}, not by `{shown}`", choices.join(", "))
        }
        QuestionKind::Choice(_) | QuestionKind::Text => Answer::Text(given.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_its_question_wants_it() {
        let question = |kind| Question { id: "q".into(), title: "how many".into(), kind };
        let choice = || QuestionKind::Choice(vec!["east".into(), "west".into()]);
        for (kind, given, read) in [
            (QuestionKind::Boolean, "Yes", Answer::Boolean(true)),
            (QuestionKind::Boolean, "false", Answer::Boolean(false)),
            (QuestionKind::Number, " 12.5", Answer::Number(12.5)),
            (QuestionKind::Text, "yes", Answer::Text("yes".into())),
            (choice(), "west", Answer::Text("west".into())),
        ] {
            assert_eq!(read_answer(&question(kind), given).unwrap(), read, "{given}");
        }
        for (kind, given, wanted) in [
            (QuestionKind::Boolean, "maybe", "yes or no"),
            (QuestionKind::Number, "NaN", "a number"),
            (QuestionKind::Number, "", "a number"),
            (choice(), "North", "one of east, west"),
        ] {
            let refused = read_answer(&question(kind), given).unwrap_err().to_string();
            assert!(refused.contains(wanted) && refused.contains("`q` (how many)"), "{refused}");
        }
    }
}
