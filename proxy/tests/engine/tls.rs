//! TLS on routes, with clients and upstreams that speak it for real.

mod lab;

mod bytes;
mod crowd;
mod files;
mod http;
mod http_faults;
mod names;
mod upgrade;
