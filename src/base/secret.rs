//! A secret value: a password now, tokens later.
//!
//! Owns how a secret enters the process and that it is wiped when dropped. It
//! has no `Display` and a redacted `Debug`; [`Secret::expose`] is called only
//! where the value leaves the process, so `grep expose` lists every place. A
//! clone shares the one copy in memory.

use std::io::Read;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::base::shown::shown_as_displayed;

shown_as_displayed!(InvalidSecret);

/// The most a secret may hold, in bytes. RFC 7617 sets no limit; a larger one
/// is a mistake (a whole file piped in), not a password.
pub const MAX_BYTES: usize = 64 * 1024;

/// The most that may be made of a secret: JSON can double it, normalization
/// triple it, and base64 adds a third.
const MAX_DERIVED_BYTES: usize = 8 * MAX_BYTES;

/// One secret text, wiped from memory when its last owner drops it.
#[derive(Clone)]
pub struct Secret(Arc<SecretString>);

/// Why something handed in cannot be a secret. Never repeats the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    #[error("it is empty")]
    Empty,
    #[error("it has more than one line")]
    SeveralLines,
    #[error("it contains a control character")]
    ControlCharacter,
    #[error("it is not valid UTF-8")]
    NotUtf8,
    #[error("it is larger than 64 KiB")]
    TooLarge,
    #[cfg(unix)]
    #[error("it is longer than this terminal allows in a line; use --password-stdin")]
    LongerThanALine,
    #[error("it could not be read")]
    Unreadable,
}

impl Secret {
    /// Takes what a person typed, or what was handed in.
    ///
    /// Spaces are kept. Empty text, control characters (RFC 7617 §2 forbids
    /// them in Basic) and oversize are refused. A text in PEM is one secret: its lines
    /// are joined.
    pub fn new(text: String) -> Result<Self, InvalidSecret> {
        let text = Zeroizing::new(text);
        if is_pem(&text) {
            let words: Vec<_> = text.split_ascii_whitespace().collect();
            return Self::bounded(words.join(" "), MAX_BYTES);
        }
        Self::bounded(text.to_string(), MAX_BYTES)
    }

    /// A new one of so many random bytes, in base64 for URLs.
    pub fn random(bytes: usize) -> Self {
        let mut random = Zeroizing::new(vec![0; bytes]);
        // The generator of rustls is in the tree already.
        let generator = rustls::crypto::ring::default_provider().secure_random;
        generator.fill(random.as_mut_slice()).expect("the operating system gives random bytes");
        Self::derived(URL_SAFE_NO_PAD.encode(random.as_slice())).expect("base64 is one line")
    }

    /// Takes what was made of a secret and is as secret: a record, a header.
    pub fn derived(text: String) -> Result<Self, InvalidSecret> {
        Self::bounded(text, MAX_DERIVED_BYTES)
    }

    fn bounded(text: String, limit: usize) -> Result<Self, InvalidSecret> {
        let text = Zeroizing::new(text);
        match check(&text, limit) {
            Some(invalid) => Err(invalid),
            None => Ok(Self(Arc::new(SecretString::from(text.as_str())))),
        }
    }

    /// Reads a secret from a pipe or a file, as [`Secret::of_line`] takes it.
    pub fn read(input: &mut dyn Read) -> Result<Self, InvalidSecret> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES + 8));
        // Room for the mark and the line end; one byte more shows oversize.
        let limit = (MAX_BYTES + 6) as u64;
        input.take(limit).read_to_end(&mut bytes).map_err(|_| InvalidSecret::Unreadable)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| match bytes.len() as u64 {
            length if length >= limit => InvalidSecret::TooLarge,
            _ => InvalidSecret::NotUtf8,
        })?;
        Self::of_line(text)
    }

    /// Takes the content of a file, a pipe or a variable: one byte-order mark and one
    /// line end are dropped, everything else is the secret.
    pub fn of_line(text: &str) -> Result<Self, InvalidSecret> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let text = match text.strip_suffix('\n') {
            Some(line) => line.strip_suffix('\r').unwrap_or(line),
            None => text,
        };
        Self::new(text.to_owned())
    }

    /// This one with another right behind it.
    pub fn followed_by(&self, other: &Self) -> Result<Self, InvalidSecret> {
        Self::new(format!("{}{}", self.expose(), other.expose()))
    }

    /// The value itself. Call it only where it leaves the process.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// Whether it begins and ends as a text in PEM does (RFC 7468).
fn is_pem(text: &str) -> bool {
    text.trim_start().starts_with("-----BEGIN ") && text.trim_end().ends_with("-----")
}

fn check(text: &str, limit: usize) -> Option<InvalidSecret> {
    if text.is_empty() {
        return Some(InvalidSecret::Empty);
    }
    if text.len() > limit {
        return Some(InvalidSecret::TooLarge);
    }
    if text.contains('\n') {
        return Some(InvalidSecret::SeveralLines);
    }
    if text.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
        return Some(InvalidSecret::ControlCharacter);
    }
    None
}

/// A secret as a member of a record that is saved, and of nothing else.
pub mod secret_field {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Secret;

    pub fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        Secret::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// As [`secret_field`], where there may be none.
pub mod optional_secret_field {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Secret;

    pub fn serialize<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
        match secret {
            Some(secret) => serializer.serialize_some(secret.expose()),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(Secret::new).transpose().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<String, InvalidSecret> {
        Secret::read(&mut &bytes[..]).map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn one_mark_and_one_line_end_are_dropped_and_nothing_else() {
        assert_eq!(read(b"pa ss \n"), Ok("pa ss ".into()));
        assert_eq!(read(b" pass\r\n"), Ok(" pass".into()));
        assert_eq!(read("\u{feff}pässword".as_bytes()), Ok("pässword".into()));
        assert_eq!(read(b"no line end"), Ok("no line end".into()));
    }

    #[test]
    fn what_cannot_be_a_secret_is_refused_with_the_reason() {
        assert_eq!(read(b""), Err(InvalidSecret::Empty));
        assert_eq!(read(b"\n"), Err(InvalidSecret::Empty));
        assert_eq!(read(b"one\ntwo\n"), Err(InvalidSecret::SeveralLines));
        assert_eq!(read(b"one\n\n"), Err(InvalidSecret::SeveralLines));
        assert_eq!(read(b"nul\0"), Err(InvalidSecret::ControlCharacter));
        assert_eq!(read(b"\xff\xfe"), Err(InvalidSecret::NotUtf8));
        assert_eq!(read(&vec![b'a'; MAX_BYTES]).map(|s| s.len()), Ok(MAX_BYTES));
        assert_eq!(read(&vec![b'a'; MAX_BYTES + 1]), Err(InvalidSecret::TooLarge));
        assert_eq!(read(&vec![b'a'; 10 * MAX_BYTES]), Err(InvalidSecret::TooLarge));
    }

    #[test]
    fn the_lines_of_a_pem_text_are_joined() {
        let key = b"-----BEGIN PRIVATE KEY-----\r\nMIIB\r\nAAAA\r\n-----END PRIVATE KEY-----\r\n\r\n";
        assert_eq!(read(key), Ok("-----BEGIN PRIVATE KEY----- MIIB AAAA -----END PRIVATE KEY-----".into()));
    }

    #[test]
    fn debug_shows_nothing() {
        let secret = Secret::new("CANARY".into()).unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
