//! What people say, held against what a record takes: the one rule, whichever door it came by.

pub use crate::drill::event::TEXT_MAX_BYTES;

/// The longest name of a person, in characters.
pub const PERSON_MAX_CHARS: usize = 100;
/// The longest name of an item.
const ITEM_MAX_CHARS: usize = 200;

/// Why something that was said is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// What kind of refusal: short, the same each time.
    pub title: &'static str,
    /// What exactly, and the way out.
    pub detail: String,
}

impl Unfit {
    pub(super) fn new(title: &'static str, detail: impl Into<String>) -> Self {
        Self { title, detail: detail.into() }
    }
}

/// A text that must say something and not say it for ever.
pub(super) fn text(what: &str, text: &str) -> Result<(), Unfit> {
    if text.trim().is_empty() {
        return Err(Unfit::new("nothing said", format!("`{what}` says nothing; write something")));
    }
    length(what, text)
}

/// A text that may be empty.
pub(super) fn length(what: &str, text: &str) -> Result<(), Unfit> {
    let length = text.len();
    if length <= TEXT_MAX_BYTES {
        return Ok(());
    }
    let detail = format!("`{what}` is {length} bytes long and may have {TEXT_MAX_BYTES}; shorten it");
    Err(Unfit::new("too long", detail))
}

/// The name of an item.
pub(super) fn item(item: &str) -> Result<(), Unfit> {
    text("item", item)?;
    if item.chars().count() > ITEM_MAX_CHARS {
        let why = format!("`item` has more than {ITEM_MAX_CHARS} characters; write the item's name");
        return Err(Unfit::new("too long", why));
    }
    Ok(())
}

/// A person's name is for the record: it is not empty, not endless, and has nothing in it that moves a cursor.
pub fn person(what: &str, name: &str) -> Result<(), Unfit> {
    let length = name.chars().count();
    let unfit = |why| Err(Unfit::new("no person's name", why));
    if name.trim().is_empty() || name.starts_with(char::is_whitespace) {
        return unfit(format!("`{what}` is {:?}; write a name", name.chars().take(20).collect::<String>()));
    }
    if length > PERSON_MAX_CHARS {
        return unfit(format!("`{what}` has {length} characters and may have {PERSON_MAX_CHARS}"));
    }
    match name.chars().find(|c| c.is_control()) {
        Some(bad) => unfit(format!("`{what}` holds {bad:?}; write a name without control characters")),
        None => Ok(()),
    }
}

/// As much of a text as a record takes, to a character's end. For whoever is in a hurry and must not be turned away.
pub(super) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_MAX_BYTES)]
}

/// Who speaks, for the record: whose token it was, and in whose stead.
pub fn by(token: &str, in_stead_of: Option<&str>) -> String {
    in_stead_of.map_or_else(|| token.to_owned(), |name| format!("{token} for {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_where_the_record_does_and_is_cut_between_characters() {
        let just = "x".repeat(TEXT_MAX_BYTES);
        assert_eq!(text("note", &just), Ok(()));
        let why = text("note", &format!("{just}x")).unwrap_err();
        assert_eq!(why.detail, "`note` is 4097 bytes long and may have 4096; shorten it");
        assert_eq!(text("note", " \n").unwrap_err().title, "nothing said");
        assert_eq!(length("reason", ""), Ok(()));
        assert_eq!(cut(&format!("{}é", "x".repeat(TEXT_MAX_BYTES - 1))).len(), TEXT_MAX_BYTES - 1);
        assert_eq!(cut("short"), "short");
    }

    #[test]
    fn a_name_is_no_longer_than_a_name() {
        assert_eq!(person("owner", "Ana María"), Ok(()));
        for (name, why) in [
            ("", "write a name"),
            (" ana", "write a name"),
            (&*"x".repeat(101), "has 101 characters and may have 100"),
            ("a\u{7}b", "without control characters"),
        ] {
            let unfit = person("owner", name).unwrap_err();
            assert!(unfit.detail.contains(why), "{name:?}: {}", unfit.detail);
        }
        assert_eq!((by("admin", None), by("admin", Some("ana"))), ("admin".into(), "admin for ana".into()));
    }
}
