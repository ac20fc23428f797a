//! The loop of a fuzz target.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::change::Change;

/// How many inputs join the corpus in one run at most.
const POOL_MAX: usize = 2_000;
/// How long each target is fuzzed with `FIREDRILL_TEST_FULL=1`.
const FULL: Duration = Duration::from_secs(60);
/// An input that takes longer hangs. The slowest known takes a few milliseconds; the rest is for busy machines.
const HANGS: Duration = Duration::from_secs(10);

/// What is fuzzed.
pub struct Target {
    pub name: &'static str,
    pub corpus: Vec<Vec<u8>>,
    pub bytes_max: usize,
    /// How many inputs the short run tries, after the corpus itself.
    pub short: u32,
    /// What must be said in the short run already: otherwise the corpus does not reach what it is for.
    pub reached: &'static [&'static str],
    /// Reads an input, panics when anything about it is not as it must be, and says what the reader said.
    pub read: fn(&[u8]) -> BTreeSet<String>,
}

/// Tries the corpus and then inputs made of it.
#[expect(clippy::disallowed_methods, reason = "fuzzes for so long, and finds what hangs, in real time")]
pub fn fuzz(target: &Target) {
    assert!(!target.corpus.is_empty(), "{} has no corpus", target.name);
    let full = std::env::var("FIREDRILL_TEST_FULL").is_ok_and(|value| value == "1");
    let seed = std::env::var("FIREDRILL_FUZZ_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut change = Change::new(seed, &target.corpus, target.bytes_max);
    let mut pool = target.corpus.clone();
    let mut said = BTreeSet::new();
    let (began, mut slowest, mut count) = (Instant::now(), Duration::ZERO, 0);
    for input in &target.corpus {
        said.insert(one(target, seed, input).0);
    }
    while if full { began.elapsed() < FULL } else { count < target.short } {
        let input = change.one(&pool);
        let (answers, took) = one(target, seed, &input);
        slowest = slowest.max(took);
        count += 1;
        if said.insert(answers) && pool.len() < target.corpus.len() + POOL_MAX {
            pool.push(input);
        }
    }
    for reached in target.reached {
        assert!(
            said.iter().flatten().any(|answer| answer == reached),
            "{} never says {reached}",
            target.name
        );
    }
    println!(
        "{}: seed {seed}, {count} inputs in {:?}, {} kinds of answer, the slowest input took {slowest:?}",
        target.name,
        began.elapsed(),
        said.len()
    );
}

/// What the reader said, and how long it took.
#[expect(clippy::disallowed_methods, reason = "finds what hangs, in real time")]
fn one(target: &Target, seed: u64, input: &[u8]) -> (BTreeSet<String>, Duration) {
    let began = Instant::now();
    let read = catch_unwind(AssertUnwindSafe(|| (target.read)(input)));
    let took = began.elapsed();
    let shown = || format!("{} with seed {seed}, input: b\"{}\"", target.name, input.escape_ascii());
    let Ok(answers) = read else { panic!("{}", shown()) };
    assert!(took < HANGS, "took {took:?}: {}", shown());
    (answers, took)
}

/// The words of a message that are ours: what stands in quotes is the input's, and so are the numbers.
pub fn ours(message: &str) -> String {
    message.split('`').step_by(2).flat_map(str::chars).filter(|c| !c.is_ascii_digit()).collect()
}

/// The files of folders, by path from the root of the project, that end so.
pub fn files(folders: &[&str], end: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for folder in folders {
        let entries = std::fs::read_dir(root.join(folder)).unwrap();
        paths.extend(
            entries.map(|entry| entry.unwrap().path()).filter(|path| path.to_str().unwrap().ends_with(end)),
        );
    }
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}
