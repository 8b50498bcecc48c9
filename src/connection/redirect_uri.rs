//! Where a browser goes after a sign-in, as it is registered at the instance.
//!
//! ServiceNow compares the whole text, so it is kept as it was given.

use std::fmt;
use std::str::FromStr;

use url::Url;

use super::instance::is_loopback;
use super::profile::{ConnectionName, InvalidValue};

/// What is registered where nothing else is said.
const DEFAULT: &str = "http://127.0.0.1:8914/callback";
/// What a URI may hold here (RFC 3986 §2), without what a shell, Markdown or
/// a terminal would read as more than text.
const MARKS: &str = "-._~:/?&=%+,@[]";

/// A redirect URI: https, or http on loopback; no user, no fragment
/// (RFC 6749 §3.1.2, RFC 8252 §7.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectUri(String);

impl RedirectUri {
    /// One for each connection, so that no instance can pass off another's
    /// answer as its own (RFC 9700 §4.4.2.2).
    pub fn of_connection(name: &ConnectionName) -> Self {
        Self(format!("{DEFAULT}/{name}"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_default(&self) -> bool {
        self.0 == DEFAULT
    }
}

impl Default for RedirectUri {
    fn default() -> Self {
        Self(DEFAULT.to_owned())
    }
}

impl FromStr for RedirectUri {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let invalid = |reason: &str| Err(InvalidValue(reason.to_owned()));
        let fits = |character: char| character.is_ascii_alphanumeric() || MARKS.contains(character);
        if text.contains('#') {
            return invalid("a redirect URI has no fragment (#)");
        }
        if !text.chars().all(fits) || text.len() > 255 {
            return invalid("a redirect URI has at most 255 letters, digits and signs of a URL");
        }
        let Ok(url) = Url::parse(text) else {
            return invalid("a redirect URI is written http://127.0.0.1:PORT/PATH");
        };
        if !url.username().is_empty() || url.password().is_some() {
            return invalid("a redirect URI holds no user name or password");
        }
        match url.scheme() {
            "https" => Ok(Self(text.to_owned())),
            "http" if is_loopback(&url) => Ok(Self(text.to_owned())),
            "http" => invalid("http would send the code in the clear; it is for 127.0.0.1, [::1] and localhost"),
            _ => invalid("a redirect URI begins with http://127.0.0.1 or https://"),
        }
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
