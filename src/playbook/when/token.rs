//! A text as tokens. What is written as other languages write it is reported, and read on as what was meant.

use std::ops::Range;

use super::DIGITS_MAX;
use super::refusal::ExpressionError;
use super::tree::{Literal, Operator};
use crate::text::quote;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Path(Vec<String>),
    Literal(Literal),
    Operator(Operator),
    And,
    Or,
    Not,
    Open,
    Close,
}

/// What came of a text.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    pub(super) list: Vec<(Token, Range<usize>)>,
    pub(super) refusals: Vec<ExpressionError>,
    /// Whether some place could not be read as anything, so that what stands around it says nothing.
    pub(super) torn: bool,
}

/// What may stand as a sign, the longest first; with the sign that was meant where it is not ours.
const SIGNS: [(&str, &str); 18] = [
    ("===", "=="),
    ("!==", "!="),
    ("==", "=="),
    ("!=", "!="),
    ("<=", "<="),
    (">=", ">="),
    ("<>", "!="),
    ("=<", "<="),
    ("=>", ">="),
    ("&&", "and"),
    ("||", "or"),
    ("<", "<"),
    (">", ">"),
    ("=", "=="),
    ("&", "and"),
    ("|", "or"),
    ("!", "not"),
    ("≠", "!="),
];

const OPERATORS: [Operator; 6] = [
    Operator::Equal,
    Operator::NotEqual,
    Operator::Less,
    Operator::AtMost,
    Operator::Greater,
    Operator::AtLeast,
];

/// What the word or sign is, when it is one of ours.
fn word(text: &str) -> Option<Token> {
    match text {
        "and" => Some(Token::And),
        "or" => Some(Token::Or),
        "not" => Some(Token::Not),
        "true" => Some(Token::Literal(Literal::Boolean(true))),
        "false" => Some(Token::Literal(Literal::Boolean(false))),
        _ => OPERATORS.into_iter().find(|operator| operator.sign() == text).map(Token::Operator),
    }
}

pub(super) fn tokens(text: &str) -> Tokens {
    let mut lexer = Lexer { text, at: 0, tokens: Tokens::default() };
    while let Some(first) = lexer.rest().chars().next() {
        lexer.one(first);
    }
    lexer.tokens
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    tokens: Tokens,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// Reads what begins with this character, at least that.
    fn one(&mut self, first: char) {
        let sign = SIGNS.iter().find(|(written, _)| self.rest().starts_with(written));
        match first {
            c if c.is_ascii_whitespace() => self.at += 1,
            '(' => self.token(1, Token::Open),
            ')' => self.token(1, Token::Close),
            '\'' | '"' => self.quoted(first),
            c if c.is_ascii_digit() || c == '-' => self.number(),
            c if c.is_alphabetic() || c == '_' => self.path(),
            _ if sign.is_some() => {
                let (written, meant) = sign.copied().unwrap_or_default();
                if written != meant {
                    let message = format!("{} is no operator here", quote(written));
                    self.refuse(written.len(), message, format!("did you mean `{meant}`?"));
                }
                self.meant(written.len(), meant);
            }
            c => self.unknown(c),
        }
    }

    fn token(&mut self, length: usize, token: Token) {
        self.tokens.list.push((token, self.at..self.at + length));
        self.at += length;
    }

    fn meant(&mut self, length: usize, meant: &str) {
        match word(meant) {
            Some(token) => self.token(length, token),
            None => self.tear(length),
        }
    }

    fn refuse(&mut self, length: usize, message: impl Into<String>, help: impl Into<String>) {
        self.tokens.refusals.push(ExpressionError::new(self.at..self.at + length, message, help));
    }

    /// Passes over what cannot be read.
    fn tear(&mut self, length: usize) {
        self.tokens.torn = true;
        self.at += length;
    }

    fn run_of(&self, is_part: fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        &rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())]
    }

    fn path(&mut self) {
        let run = self.run_of(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'));
        if let Some(token) = word(run) {
            return self.token(run.len(), token);
        }
        let lower = run.to_ascii_lowercase();
        if word(&lower).is_some() {
            let message = format!("`{run}` is written in small letters");
            self.refuse(run.len(), message, format!("write `{lower}`"));
            return self.meant(run.len(), &lower);
        }
        let meant = run.replace('-', "_");
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let is_name = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(is_part)
        };
        if !meant.split('.').all(is_name) {
            let help = "between dots stand names of letters a-z, digits and `_`: `steps.confirm.outcome`";
            self.refuse(run.len(), format!("{} is no path", quote(run)), help);
            return self.tear(run.len());
        }
        if meant != run {
            let (path, text) = (quote(&meant), quote(&format!("'{run}'")));
            let help =
                format!("write `_` for the `-` of an id: {path}; if it is a text, put it in quotes: {text}");
            self.refuse(
                run.len(),
                format!("{} holds a `-`, and nothing is subtracted here", quote(run)),
                help,
            );
        }
        self.token(run.len(), Token::Path(meant.split('.').map(str::to_owned).collect()));
    }

    fn number(&mut self) {
        let unsigned = self.rest().strip_prefix('-').unwrap_or(self.rest());
        if !unsigned.starts_with(|c: char| c.is_ascii_digit()) {
            let help = "there is no arithmetic; a `-` in an id is written `_`";
            self.refuse(1, "`-` stands only before the digits of a number", help);
            return self.tear(1);
        }
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '%' | ':' | '-');
        let run = self.run_of(is_part);
        let digits = run.trim_start_matches('-').split('.').collect::<Vec<_>>();
        let plain = digits.len() <= 2
            && digits.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
        let number = if plain { run.parse::<f64>().ok() } else { None };
        let Some(number) = number else {
            let help = format!(
                "numbers are written like `120` or `-0.5`, without a unit; if it is a text, put it in quotes: {}",
                quote(&format!("'{run}'"))
            );
            self.refuse(run.len(), format!("{} is no number", quote(run)), help);
            return self.tear(run.len());
        };
        let count: usize = digits.iter().map(|part| part.len()).sum();
        if count > DIGITS_MAX {
            let message = format!("{} has {count} digits, at most {DIGITS_MAX} are kept", quote(run));
            self.refuse(run.len(), message, "round the number");
        }
        // There is one zero.
        let number = if number == 0.0 { 0.0 } else { number };
        self.token(run.len(), Token::Literal(Literal::Number(number)));
    }

    fn quoted(&mut self, mark: char) {
        let start = self.at;
        let mut text = String::new();
        self.at += 1;
        while let Some(c) = self.rest().chars().next() {
            if c == mark {
                self.at += 1;
                self.tokens.list.push((Token::Literal(Literal::Text(text)), start..self.at));
                return;
            }
            let length = self.inside(c, &mut text);
            self.at += length;
        }
        self.at = start;
        let help = format!("end it with `{mark}`; inside a text that mark is written `\\{mark}`");
        self.refuse(self.rest().len(), "this text does not end", help);
        self.tear(self.rest().len());
    }

    /// Reads one character of a text, however it is written, and says how long it is.
    fn inside(&mut self, c: char, text: &mut String) -> usize {
        if c == '\\' {
            let escaped = self.rest()[1..].chars().next();
            let length = 1 + escaped.map_or(0, char::len_utf8);
            match escaped {
                Some(c @ ('\\' | '\'' | '"')) => text.push(c),
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                // The text does not end, and that is said.
                None => {}
                Some(c) => {
                    let help = "write `\\\\` for a backslash; the others are `\\'`, `\\\"`, `\\n` and `\\t`";
                    self.refuse(length, format!("`\\{}` is no escape", c.escape_debug()), help);
                }
            }
            return length;
        }
        if c.is_control() {
            let message = format!("the character {} is invisible in a text", quote(&c.to_string()));
            let help = match c {
                '\n' => "write `\\n`",
                '\t' => "write `\\t`",
                _ => "take it out",
            };
            self.refuse(c.len_utf8(), message, help);
        }
        text.push(c);
        c.len_utf8()
    }

    fn unknown(&mut self, first: char) {
        let run = match self.rest().find('}') {
            Some(end) if self.rest().starts_with("${") => &self.rest()[..=end],
            _ => &self.rest()[..first.len_utf8()],
        };
        let (message, help) = match first {
            '$' => {
                let inner = run.trim_start_matches("${").trim_end_matches('}');
                let help = if inner.is_empty() || inner.starts_with('$') {
                    "a path stands as it is: `inputs.region`".to_owned()
                } else {
                    format!("a path stands as it is: {}", quote(inner))
                };
                (format!("{} is not substituted here", quote(run)), help)
            }
            '+' | '*' | '/' | '%' | '^' => {
                (format!("`{first}` is no operator here"), "there is no arithmetic".to_owned())
            }
            '‘' | '’' | '“' | '”' | '„' | '`' | '´' => {
                (format!("`{first}` is no quote here"), "put a text in `'` or `\"`".to_owned())
            }
            _ => (
                format!("{} means nothing here", quote(run)),
                "there are paths, `true`, `false`, numbers, texts in quotes, `== != < <= > >=`, `and or not` and \
                 parentheses"
                    .to_owned(),
            ),
        };
        self.refuse(run.len(), message, help);
        self.tear(run.len());
    }
}
