//! Basic authentication (RFC 7617): user name and password in one header.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::base::secret::Secret;
use crate::base::server_text::is_hidden;
use crate::model::profile::InvalidValue;

/// A user name that Basic can carry: not empty, no colon (RFC 7617 §2), no
/// control characters, and nothing invisible, since it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct UserName(String);

/// A user name with its password.
#[derive(Debug)]
pub struct BasicCredential {
    username: UserName,
    password: Secret,
}

impl UserName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the instance means the same user: it ignores case.
    pub fn matches(&self, other: &str) -> bool {
        self.0.to_lowercase() == other.to_lowercase()
    }
}

impl FromStr for UserName {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let invalid = |why: &str| Err(InvalidValue(format!("this cannot be a user name: {why}")));
        if text.trim().is_empty() {
            return invalid("it is empty");
        }
        if text.contains(':') {
            return invalid("Basic cannot carry a colon in it (a password may have one)");
        }
        if text.chars().any(|c| c.is_control() || is_hidden(c)) {
            return invalid("it holds a control or invisible character");
        }
        if text.len() > 255 {
            return invalid("it is longer than 255 bytes");
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl BasicCredential {
    pub fn new(username: UserName, password: Secret) -> Self {
        Self { username, password }
    }

    pub fn username(&self) -> &UserName {
        &self.username
    }

    pub fn password(&self) -> &Secret {
        &self.password
    }

    /// `user:password` in base64, UTF-8 and NFC (RFC 7617 §2.1): the part of
    /// the header that is as secret as the password.
    pub fn encoded(&self) -> Secret {
        let password: Zeroizing<String> = Zeroizing::new(self.password.expose().nfc().collect());
        let pair: Zeroizing<String> =
            Zeroizing::new(format!("{}:{}", self.username.0.nfc().collect::<String>(), *password));
        Secret::derived(STANDARD.encode(pair.as_bytes())).expect("base64 of something is a secret")
    }

    /// The value of the `Authorization` header, marked as sensitive.
    pub fn header(&self) -> HeaderValue {
        let value = Zeroizing::new(format!("Basic {}", self.encoded().expose()));
        let mut header = HeaderValue::from_str(&value).expect("base64 is a header value");
        header.set_sensitive(true);
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(user: &str, password: &str) -> String {
        let credential = BasicCredential::new(user.parse().unwrap(), Secret::new(password.into()).unwrap());
        credential.header().to_str().unwrap().to_owned()
    }

    #[test]
    fn the_examples_of_rfc_7617_hold() {
        assert_eq!(header("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(header("test", "123£"), "Basic dGVzdDoxMjPCow==");
    }

    #[test]
    fn a_password_may_hold_a_colon_and_is_composed() {
        assert_eq!(header("u", "a:b"), format!("Basic {}", STANDARD.encode("u:a:b")));
        assert_eq!(header("u", "e\u{301}x"), header("u", "\u{e9}x"));
    }

    #[test]
    fn a_user_name_basic_cannot_carry_is_refused() {
        for bad in ["", " ", "a:b", "a\nb", "a\u{7f}", "a\u{202e}b"] {
            assert!(bad.parse::<UserName>().is_err(), "{bad:?}");
        }
        assert!("beth.anglin@acme".parse::<UserName>().unwrap().matches("Beth.Anglin@ACME"));
    }
}
