//! A server (`firedrill serve`) as the commands see it: where it is, who asks, and what it says.

mod call;
mod events;
mod failure;
mod token;

use std::path::PathBuf;

use anyhow::{Context as _, bail};

pub(super) use call::{Server, segment};
pub(super) use events::follow;

use crate::agent::Directories;
use token::Token;

/// The variable that names the server.
const SERVER_VARIABLE: &str = "FIREDRILL_SERVER";
/// Where `firedrill serve` listens unless told.
const DEFAULT: &str = "http://127.0.0.1:7400";

/// How a server is reached. The options of every command that can speak with one.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "A server")]
pub(super) struct Access {
    /// Where it is; `$FIREDRILL_SERVER` says the same
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The file with its token [default: `$FIREDRILL_TOKEN`, else `token` in firedrill's configuration folder]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The person in whose stead it is said; it stands in the record
    #[arg(long = "for", value_name = "NAME")]
    person: Option<String>,
    /// A PEM file with the certificate authority to trust instead of the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Send the token without TLS to another host
    #[arg(long)]
    insecure_plain_http: bool,
}

/// The same for commands that speak with a drill of this host unless a server is named.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "A server")]
pub(super) struct Perhaps {
    #[command(flatten)]
    access: Access,
    /// This host's own drills, although `$FIREDRILL_SERVER` is set
    #[arg(long, conflicts_with = "server")]
    local: bool,
}

impl Perhaps {
    /// The server, if one is named.
    pub(super) fn open(&self) -> anyhow::Result<Option<Server>> {
        if self.local || self.access.named().is_none() {
            let unused = [
                ("--for", self.access.person.is_some()),
                ("--token-file", self.access.token_file.is_some()),
                ("--ca", self.access.ca.is_some()),
            ];
            if let Some((option, _)) = unused.iter().find(|(_, is_given)| *is_given) {
                bail!("`{option}` is for a server; name it with `--server URL` or ${SERVER_VARIABLE}");
            }
            return Ok(None);
        }
        self.access.open().map(Some)
    }
}

impl Access {
    /// The address that was given, by option or variable.
    fn named(&self) -> Option<String> {
        let variable = || std::env::var(SERVER_VARIABLE).ok();
        self.server.clone().or_else(variable).filter(|url| !url.trim().is_empty())
    }

    /// The server: the one named, else the one of this host.
    pub(super) fn open(&self) -> anyhow::Result<Server> {
        let url = self.named().unwrap_or_else(|| DEFAULT.to_owned());
        let address = Address::read(&url)?;
        if !address.is_tls && !address.is_loopback && !self.insecure_plain_http {
            bail!(
                "{} is another host, and without TLS everybody on the way could read the token; use https://, or add \
                 --insecure-plain-http if the way is safe",
                address.url
            );
        }
        let at_home = Directories::here().config.join("token");
        let token = Token::find(self.token_file.as_deref(), &at_home)?;
        let ca = self
            .ca
            .as_ref()
            .map(|ca| ca.to_str().map(str::to_owned).context("--ca is no text"))
            .transpose()?;
        Ok(Server::new(address.url, token, self.person.clone(), ca))
    }
}

/// The address of a server, taken apart as far as it matters here.
#[derive(Debug)]
struct Address {
    url: String,
    is_tls: bool,
    is_loopback: bool,
}

impl Address {
    fn read(given: &str) -> anyhow::Result<Self> {
        let url = given.trim();
        let shown: String = url.chars().take(200).flat_map(char::escape_debug).collect();
        let way_out = "write for example `http://127.0.0.1:7400`";
        if !url.contains("://") {
            bail!(
                "`{shown}` does not say how the server is spoken with; write `http://{shown}` or `https://{shown}`"
            );
        }
        let uri: http::Uri =
            url.parse().map_err(|why| anyhow::anyhow!("`{shown}` is no URL ({why}); {way_out}"))?;
        let is_tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => bail!("`{shown}` begins with neither http:// nor https://; {way_out}"),
        };
        let Some(host) = uri.host() else { bail!("`{shown}` names no host; {way_out}") };
        if uri.path() != "/" && !uri.path().is_empty() || uri.query().is_some() {
            bail!("`{shown}` names a path; a server is named by host and port alone: {way_out}");
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let is_loopback = bare == "localhost"
            || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        Ok(Self { url: url.trim_end_matches('/').to_owned(), is_tls, is_loopback })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port_and_what_else_it_is_gets_the_way_out() {
        for (url, is_tls, is_loopback) in [
            ("http://127.0.0.1:7400", false, true),
            ("http://localhost:7400/", false, true),
            ("http://[::1]:7400", false, true),
            ("https://firedrill.test", true, false),
            ("http://10.0.0.7:7400", false, false),
        ] {
            let read = Address::read(url).unwrap();
            assert_eq!((read.is_tls, read.is_loopback), (is_tls, is_loopback), "{url}");
            assert!(!read.url.ends_with('/'), "{url}");
        }
        for (url, says) in [
            ("127.0.0.1:7400", "http://127.0.0.1:7400"),
            ("ftp://x", "neither http:// nor https://"),
            ("http://x/v1", "host and port alone"),
            ("http://", "no URL"),
        ] {
            let refused = Address::read(url).unwrap_err().to_string();
            assert!(refused.contains(says), "{url}: {refused}");
        }
    }

    #[test]
    fn a_token_is_not_sent_to_another_host_in_the_clear() {
        let access = Access { server: Some("http://10.0.0.7:7400".into()), ..Access::default() };
        let refused = access.open().err().unwrap().to_string();
        assert!(refused.contains("https://") && refused.contains("--insecure-plain-http"), "{refused}");
    }

    #[test]
    fn options_for_a_server_without_one_are_refused() {
        let access = Access { person: Some("ana".into()), ..Access::default() };
        let refused = Perhaps { access, local: true }.open().err().unwrap().to_string();
        assert!(refused.contains("--for") && refused.contains("--server URL"), "{refused}");
    }
}
