//! The report's page.

use firedrill::report::{Report, html};

use crate::support::{Browser, axe_problems, requires, temp_dir};

const JOURNAL: &[u8] = include_bytes!("../files/report/payments-slow.jsonl");

#[test]
fn the_report_hinders_nobody_light_dark_and_on_a_phone() {
    if !requires(&["chromium", "npm"]) {
        return;
    }
    let folder = temp_dir();
    let file = folder.path().join("report.html");
    std::fs::write(&file, html(&Report::of(JOURNAL).unwrap())).unwrap();
    let browser = Browser::start();
    let page = browser.page();
    page.go(&format!("file://{}", file.display()));
    for (width, scheme) in [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")] {
        page.size(width, 800);
        page.media("screen", scheme);
        let problems = axe_problems(&page);
        assert!(problems.is_empty(), "{width} px, {scheme}:\n{}", problems.join("\n"));
    }
    assert_eq!(page.complaints(), Vec::<String>::new());
}
