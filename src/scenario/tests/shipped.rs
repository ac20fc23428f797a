//! Every scenario that is shipped can be read, planned and expanded.

use std::path::Path;

use super::{checked, expanded, problems, told};

#[test]
fn shipped_scenarios_have_no_problem() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.ends_with(".yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let read = checked(&name, &text, None);
        let words = told(&read);
        assert_eq!(problems(read), [""; 0], "{words}");
        expanded::round_trip(&name, &text, None);
        count += 1;
    }
    assert!(count >= 7, "{count}");
}
