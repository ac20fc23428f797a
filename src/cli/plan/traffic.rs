//! What traffic faults do, in words.

use super::http;
use super::words::flow;
use crate::fault::{Before, Excess, Reset, ResetFrom, Slicer, TrafficFault};

/// What a traffic fault does.
pub(super) fn deed(fault: &TrafficFault) -> String {
    match fault {
        TrafficFault::HttpError(error) => http::answered(error),
        TrafficFault::HttpBody(body) => http::bodies(body),
        TrafficFault::HttpHeaders(headers) => http::heads(headers),
        TrafficFault::GrpcError(error) => http::calls(error),
        TrafficFault::KeepAliveKill(kill) => http::closed(*kill),
        TrafficFault::HttpRedirectLoop(redirect) => http::redirected(redirect),
        TrafficFault::Latency(latency) => {
            let whose = match latency.before {
                Some(Before::Headers) => "heads of responses",
                Some(Before::Body) => "bodies of responses",
                Some(Before::Request) | None => flow(latency.direction()),
            };
            super::lateness::of(latency, whose)
        }
        TrafficFault::Bandwidth(bandwidth) => {
            format!("{} pass at {} at most, per connection", flow(bandwidth.direction), bandwidth.rate)
        }
        TrafficFault::Reset(reset) => resets(reset),
        TrafficFault::Blackhole(blackhole) => {
            let then = match blackhole.close_after {
                None => "connections stay open and silent".to_owned(),
                Some(after) => format!("connections are closed after {after} of silence"),
            };
            format!("{} are swallowed; {then}", flow(blackhole.direction))
        }
        TrafficFault::Stall(stall) => {
            let place =
                stall.after_bytes.map(|bytes| format!(" once {bytes} have passed")).unwrap_or_default();
            let lasts = stall.lasts.map_or("until it is removed".to_owned(), |lasts| format!("for {lasts}"));
            format!("{} stand still{place}, {lasts}; nothing of them is lost", flow(stall.direction))
        }
        TrafficFault::Refuse(_) => "new connections are refused".to_owned(),
        TrafficFault::AcceptStall(_) => {
            "new connections hang before they are made, until clients give up".to_owned()
        }
        TrafficFault::ConnectionLimit(limit) => {
            let others = match limit.excess {
                Excess::Queue => "wait for their turn",
                Excess::Refuse => "are reset",
            };
            format!("at most {} connections are served at a time; others {others}", limit.max)
        }
        TrafficFault::SlowClose(slow) => {
            format!("{} end {} late", flow(slow.direction), slow.delay)
        }
        TrafficFault::LimitData(limit) => {
            format!("connections are closed once {} of {} have passed", limit.bytes, flow(limit.direction))
        }
        TrafficFault::LimitTime(limit) => {
            format!("connections are closed {} after they were accepted", limit.after)
        }
        TrafficFault::Slicer(slicer) => pieces(slicer),
        TrafficFault::Corrupt(corrupt) => {
            format!("{} of the bits of {} flip", corrupt.bits, flow(corrupt.direction))
        }
        TrafficFault::EnvoyHeaders(headers) => {
            format!("requests may ask for faults by Envoy's headers, for {} at most", headers.max_percent)
        }
    }
}

fn resets(reset: &Reset) -> String {
    let from = match reset.from {
        ResetFrom::Accept => "the start".to_owned(),
        ResetFrom::FirstBytes => {
            format!("{} first came, which are held back", flow(reset.direction()))
        }
    };
    let after = reset.after.map(|after| format!("{after} after {from}"));
    let bytes = reset.after_bytes.map(|bytes| format!("after {bytes} of {}", flow(reset.direction())));
    let when: Vec<String> = [after, bytes].into_iter().flatten().collect();
    let when = match (when.is_empty(), reset.from) {
        (false, _) => when.join(" or "),
        (true, ResetFrom::Accept) => "at once".to_owned(),
        (true, ResetFrom::FirstBytes) => format!("when {from}"),
    };
    format!("connections are reset (TCP RST), {when}")
}

fn pieces(slicer: &Slicer) -> String {
    let spread = match slicer.variation.bytes() {
        0 => String::new(),
        _ => format!(" ± {}", slicer.variation),
    };
    let pause = if slicer.delay.is_zero() { String::new() } else { format!(", {} apart", slicer.delay) };
    format!("{} leave in pieces of {}{spread}{pause}", flow(slicer.direction), slicer.size)
}
