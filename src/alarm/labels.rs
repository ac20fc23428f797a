//! Labels, and the number that stands for them.

use std::collections::BTreeMap;

/// Names and values.
pub type Labels = BTreeMap<String, String>;

/// The identity of a set of labels, computed as Alertmanager computes its fingerprints (64-bit FNV-1a over names and
/// values in order, each ended by 0xff), so that an alarm has one key whichever way it comes.
pub fn fingerprint(labels: &Labels) -> String {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let bytes = labels.iter().flat_map(|(name, value)| {
        name.bytes().chain([0xff]).chain(value.bytes()).chain([0xff]).collect::<Vec<u8>>()
    });
    format!("{:016x}", bytes.fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_is_alertmanagers() {
        // Recorded from Alertmanager 0.25.
        for (labels, expected) in [
            (vec![("alertname", "A"), ("i", "1"), ("severity", "page"), ("team", "pay")], "3c07ec156b2cfd88"),
            (vec![("alertname", "B"), ("i", "2"), ("severity", "warn"), ("team", "pay")], "fbacd536fc6cc38f"),
        ] {
            let labels = labels.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
            assert_eq!(fingerprint(&labels), expected);
        }
    }
}
