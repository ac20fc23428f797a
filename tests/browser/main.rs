//! The pages, in real Chromium: nothing hinders anybody, nothing is cut, nothing lies on something else.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "../support/mod.rs"]
mod support;

mod report;
mod web;
