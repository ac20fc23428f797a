//! Whether payments is well, looked at before anybody needs it: behind the flag `fail-fast`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use http::Method;
use tokio::time::sleep;

use super::client::{Call, Callee};

const EVERY: Duration = Duration::from_millis(200);
const WITHIN: Duration = Duration::from_millis(200);
/// One bad look may be chance.
const BAD_LOOKS: u64 = 2;

/// What is known of the health of one dependency.
#[derive(Default)]
pub(super) struct Health {
    is_bad: AtomicBool,
    refused: AtomicU64,
}

impl Health {
    /// Whether a customer is to be refused now; counts it.
    pub(super) fn refuses(&self) -> bool {
        let refuses = self.is_bad.load(Relaxed);
        self.refused.fetch_add(u64::from(refuses), Relaxed);
        refuses
    }

    pub(super) fn is_good(&self) -> bool {
        !self.is_bad.load(Relaxed)
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// Looks for ever at the callee that is given, while one is. Without one nothing is known, which counts as good.
    pub(super) async fn watch(&self, callee: impl Fn() -> Option<Arc<Callee>>) {
        let mut bad_looks = 0;
        loop {
            sleep(EVERY).await;
            bad_looks = match callee() {
                Some(callee) if is_well(&callee).await => 0,
                Some(_) => bad_looks + 1,
                None => 0,
            };
            self.is_bad.store(bad_looks >= BAD_LOOKS, Relaxed);
        }
    }
}

async fn is_well(callee: &Callee) -> bool {
    let path = "/healthCheck";
    callee.ask(Call { method: &Method::GET, path, order: None, within: WITHIN, most: None }).await.is_ok()
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::super::metrics::Metrics;
    use super::super::pool::Pool;
    use super::super::server;
    use super::super::stock::Stock;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_is_known_to_be_ill_and_who_is_not_asked_is_well() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let silent = vec![listener.local_addr().unwrap().to_string()];
        let silent = Arc::new(Callee::new("payments", silent, Pool::new()));
        let health = Health::default();
        let looks = Duration::from_secs(2);
        let _ = timeout(looks, health.watch(|| Some(Arc::clone(&silent)))).await;
        assert!(health.refuses() && !health.is_good());
        let _ = timeout(looks, health.watch(|| None)).await;
        assert!(!health.refuses());
        assert_eq!(health.refused(), 1);
    }

    #[tokio::test]
    async fn who_answers_is_well() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = vec![listener.local_addr().unwrap().to_string()];
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let stock = Arc::new(Stock::new(Arc::new(Metrics::new("stock"))));
        let serving = tokio::spawn(server::run(listener, stock, async move { drop(ended.await) }));
        assert!(is_well(&Callee::new("stock", there, Pool::new())).await);
        drop(end);
        serving.await.unwrap();
    }
}
