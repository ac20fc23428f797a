//! Why a server did not do what it was asked, in words for people: what to look at next.

use std::fmt::Write as _;

use anyhow::anyhow;

use super::token::Token;
use crate::coordinator::http::{Answer, HttpFailure};
use crate::coordinator::office::Refusal;

/// What a server that could not be spoken with is told as.
pub(super) fn unreachable(url: &str, failure: &HttpFailure) -> anyhow::Error {
    let way_out = match failure {
        HttpFailure::Connect(_) => format!(
            "is `firedrill serve` running there? Another address is given with `--server URL` ({url} was used)"
        ),
        HttpFailure::Resolve { .. } => "look at the name in `--server URL` or $FIREDRILL_SERVER".to_owned(),
        HttpFailure::Tls { .. } if !url.starts_with("https://127.") && !url.contains("localhost") => {
            "is it a server with TLS, and is its certificate authority known here (`--ca FILE`)? Without TLS the address \
             begins with http://"
                .to_owned()
        }
        HttpFailure::Tls { .. } => "`firedrill serve` speaks no TLS by itself; write http://".to_owned(),
        HttpFailure::Malformed(_) | HttpFailure::Closed(_) | HttpFailure::Reset(_) if url.starts_with("http://") => {
            "is it an HTTP server? If it speaks TLS, the address begins with https://".to_owned()
        }
        HttpFailure::TimedOut { .. } => "the server is there and does not answer, or the way to it is blocked".to_owned(),
        _ => "look at the server's own log".to_owned(),
    };
    anyhow!("the server {url} cannot be asked: {failure}; {way_out}")
}

/// What an answer that says no is told as.
pub(super) fn refused(url: &str, token: &Token, answer: &Answer) -> anyhow::Error {
    if answer.status == 401 || answer.status == 403 {
        return not_let_in(url, token, answer.status);
    }
    let Some(problem) = problem(answer) else {
        return anyhow!(
            "{url} answered {} and no words of firedrill's; is it `firedrill serve`, or is something else in between?",
            answer.status
        );
    };
    let mut text = problem.detail.clone();
    if text.is_empty() {
        text.clone_from(&problem.title);
    }
    for wrong in &problem.problems {
        let place = format!("{}:{}:{}", wrong.file, wrong.line, wrong.column);
        let _ = write!(text, "\n  {place}: {}", wrong.message);
        if let Some(help) = &wrong.help {
            let _ = write!(text, "\n    help: {help}");
        }
    }
    anyhow!("{text}")
}

/// The problem in an answer, if it is one of firedrill's.
pub(super) fn problem(answer: &Answer) -> Option<Refusal> {
    serde_json::from_slice(&answer.body).ok()
}

fn not_let_in(url: &str, token: &Token, status: u16) -> anyhow::Error {
    if token.header().is_none() {
        return anyhow!(
            "the server {url} asks for its token ({status}), and there is none in `{0}`; write the token that \
             `firedrill serve` printed at its first start into that file (mode 600), or name another with --token-file",
            token.file.display()
        );
    }
    anyhow!(
        "the server {url} does not take the token from {} ({status}); is it that server's? It was printed at its first \
         start, and each server has its own",
        token.from
    )
}
