//! A plan in words: what would happen, where, to what share, and who would be cut off.

use std::fmt::Write as _;

use crate::fault::{
    Direction, EnvoyHeaders, Fault, HostFault, HowMany, LOCAL_HOST, OnRemove, ProcessSelector, Seed, Target,
    TrafficFault,
};
use crate::playbook::plan::Playbook;
use crate::scenario::plan::{
    AbortRule, HttpRequest, Level, Plan, PlannedFault, PlannedRoute, PlaybookUse, Probe, ProbeAction,
    StatusRange, Tolerance, Until,
};

/// All of it, for people.
pub(super) fn describe(plan: &Plan, playbook: Option<&Playbook>, seed: Option<Seed>) -> String {
    let mut out = String::new();
    head(&mut out, plan, seed);
    section(&mut out, "Routes", plan.routes.iter().map(route));
    section(&mut out, "Faults", plan.faults.iter().map(fault));
    section(
        &mut out,
        "Load",
        plan.load.iter().map(|load| {
            format!("{} at {}, each given up after {}", request(&load.request), load.rate, load.timeout)
        }),
    );
    let state = &plan.steady_state;
    section(&mut out, "Steady state", state.probes.iter().map(probe));
    let _ = writeln!(
        out,
        "  gate: no fault before all of it is good, given up after {}\n  recovered: good again for {}; withstood: good \
         for {} while the fault acts\n  recovery may take {} after the last fault is removed",
        state.gate_within, state.stable_for, state.no_impact_after, state.recovery_within
    );
    section(&mut out, "Alarms", super::alarms::lines(&plan.alarms).into_iter());
    if let Some(book) = playbook {
        steps(&mut out, book, plan.playbook.as_ref());
    }
    section(&mut out, "Stops the drill, beside a person and each fault's hard end", stops(plan).into_iter());
    section(
        &mut out,
        "Confident when",
        plan.hypothesis.iter().flat_map(|h| h.confident_when.iter().cloned()),
    );
    section(&mut out, "Secrets, by name only", plan.secrets.keys().cloned());
    section(&mut out, "In the file, and not acted on by this version", plan.not_acted_on.iter().cloned());
    out.push_str("\nNothing was changed.");
    out
}

/// A playbook by itself, for people.
pub(super) fn describe_playbook(book: &Playbook) -> String {
    let mut out = String::new();
    steps(&mut out, book, None);
    out.push_str("\nNothing was changed.");
    out.trim_start().to_owned()
}

fn steps(out: &mut String, book: &Playbook, used: Option<&PlaybookUse>) {
    section(out, "Playbook", std::iter::once(super::playbook::head(book, used).join("\n    ")));
    section(out, "Steps", book.steps.iter().map(|step| super::playbook::step(step, used)));
}

fn head(out: &mut String, plan: &Plan, seed: Option<Seed>) {
    let seed = seed
        .map_or("chosen when the drill starts; `--seed N` fixes it".to_owned(), |seed| seed.0.to_string());
    let title = plan.title.as_ref().map(|title| format!(": {title}")).unwrap_or_default();
    let environment =
        plan.environment.as_deref().unwrap_or("none; it runs alone, in one process on this host");
    let _ = writeln!(out, "{}{title}\n  environment  {environment}\n  seed         {seed}", plan.scenario);
}

/// A heading and its lines; nothing when there are none.
fn section(out: &mut String, heading: &str, lines: impl Iterator<Item = String>) {
    for (n, line) in lines.enumerate() {
        if n == 0 {
            let _ = writeln!(out, "\n{heading}");
        }
        let _ = writeln!(out, "  {line}");
    }
}

fn route(route: &PlannedRoute) -> String {
    let spec = &route.spec;
    let server = match &route.control {
        Some(control) => format!("served by the proxy at {control}, which outlives the drill"),
        None => "served by the drill itself: connections that are open when it ends are cut off".to_owned(),
    };
    let tls = spec.tls.as_ref().map(|tls| format!("; {tls}")).unwrap_or_default();
    let (leads_to, protocol) = (spec.leads_to(), word(&spec.protocol));
    let mut line = format!("{}  {} → {leads_to} ({protocol}{tls}); {server}", spec.name, spec.listen);
    if let Some(envoy) = &spec.envoy_headers {
        let _ = write!(line, "\n    obeys x-envoy-fault-* of {}, up to {}", whose(envoy), envoy.max_percent);
    }
    if spec.mark_faults {
        line.push_str("\n    requests and answers that faults met name them in x-firedrill-fault");
    }
    line
}

fn whose(envoy: &EnvoyHeaders) -> String {
    envoy.clients.as_ref().map_or("clients on this host".to_owned(), |clients| format!("clients {clients}"))
}

/// The word that files use for a value.
pub(super) fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

fn fault(fault: &PlannedFault) -> String {
    let mut lines = vec![
        format!("{}  {} on {}", fault.id, fault.fault.kind(), fault.target),
        format!("does     {}", deed(&fault.fault)),
    ];
    if let Fault::Traffic(_) = fault.fault {
        lines.push(format!("share    {}", super::share::of(&fault.matching, &fault.scope)));
        lines.extend(
            fault.schedule.as_ref().map(|schedule| format!("turns    {}", super::turns::of(schedule))),
        );
    }
    lines.push(format!("when     {}", when(fault)));
    lines.push(format!("cuts     {}", cut_off(fault)));
    lines.push(format!("undo     class {:?}: {}", fault.undo, fault.undo.meaning()));
    lines.join("\n    ")
}

fn deed(fault: &Fault) -> String {
    match fault {
        Fault::Traffic(fault) => super::traffic::deed(fault),
        Fault::Host(fault) => host_deed(fault),
    }
}

/// What is done to a host.
pub(super) fn host_deed(fault: &HostFault) -> String {
    match fault {
        HostFault::ProcessKill(kill) => {
            format!("{} get SIG{}", processes(&kill.select), kill.signal)
        }
        HostFault::ProcessPause(pause) => {
            format!("{} stand still (SIGSTOP), then go on (SIGCONT)", processes(&pause.select))
        }
        HostFault::ProcessRestart(restart) => {
            let (who, signal, grace) = (processes(&restart.select), restart.signal, restart.grace);
            format!("{who} get SIG{signal}, after {grace} SIGKILL, and are started again as they were")
        }
    }
}

pub(super) const fn flow(direction: Direction) -> &'static str {
    match direction {
        Direction::Response => "responses",
        Direction::Request => "requests",
        Direction::Both => "requests and responses",
    }
}

fn processes(select: &ProcessSelector) -> String {
    let many = match select.how_many {
        None => "all processes".to_owned(),
        Some(HowMany::Count(1)) => "1 process".to_owned(),
        Some(HowMany::Count(count)) => format!("{count} processes"),
        Some(HowMany::Percent(share)) => format!("{share} of the processes (at least one)"),
    };
    let ways = [
        select.name.as_ref().map(|glob| format!("named `{glob}`")),
        select.pattern.as_ref().map(|glob| format!("with the command line `{glob}`")),
        select.pid.map(|pid| format!("with the id {pid}")),
        select.user.as_ref().map(|user| format!("of user {user}")),
        select.port.map(|port| format!("listening on port {port}")),
        select.exe.as_ref().map(|glob| format!("running `{glob}`")),
    ];
    let ways: Vec<String> = ways.into_iter().flatten().collect();
    let but: Vec<String> = select.exclude.iter().map(|glob| format!("`{glob}`")).collect();
    let but = if but.is_empty() { String::new() } else { format!(", except {}", but.join(", ")) };
    format!("{many} {}{but}", ways.join(", "))
}

fn when(fault: &PlannedFault) -> String {
    let start = match &fault.start.after {
        Some(other) => format!("{} after {other} was applied", fault.start.delay),
        None if fault.start.delay.is_zero() => "at once when the steady state is good".to_owned(),
        None => format!("{} after the steady state was good", fault.start.delay),
    };
    let Some(max) = fault.max else { return format!("{start}; done in an instant") };
    match fault.until {
        Until::Max => format!("{start}, for {max}"),
        Until::For(period) => format!("{start}, for {period}, at the latest {max}"),
        Until::Recovered => {
            format!("{start}, until the steady state was lost and is back, at the latest {max}")
        }
    }
}

/// Who would lose a connection or a process.
fn cut_off(fault: &PlannedFault) -> String {
    let removed = match fault.on_remove {
        OnRemove::Release => "connections that it holds go on when it is removed",
        OnRemove::Drain => "connections that it holds go on, late, when it is removed",
        OnRemove::Reset => "connections that it holds are reset when it is removed",
    };
    match &fault.fault {
        Fault::Traffic(TrafficFault::Reset(_) | TrafficFault::LimitData(_) | TrafficFault::LimitTime(_)) => {
            "every connection that it hits".to_owned()
        }
        Fault::Traffic(TrafficFault::Blackhole(_)) => {
            "connections that it hits are closed when it is removed: their bytes are gone".to_owned()
        }
        Fault::Traffic(fault) if super::http::ends(fault) => {
            "every connection that it hits (HTTP/2: the stream, or the connection once its streams are done)"
                .to_owned()
        }
        Fault::Traffic(TrafficFault::Refuse(_) | TrafficFault::AcceptStall(_)) => {
            "nobody; connections that are open go on".to_owned()
        }
        Fault::Traffic(_) => format!("nobody; {removed}"),
        Fault::Host(HostFault::ProcessKill(_) | HostFault::ProcessRestart(_)) => {
            format!("every client of the processes on {}, and their unsaved work", host(&fault.target))
        }
        Fault::Host(HostFault::ProcessPause(_)) => {
            format!("nobody; clients of the processes on {} wait, and may give up", host(&fault.target))
        }
    }
}

fn host(target: &Target) -> String {
    let local = format!("host/{LOCAL_HOST}");
    match target.to_string() {
        name if name == local => "this host".to_owned(),
        name => name,
    }
}

pub(super) fn request(request: &HttpRequest) -> String {
    format!("{} {}", request.method, request.url)
}

/// What a probe does, and what is good.
pub(super) fn measures(probe: &Probe) -> String {
    format!("{} ({}; {})", probe.name, asks(&probe.action), tolerance(&probe.tolerance, &probe.action))
}

fn asks(action: &ProbeAction) -> String {
    match action {
        ProbeAction::Http(http) => request(http),
        ProbeAction::Tcp(address) => format!("connect to {address}"),
        ProbeAction::Run(command) => format!("run {}", command.join(" ")),
    }
}

fn probe(probe: &Probe) -> String {
    let action = asks(&probe.action);
    let role = match (probe.invariant, probe.impact) {
        (true, _) => "one violation stops the drill",
        (false, true) => "its first violation is the impact",
        (false, false) => "watched",
    };
    format!(
        "{} ({})  {action}, every {}, given up after {}\n    good     {}\n    role     {role}",
        probe.name,
        level(probe.level),
        probe.every,
        probe.timeout,
        tolerance(&probe.tolerance, &probe.action)
    )
}

fn level(level: Level) -> String {
    word(&level)
}

fn tolerance(tolerance: &Tolerance, action: &ProbeAction) -> String {
    let mut parts = Vec::new();
    match action {
        ProbeAction::Http(_) if tolerance.status.is_empty() => parts.push("status 200 to 299".to_owned()),
        ProbeAction::Http(_) => {
            let ranges = tolerance.status.iter().map(statuses);
            parts.push(format!("status {}", ranges.collect::<Vec<_>>().join(", ")));
        }
        ProbeAction::Tcp(_) => parts.push("connects".to_owned()),
        ProbeAction::Run(_) => parts.push(format!("exit {}", tolerance.exit.unwrap_or(0))),
    }
    parts.extend(tolerance.body.iter().map(|text| format!("body holds {text:?}")));
    parts.extend(tolerance.json.iter().map(|json| format!("{} is {}", json.path, json.equals)));
    for (name, bound) in [("p50", tolerance.p50), ("p95", tolerance.p95), ("p99", tolerance.p99)] {
        parts.extend(bound.map(|bound| format!("{name} at most {bound}")));
    }
    parts.extend(tolerance.errors.map(|errors| format!("errors at most {errors}")));
    parts.extend(tolerance.failures.map(|of| format!("at most {} of the last {} failed", of.k, of.n)));
    parts.extend(tolerance.at_least.map(|bound| format!("at least {bound}")));
    parts.extend(tolerance.at_most.map(|bound| format!("at most {bound}")));
    format!("{}, over {}", parts.join(", "), tolerance.over)
}

/// HTTP statuses from one to another.
pub(super) fn statuses(range: &StatusRange) -> String {
    if range.from == range.to { range.from.to_string() } else { format!("{} to {}", range.from, range.to) }
}

fn stops(plan: &Plan) -> Vec<String> {
    let invariants = plan.steady_state.probes.iter().filter(|probe| probe.invariant);
    let mut lines: Vec<String> =
        invariants.map(|probe| format!("{}: at its first violation", probe.name)).collect();
    lines.extend(plan.abort.iter().map(|rule| abort(plan, rule)));
    lines
}

fn abort(plan: &Plan, rule: &AbortRule) -> String {
    let lasting = if rule.lasting.is_zero() { "at once".to_owned() } else { format!("for {}", rule.lasting) };
    let watched = plan.steady_state.probes.iter().find(|probe| probe.name == rule.probe);
    let bound = match (&rule.tolerance, watched) {
        (Some(own), Some(probe)) => tolerance(own, &probe.action),
        _ => "its tolerance".to_owned(),
    };
    format!("{}: outside of {bound}, {lasting}", rule.probe)
}
