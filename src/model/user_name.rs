//! The name of a user of the instance.

use std::fmt;
use std::str::FromStr;

use super::profile::InvalidValue;
use crate::base::shown::{is_hidden, shown_as_displayed};

shown_as_displayed!(UserName);

/// A user name that Basic can carry: not empty, no colon (RFC 7617 §2), no
/// control characters, and nothing invisible, since it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserName(String);

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
        let invalid = |why: &str| Err(InvalidValue(why.to_owned()));
        if text.trim().is_empty() {
            return invalid("Enter a user name");
        }
        if text.contains(':') {
            return invalid("a user name cannot contain a colon (a password may)");
        }
        if text.chars().any(|c| c.is_control() || is_hidden(c)) {
            return invalid("the user name contains a control or invisible character");
        }
        if text.len() > 255 {
            return invalid("the user name is longer than 255 bytes");
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_basic_cannot_carry_is_refused() {
        for bad in ["", " ", "a:b", "a\nb", "a\u{7f}", "a\u{202e}b"] {
            assert!(bad.parse::<UserName>().is_err(), "{bad:?}");
        }
        assert!("beth.anglin@acme".parse::<UserName>().unwrap().matches("Beth.Anglin@ACME"));
    }
}
