//! The data plane alone, to measure it: `forward [--workers N] [--control ADDRESS] LISTEN=UPSTREAM[=tcp|http|auto]…`
//!
//! It forwards until it is killed. Faults are armed over the control API, as in `firedrill proxy`.

use std::error::Error;

use firedrill_proxy::control::Control;
use firedrill_proxy::control::server::{Server, ServerOptions, listen};
use firedrill_proxy::control::wire::RouteSpec;
use firedrill_proxy::engine::Options;

fn main() -> Result<(), Box<dyn Error>> {
    let (mut options, mut control, mut routes) = (Options::default(), None, Vec::new());
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--workers" => options.workers = words.next().ok_or("--workers needs a number")?.parse()?,
            "--control" => control = Some(words.next().ok_or("--control needs an address")?),
            _ => routes.push(word),
        }
    }
    let data = Control::start(options)?;
    for (number, route) in routes.iter().enumerate() {
        let mut parts = route.split('=');
        let (listen, upstream) = parts.next().zip(parts.next()).ok_or("a route is LISTEN=UPSTREAM")?;
        let spec = serde_json::json!({
            "name": format!("route-{number}"),
            "listen": listen,
            "upstream": upstream,
            "protocol": parts.next().unwrap_or("tcp"),
        });
        data.add_route(serde_json::from_value::<RouteSpec>(spec)?)
            .map_err(|problem| format!("{problem:?}"))?;
    }
    let _server = match control {
        Some(address) => {
            let listener = listen(&address, ServerOptions::default())?;
            Some(Server::start(listener, data.clone(), ServerOptions::default())?)
        }
        None => None,
    };
    loop {
        std::thread::park();
    }
}
