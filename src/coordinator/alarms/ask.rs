//! One question to a monitoring system, answered as bytes or with words that may stand in a record.

use std::time::Duration;

use crate::alarm::BODY_MAX_BYTES;
use crate::coordinator::http::{self, PreparedRequest};
use crate::coordinator::secrets::Secrets;
use crate::scenario::plan::HttpRequest;

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// GETs `base` + `path`. An error says what went wrong and holds nothing secret.
pub(super) async fn get(base: &str, path: &str) -> Result<Vec<u8>, String> {
    let request = HttpRequest {
        method: "GET".into(),
        url: format!("{base}{path}"),
        headers: Default::default(),
        body: None,
        ca: None,
    };
    let shown = without_secrets(base);
    let failed = |why: String| format!("`{shown}` did not answer: {why}");
    let prepared = PreparedRequest::new(&request, &Secrets::default())
        .await
        // The reason may repeat the address with all that stands in it.
        .map_err(|why| failed(why.to_string().replace(base, &shown)))?;
    let exchange = http::measure_keeping(&prepared, ANSWER_WITHIN, BODY_MAX_BYTES).await;
    if let Some(failure) = exchange.failure {
        return Err(failed(failure.to_string()));
    }
    let answer = exchange.answer.ok_or_else(|| failed("nothing came".into()))?;
    if answer.body_bytes > answer.body.len() as u64 {
        return Err(failed(format!("its answer has more than {BODY_MAX_BYTES} bytes")));
    }
    if answer.status != 200 {
        return Err(format!("`{shown}` answered `{}` with status {}", path_of(path), answer.status));
    }
    Ok(answer.body)
}

fn path_of(path: &str) -> &str {
    path.split('?').next().unwrap_or(path)
}

/// A value as a part of a URL's query.
pub(super) fn query_value(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

/// A text in which no URL shows its user, password or query, for these may hold what must not be recorded.
pub(super) fn without_secrets(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        clean.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || "\"'`<>,;)".contains(c)).unwrap_or(after.len());
        let (url, left) = after.split_at(end);
        let authority_end = url.find(['/', '?', '#']).unwrap_or(url.len());
        let (authority, path) = url.split_at(authority_end);
        if let Some((_, host)) = authority.rsplit_once('@') {
            clean.push_str("[hidden]@");
            clean.push_str(host);
        } else {
            clean.push_str(authority);
        }
        match path.split_once(['?', '#']) {
            Some((path, _)) => {
                clean.push_str(path);
                clean.push_str("?[hidden]");
            }
            None => clean.push_str(path),
        }
        rest = left;
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_url_shows_what_may_be_secret() {
        for (text, clean) in [
            ("nothing to hide", "nothing to hide"),
            ("http://u:p@h:1/a", "http://[hidden]@h:1/a"),
            ("Post \"http://h/hook?token=abc\": refused", "Post \"http://h/hook?[hidden]\": refused"),
            ("http://h?x, https://u@[::1]:9/#f", "http://h?[hidden], https://[hidden]@[::1]:9/?[hidden]"),
            ("://", "://"),
        ] {
            assert_eq!(without_secrets(text), clean);
        }
    }

    #[test]
    fn a_query_value_is_escaped() {
        assert_eq!(query_value("a{b=\"c d\"}+é"), "a%7Bb%3D%22c%20d%22%7D%2B%C3%A9");
    }
}
