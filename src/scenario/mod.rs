//! What someone wants to go wrong: text → checked → plan.

pub mod plan;
