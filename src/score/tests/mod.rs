//! Scorecards of journals that are written for the purpose.

mod exercise;
mod older;
mod others;
mod outcomes;
mod playbook;
mod properties;
mod qualities;
mod restored;
mod sham;
mod shown;
mod steps;
mod tale;
