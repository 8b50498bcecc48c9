//! The names of headers that a person gives.

use std::fmt;
use std::str::FromStr;

use http::HeaderMap;
use http::header::{self, HeaderName};

use crate::base::shown::{shorten, shown_as_displayed};
use crate::model::profile::InvalidValue;

shown_as_displayed!(OwnHeader);

/// Headers that only the client sets: what signs a request, and how it is sent.
const RESERVED: [HeaderName; 9] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::COOKIE,
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::TE,
    header::UPGRADE,
];

/// Whether only the client sets this header.
pub fn is_reserved(name: &HeaderName) -> bool {
    RESERVED.contains(name)
}

/// By these, a request says that its method is another one.
const METHOD_OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

/// Whether a request is of another method than it seems.
pub fn overrides_method(headers: &HeaderMap) -> bool {
    METHOD_OVERRIDES.iter().any(|name| headers.contains_key(*name))
}

/// A header that a connection adds to its requests, spelled as it was given. Names are
/// compared without case (RFC 9110 §5.1).
#[derive(Debug, Clone)]
pub struct OwnHeader {
    spelled: String,
    name: HeaderName,
}

impl OwnHeader {
    pub fn name(&self) -> &HeaderName {
        &self.name
    }

    pub fn as_str(&self) -> &str {
        &self.spelled
    }
}

impl FromStr for OwnHeader {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let text = text.trim();
        let shown = shorten(text, 80);
        match text.parse::<HeaderName>() {
            Ok(name) if is_reserved(&name) => Err(InvalidValue(format!("{shown} is a header that snow sets itself"))),
            Ok(name) if text.len() <= 100 => Ok(Self { spelled: text.to_owned(), name }),
            _ => Err(InvalidValue(format!("\"{shown}\" is not a header name such as X-Gateway-Key"))),
        }
    }
}

impl fmt::Display for OwnHeader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.spelled)
    }
}

impl PartialEq for OwnHeader {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for OwnHeader {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_request_needs_itself_and_what_is_no_name_is_refused() {
        assert_eq!("X-Gateway-Key".parse::<OwnHeader>().unwrap().as_str(), "X-Gateway-Key");
        assert_eq!("x-a".parse::<OwnHeader>().unwrap(), "X-A".parse().unwrap());
        for bad in ["Authorization", "cookie", "HOST", "", "a b", "a:b", "a\r\nb", "ä", &"x".repeat(101)] {
            assert!(bad.parse::<OwnHeader>().is_err(), "{bad:?}");
        }
    }
}
