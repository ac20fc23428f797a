//! One HTTP client for probes and load: every phase of a request is timed.
