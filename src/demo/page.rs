//! A page of metrics in the Prometheus text format, written line by line.

use std::fmt::{Display, Write as _};

/// The page of one process. Every sample carries the process's role.
pub(super) struct Page {
    role: &'static str,
    text: String,
}

impl Page {
    pub(super) fn of(role: &'static str) -> Self {
        Self { role, text: String::new() }
    }

    /// A number that only grows.
    pub(super) fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, "counter", help);
        self.sample(name, &[], value);
    }

    /// A number as it stands now.
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, "gauge", help);
        self.sample(name, &[], value);
    }

    /// One number for each value of a label.
    pub(super) fn by<'a>(
        &mut self,
        kind: &str,
        (name, help): (&str, &str),
        label: &str,
        values: impl IntoIterator<Item = (&'a str, u64)>,
    ) {
        self.head(name, kind, help);
        for (of, value) in values {
            self.sample(name, &[(label, of)], value);
        }
    }

    pub(super) fn head(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let more: String = labels.iter().map(|(label, of)| format!(",{label}=\"{of}\"")).collect();
        let role = self.role;
        self.line(format_args!("{name}{{role=\"{role}\"{more}}} {value}"));
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_is_headed_once_and_carries_its_role_and_labels() {
        let mut page = Page::of("front");
        page.counter("shop_a_total", "How often.", 3);
        page.by("gauge", ("shop_b", "How many."), "dependency", [("stock", 1), ("payments", 2)]);
        let expected = "# HELP shop_a_total How often.\n# TYPE shop_a_total counter\n\
                        shop_a_total{role=\"front\"} 3\n# HELP shop_b How many.\n# TYPE shop_b gauge\n\
                        shop_b{role=\"front\",dependency=\"stock\"} 1\n\
                        shop_b{role=\"front\",dependency=\"payments\"} 2\n";
        assert_eq!(page.into_text(), expected);
    }
}
