//! PostgreSQL: psql and pgbench feel what the scenario says.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::User;

use super::support::{Child, free_port, requires, requires_that, temp_dir};
use super::{Route, client, drill, value, wait_for};

/// Where Debian keeps the server's programs: not on the path.
fn server_programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut folders: Vec<PathBuf> = versions.flatten().map(|entry| entry.path().join("bin")).collect();
    folders.sort();
    folders.pop().filter(|folder| folder.join("initdb").is_file())
}

/// A cluster of its own; ends with the guard. The server refuses root, so it runs as the user `postgres` then.
fn start(dir: &Path) -> Option<(u16, Child)> {
    let programs = server_programs();
    if !requires(&["psql", "pgbench"]) || !requires_that(programs.is_some(), "needs the PostgreSQL server") {
        return None;
    }
    let programs = programs.unwrap();
    let user = User::from_name("postgres").ok().flatten().filter(|_| nix::unistd::geteuid().is_root());
    let data = dir.join("data");
    std::fs::create_dir(&data).unwrap();
    if let Some(user) = &user {
        std::fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        std::os::unix::fs::chown(&data, Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
    }
    let as_user = |program: &str| {
        let mut command = Command::new(programs.join(program));
        if let Some(user) = &user {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        command.current_dir("/");
        command
    };
    let made = as_user("initdb")
        .args(["-A", "trust", "-U", "drill", "--no-sync", "-D"])
        .arg(&data)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let port = free_port();
    let mut command = as_user("postgres");
    command.arg("-D").arg(&data).args(["-p", &port.to_string(), "-h", "127.0.0.1", "-F"]);
    command.args(["-c", "unix_socket_directories="]);
    let child = Child::spawn(&mut command);
    wait_for("postgres", port);
    let ready =
        || Command::new("psql").args(psql(port)).args(["-c", "select 1"]).output().unwrap().status.success();
    super::wait_until("postgres is ready", std::time::Duration::from_secs(20), ready);
    Some((port, child))
}

fn psql(port: u16) -> Vec<String> {
    let port = port.to_string();
    ["-X", "-q", "-At", "-h", "127.0.0.1", "-p", &port, "-U", "drill", "-d", "postgres"]
        .map(str::to_owned)
        .into()
}

#[test]
fn psql_and_pgbench_feel_latency_reset_and_black_hole() {
    let dir = temp_dir();
    let Some((port, _postgres)) = start(dir.path()) else { return };
    let listen = free_port();
    let route = Route { listen, upstream: port, protocol: "auto" };
    let connect = psql(listen).join(" ");
    let said = dir.path().join("said");
    let drilled = |fault: &str, script: &str| {
        let _ = std::fs::remove_dir_all(dir.path().join("out"));
        drill(dir.path(), &route, fault, &format!("{{ {script}; }} > {} 2>&1", said.display())).assert_felt();
        std::fs::read_to_string(&said).unwrap()
    };

    let text = drilled(
        "latency: 150ms",
        &format!(
            "a=$(date +%s%N); psql {connect} -c 'select 41 + 1'; b=$(date +%s%N); echo ms=$(( (b - a) / 1000000 ))"
        ),
    );
    assert!(text.contains("42") && value(&text, "ms") >= 150.0, "{text}");

    client("pgbench", &["-i", "-q", "-h", "127.0.0.1", "-p", &port.to_string(), "-U", "drill", "postgres"]);
    let text = drilled(
        "latency: 40ms",
        &format!("pgbench -n -S -c 4 -t 10 -h 127.0.0.1 -p {listen} -U drill postgres"),
    );
    let average = text.lines().find_map(|line| line.strip_prefix("latency average = ")?.strip_suffix(" ms"));
    assert!(average.unwrap_or_else(|| panic!("{text}")).parse::<f64>().unwrap() >= 40.0, "{text}");

    let text = drilled("reset: {}", &format!("psql {connect} -c 'select 1'; echo status=$?"));
    assert!(value(&text, "status") == 2.0 && text.contains("server closed the connection"), "{text}");

    let text = drilled(
        "blackhole: {}",
        &format!("PGCONNECT_TIMEOUT=2 psql {connect} -c 'select 1'; echo status=$?"),
    );
    assert!(value(&text, "status") == 2.0 && text.contains("timeout expired"), "{text}");

    let rows = client(
        "psql",
        &[
            &psql(port).iter().map(String::as_str).collect::<Vec<_>>()[..],
            &["-c", "select count(*) from pgbench_accounts"],
        ]
        .concat(),
    );
    assert_eq!(rows, "100000\n", "well afterwards");
}
