//! The options of `firedrill proxy` that say which requests the faults are for.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::fault::{
    Clients, OPT_IN_HEADER, OptIn, Pattern, RequestMatch, Requests, Secret, Status, Statuses,
};

/// Which requests; all that is given must fit.
#[derive(Debug, clap::Args)]
pub(super) struct MatchArgs {
    /// Only requests with this path: a glob such as `/v1/*`, or after a `~` a regular expression
    #[arg(long, value_name = "PATTERN", requires = "listen", help_heading = "Which requests")]
    match_path: Option<String>,
    /// Only requests with this method
    #[arg(long, value_name = "PATTERN", requires = "listen", help_heading = "Which requests")]
    match_method: Option<String>,
    /// Only requests for this host
    #[arg(long, value_name = "PATTERN", requires = "listen", help_heading = "Which requests")]
    match_host: Option<String>,
    /// Only requests with this header; `*` asks only that it is there. May be given several times
    #[arg(long, value_name = "NAME=PATTERN", value_parser = pair, requires = "listen", help_heading = "Which requests")]
    match_header: Vec<(String, String)>,
    /// Only requests with this query parameter; may be given several times
    #[arg(long, value_name = "NAME=PATTERN", value_parser = pair, requires = "listen", help_heading = "Which requests")]
    match_query: Vec<(String, String)>,
    /// Only clients with this address, network (10.0.0.0/8) or glob of addresses
    #[arg(long, value_name = "ADDR", requires = "listen", help_heading = "Which requests")]
    match_client: Option<String>,
    /// Only calls of this gRPC method, package.Service/Method
    #[arg(long, value_name = "PATTERN", requires = "listen", help_heading = "Which requests")]
    match_grpc: Option<String>,
    /// Only requests that the upstream answered with this status: 500, 5xx, or several with commas
    #[arg(long, value_name = "STATUS", value_parser = statuses, requires = "listen", help_heading = "Which requests")]
    match_status: Option<Statuses>,
    /// Only requests with a header that `firedrill opt-in` signed with the secret in this file
    #[arg(long, value_name = "FILE", requires = "listen", help_heading = "Which requests")]
    opt_in_secret_file: Option<PathBuf>,
    /// Only some of what fits, by its number: first=N, every=N or after=N
    #[arg(long, value_name = "WHICH", value_parser = requests, requires = "listen", help_heading = "Which requests")]
    pub(super) requests: Option<Requests>,
}

impl MatchArgs {
    pub(super) fn matching(&self) -> anyhow::Result<RequestMatch> {
        let pattern = |text: &Option<String>| text.clone().map(Pattern);
        let patterns = |pairs: &[(String, String)]| -> BTreeMap<String, Pattern> {
            pairs.iter().map(|(name, text)| (name.clone(), Pattern(text.clone()))).collect()
        };
        let secret = self.opt_in_secret_file.as_ref().map(|path| {
            let text =
                std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
            anyhow::Ok(Secret(text.trim_end_matches(['\r', '\n']).to_owned()))
        });
        Ok(RequestMatch {
            method: pattern(&self.match_method),
            path: pattern(&self.match_path),
            host: pattern(&self.match_host),
            headers: patterns(&self.match_header),
            query: patterns(&self.match_query),
            client: self.match_client.clone().map(Clients),
            grpc: pattern(&self.match_grpc),
            status: self.match_status.clone(),
            opt_in: secret.transpose()?.map(|secret| OptIn { header: OPT_IN_HEADER.to_owned(), secret }),
        })
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, pattern)) if !name.is_empty() => Ok((name.to_owned(), pattern.to_owned())),
        _ => Err("write NAME=PATTERN, for example `x-tenant=acme-*`".to_owned()),
    }
}

fn statuses(text: &str) -> Result<Statuses, String> {
    let all: Result<Vec<Status>, String> = text.split(',').map(|one| one.trim().parse()).collect();
    Statuses::new(all?)
}

fn requests(text: &str) -> Result<Requests, String> {
    let way_out = || "write first=N, every=N or after=N, for example `first=10`".to_owned();
    let (which, n) = text.split_once('=').ok_or_else(way_out)?;
    let n = n.parse().map_err(|_| way_out())?;
    match which {
        "first" => Ok(Requests::First(n)),
        "every" => Ok(Requests::Every(n)),
        "after" => Ok(Requests::After(n)),
        _ => Err(way_out()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_command_line_are_read_or_shown_the_way_out() {
        assert_eq!(pair("x-a=b=c"), Ok(("x-a".to_owned(), "b=c".to_owned())));
        assert_eq!(requests("every=3"), Ok(Requests::Every(3)));
        assert_eq!(statuses("429, 5xx").unwrap().to_string(), "429, 5xx");
        for (problem, says) in [
            (pair("=b").unwrap_err(), "NAME=PATTERN"),
            (requests("last=3").unwrap_err(), "first=N"),
            (requests("first=x").unwrap_err(), "first=N"),
            (statuses("99").unwrap_err(), "200 to 599"),
        ] {
            assert!(problem.contains(says), "{problem}");
        }
    }
}
