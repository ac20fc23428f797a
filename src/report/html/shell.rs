//! What every self-contained page has around its own part: the head, and the policy that it must keep.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// A whole page: its title, what it may do in a browser, its style sheets one after the other, and what its body holds.
pub(in crate::report) fn shell(title: &str, policy: &str, styles: &[&str], body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="content-security-policy" content=(policy);
                title { (title) }
                style { @for style in styles { (PreEscaped(style)) } }
            }
            body { (body) }
        }
    };
    page.into_string()
}
