//! `firedrill new`: a file to start from.

use std::time::Duration;

use crate::support::{Child, Ended, firedrill, temp_dir};

const SOON: Duration = Duration::from_secs(20);

fn run(args: &[&str], dir: &std::path::Path) -> Ended {
    Child::spawn(firedrill().args(args).current_dir(dir)).wait(SOON)
}

#[test]
fn the_new_file_has_no_problems_and_the_next_command_is_printed() {
    let dir = temp_dir();
    let ended = run(&["new", "scenario", "shop-slow", "--dir", "drills"], dir.path());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let next =
        ended.stdout.lines().find_map(|line| line.strip_prefix("next: firedrill ")).expect("a next command");
    let words: Vec<&str> = next.split(' ').chain(["--deny", "warnings"]).collect();
    let checked = run(&words, dir.path());
    assert_eq!((checked.code, checked.stdout.as_str()), (Some(0), "no problems in 1 file\n"));
    let planned = run(&["plan", "drills/shop-slow.yaml"], dir.path());
    assert!(planned.stdout.starts_with("shop-slow: "), "{}{}", planned.stdout, planned.stderr);
    let text = std::fs::read_to_string(dir.path().join("drills/shop-slow.yaml")).unwrap();
    assert!(!text.contains("NAME") && !text.contains("PATH"), "{text}");
}

#[test]
fn a_new_game_day_and_a_new_service_have_no_problems() {
    let dir = temp_dir();
    for kind in ["gameday", "service"] {
        std::fs::create_dir(dir.path().join(kind)).unwrap();
        let ended = run(&["new", kind, "checkout"], &dir.path().join(kind));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let checked = run(&["check", "checkout.yaml", "--deny", "warnings"], &dir.path().join(kind));
        assert_eq!(checked.code, Some(0), "{}", checked.stdout);
    }
    let planned = run(&["plan", "checkout.yaml", "--seed", "7"], &dir.path().join("gameday"));
    assert_eq!(planned.code, Some(0), "{}", planned.stderr);
    for said in [
        "seed: 7",
        "10:00 Europe/Copenhagen (",
        " UTC), until 10:30 at the latest",
        "(people answer)",
        "Runs",
    ] {
        assert!(planned.stdout.contains(said), "{said}:\n{}", planned.stdout);
    }
}

#[test]
fn a_new_playbook_has_no_problems_and_is_planned() {
    let dir = temp_dir();
    let ended = run(&["new", "playbook", "degrade", "--dir", "playbooks"], dir.path());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let checked = run(&["check", "playbooks/degrade.yaml", "--deny", "warnings"], dir.path());
    assert_eq!((checked.code, checked.stdout.as_str()), (Some(0), "no problems in 1 file\n"));
    let planned = run(&["plan", "playbooks/degrade.yaml", "--input", "mode=queue"], dir.path());
    assert_eq!(planned.code, Some(0), "{}", planned.stderr);
    assert!(planned.stdout.contains("mode = queue"), "{}", planned.stdout);
    // A scenario beside it exercises it by its name.
    run(&["new", "scenario", "slow", "--dir", "scenarios"], dir.path());
    let path = dir.path().join("scenarios/slow.yaml");
    let text = std::fs::read_to_string(&path).unwrap() + "playbook: degrade\n";
    std::fs::write(&path, text).unwrap();
    let planned = run(&["plan", "scenarios/slow.yaml"], dir.path());
    assert_eq!(planned.code, Some(0), "{}", planned.stderr);
    assert!(planned.stdout.contains("degrade  http: Let customers pay later"), "{}", planned.stdout);
}

#[test]
fn a_file_that_is_there_is_not_touched() {
    let dir = temp_dir();
    let path = dir.path().join("shop.yaml");
    std::fs::write(&path, "mine").unwrap();
    let ended = run(&["new", "scenario", "shop"], dir.path());
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("shop.yaml is there already"), "{}", ended.stderr);
    assert_eq!(std::fs::read_to_string(path).unwrap(), "mine");
}

#[test]
fn a_name_that_files_cannot_have_is_refused() {
    let dir = temp_dir();
    for name in ["Shop", "../shop", "true", "", "a b"] {
        let ended = run(&["new", "scenario", name], dir.path());
        assert_eq!(ended.code, Some(1), "{name}");
        assert!(ended.stderr.contains("is no name"), "{name}: {}", ended.stderr);
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing was written");
}
