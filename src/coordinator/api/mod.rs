//! The HTTP API of `firedrill serve`: HTTP/1, JSON, problems by RFC 9457, live events by SSE.

pub mod wire;
