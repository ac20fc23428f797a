//! `reset`: every proxy on, no toxic anywhere. All of it, or nothing when a proxy cannot be switched on.

use super::desk::Desk;
use super::refusal::Refusal;
use crate::engine::EngineError;

impl Desk<'_> {
    pub(super) fn reset(&mut self) -> Result<(), Refusal> {
        self.control.enable_routes().map_err(|error| {
            let listen = match &error {
                EngineError::Bind { listen, .. } => listen.clone(),
                _ => String::new(),
            };
            Refusal::of_engine(error, &listen)
        })?;
        for route in self.control.routes() {
            self.clear(&route)?;
        }
        Ok(())
    }
}
