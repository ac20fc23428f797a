//! Why the engine did not do as asked.

use std::fmt;

use crate::fault::ParameterProblem;

/// What is wrong, and the way out.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No route of this name.
    #[error("there is no route `{name}`; the routes are: {}", Names(.known))]
    NoRoute {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// No fault of this id on the route.
    #[error("route `{route}` has no fault `{id}`; its faults are: {}", Names(.known))]
    NoFault {
        /// The route.
        route: String,
        /// What was asked for.
        id: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The name is in use.
    #[error("a route `{0}` exists already; remove it first or choose another name")]
    NameTaken(String),
    /// A name that cannot be one.
    #[error("`{}` cannot be {what}: use 1 to 128 characters without control characters", .value.escape_debug())]
    BadName {
        /// What was named: `the name of a route`.
        what: &'static str,
        /// What was given.
        value: String,
    },
    /// The listen address cannot be one.
    #[error("route `{route}`: `{}` is no listen address; write `address:port`, for example `127.0.0.1:9001` (port 0 lets the kernel choose), or `unix:/path`", .value.escape_debug())]
    BadListen {
        /// The route.
        route: String,
        /// What was given.
        value: String,
    },
    /// The upstream address cannot be one.
    #[error("route `{route}`: `{}` is no upstream; write `host:port`, for example `payments.internal:8080`, or `unix:/path`", .value.escape_debug())]
    BadUpstream {
        /// The route.
        route: String,
        /// What was given.
        value: String,
    },
    /// A route that contradicts itself, or is out of bounds.
    #[error("route `{route}`: {}", All(.problems))]
    BadRoute {
        /// The route.
        route: String,
        /// All that was found.
        problems: Vec<ParameterProblem>,
    },
    /// The listen address could not be bound.
    #[error("route `{route}`: cannot listen on {listen}: {source}{}; choose another address or stop what holds it", Holder(.holder))]
    Bind {
        /// The route.
        route: String,
        /// The address.
        listen: String,
        /// The process that holds the address, where that could be found out.
        holder: Option<u32>,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// A route must be able to take connections by TPROXY, and may not.
    #[error(
        "route `{route}`: `tproxy` lets it take connections to addresses that are not this host's, and the kernel says: {source}; give the proxy the capability CAP_NET_ADMIN, or leave `tproxy` out and redirect by NAT, which needs none"
    )]
    NoTproxy {
        /// The route.
        route: String,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// A fault whose parameters cannot be.
    #[error("fault `{id}` ({kind}): {problem}")]
    BadFault {
        /// The fault.
        id: String,
        /// Its kind.
        kind: &'static str,
        /// The first problem found.
        problem: ParameterProblem,
    },
    /// Something of HTTP asked of a route that carries plain bytes.
    #[error(
        "fault `{id}` ({kind}) asks for something that only an HTTP request has, but route `{route}` is `protocol: tcp`; make the route `http` or `auto`, or leave out `match`, `sticky` and `exclude` keys other than `client`"
    )]
    NeedsHttp {
        /// The fault.
        id: String,
        /// Its kind.
        kind: &'static str,
        /// The route.
        route: String,
    },
    /// Something of a request asked of a fault that acts on connections.
    #[error(
        "fault `{id}` ({kind}) acts on whole connections, and they have no method, path or header; leave out `match`, `sticky` and `exclude` keys other than `client`"
    )]
    OfConnections {
        /// The fault.
        id: String,
        /// Its kind.
        kind: &'static str,
    },
    /// No room for another route.
    #[error("this proxy has {limit} routes, which is its limit; remove one first")]
    TooManyRoutes {
        /// How many there may be.
        limit: usize,
    },
    /// No room for another fault.
    #[error("route `{route}` has {limit} faults, which is the limit; remove one first")]
    TooManyFaults {
        /// The route.
        route: String,
        /// How many there may be.
        limit: usize,
    },
    /// Regular expressions that come to too much, or are too many.
    #[error(
        "the regular expressions of route `{route}` are more than {} or larger than 64 MiB together; use globs, or one expression for several faults",
        super::REGEXES_MAX
    )]
    TooManyPatterns {
        /// The route.
        route: String,
    },
    /// The engine has been stopped.
    #[error("the proxy is stopping and takes no more changes")]
    Stopped,
    /// The data threads could not be started.
    #[error("cannot start the data threads: {0}")]
    Start(#[source] std::io::Error),
}

struct All<'a>(&'a [ParameterProblem]);

impl fmt::Display for All<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if at == 0 { "" } else { "; also " })?;
        }
        Ok(())
    }
}

struct Names<'a>(&'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 10;
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (at, name) in self.0.iter().take(SHOWN).enumerate() {
            write!(f, "{}`{name}`", if at == 0 { "" } else { ", " })?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

struct Holder<'a>(&'a Option<u32>);

impl fmt::Display for Holder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |pid| write!(f, " (held by process {pid})"))
    }
}
