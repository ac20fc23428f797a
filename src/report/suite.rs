//! JUnit XML, which every CI viewer reads: one suite with its cases.
//!
//! The form is the one that Jenkins' `junit-10.xsd` and the viewers of GitLab and GitHub actions agree on: `testsuites`,
//! `testsuite` with `tests`, `failures`, `errors`, `skipped`, `time` and `timestamp`, and `testcase` with at most one of
//! `failure`, `error`, `skipped`.

use std::fmt::Write as _;

use jiff::Timestamp;

/// What became of a case.
pub(super) enum Came {
    Passed,
    Failed(String),
    /// It proves nothing.
    Error(String),
    Skipped(String),
}

/// One case.
pub(super) struct Case {
    /// What it is one of, where the suite has several kinds of cases.
    pub group: Option<&'static str>,
    pub name: String,
    /// How long it took, where that is known.
    pub seconds: Option<f64>,
    pub came: Came,
}

/// One suite, and with it the whole file.
pub(super) struct Suite<'a> {
    pub name: &'a str,
    pub seconds: f64,
    pub began: Timestamp,
    pub cases: Vec<Case>,
    /// What is told beside the cases.
    pub out: String,
}

impl Suite<'_> {
    pub(super) fn xml(&self) -> String {
        let count = |wanted: fn(&Came) -> bool| self.cases.iter().filter(|case| wanted(&case.came)).count();
        let failures = count(|came| matches!(came, Came::Failed(_)));
        let errors = count(|came| matches!(came, Came::Error(_)));
        let skipped = count(|came| matches!(came, Came::Skipped(_)));
        let (tests, time, name) = (self.cases.len(), self.seconds, escaped(self.name));
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let _ = writeln!(
            xml,
            "<testsuites name=\"firedrill\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" \
             time=\"{time:.3}\">\n  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" \
             errors=\"{errors}\" skipped=\"{skipped}\" time=\"{time:.3}\" timestamp=\"{}\">",
            self.began.strftime("%Y-%m-%dT%H:%M:%S")
        );
        for case in &self.cases {
            case.write(&mut xml, &name);
        }
        let out = escaped(&self.out);
        let _ = writeln!(xml, "    <system-out>{out}</system-out>\n  </testsuite>\n</testsuites>");
        xml
    }
}

impl Case {
    /// Into the suite with this name, which is escaped already.
    fn write(&self, xml: &mut String, suite: &str) {
        let group = self.group.map_or_else(String::new, |group| format!(".{group}"));
        let time = self.seconds.map_or_else(|| "0".to_owned(), |seconds| format!("{seconds:.3}"));
        let name = escaped(&self.name);
        let open =
            format!("    <testcase classname=\"firedrill.{suite}{group}\" name=\"{name}\" time=\"{time}\"");
        let (element, why) = match &self.came {
            Came::Passed => {
                let _ = writeln!(xml, "{open}/>");
                return;
            }
            Came::Failed(why) => ("failure", why),
            Came::Error(why) => ("error", why),
            Came::Skipped(why) => ("skipped", why),
        };
        let _ = writeln!(xml, "{open}>\n      <{element} message=\"{}\"/>\n    </testcase>", escaped(why));
    }
}

/// Text for an attribute or an element. Characters that XML 1.0 cannot hold become U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' => out.push(c),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_makes_no_markup_and_no_broken_document() {
        assert_eq!(escaped("a<b>&\"c\"\u{1}\u{ffff}"), "a&lt;b&gt;&amp;&quot;c&quot;\u{fffd}\u{fffd}");
    }
}
