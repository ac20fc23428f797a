use std::collections::BTreeSet;

use firedrill::playbook::when::{Expression, Kind, LENGTH_MAX, Names, Value, Values};

use crate::run::{Target, files, fuzz, ours};

#[test]
fn any_expression_is_read_or_refused() {
    let corpus = files(&["tests/files/when"], ".txt").concat();
    let corpus = corpus.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    fuzz(&Target {
        name: "when",
        corpus,
        bytes_max: 2 * LENGTH_MAX,
        short: 5_000,
        reached: &["true", "false"],
        read,
    });
}

/// Paths whose kind, and whose value or absence, follow from their name alone.
struct ByName;

impl ByName {
    fn number(path: &[&str]) -> usize {
        path.iter().map(|name| name.len()).sum()
    }
}

impl Names for ByName {
    fn kind(&self, path: &[&str]) -> Option<Kind> {
        Some(match Self::number(path) % 5 {
            0 => Kind::Boolean,
            1 => Kind::Number,
            2 => Kind::Text,
            3 => Kind::Choice(vec!["good".to_owned(), "failed".to_owned()]),
            _ => return None,
        })
    }

    fn known(&self) -> Vec<String> {
        ["slow", "count", "inputs.region", "steps.confirm.outcome"].map(str::to_owned).to_vec()
    }
}

impl Values for ByName {
    fn value(&self, path: &[&str]) -> Option<Value> {
        if path.len() > 2 {
            return None;
        }
        Some(match self.kind(path)? {
            Kind::Boolean => Value::Boolean(path.len() == 1),
            Kind::Number => Value::Number(3.0),
            Kind::Text | Kind::Choice(_) => Value::Text("good".to_owned()),
        })
    }
}

fn read(input: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(input);
    let refusals = match Expression::parse(&text) {
        Ok(expression) => {
            let canonical = expression.to_string();
            assert_eq!(Expression::parse(&canonical).as_ref(), Ok(&expression), "{canonical}");
            let json = serde_json::to_string(&expression).unwrap();
            assert_eq!(serde_json::from_str::<Expression>(&json).unwrap(), expression);
            for path in expression.paths() {
                assert_eq!(text[path.at()], path.to_string());
            }
            let refusals = expression.check(&ByName);
            if refusals.is_empty() {
                let holds = expression.evaluate(&ByName).unwrap();
                let turned = Expression::parse(&format!("not ({canonical})"));
                if let Ok(turned) = turned {
                    assert_eq!(turned.evaluate(&ByName), Ok(!holds));
                }
                return BTreeSet::from([format!("{holds}"), canonical.len().ilog2().to_string()]);
            }
            refusals
        }
        Err(refusals) => {
            assert!(!refusals.is_empty());
            refusals
        }
    };
    for refusal in &refusals {
        assert!(text.get(refusal.at.clone()).is_some(), "{refusal:?}");
        assert!(!refusal.to_string().contains(char::is_control), "{refusal:?}");
    }
    refusals.iter().map(|refusal| ours(&refusal.message)).collect()
}
