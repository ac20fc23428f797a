//! Scorecards of journals that are written for the purpose.

mod others;
mod outcomes;
mod properties;
mod qualities;
mod shown;
mod tale;
