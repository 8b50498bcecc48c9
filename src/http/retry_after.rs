//! The header `Retry-After` (RFC 9110 §10.2.3): seconds, or an HTTP-date.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};

/// More than this is not believed: a server that means tomorrow is wrong.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// What the header says. Its text is never shown: it may hold more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    Seconds(u32),
    Date(DateTime<Utc>),
}

impl RetryAfter {
    /// `None` for what is neither seconds nor a date.
    pub fn of(value: &str) -> Option<Self> {
        let value = value.trim();
        if value.is_empty() || value.bytes().any(|byte| !byte.is_ascii_digit()) {
            return http_date(value).map(Self::Date);
        }
        // Only a number that is too large cannot be read.
        Some(Self::Seconds(value.parse().unwrap_or(u32::MAX)))
    }
}

/// As the header spells it.
impl fmt::Display for RetryAfter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(seconds) => write!(formatter, "{seconds}"),
            Self::Date(date) => write!(formatter, "{}", date.format("%a, %d %b %Y %H:%M:%S GMT")),
        }
    }
}

/// How long the server wants to be left alone. Zero for a date that has
/// passed, at most a day, and `None` for what is neither seconds nor a date.
pub fn read(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let wait = match RetryAfter::of(value)? {
        RetryAfter::Seconds(seconds) => Duration::from_secs(seconds.into()),
        RetryAfter::Date(date) => (date - now).to_std().unwrap_or_default(),
    };
    Some(wait.min(LONGEST))
}

/// A date in one of the three forms that a recipient must accept (RFC 9110
/// §5.6.7).
pub fn http_date(value: &str) -> Option<DateTime<Utc>> {
    httpdate::parse_http_date(value.trim()).ok().map(DateTime::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn now() -> DateTime<Utc> {
        DateTime::parse_from_rfc3339("2026-11-06T08:49:37Z").unwrap().to_utc()
    }

    #[test]
    fn seconds_and_every_form_of_a_date_are_read() {
        for (value, seconds) in [
            ("5", Some(5)),
            (" 120 ", Some(120)),
            ("0", Some(0)),
            ("Fri, 06 Nov 2026 08:50:07 GMT", Some(30)),
            ("Friday, 06-Nov-26 08:50:07 GMT", Some(30)),
            ("Fri Nov  6 08:50:07 2026", Some(30)),
            // Past, and too far away.
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
            ("1000000000000", Some(86_400)),
            ("99999999999999999999999999", Some(86_400)),
            ("Fri, 01 Jan 2100 00:00:00 GMT", Some(86_400)),
            // Neither.
            ("", None),
            ("-5", None),
            ("+5", None),
            ("1.5", None),
            ("5 s", None),
            ("soon", None),
            ("Fri, 99 Nov 2026 08:50:07 GMT", None),
            ("Fri, 06 Nov 2026 08:50:07 GMT (and more)", None),
        ] {
            assert_eq!(read(value, now()), seconds.map(Duration::from_secs), "{value}");
        }
    }

    proptest! {
        #[test]
        fn any_value_gives_at_most_a_day(value in ".{0,40}", digits in "[0-9]{1,40}") {
            for value in [value, digits] {
                prop_assert!(read(&value, now()).is_none_or(|wait| wait <= LONGEST), "{:?}", value);
            }
        }
    }
}
