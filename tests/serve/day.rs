//! The game day of the tests: one scenario with a late route, a paused process and a playbook, many times.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

/// Everything that it says, as one bundle. Each run takes about three seconds.
pub fn bundle(
    runs: u32,
    control: SocketAddr,
    listen: SocketAddr,
    upstream: SocketAddr,
    victim: u32,
    flag: &Path,
) -> Value {
    let flag = flag.display();
    let gameday = format!(
        "firedrill: v1\nkind: GameDay\nname: mortal\nenvironment: staging\napprovals: {{count: 1}}\n\
         injects:\n  - {{scenario: mortal, repeat: {runs}}}\n"
    );
    // The route is later than its probe bears: that is the impact, which starts the playbook.
    let scenario = format!(
        "firedrill: v1\nkind: Scenario\nname: mortal\n\
         steady_state:\n  every: 100ms\n  stable_for: 300ms\n  no_impact_after: 500ms\n  recovery_within: 10s\n  \
         probes: [{{name: shop, http: \"http://{listen}/\", timeout: 250ms, tolerance: {{status: 200, failures: 0 of 1}}}}]\n\
         faults:\n\
         \x20 - {{id: slow, target: route/payments, latency: 400ms, until: 900ms, max: 20s}}\n\
         \x20 - {{id: still, target: host/local, process_pause: {{pid: {victim}}}, start: 100ms, until: 800ms, max: 20s}}\n\
         playbook: {{name: mend, start: impact}}\n"
    );
    let playbook = format!(
        "firedrill: v1\nkind: Playbook\nname: mend\nsteps:\n\
         \x20 - id: flag\n    title: Raise the flag\n    run: [sh, -c, \"sleep 0.2; touch {flag}\"]\n    timeout: 5s\n    \
         undo: {{run: [rm, -f, \"{flag}\"]}}\n"
    );
    let environment = format!(
        "firedrill: v1\nkind: Environment\nname: staging\nroutes:\n  payments: {{control: \"{control}\", listen: \
         \"{listen}\", upstream: \"{upstream}\", protocol: http}}\n"
    );
    let file = |path: &str, text: &str| json!({"path": path, "text": text});
    json!({
        "main": "mortal.yaml",
        "files": [
            file("mortal.yaml", &gameday),
            file("scenarios/mortal.yaml", &scenario),
            file("playbooks/mend.yaml", &playbook),
            file("environments/staging.yaml", &environment),
        ],
    })
}
