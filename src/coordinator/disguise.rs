//! A secret in the dress of others: who says it back may have escaped it for JSON, a URL or a page, or encoded it.

/// In base64 the same bytes look different at each of these offsets.
const OFFSETS: usize = 3;
/// A shorter piece of base64 says nothing and stands anywhere by chance.
const BASE64_MIN: usize = 6;
/// How many backslashes one character may carry: escaped for JSON four times over.
const BACKSLASHES_MAX: usize = 16;
/// How many bytes one byte of a value takes at most: `\\u00e4`, `%2525E4`.
const GROWTH: usize = 12;
const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const FOR_URLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A value, and how to know it again.
#[derive(Clone)]
pub(super) struct Disguises {
    value: String,
    base64: Vec<String>,
}

impl Disguises {
    pub(super) fn of(value: &str) -> Self {
        let pieces = (0..OFFSETS)
            .flat_map(|offset| [STANDARD, FOR_URLS].map(|alphabet| base64(value, offset, alphabet)));
        let mut base64: Vec<String> = pieces.filter(|piece| piece.len() >= BASE64_MIN).collect();
        base64.sort();
        base64.dedup();
        Self { value: value.to_owned(), base64 }
    }

    /// How many bytes its longest form takes.
    pub(super) fn longest(&self) -> usize {
        self.value.len() * GROWTH
    }

    /// How many bytes at the beginning of the text are the value.
    pub(super) fn length_at(&self, text: &str) -> Option<usize> {
        let encoded = self.base64.iter().find(|piece| text.starts_with(piece.as_str())).map(String::len);
        encoded.or_else(|| escaped_length(text, &self.value))
    }
}

/// The same, character for character, each as it is or escaped somehow. All ways are followed at once.
fn escaped_length(text: &str, value: &str) -> Option<usize> {
    let mut reached = vec![0];
    for c in value.chars() {
        let mut next = Vec::new();
        for at in reached {
            next.extend(text.get(at..).map(|rest| ends(rest, c)).into_iter().flatten().map(|end| at + end));
        }
        next.sort_unstable();
        next.dedup();
        reached = next;
        if reached.is_empty() {
            return None;
        }
    }
    reached.last().copied()
}

/// Where a character at the beginning of the text may end.
fn ends(text: &str, c: char) -> Vec<usize> {
    let bytes = text.as_bytes();
    let mut found: Vec<usize> = percent(text, c).into_iter().collect();
    found.extend(entities(c).iter().filter(|entity| text.starts_with(**entity)).map(|entity| entity.len()));
    if c == ' ' && bytes.first() == Some(&b'+') {
        found.push(1);
    }
    let run = bytes.iter().take(BACKSLASHES_MAX).take_while(|byte| **byte == b'\\').count();
    if c == '\\' {
        found.extend(1..=run);
    } else {
        let rest = &text[run..];
        found.extend(rest.starts_with(c).then(|| run + c.len_utf8()));
        if run > 0 {
            let letter = letter(c).filter(|letter| rest.starts_with(*letter));
            found.extend(letter.map(|letter| run + letter.len_utf8()));
            found.extend(unicode(text, c));
        }
    }
    found
}

/// `%C3%A4`, also with its percent signs escaped again.
fn percent(text: &str, c: char) -> Option<usize> {
    let mut rest = text;
    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
        rest = rest.strip_prefix('%')?;
        let two = |rest: &str| rest.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) == Some(byte);
        while !two(rest) {
            rest = rest.strip_prefix("25")?;
        }
        rest = &rest[2..];
    }
    Some(text.len() - rest.len())
}

/// `\u00e4`, in two parts where it takes two.
fn unicode(text: &str, c: char) -> Option<usize> {
    let mut rest = text;
    for unit in c.encode_utf16(&mut [0; 2]) {
        let bare = rest.trim_start_matches('\\');
        let hex = if bare.len() < rest.len() { bare.strip_prefix('u')?.get(..4)? } else { return None };
        if u16::from_str_radix(hex, 16) != Ok(*unit) {
            return None;
        }
        rest = &bare[5..];
    }
    Some(text.len() - rest.len())
}

/// The letter that stands for a control character behind a backslash.
const fn letter(c: char) -> Option<char> {
    match c {
        '\n' => Some('n'),
        '\r' => Some('r'),
        '\t' => Some('t'),
        _ => None,
    }
}

/// How pages write characters that mean something to them.
const fn entities(c: char) -> &'static [&'static str] {
    match c {
        '&' => &["&amp;"],
        '<' => &["&lt;"],
        '>' => &["&gt;"],
        '"' => &["&quot;", "&#34;", "&#x22;"],
        '\'' => &["&apos;", "&#39;", "&#x27;"],
        _ => &[],
    }
}

/// The characters that the value alone decides when so many other bytes stand before it.
fn base64(value: &str, offset: usize, alphabet: &[u8; 64]) -> String {
    let bytes: Vec<u8> = std::iter::repeat_n(0, offset).chain(value.bytes()).collect();
    let bit = |at: usize| bytes[at / 8] >> (7 - at % 8) & 1;
    let whole = bytes.len() * 8 / 6;
    let first = (offset * 8).div_ceil(6);
    let sextet = |n: usize| (0..6).fold(0, |sum, at| sum << 1 | usize::from(bit(n * 6 + at)));
    (first..whole).map(|n| char::from(alphabet[sextet(n)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "to\\k\"e+n %41&<ä🔥";

    #[test]
    fn a_value_is_known_again_however_it_was_escaped() {
        let json = serde_json::to_string(VALUE).unwrap();
        let twice = serde_json::to_string(&json).unwrap();
        for text in [
            VALUE,
            json.trim_matches('"'),
            &twice[3..twice.len() - 3],
            r#"to\\k\"e+n %41&<\u00E4\ud83d\udd25"#,
            "to%5Ck%22e%2Bn%20%2541%26%3C%C3%A4%F0%9F%94%A5",
            "to%5ck%22e%2bn+%2541%26%3c%c3%a4%f0%9f%94%a5",
            "to\\k&quot;e+n %41&amp;&lt;ä🔥",
        ] {
            let found = Disguises::of(VALUE).length_at(&format!("{text} and more"));
            assert_eq!(found, Some(text.len()), "{text}");
        }
    }

    #[test]
    fn base64_is_known_wherever_the_value_stands_in_it() {
        // printf '%s' hunter2secret, x:hunter2secret and xy:hunter2secret, each through base64.
        let known = Disguises::of("hunter2secret");
        for text in ["aHVudGVyMnNlY3JldA==", "eDpodW50ZXIyc2VjcmV0", "eHk6aHVudGVyMnNlY3JldA=="] {
            let found = (0..text.len()).find_map(|at| known.length_at(&text[at..]));
            assert!(found.is_some_and(|length| length >= 15), "{text}: {found:?}");
        }
    }

    #[test]
    fn another_text_is_not_taken_for_it() {
        let known = Disguises::of("hunter2");
        for text in ["", "hunter", "hunter3", "Hunter2", "%", "%68", "\\u006", "%68unter3", "ähunter2"] {
            assert_eq!(known.length_at(text), None, "{text}");
        }
    }
}
