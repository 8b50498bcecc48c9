//! The version of the API, three a year.

use std::fmt;
use std::str::FromStr;

use crate::base::shown::shown_as_displayed;
use crate::model::instance::ApiVersion;
use crate::model::profile::InvalidValue;

shown_as_displayed!(Version);

/// A version, as `v64.0` in paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u16);

impl Version {
    /// What is asked for unless a connection says otherwise: the last one that signs in by
    /// SOAP, which every organization has.
    pub const DEFAULT: Self = Self(64);
    /// Those before are retired.
    pub const FIRST: Self = Self(31);

    /// The version that a connection names.
    pub fn from_api(version: ApiVersion) -> Self {
        Self(version.major())
    }

    pub fn of_api(self) -> ApiVersion {
        ApiVersion::new(self.0, Some(0))
    }
}

/// As paths of REST have it.
impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "v{}.0", self.0)
    }
}

impl FromStr for Version {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let number = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let number = number.strip_suffix(".0").unwrap_or(number);
        let is_number = (1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
        match number.parse() {
            Ok(number) if is_number && Self(number) >= Self::FIRST => Ok(Self(number)),
            _ => Err(InvalidValue(format!(
                "\"{}\" is not an API version: use one such as 64.0, from 31.0 on",
                crate::base::shown::shorten(text, 80)
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_however_it_is_written() {
        for text in ["64", "64.0", "v64.0", "V64"] {
            let version: Version = text.parse().unwrap();
            assert_eq!(version.to_string(), "v64.0", "{text}");
        }
        for text in ["", "v", "64.1", "30.0", "6400", "-64", "+64", "64.0.0", "v2", "64 "] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }
}
