//! Why a request failed, in words for people.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::fault::Period;

/// How far a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Looking up the host's name.
    Resolving,
    /// Connecting.
    Connecting,
    /// Agreeing on TLS.
    Tls,
    /// Sending the request and waiting for the first byte of the answer.
    Waiting,
    /// Reading the answer.
    Reading,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolving => "while looking up the name of the host",
            Self::Connecting => "while connecting",
            Self::Tls => "during the TLS handshake",
            Self::Waiting => "while waiting for the first byte",
            Self::Reading => "while reading the answer",
        })
    }
}

/// Why there is no complete answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpFailure {
    /// The request cannot be sent as it is written.
    #[error("the request cannot be sent: {0}")]
    Request(String),
    /// The host's name has no address.
    #[error("could not find the address of `{host}`: {why}")]
    Resolve {
        /// The name.
        host: String,
        /// The resolver's words.
        why: String,
    },
    /// No address let us connect.
    #[error("could not connect to {0}")]
    Connect(String),
    /// No TLS session came about.
    #[error("TLS with `{host}` failed: {why}")]
    Tls {
        /// The server's name.
        host: String,
        /// The reason.
        why: String,
    },
    /// The time was up.
    #[error("timed out after {} {phase}", Period::from(*after))]
    TimedOut {
        /// The limit.
        after: Duration,
        /// How far it came.
        phase: Phase,
    },
    /// The other side answered with a reset.
    #[error("connection was reset {0}")]
    Reset(Phase),
    /// The other side closed too early.
    #[error("connection was closed {0}")]
    Closed(Phase),
    /// What came is no HTTP.
    #[error("the answer is no valid HTTP/1.1: {0}")]
    Malformed(String),
    /// Anything else.
    #[error("connection failed {phase}: {why}")]
    Other {
        /// How far it came.
        phase: Phase,
        /// The reason.
        why: String,
    },
}

impl HttpFailure {
    /// What an error of the HTTP library means.
    pub(super) fn from_hyper(error: &hyper::Error, phase: Phase) -> Self {
        if let Some(io) = io_cause(error) {
            return Self::from_io(io, phase);
        }
        if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
            return Self::Closed(phase);
        }
        if error.is_parse() {
            return Self::Malformed(error.to_string());
        }
        Self::Other { phase, why: error.to_string() }
    }

    fn from_io(error: &io::Error, phase: Phase) -> Self {
        match error.kind() {
            // A write into a connection that the other side has reset ends as a broken pipe.
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
                Self::Reset(phase)
            }
            io::ErrorKind::UnexpectedEof => Self::Closed(phase),
            _ => Self::Other { phase, why: io_words(error) },
        }
    }
}

/// The first operating system error among an error's causes.
fn io_cause<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e io::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io);
        }
        cause = error.source();
    }
    None
}

/// An operating system error in words, without its number.
pub fn io_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".into(),
        io::ErrorKind::ConnectionReset => "connection was reset".into(),
        io::ErrorKind::HostUnreachable => "host unreachable".into(),
        io::ErrorKind::NetworkUnreachable => "network unreachable".into(),
        io::ErrorKind::NotFound => "no such file or directory".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => {
            let text = error.to_string();
            match text.split_once(" (os error") {
                Some((words, _)) => words.to_owned(),
                None => text,
            }
        }
    }
}
