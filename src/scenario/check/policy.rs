//! What an environment allows. A plan above a ceiling is refused, never clipped.

use super::faults::NamedFault;
use super::{Checker, given, order};
use crate::fault::{Fault, Percent, Period};
use crate::scenario::defaults;
use crate::scenario::written::Policy as Written;
use crate::text::{Field, nearest, quote};

/// The ceilings of an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Kinds of fault that are refused.
    pub deny: Vec<String>,
    /// The largest share of traffic.
    pub percent_max: Option<Percent>,
    /// The longest `max`.
    pub duration_max: Option<Period>,
    /// The most faults at once.
    pub concurrent_max: Option<u32>,
}

/// Kinds that the syntax knows and this version cannot do yet: a policy may deny them already.
const LATER: [&str; 31] = [
    "slow_close",
    "refuse",
    "accept_stall",
    "stall",
    "slicer",
    "limit_data",
    "limit_time",
    "corrupt",
    "http_body",
    "http_headers",
    "http_redirect_loop",
    "keep_alive_kill",
    "grpc_error",
    "connection_limit",
    "service_stop",
    "cpu",
    "memory",
    "disk_fill",
    "inode_fill",
    "disk_io",
    "file_io",
    "file_handles",
    "pids",
    "network",
    "partition",
    "connection_reset",
    "dns",
    "redirect",
    "clock",
    "shutdown",
    "container_kill",
];

/// Reads the `policy` of an environment file.
pub(in crate::scenario) fn read(
    checker: &mut Checker<'_>,
    field: &Field<Written>,
    production: bool,
) -> Policy {
    let strict = if production { Some(defaults::PRODUCTION_PERCENT_MAX) } else { None };
    let mut policy = Policy { percent_max: strict, ..Policy::default() };
    if production {
        checker.not_acted_on("production: windows and approvals are required there, and not asked for");
    }
    let Some((written, _)) = given(field) else { return policy };
    for entry in written.faults.get().and_then(|faults| faults.deny.get()).into_iter().flatten() {
        let Some((kind, at)) = given(entry) else { continue };
        let known = || Fault::kinds().chain(LATER);
        if !known().any(|name| name == kind) {
            let help = nearest(kind, known()).map_or_else(
                || {
                    format!(
                        "use {}",
                        Fault::kinds().map(|kind| format!("`{kind}`")).collect::<Vec<_>>().join(", ")
                    )
                },
                |near| format!("did you mean `{near}`?"),
            );
            checker
                .problems
                .error("unknown-fault", at, format!("there is no fault {}", quote(kind)))
                .help(help);
        }
        policy.deny.push(kind.clone());
    }
    if let Some((percent, at)) = given(&written.percent_max) {
        if *percent == Percent::ZERO {
            checker
                .problems
                .error("bad-number", at, "`percent_max: 0%` forbids every fault")
                .help("deny faults by name");
        }
        policy.percent_max = Some(*percent);
    }
    policy.duration_max = super::probes::positive(checker, &written.duration_max, "duration_max");
    if let Some((count, at)) = given(&written.concurrent_max) {
        if *count == 0 {
            checker
                .problems
                .error("bad-number", at, "`concurrent_max: 0` forbids every fault")
                .help("write 1 or more");
        }
        policy.concurrent_max = Some(*count);
    }
    people(checker, written);
    policy
}

/// Windows and approvals: read, and reported as not acted on.
fn people(checker: &mut Checker<'_>, written: &Written) {
    if let Some(windows) = written.windows.get() {
        for entry in windows {
            let Some((text, at)) = given(entry) else { continue };
            if !is_window(text) {
                checker
                    .problems
                    .error("bad-window", at, format!("{} is no window of time", quote(text)))
                    .help("write days and hours, for example `Mon-Thu 09:00-16:00`");
            }
        }
        checker.not_acted_on("policy.windows: the time of day is not looked at");
    }
    if let Some((approvals, at)) = given(&written.approvals) {
        checker.need(&approvals.from, "from", at, "[sre]");
        let groups = checker.names(&approvals.from, "from");
        if let Some((count, at)) = given(&approvals.count)
            && *count == 0
        {
            checker.problems.error("bad-number", at, "no approval would be needed").help("write 1 or more");
        }
        drop(groups);
        checker.not_acted_on("policy.approvals: nobody is asked");
    }
}

/// `Mon-Thu 09:00-16:00`, `Sat 10:00-12:00`.
fn is_window(text: &str) -> bool {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let Some((days, hours)) = text.split_once(' ') else { return false };
    let day = |day: &str| DAYS.contains(&day);
    let hour = |text: &str| -> Option<(u32, u32)> {
        let (hour, minute) = text.split_once(':').filter(|(h, m)| h.len() == 2 && m.len() == 2)?;
        let (hour, minute) = (hour.parse().ok()?, minute.parse().ok()?);
        (minute < 60 && (hour < 24 || (hour == 24 && minute == 0))).then_some((hour, minute))
    };
    let days_fit =
        days.split(',').all(|part| part.split_once('-').map_or(day(part), |(a, b)| day(a) && day(b)));
    let hours_fit = hours.split_once('-').and_then(|(from, to)| Some(hour(from)? < hour(to)?));
    days_fit && hours_fit == Some(true)
}

/// Holds the faults of a scenario against the ceilings.
pub(in crate::scenario) fn hold(
    checker: &mut Checker<'_>,
    policy: &Policy,
    environment: &str,
    faults: &[NamedFault],
) {
    for named in faults {
        let Some(fault) = &named.fault else { continue };
        let kind = fault.fault.kind();
        if policy.deny.iter().any(|denied| denied == kind) {
            checker
                .problems
                .error(
                    "policy-fault",
                    named.kind_at,
                    format!("the policy of `{environment}` denies `{kind}`"),
                )
                .help("choose another fault or another environment");
        }
        if let (Some(limit), Some(scope), Fault::Traffic(_)) =
            (policy.percent_max, &named.scope, &fault.fault)
            && scope.largest > limit
        {
            let at = scope.percent_at.unwrap_or(named.kind_at);
            let share = scope.largest;
            let message = format!("a share of {share} is above `percent_max` {limit} of `{environment}`");
            checker
                .problems
                .error("policy-percent", at, message)
                .help(format!("add or lower `scope: {limit}`"));
        }
        if let (Some(limit), Some(max)) = (policy.duration_max, fault.max)
            && max > limit
        {
            let at = named.max_at.unwrap_or(named.at);
            let message = format!("`max` {max} is above `duration_max` {limit} of `{environment}`");
            checker
                .problems
                .error("policy-duration", at, message)
                .help(format!("lower it to {limit} or less"));
        }
    }
    if let Some(limit) = policy.concurrent_max
        && let most = order::most_at_once(faults)
        && most > limit as usize
        && let Some(first) = faults.first()
    {
        let message =
            format!("{most} faults may be on at once, above `concurrent_max` {limit} of `{environment}`");
        let problem = checker.problems.error("policy-concurrent", first.at, message);
        problem.help("start them one after the other: `start: {after: ID, delay: 5m}`");
    }
}
