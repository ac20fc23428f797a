//! The tables, in Markdown, and beside each the bar that firedrill is held to.

use super::control::{Answers, STUCK};
use super::measure::{Figures, Kept, Lateness, PACES, Test};
use super::peers::Row;

const TCP: &str = "firedrill tcp";
const HTTP: &str = "firedrill http, a rule at 0 %";

fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// One bar: what was reached, what is the most that it may be, and whether that holds.
fn bar(what: &str, reached: f64, most: f64) {
    let verdict = if reached <= most { "holds" } else { "MISSED" };
    println!("- {what}: {reached:.3}, at most {most}: {verdict}");
}

/// Speed and cost under load.
pub fn loads(rows: &[Row], tests: &[Test], figures: &[Vec<Vec<Figures>>]) {
    for (test, figures) in tests.iter().zip(figures) {
        let rounds = figures.first().map_or(0, Vec::len);
        println!("\n### {} (medians of {rounds})\n", test.title());
        println!("| proxy | {} | least | {} | p50 µs | p99 µs | errors |", test.unit(), test.speed_unit());
        println!("|---|---|---|---|---|---|---|");
        let of = |row: usize, which: fn(&Figures) -> f64| median(figures[row].iter().map(which));
        for (at, row) in rows.iter().enumerate() {
            let least = figures[at].iter().map(|one| one.cost).fold(f64::NAN, f64::min);
            let errors: u64 = figures[at].iter().map(|one| one.errors).sum();
            println!(
                "| {} | {:.3} | {least:.3} | {:.2} | {:.0} | {:.0} | {errors} |",
                row.name,
                of(at, |one| one.cost),
                of(at, |one| one.speed),
                of(at, |one| one.p50_us),
                of(at, |one| one.p99_us),
            );
        }
        println!();
        let cost = |name: &str| {
            let at = rows.iter().position(|row| row.name == name);
            at.map_or(f64::NAN, |at| of(at, |one| one.cost))
        };
        match test {
            Test::Requests => {
                bar("CPU against nginx stream", cost(TCP) / cost("nginx stream"), 1.0);
                bar("HTTP: CPU against haproxy http", cost(HTTP) / cost("haproxy http"), 1.10);
            }
            Test::Connections => bar("CPU against haproxy tcp", cost(TCP) / cost("haproxy tcp"), 1.05),
            Test::Bulk => {
                bar("CPU against the hybrid in C", cost(TCP) / cost("hybrid in C"), 1.10);
                bar("CPU against haproxy tcp", cost(TCP) / cost("haproxy tcp"), 0.75);
            }
        }
    }
}

/// Memory of idle connections.
pub fn idle(rows: &[Row], kib: &[f64], count: usize) {
    println!("\n### {count} idle connections, one request on each before (one run)\n");
    println!("| proxy | resident KiB each |\n|---|---|");
    for (row, kib) in rows.iter().zip(kib).filter(|(_, kib)| kib.is_finite()) {
        println!("| {} | {kib:.2} |", row.name);
    }
    println!();
    let at = rows.iter().position(|row| row.name == TCP);
    bar("KiB for each idle TCP connection", at.map_or(f64::NAN, |at| kib[at]), 2.0);
}

/// How exact a delay of 50 ms is.
pub fn delays(rows: &[Row], all: &[Vec<Vec<Lateness>>]) {
    for ((rate, connections), rounds) in PACES.into_iter().zip(all) {
        let count = rounds.first().map_or(0, Vec::len);
        println!("\n### 50 ms, {rate} requests a second, {connections} connections (medians of {count})\n");
        println!("| proxy | earliest µs | p50 µs | p99 µs | answered |\n|---|---|---|---|---|");
        let of = |row: usize, which: fn(&Lateness) -> f64| median(rounds[row].iter().map(which));
        for (at, row) in rows.iter().enumerate() {
            let earliest = rounds[at].iter().map(|one| one.min).fold(f64::NAN, f64::min);
            let (p50, p99) = (of(at, |one| one.p50), of(at, |one| one.p99));
            println!(
                "| {} | {earliest:.0} | {p50:.0} | {p99:.0} | {:.3} |",
                row.name,
                of(at, |one| one.answered)
            );
        }
        println!("\n(beyond the 50 ms; without a delay: the whole time)\n");
        let early = rounds[1].iter().map(|one| one.min).fold(f64::NAN, f64::min);
        bar("µs before its time", -early, 0.0);
        let p50 = |row: usize| of(row, |one| one.p50);
        bar("median µs beyond the same proxy's own pass-through", p50(1) - p50(0), 100.0);
        let p99 = |row: usize| of(row, |one| one.p99);
        bar("p99 against the runtime's timer", p99(1) / p99(2), 0.5);
        let answered = |row: usize| of(row, |one| one.answered);
        bar("throughput lost to the delay", 1.0 - answered(1) / answered(0), 0.05);
    }
}

/// How well rates are kept.
pub fn rates(rounds: &[Vec<Kept>]) {
    println!("\n### One download at a rate (medians of {})\n", rounds.len());
    println!("| rate | error % | first second, % of the rate | longest gap ms |\n|---|---|---|---|");
    let of = |at: usize, which: fn(&Kept) -> f64| median(rounds.iter().map(|round| which(&round[at])));
    let names: Vec<&str> = rounds.first().into_iter().flatten().map(|kept| kept.rate).collect();
    for (at, rate) in names.iter().enumerate() {
        println!(
            "| {rate} | {:+.3} | {:.1} | {:.2} |",
            of(at, |kept| kept.error_percent),
            of(at, |kept| kept.first_second_percent),
            of(at, |kept| kept.longest_gap.as_secs_f64() * 1e3),
        );
    }
    println!();
    for (at, rate) in names.iter().enumerate() {
        let most = if *rate == "1GB/s" { 2.0 } else { 0.5 };
        bar(&format!("error at {rate}, %"), of(at, |kept| kept.error_percent.abs()), most);
        bar(&format!("first second at {rate}, %"), of(at, |kept| kept.first_second_percent), 110.0);
    }
}

/// Whether the control plane answers.
pub fn control(answers: &Answers) {
    println!(
        "\n### Control with {STUCK} connections that hang and an upstream that never answers (one run)\n"
    );
    println!("calls p50 {:.2} ms, p99 {:.2} ms\n", answers.call_p50_ms, answers.call_p99_ms);
    bar("call p99, ms", answers.call_p99_ms, 10.0);
    bar(&format!("{STUCK} connections reset, ms after the call"), answers.all_reset_ms, 250.0);
    println!("- another route's 50 ms meanwhile: p99 {:.0} µs late", answers.elsewhere_p99_us);
}
