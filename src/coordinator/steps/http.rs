//! A step that sends a request, judged as a probe would be.

use super::capture::{Found, outputs};
use super::{Done, Unsuccessful};
use crate::coordinator::http::{self, Answer, HttpFailure, PreparedRequest};
use crate::coordinator::probe::out_of_tolerance;
use crate::coordinator::secrets::Secrets;
use crate::fault::Period;
use crate::playbook::event::Job;
use crate::scenario::plan::{HttpRequest, Tolerance};

/// Sends it once; the answer is read to its end, and no more than its first MiB is looked at.
pub(super) async fn send(
    job: &Job,
    request: &HttpRequest,
    tolerance: &Tolerance,
    secrets: &Secrets,
) -> Result<Done, Unsuccessful> {
    let what = format!("{} {}", request.method, request.url);
    let failed = |why: String| Unsuccessful::Failed(format!("{what}: {why}"));
    let prepared = PreparedRequest::new(request, secrets).await.map_err(|error| failed(error.to_string()))?;
    let exchange = http::measure(&prepared, job.timeout.duration()).await;
    match exchange.failure {
        Some(failure @ HttpFailure::TimedOut { .. }) => {
            return Err(Unsuccessful::TimedOut(format!(
                "{what}: {failure}{}",
                so_far(exchange.answer.as_ref())
            )));
        }
        Some(failure) => return Err(failed(format!("{failure}{}", so_far(exchange.answer.as_ref())))),
        None => {}
    }
    let answer = exchange.answer.unwrap_or_default();
    if let Some(why) = out_of_tolerance(&answer, tolerance, secrets) {
        return Err(failed(why));
    }
    let outputs = outputs(job, &Found::Answer(&answer), secrets).map_err(failed)?;
    let took = Period::from_millis(u64::try_from(exchange.times.total.as_millis()).unwrap_or(u64::MAX));
    Ok(Done { outputs, detail: format!("{what}: status {} after {took}", answer.status) })
}

/// What had come of an answer that broke off.
fn so_far(answer: Option<&Answer>) -> String {
    answer.map_or(String::new(), |answer| {
        format!(" (status {}, {} bytes of its body)", answer.status, answer.body_bytes)
    })
}
