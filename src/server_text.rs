//! What an instance said, made fit for a terminal, a log and a report.
//!
//! Server text may echo our own secrets, carry escape sequences or be
//! megabytes long. [`Redactor::server_text`] is the only way from bytes off
//! the wire to text that a person sees: mask, make visible, shorten.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use zeroize::Zeroizing;

use crate::secret::Secret;

/// The longest server text that is repeated to a person, in characters.
pub const MAX_CHARACTERS: usize = 500;
/// Shorter secrets are not searched for: masking every "ab" would garble all
/// text and prove nothing.
const SHORTEST_MASKED: usize = 6;
const MASK: &str = "[hidden]";

/// Knows the secrets of this run and masks them in foreign text, in the
/// encodings a server is likely to echo: as it is, percent-encoded,
/// JSON-escaped, hexadecimal, and base64 at each of the three offsets.
#[derive(Default)]
pub struct Redactor {
    needles: Vec<Zeroizing<String>>,
}

impl Redactor {
    /// Also masks `secret` from now on.
    pub fn add(&mut self, secret: &Secret) {
        let secret = secret.expose();
        if secret.chars().count() < SHORTEST_MASKED {
            return;
        }
        self.needles.extend(encodings(secret).into_iter().map(Zeroizing::new));
        // Longest first, so that no encoding is cut by a shorter one inside it.
        self.needles.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        self.needles.dedup();
    }

    /// Text from the wire as it may be shown.
    pub fn server_text(&self, raw: &str) -> String {
        // Masked before it is shortened, or a cut secret would stay.
        let mut text = raw.to_owned();
        for needle in &self.needles {
            if text.contains(needle.as_str()) {
                text = text.replace(needle.as_str(), MASK);
            }
        }
        shorten(&visible(&text), MAX_CHARACTERS)
    }
}

fn encodings(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let mut found = vec![secret.to_owned()];
    let percent_strict: String = bytes
        .iter()
        .map(|&byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    found.push(lower_escapes(&percent_strict));
    found.push(percent_strict.replace("%20", "+"));
    found.push(percent_strict);
    let form: String = url::form_urlencoded::byte_serialize(bytes).collect();
    found.push(form.replace('+', "%20"));
    found.push(form);
    let json = serde_json::to_string(secret).expect("a string is always JSON");
    let json = json[1..json.len() - 1].to_owned();
    found.push(json.replace('/', "\\/"));
    found.push(
        json.chars()
            .map(|character| match character {
                '\u{80}'.. => {
                    let mut units = [0; 2];
                    let units = character.encode_utf16(&mut units);
                    units.iter().map(|unit| format!("\\u{unit:04x}")).collect()
                }
                _ => character.to_string(),
            })
            .collect(),
    );
    found.push(json);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    found.push(hex.to_uppercase());
    found.push(hex);
    for offset in 0..3 {
        let mut padded = vec![0; offset];
        padded.extend_from_slice(bytes);
        // The characters at both ends mix in neighbouring bytes; the core
        // stands for this secret alone.
        let from = [0, 2, 3][offset];
        let whole = padded.len() / 3 * 4;
        for engine in [STANDARD, URL_SAFE] {
            found.push(engine.encode(&padded)[from..whole].to_owned());
        }
        if offset == 0 {
            found.push(STANDARD.encode(bytes));
            found.push(URL_SAFE.encode(bytes));
        }
    }
    found.retain(|needle| needle.len() >= SHORTEST_MASKED);
    found
}

fn lower_escapes(percent: &str) -> String {
    let mut lower = String::with_capacity(percent.len());
    let mut escape = 0;
    for character in percent.chars() {
        escape = if character == '%' { 2 } else { escape };
        lower.push(match escape {
            0 => character,
            _ => character.to_ascii_lowercase(),
        });
        if character != '%' && escape > 0 {
            escape -= 1;
        }
    }
    lower
}

/// Control, direction and invisible characters as visible escapes; runs of
/// white space as one space. What comes out cannot move a cursor.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_whitespace() && !is_hidden(character) {
            if !shown.ends_with(' ') && !shown.is_empty() {
                shown.push(' ');
            }
        } else if is_hidden(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    while shown.ends_with(' ') {
        shown.pop();
    }
    shown
}

/// Whether `character` could act on a terminal or hide text from a reader.
/// Line ends and tabs are white space here, not hidden.
pub fn is_hidden(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => false,
        '\u{00ad}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{3164}' | '\u{feff}' => true,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' => true,
        _ => character.is_control(),
    }
}

/// The first `limit` characters, with a mark where something was cut.
pub fn shorten(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn redactor(secret: &str) -> Redactor {
        let mut redactor = Redactor::default();
        redactor.add(&Secret::new(secret.into()).unwrap());
        redactor
    }

    #[test]
    fn a_secret_is_masked_in_every_encoding_a_server_may_echo() {
        let secret = "Cän/ary \"+9~&x";
        let redactor = redactor(secret);
        let echoes = [
            secret.to_owned(),
            "C%C3%A4n%2Fary%20%22%2B9~%26x".into(),
            "c%c3%a4n%2fary".replace("c%", "C%") + "%20%22%2b9~%26x",
            "C%C3%A4n%2Fary+%22%2B9%7E%26x".into(),
            serde_json::to_string(secret).unwrap(),
            secret.bytes().map(|b| format!("{b:02X}")).collect(),
            STANDARD.encode(secret),
            STANDARD.encode(format!("u:{secret}")),
            STANDARD.encode(format!("us:{secret}!")),
            URL_SAFE.encode(format!("usr:{secret}!!")),
        ];
        for echo in echoes {
            let shown = redactor.server_text(&format!("you sent {echo} to us"));
            assert!(shown.contains(MASK), "{echo} -> {shown}");
            assert!(!shown.contains("ary"), "{echo} -> {shown}");
        }
    }

    #[test]
    fn a_secret_at_the_cut_is_masked_before_the_cut() {
        let text = format!("{}CANARYCANARY", "x".repeat(MAX_CHARACTERS - 6));
        assert!(!redactor("CANARYCANARY").server_text(&text).contains("CANARY"));
    }

    #[test]
    fn escape_sequences_become_text() {
        let shown = visible("a\u{1b}[31mred\u{1b}]52;c;AA\u{7}\r\nb\u{202e}c\u{9b}d");
        assert_eq!(shown, "a\\u{1b}[31mred\\u{1b}]52;c;AA\\u{7} b\\u{202e}c\\u{9b}d");
    }

    proptest! {
        #[test]
        fn shown_text_has_no_hidden_character_and_a_bounded_length(raw in ".{0,900}") {
            let shown = Redactor::default().server_text(&raw);
            prop_assert!(!shown.chars().any(|c| is_hidden(c) || c.is_control()));
            prop_assert!(shown.chars().count() <= MAX_CHARACTERS + 1);
        }
    }
}
