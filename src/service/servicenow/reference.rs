//! The reference number of a request, by which the people who run a gateway, CDN or
//! firewall find it.

use super::classify::ClassifiedResponse;
use crate::base::server_text::{Redactor, html_unescaped};
use crate::base::shown::Shown;

/// Headers with the reference number of a gateway, CDN or firewall.
const REFERENCE_HEADERS: &[&str] =
    &["cf-ray", "x-amz-cf-id", "x-amzn-requestid", "x-azure-ref", "x-iinfo", "x-kong-request-id"];

/// The same in pages.
const REFERENCE_WORDS: &[&str] = &["reference #", "support id is:", "incident id:", "ray id:"];

impl ClassifiedResponse<'_> {
    /// The number by which a gateway or CDN identifies the request: from
    /// its page, else from one of its headers.
    pub fn reference(&self) -> Option<Shown> {
        if self.is_servicenow() {
            return None;
        }
        let in_header = || REFERENCE_HEADERS.iter().find_map(|name| self.raw.header(name)).map(str::to_owned);
        let number = reference_in(&html_unescaped(&self.text()), self.redactor).or_else(in_header)?;
        Some(self.redactor.server_text(&number)).filter(|number| !number.is_empty())
    }
}

/// The number after such words. None if a secret is on that line: it must not be cut.
fn reference_in(page: &str, redactor: &Redactor) -> Option<String> {
    let lower = page.to_ascii_lowercase();
    let (at, words) = REFERENCE_WORDS.iter().find_map(|words| Some((lower.find(words)?, words)))?;
    let mut rest = page[at + words.len()..].trim_start();
    while let Some(tag) = rest.strip_prefix('<') {
        rest = tag[tag.find('>')? + 1..].trim_start();
    }
    let line = rest.split(['<', '\n']).next()?;
    let number = line.split(|letter: char| !letter.is_ascii_alphanumeric() && !".-_".contains(letter)).next()?;
    (!redactor.finds(line)).then(|| number.trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reference(page: &str) -> Option<String> {
        let mut redactor = Redactor::default();
        redactor.add(&crate::base::secret::Secret::new("CANARY-pass word".into()).unwrap());
        reference_in(&html_unescaped(page), &redactor)
    }

    #[test]
    fn the_number_of_a_request_is_read_from_the_pages_of_firewalls() {
        for (page, number) in [
            ("Your support ID is: 409116277<br><br>", Some("409116277")),
            ("Reference&#32;&#35;18&#46;2f5e1702&#46;174&#46;7d1c2a</BODY>", Some("18.2f5e1702.174.7d1c2a")),
            ("Incapsula incident ID: 466-71</iframe>", Some("466-71")),
            ("Ray ID: <strong class=\"x\">7b20d4</strong>", Some("7b20d4")),
            ("Ray ID: <strong", None),
            ("reference: none", None),
            // Half a secret would not be recognised any more.
            ("Ray ID: CANARY-pass word", None),
        ] {
            assert_eq!(reference(page).as_deref(), number, "{page}");
        }
    }

    proptest! {
        #[test]
        fn any_page_gives_a_number_or_none(page in r"(Ray ID:|Reference &#35;|<b>|[<&#;\\x00-\\x7fäß€\u{10ffff}]){0,30}") {
            let is_part = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
            prop_assert!(reference(&page).is_none_or(|number| number.chars().all(is_part)));
        }
    }
}
