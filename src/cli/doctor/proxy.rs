//! How exact the proxy is on this host. The faults are real ones, set on the engine that drills use.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::json;

use super::rig::{Rig, STANDSTILL, echoing, pouring};
use super::row::{Late, Row};
use crate::coordinator::clock;
use crate::fault::{Bandwidth, ByteRate, Direction, Latency, Period, Refuse, Reset, TrafficFault};

/// What passing through may add to a round trip, in milliseconds.
const THROUGH_P50_MS: f64 = 0.5;
const THROUGH_P99_MS: f64 = 5.0;
/// By how much a delay may be late, passing through included, in milliseconds.
const DELAY_P50_MS: f64 = 1.0;
const DELAY_P99_MS: f64 = 5.0;
/// By how much a rate may be off.
const RATE_PERCENT: f64 = 2.0;

/// How long round trips are measured for, there and here in turns.
const TRIPS_FOR: Duration = Duration::from_millis(600);
const TRIPS_MAX: usize = 4_000;
/// Delays are measured on so many connections at once.
const CONNECTIONS: usize = 8;
/// A rate holds after its first burst, so that long is not measured.
const BURST: Duration = Duration::from_millis(250);
/// How long a change may take to take effect.
const IN_EFFECT_WITHIN: Duration = Duration::from_millis(250);

/// Everything, in about five seconds.
pub(super) fn measure() -> anyhow::Result<Vec<Row>> {
    let rig = Rig::start()?;
    let through = rig.route("through", Vec::new())?;
    let mut rows = vec![row_of("pass-through", pass_through(rig.direct(), through))];
    for (delay_ms, trips) in [(5, 60), (50, 25)] {
        let name = format!("delay of {delay_ms} ms");
        let delay = Period::from_millis(delay_ms);
        let fault = TrafficFault::Latency(Latency { delay, ..Latency::default() });
        let address = rig.route(&format!("delay-{delay_ms}"), vec![fault])?;
        rows.push(row_of(&name, delayed(&name, address, delay.duration(), trips)));
    }
    for (megabytes, lasts) in [(1, Duration::from_secs(2)), (100, Duration::from_secs(1))] {
        let name = format!("rate of {megabytes} MB/s");
        let bytes = megabytes * 1_000_000;
        let rate = ByteRate::from_bytes_per_second(bytes)
            .ok_or_else(|| anyhow::anyhow!("{bytes} bytes a second are no rate"))?;
        let fault = TrafficFault::Bandwidth(Bandwidth { rate, direction: Direction::Response });
        let address = rig.route(&format!("rate-{megabytes}"), vec![fault])?;
        rows.push(row_of(&name, throttled(&name, address, bytes, lasts)));
    }
    let reset = rig.route("reset", vec![TrafficFault::Reset(Reset::default())])?;
    rows.push(was_reset(connection_end(reset)));
    let refuse = rig.route("refuse", vec![TrafficFault::Refuse(Refuse {})])?;
    rows.push(was_refused(soon_refused(refuse)));
    Ok(rows)
}

fn row_of(name: &str, measured: io::Result<Row>) -> Row {
    measured.unwrap_or_else(|error| Row::failed(name, error))
}

/// Round trips beside the proxy and through it, in turns, so that both see the same host.
fn pass_through(direct: SocketAddr, through: SocketAddr) -> io::Result<Row> {
    let (mut direct, mut through) = (echoing(direct)?, echoing(through)?);
    let (mut beside, mut inside) = (Vec::new(), Vec::new());
    let began = clock::instant();
    while began.elapsed() < TRIPS_FOR && inside.len() < TRIPS_MAX {
        for _ in 0..50 {
            beside.push(round_trip(&mut direct)?);
        }
        for _ in 0..50 {
            inside.push(round_trip(&mut through)?);
        }
    }
    let (beside, inside) = (spread(beside, Duration::ZERO)?, spread(inside, Duration::ZERO)?);
    let (p50, p99) = (inside.p50 - beside.p50, inside.p99 - beside.p99);
    Ok(Row {
        check: "pass-through".to_owned(),
        good: Some(p50 <= THROUGH_P50_MS && p99 <= THROUGH_P99_MS),
        found: format!("a round trip takes p50 {p50:+.3} ms, p99 {p99:+.3} ms more than without the proxy"),
        tolerance: format!("at most {THROUGH_P50_MS} ms, {THROUGH_P99_MS} ms"),
        measured: json!({"added_p50_ms": p50, "added_p99_ms": p99, "direct": beside.json(), "through": inside.json()}),
    })
}

/// Round trips on several connections at once, each `delay` long and a little more.
fn delayed(name: &str, address: SocketAddr, delay: Duration, trips: usize) -> io::Result<Row> {
    let each = || -> io::Result<Vec<Duration>> {
        let mut stream = echoing(address)?;
        (0..trips).map(|_| round_trip(&mut stream)).collect()
    };
    let times: io::Result<Vec<Vec<Duration>>> = std::thread::scope(|scope| {
        let started: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(each)).collect();
        let ended = started.into_iter().map(|thread| thread.join());
        ended
            .map(|times| times.unwrap_or_else(|_| Err(io::Error::other("a client ended by a panic"))))
            .collect()
    });
    let late = spread(times?.concat(), delay)?;
    let early = if late.least < 0.0 { "early" } else { "late" };
    Ok(Row {
        check: name.to_owned(),
        good: Some(late.least >= 0.0 && late.p50 <= DELAY_P50_MS && late.p99 <= DELAY_P99_MS),
        found: format!(
            "{early} by at least {:.3} ms, p50 {:.3} ms, p99 {:.3} ms",
            late.least.abs(),
            late.p50,
            late.p99
        ),
        tolerance: format!("never early; p50 at most {DELAY_P50_MS} ms, p99 {DELAY_P99_MS} ms"),
        measured: late.json(),
    })
}

fn spread(times: Vec<Duration>, wanted: Duration) -> io::Result<Late> {
    Late::of(times, wanted).ok_or_else(|| io::Error::other("no round trip came back"))
}

fn round_trip(stream: &mut TcpStream) -> io::Result<Duration> {
    let mut back = [0; 64];
    let began = clock::instant();
    stream.write_all(&back)?;
    stream.read_exact(&mut back)?;
    Ok(began.elapsed())
}

/// How many bytes come in a second, once the burst is over.
fn throttled(name: &str, address: SocketAddr, wanted: u64, lasts: Duration) -> io::Result<Row> {
    let mut stream = pouring(address)?;
    let mut buffer = vec![0; 256 * 1024];
    let began = clock::instant();
    let (mut bytes, mut since) = (0_u64, None);
    let took = loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let now = began.elapsed();
        match since {
            None if now >= BURST => since = Some(now),
            None => {}
            Some(since) => {
                bytes += count as u64;
                if now >= since + lasts {
                    break now - since;
                }
            }
        }
    };
    let rate = bytes as f64 / took.as_secs_f64();
    let percent = (rate / wanted as f64 - 1.0) * 100.0;
    Ok(Row {
        check: name.to_owned(),
        good: Some(percent.abs() <= RATE_PERCENT),
        found: format!("off by {percent:+.3} %"),
        tolerance: format!("at most {RATE_PERCENT} %"),
        measured: json!({"bytes_per_second": rate, "off_percent": percent}),
    })
}

/// How a connection ends on which nothing is said.
fn connection_end(address: SocketAddr) -> io::Result<usize> {
    let mut stream = TcpStream::connect_timeout(&address, STANDSTILL)?;
    stream.set_read_timeout(Some(STANDSTILL))?;
    stream.read(&mut [0; 16])
}

fn was_reset(ended: io::Result<usize>) -> Row {
    let (good, found) = match ended {
        Err(error) if error.kind() == ErrorKind::ConnectionReset => (true, "a true RST".to_owned()),
        Err(error) => (false, format!("no RST: {error}")),
        Ok(0) => (false, "no RST: the connection ended in order".to_owned()),
        Ok(_) => (false, "no RST: bytes came".to_owned()),
    };
    plain("reset", good, found, "the client gets ECONNRESET")
}

/// What a client is told who connects once the change has taken effect, which takes a moment: the socket is paused by the
/// thread that listens. Who comes just then is still let in, or reset.
fn soon_refused(address: SocketAddr) -> Option<io::Error> {
    let began = clock::instant();
    loop {
        let told = TcpStream::connect_timeout(&address, STANDSTILL).err();
        let is_refused = told.as_ref().is_some_and(|error| error.kind() == ErrorKind::ConnectionRefused);
        if is_refused || began.elapsed() >= IN_EFFECT_WITHIN {
            return told;
        }
    }
}

fn was_refused(error: Option<io::Error>) -> Row {
    let (good, found) = match error {
        Some(error) if error.kind() == ErrorKind::ConnectionRefused => {
            (true, "refused by the kernel".to_owned())
        }
        Some(error) => (false, format!("not refused: {error}")),
        None => (false, "not refused: the connection was made".to_owned()),
    };
    plain("refuse", good, found, "the client gets ECONNREFUSED")
}

fn plain(check: &str, good: bool, found: String, tolerance: &str) -> Row {
    let (check, tolerance) = (check.to_owned(), tolerance.to_owned());
    Row { check, good: Some(good), found, tolerance, measured: serde_json::Value::Null }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_in_order_is_no_reset_and_a_connection_no_refusal() {
        assert_eq!(was_reset(Err(ErrorKind::ConnectionReset.into())).good, Some(true));
        for ended in [Ok(0), Ok(1), Err(ErrorKind::TimedOut.into())] {
            assert_eq!(was_reset(ended).good, Some(false));
        }
        assert_eq!(was_refused(Some(ErrorKind::ConnectionRefused.into())).good, Some(true));
        for error in [None, Some(ErrorKind::TimedOut.into())] {
            assert_eq!(was_refused(error).good, Some(false));
        }
    }

    #[test]
    fn what_does_not_act_is_found_out() {
        let rig = Rig::start().unwrap();
        let through = rig.route("through", Vec::new()).unwrap();
        let row = delayed("delay", through, Duration::from_secs(1), 3).unwrap();
        assert!(row.good == Some(false) && row.found.starts_with("early by at least"), "{row:?}");
        let row = throttled("rate", through, 1_000, Duration::from_millis(50)).unwrap();
        assert!(row.good == Some(false) && row.found.starts_with("off by +"), "{row:?}");
        assert_eq!(was_reset(connection_end(through)).good, Some(false), "it is open");
        assert_eq!(was_refused(TcpStream::connect_timeout(&through, STANDSTILL).err()).good, Some(false));
    }
}
