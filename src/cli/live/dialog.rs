//! What people at the terminal press and type, until it is an answer. Pure.

use std::collections::BTreeMap;

use super::keys::Key;
use crate::cli::playbook_lines::kind;
use crate::cli::step::read_answer;
use crate::coordinator::control::playbook::{AskStatus, PlaybookState, PlaybookStatus};
use crate::drill::words::one_line;
use crate::playbook::event::StepAnswer;
use crate::playbook::plan::{Answer, Question, QuestionKind};

/// The longest text that can be typed, in characters.
const TYPED_MAX: usize = 500;
/// With more choices than this, one digit is not enough.
const DIGITS: usize = 9;

/// What people want done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Order {
    /// Say this about a step.
    Answer { step: String, role: Option<String>, answer: StepAnswer },
    /// Write this down.
    Note { text: String },
    /// Start the playbook.
    Start,
}

/// What a key led to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Pressed {
    /// Nothing, or more is asked for.
    Nothing,
    /// It is complete.
    Order(Order),
    /// It does not go; why.
    Refused(String),
}

/// What is being asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Dialog {
    form: Option<Form>,
}

#[derive(Clone, Debug)]
struct Form {
    /// Of which step; absent: a note.
    step: Option<String>,
    what: What,
    /// What is still asked for, the next one last.
    fields: Vec<Field>,
    role: Option<String>,
    answers: BTreeMap<String, Answer>,
    typed: String,
    /// Why what was typed is no answer.
    complaint: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Done,
    Skip,
    Fail,
    Stuck,
    Note,
}

#[derive(Clone, Debug)]
enum Field {
    /// As whom: one of these.
    Role(Vec<String>),
    /// This question of the step.
    Question(Question),
    /// Any text, asked for by this.
    Text(&'static str),
}

impl Dialog {
    /// Whether something is being typed.
    pub(super) const fn is_open(&self) -> bool {
        self.form.is_some()
    }

    /// Takes in a key.
    pub(super) fn press(&mut self, key: Key, playbook: Option<&PlaybookStatus>) -> Pressed {
        if self.form.is_some() {
            return self.typed(key);
        }
        let Key::Char(pressed) = key else { return Pressed::Nothing };
        let asks = playbook.and_then(|playbook| playbook.asks.as_ref());
        match (pressed.to_ascii_lowercase(), asks) {
            ('n', _) => self.open(Form::new(None, What::Note, vec![Field::Text("note")])),
            ('p', _) => match playbook.map(|playbook| playbook.state) {
                None => Pressed::Refused("this drill has no playbook".into()),
                Some(PlaybookState::Waiting) => Pressed::Order(Order::Start),
                Some(PlaybookState::Running) => Pressed::Refused("the playbook runs already".into()),
                Some(PlaybookState::Over) => Pressed::Refused("the playbook is over".into()),
            },
            ('d' | 's' | 'f' | 't' | '?', None) => Pressed::Refused("no step waits for people now".into()),
            ('d', Some(ask)) => self.open(Form::new(Some(ask), What::Done, questions(ask))),
            ('s', Some(ask)) => {
                self.open(Form::new(Some(ask), What::Skip, why(ask, "why is it not needed?")))
            }
            ('f', Some(ask)) => {
                self.open(Form::new(Some(ask), What::Fail, why(ask, "why can it not be done?")))
            }
            ('?', Some(ask)) => self.open(Form::new(Some(ask), What::Stuck, why(ask, "stuck with what?"))),
            ('t', Some(ask)) => {
                let (step, role) = (ask.step.clone(), only_role(ask));
                Pressed::Order(Order::Answer { step, role, answer: StepAnswer::Taken {} })
            }
            _ => Pressed::Nothing,
        }
    }

    /// The step that was being answered asks no longer: closes, and says so.
    pub(super) fn follow(&mut self, playbook: Option<&PlaybookStatus>) -> Option<String> {
        let step = self.form.as_ref()?.step.clone()?;
        let asks = playbook.and_then(|playbook| playbook.asks.as_ref());
        if asks.is_some_and(|ask| ask.step == step) {
            return None;
        }
        self.form = None;
        Some(format!("step {step} waits no longer; your answer was not sent"))
    }

    /// What is asked for now, and what was typed.
    pub(super) fn prompt(&self) -> Option<(String, String)> {
        let form = self.form.as_ref()?;
        let field = form.fields.last()?;
        let about = form.step.as_deref().map_or(String::new(), |step| format!("{step}: "));
        let complaint = form.complaint.as_ref().map_or(String::new(), |why| format!("({why}) "));
        let question = match field {
            Field::Role(roles) => format!("as whom? {}", numbered(roles)),
            Field::Question(question) => format!("{} ({})", one_line(&question.title), kind(question)),
            Field::Text(title) => (*title).to_owned(),
        };
        Some((format!("{complaint}{about}{question} > "), form.typed.clone()))
    }

    fn open(&mut self, form: Form) -> Pressed {
        if form.fields.is_empty() {
            return form.order();
        }
        self.form = Some(form);
        Pressed::Nothing
    }

    fn typed(&mut self, key: Key) -> Pressed {
        let Some(form) = &mut self.form else { return Pressed::Nothing };
        form.complaint = None;
        match key {
            Key::Escape => {
                self.form = None;
                return Pressed::Nothing;
            }
            Key::Back => drop(form.typed.pop()),
            Key::Clear => form.typed.clear(),
            Key::Char(c) => {
                if form.typed.chars().count() < TYPED_MAX {
                    form.typed.push(c);
                }
                if !form.fields.last().is_some_and(one_key) {
                    return Pressed::Nothing;
                }
                self.answer();
            }
            Key::Enter => self.answer(),
        }
        match &self.form {
            Some(form) if form.fields.is_empty() => {
                let order = form.order();
                self.form = None;
                order
            }
            _ => Pressed::Nothing,
        }
    }

    /// Takes what was typed as the answer to what is asked for, or complains.
    fn answer(&mut self) {
        let Some(form) = &mut self.form else { return };
        let Some(field) = form.fields.last() else { return };
        let typed = form.typed.trim().to_owned();
        let taken = match field {
            Field::Text(_) if form.what == What::Note && typed.is_empty() => {
                Err("write something".to_owned())
            }
            Field::Text(_) => Ok(()),
            Field::Role(roles) => match chosen(roles, &typed) {
                Some(role) => {
                    form.role = Some(role);
                    Ok(())
                }
                None => Err("type its number".to_owned()),
            },
            Field::Question(question) => answer_to(question, &typed).map(|answer| {
                form.answers.insert(question.id.clone(), answer);
            }),
        };
        match taken {
            // The text is the last field, and is read when the order is made.
            Ok(()) => {
                if !matches!(form.fields.pop(), Some(Field::Text(_))) {
                    form.typed.clear();
                }
            }
            Err(why) => {
                form.typed.clear();
                form.complaint = Some(why);
            }
        }
    }
}

impl Form {
    fn new(ask: Option<&AskStatus>, what: What, mut fields: Vec<Field>) -> Self {
        fields.reverse();
        Self {
            step: ask.map(|ask| ask.step.clone()),
            what,
            fields,
            role: ask.and_then(only_role),
            answers: BTreeMap::new(),
            typed: String::new(),
            complaint: None,
        }
    }

    fn order(&self) -> Pressed {
        let why = self.typed.trim().to_owned();
        let answer = match self.what {
            What::Note => return Pressed::Order(Order::Note { text: why }),
            What::Done => StepAnswer::Done { answers: self.answers.clone() },
            What::Skip => StepAnswer::Skipped { why },
            What::Fail => StepAnswer::Failed { why },
            What::Stuck => StepAnswer::Stuck { why },
        };
        let step = self.step.clone().unwrap_or_default();
        Pressed::Order(Order::Answer { step, role: self.role.clone(), answer })
    }
}

/// Of an approval with one role: that one. Whoever sits here plays the role of a manual step.
fn only_role(ask: &AskStatus) -> Option<String> {
    ask.roles.first().filter(|_| ask.is_approval && ask.roles.len() == 1).cloned()
}

fn role(ask: &AskStatus) -> Option<Field> {
    (ask.is_approval && ask.roles.len() > 1).then(|| Field::Role(ask.roles.clone()))
}

fn questions(ask: &AskStatus) -> Vec<Field> {
    role(ask).into_iter().chain(ask.questions.iter().cloned().map(Field::Question)).collect()
}

fn why(ask: &AskStatus, title: &'static str) -> Vec<Field> {
    role(ask).into_iter().chain([Field::Text(title)]).collect()
}

/// Whether one key is the whole answer.
fn one_key(field: &Field) -> bool {
    match field {
        Field::Role(roles) => roles.len() <= DIGITS,
        Field::Question(question) => match &question.kind {
            QuestionKind::Boolean => true,
            QuestionKind::Choice(choices) => choices.len() <= DIGITS,
            QuestionKind::Number | QuestionKind::Text => false,
        },
        Field::Text(_) => false,
    }
}

fn numbered(choices: &[String]) -> String {
    let numbered = choices.iter().enumerate().map(|(n, choice)| format!("{} {choice}", n + 1));
    numbered.collect::<Vec<_>>().join(", ")
}

fn chosen(choices: &[String], typed: &str) -> Option<String> {
    let number = typed.parse::<usize>().ok()?;
    choices.get(number.checked_sub(1)?).cloned()
}

fn answer_to(question: &Question, typed: &str) -> Result<Answer, String> {
    let wants = match &question.kind {
        QuestionKind::Boolean => "y or n",
        QuestionKind::Number => "type a number",
        QuestionKind::Text => "write something",
        QuestionKind::Choice(_) => "type its number",
    };
    let answer = match &question.kind {
        QuestionKind::Text if typed.is_empty() => None,
        QuestionKind::Choice(choices) => chosen(choices, typed).map(Answer::Text),
        _ => read_answer(question, typed).ok(),
    };
    answer.ok_or_else(|| wants.to_owned())
}
