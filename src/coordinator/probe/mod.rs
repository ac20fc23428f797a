//! Probes: one measurement, repeated.
