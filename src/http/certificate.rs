//! What a server's certificate says of itself.

use chrono::{DateTime, SecondsFormat, Utc};
use x509_cert::Certificate as Parsed;
use x509_cert::der::Decode;
use x509_cert::name::Name;

/// The dates of a certificate, and whether it vouches for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Certificate {
    pub not_before: DateTime<Utc>,
    pub not_after: DateTime<Utc>,
    pub is_self_issued: bool,
}

impl Certificate {
    /// Reads a certificate in DER form (RFC 5280); nothing where it is none.
    pub fn read(der: &[u8]) -> Option<Self> {
        let parsed = Parsed::from_der(der).ok()?.tbs_certificate;
        Some(Self {
            not_before: parsed.validity.not_before.to_system_time().into(),
            not_after: parsed.validity.not_after.to_system_time().into(),
            is_self_issued: parsed.issuer == parsed.subject,
        })
    }

    /// Whether it is valid at `now`; one that has not begun is not.
    pub fn is_valid(self, now: DateTime<Utc>) -> bool {
        self.not_before <= now && now <= self.not_after
    }

    /// When it ends, as RFC 3339 in UTC.
    pub fn ends(self) -> String {
        self.not_after.to_rfc3339_opts(SecondsFormat::Secs, true)
    }
}

/// Whose a certificate is, and who issued it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    pub subject: Name,
    pub issuer: Name,
}

impl Names {
    /// Reads a certificate in DER form (RFC 5280); nothing where it is none.
    pub fn read(der: &[u8]) -> Option<Self> {
        let parsed = Parsed::from_der(der).ok()?.tbs_certificate;
        Some(Self { subject: parsed.subject, issuer: parsed.issuer })
    }
}
