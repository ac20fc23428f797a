//! A drill on a real terminal: people answer by keys, and find the terminal as it was, however the drill ends.

use std::io::{PipeWriter, Write as _, pipe};
use std::path::Path;

use nix::sys::signal::Signal;

use crate::stage::{PATIENCE, Stage, signal};
use crate::support::{Child, requires, state_of, wait_until};

/// A drill in a terminal of its own. Its keyboard is a pipe of ours.
struct Terminal {
    child: Child,
    keys: PipeWriter,
    stage: Stage,
}

impl Terminal {
    /// Runs a scenario with its record in `out`, and writes down the settings of the terminal before and after.
    fn run(stage: Stage, file: &Path) -> Self {
        let script = format!(
            "trap : INT; stty -a > before; sh -c 'echo $$ > pid; exec \"$0\" \"$@\"' \"{}\" run {} --out out; \
             echo $? > code; stty -a > after",
            env!("CARGO_BIN_EXE_firedrill"),
            file.display()
        );
        let (reader, keys) = pipe().unwrap();
        // Any command of the stage has its directories; this one shows itself on a terminal of its own.
        let ours = stage.firedrill(&[]);
        let mut command = std::process::Command::new("script");
        command.args(["-qfc", &script, "/dev/null"]).current_dir(stage.path()).stdin(reader);
        command.envs(ours.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("TERM", "xterm").env("SHELL", "/bin/sh").env("LC_ALL", "C.UTF-8").env_remove("NO_COLOR");
        Self { child: Child::spawn(&mut command), keys, stage }
    }

    /// Waits until the terminal shows this.
    #[track_caller]
    fn shows(&self, text: &str) {
        wait_until(&format!("the terminal shows `{text}`"), PATIENCE, || self.child.stdout().contains(text));
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    fn pid(&self) -> i32 {
        self.read("pid").trim().parse().unwrap()
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.stage.path().join(name)).unwrap_or_default()
    }

    /// Waits for the end of the drill; its exit code. The terminal must be as it was.
    #[track_caller]
    fn ends(self) -> (i32, Stage, String) {
        let after = self.stage.path().join("after");
        wait_until("the drill is over", PATIENCE, || {
            std::fs::read_to_string(&after).is_ok_and(|text| text.contains("extproc"))
        });
        let (before, after) = (self.read("before"), self.read("after"));
        assert!(before.contains(" echo ") && before.contains(" icanon"), "{before}");
        assert_eq!(before, after, "the terminal is as it was");
        let code = self.read("code").trim().parse().unwrap();
        let shown = self.child.stdout();
        assert!(shown.contains("\x1b[?1049l"), "the picture is gone");
        (code, self.stage, shown)
    }
}

#[test]
fn keys_reach_the_drill_and_the_terminal_is_as_it_was() {
    if !requires(&["script", "stty"]) {
        return;
    }
    let stage = Stage::new();
    let file = stage.scenario("3s");
    let mut terminal = Terminal::run(stage, &file);
    terminal.shows("Ctrl-C stops the drill");
    terminal.press("n");
    terminal.shows("note > ");
    terminal.press("pager \x1b[A silent\x7f\x7ft!\r");
    terminal.shows("noted");
    terminal.press("d");
    terminal.shows("no step waits for people now");
    let (code, stage, shown) = terminal.ends();
    assert_eq!(code, 0, "{shown}");
    let journal = std::fs::read_to_string(stage.path().join("out/journal.jsonl")).unwrap();
    let note = journal.lines().find(|line| line.contains("note.written") && line.contains("pager"));
    assert!(note.is_some_and(|note| note.contains(r#""text":"pager  silet!""#)), "{note:?}");
    stage.assert_nothing_left("after the keys");
}

#[test]
fn a_drill_told_to_end_while_somebody_types_gives_the_terminal_back() {
    if !requires(&["script", "stty"]) {
        return;
    }
    let stage = Stage::new();
    let file = stage.scenario("30s");
    let mut terminal = Terminal::run(stage, &file);
    terminal.shows("Ctrl-C stops the drill");
    terminal.press("nhalf a thou");
    terminal.shows("half a thou");
    signal(terminal.pid(), Signal::SIGTERM);
    let (code, stage, shown) = terminal.ends();
    assert_eq!(code, 5, "{shown}");
    stage.assert_nothing_left("after SIGTERM");
}

#[test]
fn ctrl_c_still_stops_the_drill_and_ctrl_z_gives_the_terminal_back_meanwhile() {
    if !requires(&["script", "stty"]) {
        return;
    }
    let stage = Stage::new();
    let file = stage.scenario("30s");
    let mut terminal = Terminal::run(stage, &file);
    terminal.shows("Ctrl-C stops the drill");
    let pid = terminal.pid();
    let state = || state_of(u32::try_from(pid).unwrap()).unwrap();
    let pictures = |terminal: &Terminal| terminal.child.stdout().matches("\x1b[?1049h").count();
    signal(pid, Signal::SIGTSTP);
    wait_until("the drill stands still", PATIENCE, || state() == 'T');
    signal(pid, Signal::SIGCONT);
    wait_until("the picture is back", PATIENCE, || pictures(&terminal) == 2);
    // Lines are read whole: what was given back is seen with what came next, and nothing was drawn in between.
    assert!(terminal.child.stdout().contains("\x1b[?1049l\x1b[?1049h"), "given back while it stood still");
    // The keyboard too: a key is a key, without Enter.
    terminal.press("n");
    terminal.shows("note > ");
    terminal.press("\x03");
    let (code, stage, shown) = terminal.ends();
    assert_eq!(code, 5, "{shown}");
    stage.assert_nothing_left("after Ctrl-C");
}

#[test]
fn a_step_for_people_is_started_and_answered_by_keys() {
    if !requires(&["script", "stty"]) {
        return;
    }
    let stage = Stage::new();
    let file = stage.scenario("8s");
    let scenario = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{scenario}playbook: {{name: look, start: manual}}\n")).unwrap();
    std::fs::create_dir(stage.path().join("playbooks")).unwrap();
    let playbook = "firedrill: v1\nkind: Playbook\nname: look\nsteps:\n\
         \x20 - id: curve\n    title: Look at the curve\n    manual: Open the dashboard and look.\n\
         \x20   questions:\n      - {id: flat, type: boolean, title: \"Is it flat?\"}\n\
         \x20     - {id: rate, type: number, title: \"What is the rate?\"}\n";
    std::fs::write(stage.path().join("playbooks/look.yaml"), playbook).unwrap();
    let mut terminal = Terminal::run(stage, &file);
    terminal.shows("p start the playbook");
    terminal.shows("fault slow effective");
    terminal.press("p");
    terminal.shows("Open the dashboard and look.");
    terminal.press("t");
    terminal.shows("is on it");
    terminal.press("d");
    terminal.shows("curve: Is it flat? (yes or no) > ");
    terminal.press("n");
    terminal.shows("curve: What is the rate? (a number) > ");
    terminal.press("much\r");
    terminal.shows("(type a number)");
    terminal.press("2.5\r");
    terminal.shows("step curve: noted");
    let (_, stage, shown) = terminal.ends();
    let journal = std::fs::read_to_string(stage.path().join("out/journal.jsonl")).unwrap();
    let line =
        |part: &str| journal.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("{shown}"));
    assert!(line(r#""kind":"playbook.requested""#).contains(r#""who":""#));
    assert!(line(r#""is":"done""#).contains(r#""answers":{"flat":false,"rate":2.5}"#));
    assert!(line(r#""kind":"playbook.ended""#).contains("completed"));
    assert!(shown.contains("playbook completed"), "{shown}");
    stage.assert_nothing_left("after the answer");
}
