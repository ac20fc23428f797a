//! How an order is paid: which payments is asked, how long and how often, and what is done when it is of no use. Each
//! way of bearing trouble stands behind a flag; without any, payments is asked once, for three seconds.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use tokio::time::{Instant, sleep};

use super::breaker::{Breaker, Pass, SLOW};
use super::client::{Call, CallError, Callee};
use super::flags::{Flag, Flags};
use super::health::Health;
use super::later::{self, Later, Unconfirmed};
use super::page::Page;
use super::retry::{Retries, pause};

/// A bank may be slow; a customer waits no longer.
const PATIENCE: Duration = Duration::from_secs(3);

/// How an order was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payment {
    Charged,
    /// The customer gets a bill.
    PayLater,
    /// Payments has not confirmed it yet; it will be asked again.
    Pending,
}

impl Payment {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Charged => "charged",
            Self::PayLater => "pay later",
            Self::Pending => "pending",
        }
    }
}

pub(super) struct Till {
    flags: Arc<Flags>,
    first: Arc<Callee>,
    second: Option<Arc<Callee>>,
    breaker: Breaker,
    retries: Retries,
    health: Health,
    later: Later,
}

impl Till {
    pub(super) fn new(flags: Arc<Flags>, first: Callee, second: Option<Callee>) -> Self {
        Self {
            flags,
            first: Arc::new(first),
            second: second.map(Arc::new),
            breaker: Breaker::new(),
            retries: Retries::new(),
            health: Health::default(),
            later: Later::default(),
        }
    }

    /// Whether it is known that an order cannot be paid now.
    pub(super) fn is_known_to_be_closed(&self) -> bool {
        self.flags.is_enabled(Flag::FailFast) && self.health.refuses()
    }

    pub(super) fn has_second(&self) -> bool {
        self.second.is_some()
    }

    /// Has an order paid.
    pub(super) async fn charge(&self, order: &str) -> Result<Payment, CallError> {
        if self.flags.is_enabled(Flag::PayLater) {
            return Ok(Payment::PayLater);
        }
        let short = self.flags.value(Flag::Timeout).map(Duration::from_millis);
        let patience = short.unwrap_or(PATIENCE);
        let opens_after = self.flags.value(Flag::Breaker);
        let pass = opens_after.map_or(Pass::Through, |_| self.breaker.pass(patience));
        if pass == Pass::No {
            return Ok(Payment::PayLater);
        }
        let (at_second, began) = (self.is_at_second(), Instant::now());
        let outcome = self.attempts(order, at_second, patience).await;
        if let Some(opens_after) = opens_after {
            self.breaker.went(pass, outcome.is_ok() && began.elapsed() < SLOW, opens_after);
        }
        let Err(error) = outcome else { return Ok(Payment::Charged) };
        // Nobody who came in time is to suffer from a short patience or from a trial of the breaker.
        let on_credit = pass == Pass::Trial || (short.is_some() && matches!(error, CallError::TooLate(..)));
        let unconfirmed = Unconfirmed { order: order.to_owned(), at_second };
        if on_credit && self.later.take(unconfirmed) { Ok(Payment::Pending) } else { Err(error) }
    }

    /// All attempts for one order go to the same payments, within one patience: another would not know its key.
    async fn attempts(&self, order: &str, at_second: bool, patience: Duration) -> Result<(), CallError> {
        let attempts_max = self.flags.value(Flag::Retry).unwrap_or(1);
        let deadline = Instant::now() + patience;
        self.retries.earn();
        let mut made = 0;
        loop {
            let within = deadline.saturating_duration_since(Instant::now());
            let Err(error) = self.ask(order, at_second, within).await else { return Ok(()) };
            made += 1;
            let pause = pause(order, made);
            let in_time = Instant::now() + pause < deadline;
            let again = u64::from(made) < attempts_max && error.is_worth_a_retry() && in_time;
            if !again || !self.retries.spend() {
                return Err(error);
            }
            sleep(pause).await;
        }
    }

    async fn ask(&self, order: &str, at_second: bool, within: Duration) -> Result<(), CallError> {
        let most = self.flags.value(Flag::Bulkhead);
        let call = Call { method: &Method::POST, path: "/charge", order: Some(order), within, most };
        self.callee(at_second).ask(call).await.map(drop)
    }

    fn callee(&self, at_second: bool) -> &Arc<Callee> {
        self.second.as_ref().filter(|_| at_second).unwrap_or(&self.first)
    }

    fn is_at_second(&self) -> bool {
        self.flags.is_enabled(Flag::Failover) && self.has_second()
    }

    /// What is done in the background; never ends.
    pub(super) async fn chores(&self) {
        let looked_at = || {
            let enabled = self.flags.is_enabled(Flag::FailFast);
            enabled.then(|| Arc::clone(self.callee(self.is_at_second())))
        };
        tokio::join!(self.health.watch(looked_at), self.settle());
    }

    /// Asks payments again for what it has not confirmed.
    async fn settle(&self) {
        loop {
            sleep(later::EVERY).await;
            while let Some(one) = self.later.next() {
                let confirmed = self.ask(&one.order, one.at_second, PATIENCE).await.is_ok();
                self.later.went(one, confirmed);
                if !confirmed {
                    break;
                }
            }
        }
    }

    pub(super) fn callees(&self) -> impl Iterator<Item = &Callee> {
        [Some(&self.first), self.second.as_ref()].into_iter().flatten().map(|callee| &**callee)
    }

    pub(super) fn measure(&self, page: &mut Page) {
        let (opened, spared) = self.breaker.counts();
        let automatic = self.flags.is_enabled(Flag::Breaker) && self.breaker.is_open();
        let open = automatic || self.flags.is_enabled(Flag::PayLater);
        page.gauge("shop_breaker_open", "Whether payments is left alone.", u64::from(open));
        page.counter("shop_breaker_opened_total", "How often the breaker opened by itself.", opened);
        page.counter("shop_breaker_spared_total", "Calls that the open breaker did not make.", spared);
        let (made, denied) = self.retries.counts();
        page.counter("shop_retries_total", "Charges that were asked for again.", made);
        page.counter("shop_retries_denied_total", "Retries that the budget did not allow.", denied);
        page.gauge("shop_payments_healthy", "What is known of payments.", u64::from(self.health.is_good()));
        let help = "Orders refused because payments was known to be ill.";
        page.counter("shop_failed_fast_total", help, self.health.refused());
        let help = "Orders taken whose charge is not confirmed.";
        page.gauge("shop_orders_unconfirmed", help, self.later.waiting());
        page.counter(
            "shop_orders_confirmed_later_total",
            "Such orders since charged.",
            self.later.confirmed(),
        );
    }
}
