//! What the engine refuses, as the control API says it.

use super::wire::Problem;
use crate::engine::EngineError;

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        let (status, title) = match &error {
            EngineError::NoRoute { .. } => (404, "no such route"),
            EngineError::NoFault { .. } => (404, "no such fault"),
            EngineError::NameTaken(_) => (409, "the name is in use"),
            EngineError::NoTproxy { .. } => (403, "not allowed to listen so"),
            EngineError::Bind { .. } => (409, "cannot listen there"),
            EngineError::BadName { .. } => (422, "the name does not fit"),
            EngineError::BadListen { .. } | EngineError::BadUpstream { .. } => {
                (422, "the address does not fit")
            }
            EngineError::BadRoute { .. } => (422, "the route does not fit"),
            EngineError::BadFault { .. } => (422, "the parameters do not fit"),
            EngineError::NeedsHttp { .. } => (422, "the route does not speak HTTP"),
            EngineError::OfConnections { .. } => (422, "the fault acts on connections"),
            EngineError::TooManyRoutes { .. }
            | EngineError::TooManyFaults { .. }
            | EngineError::TooManyPatterns { .. } => (409, "no room for more"),
            EngineError::Stopped => (503, "stopping"),
            EngineError::Start(_) => (500, "not started"),
        };
        Self::new(status, title, error.to_string())
    }
}
