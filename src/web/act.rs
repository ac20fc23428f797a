//! What people do by the pages' forms. Done, they are back where they were; refused, what they typed stands there still,
//! with why.

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use tokio::sync::oneshot;

use super::fields::Kept;
use super::shown::Shown;
use super::{FORM_MAX_BYTES, Web, Who, layout, pairs, refused};
use crate::coordinator::control::Request as Ask;
use crate::coordinator::office::{FindingLine, Refusal};
use crate::coordinator::said;
use crate::playbook::event::StepAnswer;
use crate::playbook::plan::{Answer, Question, QuestionKind};

/// A form as it was sent.
struct Sent {
    pairs: Vec<(String, String)>,
    who: String,
}

impl Sent {
    fn field(&self, name: &str) -> &str {
        self.pairs.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.trim())
    }

    fn needed(&self, name: &str, what: &str) -> Result<&str, Refusal> {
        let value = self.field(name);
        if value.is_empty() { Err(missing(what)) } else { Ok(value) }
    }

    /// The person they say they are.
    fn person(&self) -> Result<Option<&str>, Refusal> {
        let name = self.field("person");
        if name.is_empty() {
            return Ok(None);
        }
        said::person("your name", name)?;
        Ok(Some(name))
    }

    /// For the record: whose token it was, and for whom they say they spoke.
    fn who(&self) -> Result<String, Refusal> {
        Ok(said::by(&self.who, self.person()?))
    }
}

fn missing(what: &str) -> Refusal {
    Refusal::unfit("something is missing", format!("{what} is needed"))
}

pub(super) async fn act(
    State(web): State<Web>,
    Extension(who): Extension<Who>,
    request: Request,
) -> Response {
    let Ok(bytes) = axum::body::to_bytes(request.into_body(), FORM_MAX_BYTES).await else {
        return refused::page(&Refusal::new(413, "too long", "a form may have at most 64 KiB"));
    };
    let sent = Sent { pairs: pairs(&bytes), who: who.0 };
    let Some(back) = Shown::at(sent.field("back")) else {
        return refused::page(&Refusal::new(400, "not one of our forms", "it does not say where it stands"));
    };
    let Err(refusal) = done(&web, &sent).await else {
        return Redirect::to(&back.path()).into_response();
    };
    let form = sent.field("form").to_owned();
    let kept = Kept::of(&form, in_words(&refusal), sent.pairs);
    match back.look(&web, &kept).await {
        Ok(page) => layout::whole(refusal.status, &page),
        Err(_) => refused::page(&refusal),
    }
}

fn in_words(refusal: &Refusal) -> String {
    let mut text = format!("Not done: {}.", refusal.detail.trim_end_matches('.'));
    for problem in &refusal.problems {
        text.push_str(&format!(" {}:{}: {}.", problem.file, problem.line, problem.message));
    }
    text
}

async fn done(web: &Web, sent: &Sent) -> Result<(), Refusal> {
    let office = &web.office;
    if sent.field("act") == "halt" {
        // Nobody in a hurry is turned away for a name.
        return office.halt(&sent.who().unwrap_or_else(|_| sent.who.clone()), sent.field("reason")).await;
    }
    let who = sent.who()?;
    match sent.field("act") {
        "release" => office.release(&who, sent.needed("reason", "why it is safe again")?).await,
        "note" => note(web, sent).await,
        "step" => step(web, sent).await,
        _ => of_gameday(web, sent).await,
    }
}

async fn of_gameday(web: &Web, sent: &Sent) -> Result<(), Refusal> {
    let (office, who) = (&web.office, sent.who()?);
    let id = sent.needed("gameday", "the game day")?;
    match sent.field("act") {
        "approve" => {
            let person = sent.person()?.ok_or_else(|| missing("the name of who approves"))?;
            office.approve(id, &sent.who, Some(person)).await
        }
        "start" => office.start(id, &who).await,
        "pause" => office.pause(id, &who, sent.needed("reason", "a reason")?).await,
        "resume" => office.resume(id, &who).await,
        "stop" => office.stop(id, &who, sent.needed("reason", "a reason")?).await,
        "close" => office.close(id, &who).await.map(drop),
        "answer-item" => {
            let is_ok = sent.field("button") == "yes";
            office.answer_preflight(id, sent.field("item"), &who, is_ok, sent.field("note")).await
        }
        "waive" => office.waive(id, sent.field("item"), &who, sent.needed("reason", "a reason")?).await,
        "answer-run" => {
            let run = sent.field("run").parse().map_err(|_| missing("the number of the run"))?;
            office.answer_run(id, run, &who, sent.needed("text", "an answer")?).await
        }
        "finding" => office.add_finding(id, finding(sent)?, &who).await,
        "review" => office.review(id, sent.field("question"), sent.needed("text", "an answer")?, &who).await,
        "note-day" => office.note(id, &who, sent.needed("text", "a text")?).await,
        other => Err(Refusal::new(
            400,
            "not one of our forms",
            format!("nothing is called `{}`", other.escape_debug()),
        )),
    }
}

fn finding(sent: &Sent) -> Result<FindingLine, Refusal> {
    let given = |name: &str| Some(sent.field(name)).filter(|value| !value.is_empty()).map(str::to_owned);
    Ok(FindingLine {
        title: sent.needed("title", "what is to be mended")?.to_owned(),
        kind: given("kind").unwrap_or_else(|| "other".to_owned()),
        owner: given("owner"),
        due: given("due"),
        who: None,
        run: None,
    })
}

async fn note(web: &Web, sent: &Sent) -> Result<(), Refusal> {
    let (who, text) = (sent.who()?, sent.needed("text", "a text")?.to_owned());
    let action = sent.field("button") == "action";
    let ask = |reply: oneshot::Sender<()>| Ask::Note { who, text, action, reply };
    web.office.ask_drill(sent.needed("drill", "the drill")?, ask).await
}

async fn step(web: &Web, sent: &Sent) -> Result<(), Refusal> {
    let drill = sent.needed("drill", "the drill")?;
    let step = sent.needed("step", "the step")?.to_owned();
    let person = sent.person()?.ok_or_else(|| missing("your name"))?;
    let view = web.office.drill(drill).await?;
    let asks = view.status.as_ref().and_then(|status| status.playbook.as_ref()?.asks.as_ref());
    let questions = asks.filter(|asks| asks.step == step).map_or(&[][..], |asks| &asks.questions);
    let why = sent.field("why").to_owned();
    let answer = match sent.field("button") {
        "done" => StepAnswer::Done { answers: answers(sent, questions)? },
        "skipped" => StepAnswer::Skipped { why },
        "failed" => StepAnswer::Failed { why },
        "stuck" => StepAnswer::Stuck { why },
        // The enter key in a field says the harmless thing.
        _ => StepAnswer::Taken {},
    };
    let role = Some(sent.field("role")).filter(|role| !role.is_empty()).map(str::to_owned);
    let who = said::by(&sent.who, Some(person));
    let ask = |reply: oneshot::Sender<Result<(), String>>| Ask::Answer { who, step, role, answer, reply };
    let taken = web.office.ask_drill(drill, ask).await?;
    taken.map_err(|why| Refusal::conflict("the step does not take it", why))
}

fn answers(
    sent: &Sent,
    questions: &[Question],
) -> Result<std::collections::BTreeMap<String, Answer>, Refusal> {
    let mut answers = std::collections::BTreeMap::new();
    for question in questions {
        let text = sent.field(&format!("answer.{}", question.id));
        if text.is_empty() {
            return Err(missing(&format!("an answer to \"{}\"", question.title)));
        }
        let answer = match &question.kind {
            QuestionKind::Boolean => Answer::Boolean(text == "yes"),
            QuestionKind::Number => match text.replace(',', ".").parse::<f64>() {
                Ok(number) if number.is_finite() => Answer::Number(number),
                _ => {
                    let why = format!(
                        "the answer to \"{}\" is a number, not `{}`",
                        question.title,
                        text.escape_debug()
                    );
                    return Err(Refusal::unfit("not a number", why));
                }
            },
            QuestionKind::Text | QuestionKind::Choice(_) => Answer::Text(text.to_owned()),
        };
        answers.insert(question.id.clone(), answer);
    }
    Ok(answers)
}
