//! The faults of the flags that act on HTTP requests and answers.

use crate::fault::{
    ByteSize, Drip, GrpcError, GrpcStatus, HttpBody, HttpError, HttpHeaders, HttpRedirectLoop, KeepAliveKill,
    Percent, TrafficFault,
};

/// Those faults; each needs a route that speaks HTTP.
#[derive(Debug, clap::Args)]
pub(super) struct HttpArgs {
    /// Requests are answered with this status, 200 to 599
    #[arg(long, value_name = "STATUS", requires = "listen", help_heading = "Faults")]
    http_error: Option<u16>,
    /// Bodies of responses are broken: truncate=SIZE, drip=SIZE/TIME, replace=TEXT, corrupt=SHARE, wrong_length=N or
    /// no_last_chunk
    #[arg(long, value_name = "HOW", value_parser = body, requires = "listen", help_heading = "Faults")]
    http_body: Option<HttpBody>,
    /// Heads of responses are changed: remove=NAME, set=NAME:VALUE, huge=SIZE or slow=SIZE/TIME; may be given several
    /// times
    #[arg(long, value_name = "HOW", value_parser = head, requires = "listen", help_heading = "Faults")]
    http_headers: Vec<Head>,
    /// Calls over gRPC are answered with this status, by name or number
    #[arg(long, value_name = "STATUS", requires = "listen", help_heading = "Faults")]
    grpc_error: Option<GrpcStatus>,
    /// Connections are closed after each answer
    #[arg(long, requires = "listen", help_heading = "Faults")]
    keep_alive_kill: bool,
    /// Requests are redirected to themselves, with 302 or this status
    #[arg(long, value_name = "STATUS", num_args = 0..=1, requires = "listen", help_heading = "Faults")]
    http_redirect_loop: Option<Option<u16>>,
}

/// One thing done to a head.
#[derive(Clone, Debug)]
enum Head {
    Remove(String),
    Set(String, String),
    Huge(ByteSize),
    Slow(Drip),
}

impl HttpArgs {
    pub(super) fn faults(&self) -> [Option<TrafficFault>; 6] {
        let error = |status| TrafficFault::HttpError(HttpError { status, ..HttpError::default() });
        let redirect = |status: Option<u16>| {
            let usual = HttpRedirectLoop::default();
            TrafficFault::HttpRedirectLoop(HttpRedirectLoop {
                status: status.unwrap_or(usual.status),
                ..usual
            })
        };
        [
            self.http_error.map(error),
            self.http_body.clone().map(TrafficFault::HttpBody),
            self.heads().map(TrafficFault::HttpHeaders),
            self.grpc_error.map(|status| TrafficFault::GrpcError(GrpcError::new(status))),
            self.keep_alive_kill.then(|| TrafficFault::KeepAliveKill(KeepAliveKill::default())),
            self.http_redirect_loop.map(redirect),
        ]
    }

    fn heads(&self) -> Option<HttpHeaders> {
        let mut all = HttpHeaders::default();
        for one in &self.http_headers {
            match one.clone() {
                Head::Remove(name) => all.remove.push(name),
                Head::Set(name, value) => drop(all.set.insert(name, value)),
                Head::Huge(size) => all.huge = Some(size),
                Head::Slow(slow) => all.slow = Some(slow),
            }
        }
        (!self.http_headers.is_empty()).then_some(all)
    }
}

fn body(text: &str) -> Result<HttpBody, String> {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    let mut body = HttpBody::default();
    match key {
        "truncate" => body.truncate = Some(read::<ByteSize>(value)?),
        "drip" => body.drip = Some(drip(value)?),
        "replace" => body.replace = Some(value.to_owned()),
        "corrupt" => body.corrupt = Some(read::<Percent>(value)?),
        "wrong_length" => body.wrong_length = Some(read(value)?),
        "no_last_chunk" if !text.contains('=') => body.no_last_chunk = true,
        _ => {
            return Err(
                "write truncate=SIZE, drip=SIZE/TIME, replace=TEXT, corrupt=SHARE, wrong_length=N or \
                        no_last_chunk, for example `truncate=1KiB`"
                    .to_owned(),
            );
        }
    }
    Ok(body)
}

fn head(text: &str) -> Result<Head, String> {
    match text.split_once('=') {
        Some(("remove", name)) => Ok(Head::Remove(name.to_owned())),
        Some(("set", header)) => match header.split_once(':') {
            Some((name, value)) => Ok(Head::Set(name.trim().to_owned(), value.trim().to_owned())),
            None => Err("write set=NAME:VALUE, for example `set=cache-control:no-store`".to_owned()),
        },
        Some(("huge", size)) => read(size).map(Head::Huge),
        Some(("slow", text)) => drip(text).map(Head::Slow),
        _ => Err("write remove=NAME, set=NAME:VALUE, huge=SIZE or slow=SIZE/TIME, for example `huge=64KiB`"
            .to_owned()),
    }
}

fn drip(text: &str) -> Result<Drip, String> {
    let (size, every) = text.split_once('/').ok_or("write SIZE/TIME, for example `64B/100ms`")?;
    Ok(Drip { size: read(size)?, every: read(every)? })
}

fn read<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_to_a_body_is_one_word() {
        for (text, json) in [
            ("truncate=20B", r#"{"truncate":"20B","direction":"response"}"#),
            ("drip=64B/100ms", r#"{"drip":{"size":"64B","every":"100ms"},"direction":"response"}"#),
            ("replace=a=b", r#"{"replace":"a=b","direction":"response"}"#),
            ("corrupt=1%", r#"{"corrupt":"1%","direction":"response"}"#),
            ("wrong_length=-10", r#"{"wrong_length":-10,"direction":"response"}"#),
            ("no_last_chunk", r#"{"no_last_chunk":true,"direction":"response"}"#),
        ] {
            assert_eq!(serde_json::to_string(&body(text).unwrap()).unwrap(), json, "{text}");
        }
        for (text, says) in [
            ("", "truncate=SIZE"),
            ("no_last_chunk=yes", "no_last_chunk, for example"),
            ("truncate=20", "has no unit"),
            ("drip=64B", "write SIZE/TIME"),
        ] {
            let problem = body(text).unwrap_err();
            assert!(problem.contains(says), "{text}: {problem}");
        }
    }

    #[test]
    fn heads_are_changed_in_several_ways_at_once() {
        let given = ["remove=etag", "set=x-a: b:c", "huge=1KiB", "slow=1B/1s"];
        let args = HttpArgs {
            http_error: None,
            http_body: None,
            http_headers: given.iter().map(|text| head(text).unwrap()).collect(),
            grpc_error: None,
            keep_alive_kill: false,
            http_redirect_loop: None,
        };
        let all = serde_json::to_value(args.heads().unwrap()).unwrap();
        let wanted = serde_json::json!({
            "set": {"x-a": "b:c"}, "remove": ["etag"], "huge": "1KiB", "slow": {"size": "1B", "every": "1s"},
            "direction": "response",
        });
        assert_eq!(all, wanted);
        for text in ["etag", "set=x-a", "huge=big"] {
            assert!(head(text).is_err(), "{text}");
        }
    }
}
