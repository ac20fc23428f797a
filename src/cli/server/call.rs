//! One question to a server and its answer.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::failure;
use super::token::Token;
use crate::coordinator::api::wire::IN_STEAD_OF;
use crate::coordinator::http::{Answer, PreparedRequest, Streaming, measure_keeping};
use crate::coordinator::secrets::Secrets;
use crate::scenario::plan::HttpRequest;

/// How long one question may take.
const CALL_WITHIN: Duration = Duration::from_secs(30);
/// How long a report or a journal may take.
const FILE_WITHIN: Duration = Duration::from_secs(300);
/// The largest answer in words.
const ANSWER_MAX_BYTES: usize = 16 * 1024 * 1024;
/// The largest report or journal.
const FILE_MAX_BYTES: usize = 512 * 1024 * 1024;

/// A server that can be asked.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Server {
    url: String,
    token: Token,
    person: Option<String>,
    ca: Option<String>,
}

impl Server {
    pub(super) const fn new(url: String, token: Token, person: Option<String>, ca: Option<String>) -> Self {
        Self { url, token, person, ca }
    }

    /// Where it is.
    pub(in crate::cli) fn url(&self) -> &str {
        &self.url
    }

    /// The person in whose stead is spoken.
    pub(in crate::cli) fn person(&self) -> Option<&str> {
        self.person.as_deref()
    }

    /// What stands at a path.
    pub(in crate::cli) async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.read(&self.ask("GET", path, None, &[]).await?)
    }

    /// Sends something to a path and reads what comes back.
    pub(in crate::cli) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> anyhow::Result<T> {
        self.read(&self.send(path, body).await?)
    }

    /// Sends something to a path that answers without words.
    pub(in crate::cli) async fn tell(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> anyhow::Result<()> {
        self.send(path, body).await.map(drop)
    }

    /// A file; absent: there is none, or not yet.
    pub(in crate::cli) async fn file(&self, path: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let answer = self.exchange("GET", path, None, &[], FILE_WITHIN, FILE_MAX_BYTES).await?;
        if answer.status == 404 && failure::problem(&answer).is_some() {
            return Ok(None);
        }
        let answer = self.took(answer)?;
        if answer.body_bytes > answer.body.len() as u64 {
            bail!("{}{path} has {} bytes; at most {FILE_MAX_BYTES} are read", self.url, answer.body_bytes);
        }
        Ok(Some(answer.body))
    }

    /// An answer that is read while it comes.
    pub(in crate::cli) async fn stream(
        &self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> anyhow::Result<Opened> {
        let request = self.request("GET", path, None, headers).await?;
        match Streaming::open(&request, CALL_WITHIN).await {
            Ok(stream) if stream.status == 200 => Ok(Opened::Open(stream)),
            Ok(mut stream) => {
                // What it says instead is short; more of it would not be read anyway.
                let body = stream.next(CALL_WITHIN).await.ok().flatten().unwrap_or_default().to_vec();
                let answer =
                    Answer { status: stream.status, headers: stream.headers.clone(), body, body_bytes: 0 };
                Ok(Opened::Refused { again: stream.status >= 500, why: self.refused(&answer) })
            }
            Err(failure) => {
                Ok(Opened::Refused { again: true, why: failure::unreachable(&self.url, &failure) })
            }
        }
    }

    async fn send(&self, path: &str, body: &(impl Serialize + Sync)) -> anyhow::Result<Answer> {
        let body = serde_json::to_string(body).context("cannot be put into JSON")?;
        self.ask("POST", path, Some(body), &[]).await
    }

    async fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<String>,
        headers: &[(&str, &str)],
    ) -> anyhow::Result<Answer> {
        let answer = self.exchange(method, path, body, headers, CALL_WITHIN, ANSWER_MAX_BYTES).await?;
        self.took(answer)
    }

    fn took(&self, answer: Answer) -> anyhow::Result<Answer> {
        if (200..300).contains(&answer.status) { Ok(answer) } else { Err(self.refused(&answer)) }
    }

    fn refused(&self, answer: &Answer) -> anyhow::Error {
        failure::refused(&self.url, &self.token, answer)
    }

    fn read<T: DeserializeOwned>(&self, answer: &Answer) -> anyhow::Result<T> {
        serde_json::from_slice(&answer.body).with_context(|| {
            format!(
                "{} answers in words that this version does not know; are server and client of the same version?",
                self.url
            )
        })
    }

    async fn exchange(
        &self,
        method: &str,
        path: &str,
        body: Option<String>,
        headers: &[(&str, &str)],
        within: Duration,
        kept_max: usize,
    ) -> anyhow::Result<Answer> {
        let request = self.request(method, path, body, headers).await?;
        let exchange = measure_keeping(&request, within, kept_max).await;
        match (exchange.answer, exchange.failure) {
            (Some(answer), None) => Ok(answer),
            (_, Some(failure)) => Err(failure::unreachable(&self.url, &failure)),
            (None, None) => bail!("{} said nothing", self.url),
        }
    }

    async fn request(
        &self,
        method: &str,
        path: &str,
        body: Option<String>,
        headers: &[(&str, &str)],
    ) -> anyhow::Result<PreparedRequest> {
        let mut all: BTreeMap<String, String> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        all.extend(self.token.header().map(|value| ("authorization".to_owned(), value)));
        all.extend(self.person.clone().map(|person| (IN_STEAD_OF.to_owned(), person)));
        if body.is_some() {
            all.insert("content-type".to_owned(), "application/json".to_owned());
        }
        let url = format!("{}{path}", self.url);
        let request = HttpRequest { method: method.to_owned(), url, headers: all, body, ca: self.ca.clone() };
        PreparedRequest::new(&request, &Secrets::default())
            .await
            .map_err(|failure| failure::unreachable(&self.url, &failure))
    }
}

/// What became of a stream that was asked for.
pub(in crate::cli) enum Opened {
    /// It comes.
    Open(Streaming),
    /// It does not.
    Refused {
        /// Whether asking again may help.
        again: bool,
        /// Why not.
        why: anyhow::Error,
    },
}

/// A part of a path in which nothing is special.
pub(in crate::cli) fn segment(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
