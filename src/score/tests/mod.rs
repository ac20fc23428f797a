//! Scorecards of journals that are written for the purpose.

mod exercise;
mod others;
mod outcomes;
mod properties;
mod qualities;
mod restored;
mod shown;
mod tale;
