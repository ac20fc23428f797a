//! Open-loop HTTP load.
