//! JSON in lines that a person reads, and other text, as it comes.

use crate::base::shown::is_hidden;

/// Indents JSON whose pieces come one by one. What could act on a terminal is escaped, as
/// JSON has it in JSON. What is no JSON stays as it is otherwise.
#[derive(Debug, Default)]
pub struct Indented {
    /// The beginning of a character whose rest did not come yet.
    rest: Vec<u8>,
    kind: Option<Kind>,
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    /// Whether a bracket was just opened.
    is_opened: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Text,
}

impl Indented {
    /// The next piece, as it is shown.
    pub fn piece(&mut self, piece: &[u8]) -> String {
        self.rest.extend_from_slice(piece);
        let bytes = std::mem::take(&mut self.rest);
        let mut shown = String::with_capacity(bytes.len() * 2);
        let mut left = &bytes[..];
        loop {
            let (valid, invalid) = match std::str::from_utf8(left) {
                Ok(text) => (text, None),
                Err(error) => {
                    let (valid, rest) = left.split_at(error.valid_up_to());
                    (std::str::from_utf8(valid).unwrap_or_default(), Some((rest, error.error_len())))
                }
            };
            valid.chars().for_each(|character| self.character(character, &mut shown));
            match invalid {
                None => break,
                // The rest of the character may be in the next piece.
                Some((rest, None)) => {
                    self.rest = rest.to_vec();
                    break;
                }
                Some((rest, Some(length))) => {
                    self.character('\u{fffd}', &mut shown);
                    left = &rest[length..];
                }
            }
        }
        shown
    }

    /// What is shown after the last piece.
    pub fn end(&mut self) -> String {
        let mut shown = String::new();
        if !std::mem::take(&mut self.rest).is_empty() {
            self.character('\u{fffd}', &mut shown);
        }
        if self.kind == Some(Kind::Json) {
            shown.push('\n');
        }
        shown
    }

    fn character(&mut self, character: char, shown: &mut String) {
        let kind = *match &mut self.kind {
            Some(kind) => kind,
            None if character.is_whitespace() || character == '\u{feff}' => return,
            kind @ None => kind.insert(if matches!(character, '{' | '[') { Kind::Json } else { Kind::Text }),
        };
        if kind == Kind::Text {
            match character {
                '\n' | '\t' => shown.push(character),
                '\r' => {}
                _ if is_hidden(character) => shown.extend(character.escape_unicode()),
                _ => shown.push(character),
            }
            return;
        }
        if self.in_string {
            self.in_string = self.is_escaped || character != '"';
            self.is_escaped = !self.is_escaped && character == '\\';
            if is_hidden(character) || character.is_control() {
                shown.extend(character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
            } else {
                shown.push(character);
            }
            return;
        }
        if character.is_whitespace() {
            return;
        }
        let was_opened = std::mem::take(&mut self.is_opened);
        match character {
            '}' | ']' => {
                self.depth = self.depth.saturating_sub(1);
                if !was_opened {
                    self.line(shown);
                }
                shown.push(character);
                return;
            }
            _ if was_opened => self.line(shown),
            _ => {}
        }
        match character {
            '{' | '[' => {
                self.depth += 1;
                self.is_opened = true;
                shown.push(character);
            }
            ',' => {
                shown.push(',');
                self.line(shown);
            }
            ':' => shown.push_str(": "),
            _ if is_hidden(character) => shown.extend(character.escape_unicode()),
            _ => {
                self.in_string = character == '"';
                shown.push(character);
            }
        }
    }

    fn line(&self, shown: &mut String) {
        shown.push('\n');
        // Deeper levels would be off the screen.
        shown.extend(std::iter::repeat_n("  ", self.depth.min(40)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &[u8], piece: usize) -> String {
        let mut indented = Indented::default();
        let mut shown: String = text.chunks(piece).map(|piece| indented.piece(piece)).collect();
        shown.push_str(&indented.end());
        shown
    }

    #[test]
    fn json_is_indented_as_serde_does_it_in_pieces_of_any_size() {
        let value = serde_json::json!({"a": [], "b": {}, "c": [1, {"d": "x\"\\{[,:ä"}, null], "e": {"f": -1.5e3}});
        let pretty = format!("{}\n", serde_json::to_string_pretty(&value).unwrap());
        for piece in 1..20 {
            assert_eq!(shown(format!(" {value} ").as_bytes(), piece), pretty, "{piece}");
            assert_eq!(shown(pretty.as_bytes(), piece), pretty, "{piece}");
        }
    }

    #[test]
    fn nothing_reaches_the_terminal_that_could_act_on_it() {
        assert_eq!(
            shown("{\"a\":\"\u{9b}2J\u{202e}\u{1b}[2J\"}".as_bytes(), 1),
            "{\n  \"a\": \"\\u009b2J\\u202e\\u001b[2J\"\n}\n"
        );
        assert_eq!(shown("a\u{1b}[2J\tb\r\nc\u{202e}".as_bytes(), 1), "a\\u{1b}[2J\tb\nc\\u{202e}");
        assert_eq!(shown(b"<a \xff \xc3", 1), "<a \u{fffd} \u{fffd}");
        assert_eq!(shown(b"", 1), "");
    }

    proptest! {
        #[test]
        fn any_bytes_are_shown_the_same_in_any_pieces(bytes in proptest::collection::vec(any::<u8>(), 0..60), piece in 1_usize..7) {
            for start in ["", "{", "[\""] {
                let bytes = [start.as_bytes(), &bytes].concat();
                let whole = shown(&bytes, bytes.len().max(1));
                prop_assert!(!whole.chars().any(is_hidden));
                prop_assert_eq!(shown(&bytes, piece), whole);
            }
        }
    }
}
