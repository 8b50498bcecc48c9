//! What an instance said, made fit for a terminal, a log and a report.
//!
//! Server text may echo our own secrets, carry escape sequences or be
//! megabytes long. [`Redactor::server_text`] masks, makes visible and shortens;
//! what comes out is [`Shown`].

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::base::secret::Secret;
use crate::base::shown::{Shown, shorten, visible, without_commands};

/// The longest server text that is repeated to a person, in characters.
pub const MAX_CHARACTERS: usize = 500;
/// Shorter secrets are not searched for: masking every "ab" would garble all
/// text and prove nothing.
const SHORTEST_MASKED: usize = 6;
/// Shorter than any secret that is searched for, so that masking comes to an
/// end and no mask can hold a secret.
const MASK: &str = "****";
/// How much of a server text is looked at, in characters, before it is cut to
/// what is shown: white space and secrets shrink.
const MAX_READ: usize = 4 * MAX_CHARACTERS;
/// What begins with so many characters of a secret is masked as far as it goes
/// on like it, so that looking at a place costs little, whatever a server sends.
const PREFIX: usize = 24;
/// What the search for one secret in one text may cost: so many looks at a place, and
/// so many more for each byte. A usual text takes one or two a byte.
const STEPS: usize = 10_000;
const STEPS_A_BYTE: usize = 32;
/// The most that one character is escaped to, as in `\ud83d\ude00`.
const LONGEST_ESCAPE: usize = 12;

/// Knows the secrets of this run and masks them in foreign text: as they are,
/// with any of their characters escaped as URLs, JSON or HTML escape them, in
/// hexadecimal, and in base64 at each of the three offsets; with accents that are part
/// of their letters, and that follow them (NFC and NFD).
#[derive(Default)]
pub struct Redactor {
    /// The secrets by character, as they would be shown.
    secrets: Vec<Zeroizing<Vec<char>>>,
    needles: Vec<Zeroizing<String>>,
    has_quoted: bool,
}

impl Redactor {
    /// Also masks `secret` from now on.
    pub fn add(&mut self, secret: &Secret) {
        let can_be_masked = Self::can_search_for(secret);
        let secret = secret.expose();
        let is_quoted = |mark| secret.len() > 2 && secret.starts_with(mark) && secret.ends_with(mark);
        self.has_quoted |= is_quoted('"') || is_quoted('\'');
        if !can_be_masked {
            return;
        }
        let composed: Zeroizing<String> = Zeroizing::new(secret.nfc().collect());
        let decomposed: Zeroizing<String> = Zeroizing::new(secret.nfd().collect());
        let mut forms = vec![secret, composed.as_str(), decomposed.as_str()];
        forms.sort_unstable();
        forms.dedup();
        for secret in forms {
            self.needles.extend(encodings(secret).into_iter().map(Zeroizing::new));
            // Without the white space around it, unless so little is left that
            // masking it would garble all text.
            let shown = [secret.trim(), secret].map(as_shown);
            self.secrets.extend(shown.into_iter().find(|characters| characters.len() > MASK.len()));
        }
    }

    /// Whether one of the secrets has quotation marks around it.
    pub fn has_quoted(&self) -> bool {
        self.has_quoted
    }

    /// Whether one of the secrets stands in `text`, in any encoding that would
    /// be masked.
    pub fn finds(&self, text: &str) -> bool {
        self.masked(text) != text
    }

    /// Whether `secret` is long enough to be searched for.
    pub fn can_search_for(secret: &Secret) -> bool {
        secret.expose().chars().count() >= SHORTEST_MASKED
    }

    /// Text from the wire as it may be shown.
    pub fn server_text(&self, raw: &str) -> Shown {
        let longest = self.secrets.iter().map(|secret| secret.len() * LONGEST_ESCAPE).max().unwrap_or(0);
        // A secret may go on where the reading ends: so far is looked ahead.
        let ahead = raw.char_indices().nth(MAX_READ + longest).map_or(raw.len(), |(end, _)| end);
        let end = raw.char_indices().nth(MAX_READ).map_or(raw.len(), |(end, _)| end);
        // Masked before it is shortened, or a cut secret would stay; and again
        // afterwards, since what is left could have become one.
        let mut text = replaced(raw, &self.spans(&raw[..ahead]), end);
        if end < raw.len() {
            text.push('…');
        }
        let text = without_commands(&visible(&self.masked(&text)));
        Shown::of_masked(self.masked(&shorten(&self.masked(&text), MAX_CHARACTERS)))
    }

    fn masked(&self, text: &str) -> String {
        let mut text = text.to_owned();
        loop {
            let spans = self.spans(&text);
            if spans.is_empty() {
                return text;
            }
            text = replaced(&text, &spans, text.len());
        }
    }

    /// Where secrets stand in `text`, in byte positions, in their order; those
    /// that overlap are one.
    fn spans(&self, text: &str) -> Vec<Range<usize>> {
        let needles = self
            .needles
            .iter()
            .flat_map(|needle| text.match_indices(needle.as_str()).map(|(start, found)| start..start + found.len()));
        let secrets = self.secrets.iter().flat_map(|secret| spans_of(text, secret));
        let mut spans: Vec<Range<usize>> = needles.chain(secrets).collect();
        spans.sort_by_key(|span| span.start);
        spans.dedup_by(|next, span| {
            let overlaps = next.start < span.end;
            if overlaps {
                span.end = span.end.max(next.end);
            }
            overlaps
        });
        spans
    }
}

/// `text` up to `end`, with a mask for each span that begins before it.
fn replaced(text: &str, spans: &[Range<usize>], end: usize) -> String {
    let mut masked = String::with_capacity(end);
    let mut done = 0;
    for span in spans.iter().take_while(|span| span.start < end) {
        masked.push_str(&text[done..span.start]);
        masked.push_str(MASK);
        done = span.end;
    }
    masked.push_str(text.get(done..end).unwrap_or_default());
    masked
}

/// The characters of a secret, a run of white space as one space.
fn as_shown(secret: &str) -> Zeroizing<Vec<char>> {
    let mut characters = Zeroizing::new(Vec::with_capacity(secret.len()));
    for character in secret.chars() {
        match character.is_whitespace() {
            true if characters.last() == Some(&' ') => {}
            true => characters.push(' '),
            false => characters.push(character),
        }
    }
    characters
}

/// Hexadecimal and base64: the encodings that do not go character by
/// character.
fn encodings(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut found = vec![hex.to_uppercase(), hex];
    for offset in 0..3 {
        let mut padded = vec![0; offset];
        padded.extend_from_slice(bytes);
        // The characters at both ends mix in neighbouring bytes; the core
        // stands for this secret alone.
        let core = [0, 2, 3][offset]..padded.len() * 8 / 6;
        for engine in [STANDARD, URL_SAFE] {
            found.push(engine.encode(&padded)[core.clone()].to_owned());
        }
    }
    // With its end, where nothing follows the secret.
    found.extend([STANDARD.encode(bytes), URL_SAFE.encode(bytes)]);
    found
}

/// Where `secret` occurs in `text`, with any of its characters escaped in any way. A
/// text that was made to be long in the reading is a secret as a whole.
fn spans_of(text: &str, secret: &[char]) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut rest = text;
    let mut steps = STEPS + STEPS_A_BYTE * text.len();
    while let Some(first) = rest.chars().next() {
        let start = text.len() - rest.len();
        let after = after_escaped(rest, secret, &mut steps);
        if steps == 0 {
            return std::iter::once(0..text.len()).collect();
        }
        rest = match after {
            Some(after) => {
                spans.push(start..text.len() - after.len());
                after
            }
            None => &rest[first.len_utf8()..],
        };
    }
    spans
}

/// What follows `secret` where `text` begins with it; or with its beginning, and
/// what follows is where that ends. Each look at a place takes one of the `steps`; with
/// none left the answer counts for nothing.
fn after_escaped<'a>(text: &'a str, secret: &[char], steps: &mut usize) -> Option<&'a str> {
    // Every place that the characters so far may have led to: whether a
    // backslash is an escape or stands for itself, only the rest can tell.
    let mut places = vec![text];
    for (count, &expected) in secret.iter().enumerate() {
        let mut next: Vec<&str> = places.iter().flat_map(|place| after_one(place, expected)).collect();
        let mut done = 0;
        while expected == ' ' && done < next.len() && done < *steps {
            next.extend(after_one(next[done], expected).collect::<Vec<_>>());
            done += 1;
        }
        *steps = steps.saturating_sub(places.len() + done);
        if *steps == 0 {
            return None;
        }
        next.sort_by_key(|place| place.len());
        next.dedup_by_key(|place| place.len());
        if next.is_empty() && count < PREFIX {
            return None;
        }
        if next.is_empty() {
            break;
        }
        places = next;
    }
    places.first().copied()
}

/// What may follow `expected` where `text` begins with it, as it is or
/// escaped. Case is ignored: hosts and headings change it. A space is any
/// white space, and the plus that forms write for it.
fn after_one(text: &str, expected: char) -> impl Iterator<Item = &str> {
    let plain = text.chars().next().map(|first| (first, &text[first.len_utf8()..]));
    let escaped = plain.and_then(|(first, rest)| match first {
        '%' => percent_escape(text),
        '\\' => json_escape(rest),
        '&' => html_escape(rest),
        _ => None,
    });
    let fits = move |found: char| {
        found.eq_ignore_ascii_case(&expected) || (expected == ' ' && (found.is_whitespace() || found == '+'))
    };
    [plain, escaped].into_iter().flatten().filter(move |(found, _)| fits(*found)).map(|(_, rest)| rest)
}

/// `%C3%A4`: the bytes of one character in UTF-8 (RFC 3986 §2.5).
fn percent_escape(text: &str) -> Option<(char, &str)> {
    let mut bytes = [0; 4];
    let mut rest = text;
    for length in 1..=bytes.len() {
        let digits = rest.strip_prefix('%')?.get(..2)?;
        bytes[length - 1] = u8::from_str_radix(digits, 16).ok()?;
        rest = &rest[3..];
        if let Ok(character) = std::str::from_utf8(&bytes[..length]) {
            return Some((character.chars().next()?, rest));
        }
    }
    None
}

/// What follows a backslash: `\"`, `\/`, or `\u00e4`, in pairs beyond the
/// basic plane (RFC 8259 §7).
fn json_escape(rest: &str) -> Option<(char, &str)> {
    let unit = |text: &str| u16::from_str_radix(text.strip_prefix('u')?.get(..4)?, 16).ok();
    let Some(first) = unit(rest) else {
        let character = rest.chars().next().filter(|character| "\"\\/'".contains(*character))?;
        return Some((character, &rest[1..]));
    };
    let rest = &rest[5..];
    if let Some(character) = char::from_u32(first.into()) {
        return Some((character, rest));
    }
    let second = unit(rest.strip_prefix('\\')?)?;
    let character = char::decode_utf16([first, second]).next()?.ok()?;
    Some((character, &rest[6..]))
}

/// The text that a page means: with its escaped characters as they are.
pub fn html_unescaped(text: &str) -> String {
    let mut unescaped = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        unescaped.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match html_escape(rest) {
            Some((character, after)) => {
                unescaped.push(character);
                rest = after;
            }
            None => unescaped.push('&'),
        }
    }
    unescaped + rest
}

/// The names of the characters of ASCII and of the euro in HTML.
const NAMES: [(&str, char); 38] = [
    ("Tab", '\t'),
    ("NewLine", '\n'),
    ("excl", '!'),
    ("quot", '"'),
    ("num", '#'),
    ("dollar", '$'),
    ("percnt", '%'),
    ("amp", '&'),
    ("apos", '\''),
    ("lpar", '('),
    ("rpar", ')'),
    ("ast", '*'),
    ("plus", '+'),
    ("comma", ','),
    ("period", '.'),
    ("sol", '/'),
    ("colon", ':'),
    ("semi", ';'),
    ("lt", '<'),
    ("equals", '='),
    ("gt", '>'),
    ("quest", '?'),
    ("commat", '@'),
    ("lsqb", '['),
    ("lbrack", '['),
    ("bsol", '\\'),
    ("rsqb", ']'),
    ("rbrack", ']'),
    ("Hat", '^'),
    ("lowbar", '_'),
    ("grave", '`'),
    ("lcub", '{'),
    ("lbrace", '{'),
    ("verbar", '|'),
    ("vert", '|'),
    ("rcub", '}'),
    ("rbrace", '}'),
    ("euro", '€'),
];
/// Those of Latin-1, from the no-break space on.
const LATIN_1: &str = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn \
    sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde \
    Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde \
    Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil \
    egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave \
    uacute ucirc uuml yacute thorn yuml";

/// What follows an ampersand: `amp;`, `#228;` or `#xe4;`, which pages read without the
/// semicolon, too.
fn html_escape(rest: &str) -> Option<(char, &str)> {
    let (character, rest) = match rest.strip_prefix('#') {
        Some(number) => {
            let hexadecimal = number.strip_prefix(['x', 'X']);
            let (digits, radix) = hexadecimal.map_or((number, 10), |digits| (digits, 16));
            let end = digits.bytes().take(8).take_while(|byte| char::from(*byte).is_digit(radix)).count();
            (char::from_u32(u32::from_str_radix(&digits[..end], radix).ok()?)?, &digits[end..])
        }
        None => {
            let latin_1 = LATIN_1.split(' ').zip('\u{a0}'..);
            let named = NAMES.into_iter().chain(latin_1).filter(|(name, _)| rest.starts_with(name));
            let (name, character) = named.max_by_key(|(name, _)| name.len())?;
            (character, &rest[name.len()..])
        }
    };
    Some((character, rest.strip_prefix(';').unwrap_or(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::shown::is_hidden;
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
            secret.to_uppercase().replace('Ä', "ä"),
            "C%C3%A4n%2Fary%20%22%2B9~%26x".into(),
            "C%c3%a4n%2fary%20%22%2b9~%26x".into(),
            "C%C3%A4n%2Fary+%22%2B9%7E%26x".into(),
            // As a URL's path and JavaScript's encodeURI have it.
            "C%C3%A4n/ary%20%22+9~&x".into(),
            serde_json::to_string(secret).unwrap(),
            r#"C\u00e4n\/ary \"\u002b9~\u0026x"#.into(),
            "C&#228;n/ary &quot;&#x2b;9~&amp;x".into(),
            "C&auml;n&sol;ary &quot;&plus;9~&ampx".into(),
            "Ca\u{308}n/ary \"+9~&x".into(),
            "Ca%CC%88n%2Fary%20%22%2B9~%26x".into(),
            secret.bytes().map(|b| format!("{b:02X}")).collect(),
            STANDARD.encode(secret),
            STANDARD.encode(format!("u:{secret}")),
            STANDARD.encode(format!("us:{secret}!")),
            URL_SAFE.encode(format!("usr:{secret}!!")),
        ];
        for echo in echoes {
            let shown = redactor.server_text(&format!("you sent {echo} to us"));
            assert!(shown.contains(MASK), "{echo} -> {shown}");
            assert!(!shown.to_lowercase().contains("ary"), "{echo} -> {shown}");
        }
    }

    #[test]
    fn a_secret_is_masked_with_its_accents_apart_or_not() {
        for (secret, echo) in [("pässwört", "pa\u{308}sswo\u{308}rt"), ("pa\u{308}sswo\u{308}rt", "pässwört")] {
            let shown = redactor(secret).server_text(&format!("you sent {echo}, {secret}"));
            assert_eq!(shown.as_str(), "you sent ****, ****");
        }
    }

    #[test]
    fn a_secret_is_masked_whichever_names_a_page_has_for_its_characters() {
        let redactor = redactor("ä(ö)€!é_ÿ\u{a0}x");
        let echoes = [
            "&auml;&lpar;&ouml;&rpar;&euro;&excl;&eacute;&lowbar;&yuml;&nbsp;x",
            "&auml(&ouml)&#8364!&eacute_&yuml&nbspx",
        ];
        for echo in echoes {
            assert_eq!(redactor.server_text(echo).as_str(), MASK, "{echo}");
        }
        assert_eq!(LATIN_1.split(' ').count(), 96);
    }

    #[test]
    fn a_secret_of_six_characters_is_masked_in_base64_at_every_offset() {
        for before in ["", "u", "us", "usr"] {
            let shown = redactor("C4n4ry").server_text(&STANDARD.encode(format!("{before}C4n4ry!!")));
            assert!(shown.contains(MASK), "{before} -> {shown}");
        }
    }

    #[test]
    fn white_space_that_a_page_changes_does_not_save_a_secret_from_masking() {
        let redactor = redactor("  two  words ");
        for echo in ["two words", "  two  words ", "two\n\twords", "two&nbsp;&#32;words", "two++words"] {
            assert_eq!(redactor.server_text(&format!("<{echo}>")).matches(MASK).count(), 1, "{echo}");
        }
    }

    #[test]
    fn no_word_of_a_server_is_a_command_to_a_runner() {
        let shown = Redactor::default().server_text("::error::x y ::add-mask::z a::b ##[group]");
        assert_eq!(shown.as_str(), "\\u{3a}:error::x y \\u{3a}:add-mask::z a::b \\u{23}#[group]");
    }

    #[test]
    fn a_secret_that_holds_another_is_masked_whole_where_the_reading_ends_in_it() {
        let outer = "OUTER-beginning-INNER-SECRET-and-so-on-to-its-end";
        let mut redactor = redactor(outer);
        redactor.add(&Secret::new("INNER-SECRET".into()).unwrap());
        for left in 0..outer.len() {
            let text = format!("{}{outer}", " x".repeat((MAX_READ - left) / 2));
            let shown = redactor.masked(&replaced(&text, &redactor.spans(&text), MAX_READ));
            assert!(!shown.contains("OUTER") && !shown.contains("INNER"), "{left}");
        }
    }

    #[test]
    fn a_secret_at_the_cut_is_masked_before_the_cut() {
        let text = format!("{}CANARYCANARY", "x".repeat(MAX_CHARACTERS - 6));
        assert!(!redactor("CANARYCANARY").server_text(&text).contains("CANARY"));
    }

    #[test]
    fn a_secret_where_the_reading_ends_is_not_shown_in_part() {
        let secret = "CANARY-of-a-token-that-is-long-enough";
        for spaces in MAX_READ - 100..MAX_READ + 600 {
            // White space shrinks, so that the end of what was read is shown.
            let text = format!("x{}{secret}{}", " ".repeat(spaces), "y".repeat(20 * MAX_READ));
            let shown = redactor(secret).server_text(&text);
            assert!(!shown.contains("CAN"), "{spaces}: {shown}");
        }
    }

    #[test]
    fn what_begins_like_a_long_secret_is_masked_as_far_as_it_goes_on_like_it() {
        let secret = format!("{}b", "a".repeat(3000));
        let shown = redactor(&secret).server_text(&format!("<{}> {}", "a".repeat(PREFIX - 1), "a".repeat(1_000_000)));
        assert!(shown.starts_with(&format!("<{}> ****", "a".repeat(PREFIX - 1))), "{shown}");
    }

    /// A server chooses its refresh token and what it says of it.
    #[test]
    fn a_text_that_is_made_to_be_long_in_the_reading_is_masked_whole() {
        let made = [
            (format!("{}c", "\\".repeat(400)), "\\".repeat(1_000_000)),
            (format!("+ {}b", "+".repeat(40)), "+".repeat(1_000_000)),
            (format!("{}b", "% ".repeat(60)), "%25%20".repeat(200_000)),
            (format!("{}b", "& ".repeat(60)), "&amp; ".repeat(200_000)),
        ];
        for (secret, text) in made {
            // Minutes, if each place were looked at as often as it could be.
            let shown = redactor(&secret).server_text(&text);
            assert!(shown.starts_with("****") && !shown.contains(&secret), "{shown}");
        }
        // A secret of spaces, and a page that is indented, go together.
        let shown =
            redactor("correct horse  battery").server_text(&format!("{}correct horse battery", " ".repeat(300)));
        assert!(shown.ends_with("****"), "{shown}");
    }

    #[test]
    fn escape_sequences_become_text() {
        let shown = visible("a\u{1b}[31mred\u{1b}]52;c;AA\u{7}\r\nb\u{202e}c\u{9b}d");
        assert_eq!(shown, "a\\u{1b}[31mred\\u{1b}]52;c;AA\\u{7} b\\u{202e}c\\u{9b}d");
    }

    /// One way to write a character.
    fn escaped(character: char, way: u8) -> String {
        let mut buffer = [0; 4];
        let bytes = character.encode_utf8(&mut buffer).bytes();
        match way {
            0 => bytes.map(|byte| format!("%{byte:02X}")).collect(),
            1 => bytes.map(|byte| format!("%{byte:02x}")).collect(),
            2 => character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
            3 => format!("&#{};", u32::from(character)),
            _ => character.to_string(),
        }
    }

    proptest! {
        #[test]
        fn a_secret_is_shown_in_no_surroundings_and_no_encoding(
            secret in "\\PC{6,30}",
            before in ".{0,600}",
            after in ".{0,20}",
            ways in proptest::collection::vec(0_u8..6, 30),
        ) {
            let redactor = redactor(&secret);
            let mixed: String = secret.chars().zip(ways).map(|(character, way)| escaped(character, way)).collect();
            let json = serde_json::to_string(&secret).unwrap();
            let all = |way: u8| secret.chars().map(|character| escaped(character, way)).collect::<String>();
            let mut echoes = vec![secret.clone(), mixed, json[1..json.len() - 1].to_owned()];
            echoes.extend((0..4).map(all));
            echoes.push(url::form_urlencoded::byte_serialize(secret.as_bytes()).collect());
            echoes.push(secret.bytes().map(|byte| format!("{byte:02x}")).collect());
            echoes.push(secret.bytes().map(|byte| format!("{byte:02X}")).collect());
            for echo in &echoes {
                let shown = redactor.server_text(&format!("{before}{echo}{after}"));
                prop_assert!(!shown.contains(&secret), "{:?} -> {:?}", echo, shown);
                // White space around a secret is lost in what is shown, and
                // what is little but white space is no secret any more.
                if secret.split_whitespace().collect::<Vec<_>>().join(" ").chars().count() >= SHORTEST_MASKED {
                    prop_assert!(!shown.contains(echo), "{:?} -> {:?}", echo, shown);
                }
            }
            for text in [secret.clone(), format!("u{secret}u"), format!("us{secret}us"), format!("usr{secret}usr")] {
                for engine in [STANDARD, URL_SAFE] {
                    let echo = engine.encode(&text);
                    let shown = redactor.server_text(&format!("{echo} {after}"));
                    prop_assert!(!shown.contains(&echo) && shown.contains(MASK), "{:?} -> {:?}", text, shown);
                }
            }
        }

        #[test]
        fn masking_ends_and_leaves_no_occurrence_whatever_the_text(
            secret in "[*a &%]{6,8}",
            raw in "[*a &%;0-9]{0,200}",
        ) {
            let shown = redactor(&secret).server_text(&raw);
            prop_assert!(!shown.contains(&secret), "{:?} {:?} -> {:?}", secret, raw, shown);
        }

        #[test]
        fn shown_text_has_no_hidden_character_and_a_bounded_length(raw in ".{0,900}") {
            let shown = Redactor::default().server_text(&raw);
            prop_assert!(!shown.chars().any(|c| is_hidden(c) || c.is_control()));
            prop_assert!(shown.chars().count() <= MAX_CHARACTERS + 1);
        }
    }
}
