//! The regular expressions of the paths of a route, all in one set.
//!
//! To compile a set takes as long as it is large, and a change may not take long. So what is new stands in a second, small
//! set until it is worth while to make one of both.

use std::collections::HashMap;
use std::sync::Arc;

use regex::{RegexSet, RegexSetBuilder};

use crate::fault::whole;

/// What all expressions of a route may come to when they are compiled.
const PROGRAM_MAX_BYTES: usize = 64 * 1024 * 1024;
/// What the automaton that is made of them while they are used may take, for each thread.
const AUTOMATON_MAX_BYTES: usize = 8 * 1024 * 1024;
/// So many new ones always have room in the second set; beyond that, an eighth of the first.
const RECENT_MIN: usize = 32;
const RECENT_SHARE: usize = 8;
/// No place.
const NONE: u32 = u32::MAX;

/// Compiled expressions, which are shared by the snapshots that have them.
#[derive(Debug, Default)]
struct Set {
    set: RegexSet,
    /// Which of the set each one is.
    slots: HashMap<Arc<str>, usize>,
}

impl Set {
    fn new<'a>(expressions: impl Iterator<Item = &'a Arc<str>>) -> Result<Arc<Self>, regex::Error> {
        let mut slots = HashMap::new();
        let mut texts = Vec::new();
        for expression in expressions {
            slots.entry(Arc::clone(expression)).or_insert_with(|| {
                texts.push(whole(expression));
                texts.len() - 1
            });
        }
        let set = RegexSetBuilder::new(&texts)
            .size_limit(PROGRAM_MAX_BYTES)
            .dfa_size_limit(AUTOMATON_MAX_BYTES)
            .build()?;
        Ok(Arc::new(Self { set, slots }))
    }
}

/// A set, with the first place of each of its expressions.
#[derive(Clone, Debug, Default)]
struct Placed {
    set: Arc<Set>,
    heads: Vec<u32>,
    /// How many of the expressions are still in use.
    used: usize,
}

impl Placed {
    fn new(set: Arc<Set>) -> Self {
        let heads = vec![NONE; set.slots.len()];
        Self { set, heads, used: 0 }
    }

    /// Puts a place before those of the same expression; false where the set does not have it.
    fn put(&mut self, expression: &Arc<str>, place: u32, next: &mut [u32]) -> bool {
        let Some(slot) = self.set.slots.get(expression) else { return false };
        let head = &mut self.heads[*slot];
        if *head == NONE {
            self.used += 1;
        }
        next[place as usize] = std::mem::replace(head, place);
        true
    }

    fn each(&self, path: &str, found: &mut impl FnMut(u32)) {
        if self.used > 0 {
            let fitting = self.set.set.matches(path).into_iter().map(|slot| self.heads[slot]);
            fitting.filter(|head| *head != NONE).for_each(found);
        }
    }
}

/// The expressions of a route.
#[derive(Clone, Debug, Default)]
pub(super) struct Regexes {
    settled: Placed,
    recent: Placed,
}

impl Regexes {
    /// What follows this when these are the expressions and their places, the last place first. `next` becomes, for each
    /// place, the one after it with the same expression.
    pub(super) fn following(&self, all: &[(Arc<str>, u32)], next: &mut [u32]) -> Result<Self, regex::Error> {
        let (settled, recent) = (&self.settled.set, &self.recent.set);
        let is_new = |(one, _): &&(Arc<str>, u32)| !settled.slots.contains_key(one);
        let unknown =
            |(one, _): &(Arc<str>, u32)| !settled.slots.contains_key(one) && !recent.slots.contains_key(one);
        let mut sets = [Arc::clone(settled), Arc::clone(recent)];
        if all.iter().any(unknown) {
            sets[1] = Set::new(all.iter().filter(is_new).map(|(one, _)| one))?;
        }
        let mut known = Self::placed(sets, all, next);
        let many_recent = known.recent.used > (known.settled.used / RECENT_SHARE).max(RECENT_MIN);
        let many_gone = known.settled.heads.len() > (2 * known.settled.used).max(RECENT_MIN);
        if many_recent || many_gone {
            let one = Set::new(all.iter().map(|(one, _)| one))?;
            known = Self::placed([one, Arc::default()], all, next);
        }
        Ok(known)
    }

    fn placed([settled, recent]: [Arc<Set>; 2], all: &[(Arc<str>, u32)], next: &mut [u32]) -> Self {
        let (mut settled, mut recent) = (Placed::new(settled), Placed::new(recent));
        for (expression, place) in all {
            // One of the two has it.
            let _ = settled.put(expression, *place, next) || recent.put(expression, *place, next);
        }
        Self { settled, recent }
    }

    /// The first place of every expression that fits.
    pub(super) fn each(&self, path: &str, mut found: impl FnMut(u32)) {
        self.settled.each(path, &mut found);
        self.recent.each(path, &mut found);
    }
}
