//! What ends when: the tokens and certificates of connections, as far as is
//! known without a question. No I/O.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::auth::method::{MethodSpec, Renewal};
use crate::history::last_test::LastTest;
use crate::history::state::SessionNote;
use crate::model::profile::Profile;
use crate::service;

/// What it is that ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    AccessToken,
    RefreshToken,
    Certificate,
    ClientCertificate,
}

/// The end of one thing of one connection.
#[derive(Debug, Clone, Copy)]
pub struct ExpiringItem<'a> {
    pub profile: &'a Profile,
    pub ending: Ending,
    pub at: DateTime<Utc>,
    /// An estimate, since no server says when it ends.
    pub is_estimate: bool,
    /// It is renewed when it is used, without a person.
    pub is_renewed: bool,
    /// The instance refused it already.
    pub is_refused: bool,
}

/// A time from now on that was asked about, in words as well.
#[derive(Debug, Clone)]
pub struct Deadline {
    pub until: DateTime<Utc>,
    pub span: String,
}

impl Ending {
    /// The words for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::AccessToken => "access token",
            Self::RefreshToken => "refresh token",
            Self::Certificate => "certificate",
            Self::ClientCertificate => "client certificate",
        }
    }
}

impl ExpiringItem<'_> {
    /// Whether a person has to do something before that time, or already.
    pub fn needs_somebody_by(&self, time: DateTime<Utc>) -> bool {
        !self.is_renewed && (self.is_refused || self.at <= time)
    }
}

/// What of one connection ends, and when. `client_certificate` is the end of the
/// certificate that it signs in with.
pub fn items<'a>(
    profile: &'a Profile,
    session: Option<&SessionNote>,
    last_test: Option<&LastTest>,
    client_certificate: Option<DateTime<Utc>>,
) -> impl Iterator<Item = ExpiringItem<'a>> {
    let end =
        |ending, at| ExpiringItem { profile, ending, at, is_estimate: false, is_renewed: false, is_refused: false };
    let session = session.filter(|session| session.signed_in_at.is_some());
    let is_refused = session.is_some_and(|session| session.refused_at.is_some());
    let access_token = session.and_then(|session| {
        let is_renewed = session.renewable && !is_refused;
        Some(ExpiringItem { is_renewed, ..end(Ending::AccessToken, session.expires_at?) })
    });
    // A client that signs in for itself has none.
    let renewal = MethodSpec::of(profile.auth.method).renewal;
    let refresh_token = session
        .filter(|session| session.renewable && renewal == Renewal::RefreshToken)
        .and_then(|session| Some(session.signed_in_at? + service::of(&profile.auth).refresh_token_lifetime()?))
        .map(|at| ExpiringItem { is_estimate: true, is_refused, ..end(Ending::RefreshToken, at) });
    let certificate = last_test.and_then(|test| test.certificate_ends).map(|at| end(Ending::Certificate, at));
    let client_certificate = client_certificate.map(|at| end(Ending::ClientCertificate, at));
    [access_token, refresh_token, certificate, client_certificate].into_iter().flatten()
}

/// The soonest first; what was refused has ended.
pub fn by_time(ends: &mut [ExpiringItem<'_>]) {
    ends.sort_by_key(|end| (!end.is_refused, end.at, end.profile.name.clone(), end.ending));
}

/// The time that is so long from now, however long that is.
pub fn within(now: DateTime<Utc>, long: std::time::Duration) -> DateTime<Utc> {
    let long = TimeDelta::from_std(long).unwrap_or(TimeDelta::MAX);
    now.checked_add_signed(long).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(auth: &str) -> Profile {
        let text = format!(
            "version = 1\n[connections.acme]\ninstance = \"https://acme.service-now.com\"\nauth = \"{auth}\"\n\
             username = \"u\"\nclient_id = \"c\"\n"
        );
        let directory = tempfile::tempdir().unwrap();
        let (path, lock) = (directory.path().join("config.toml"), directory.path().join("lock"));
        std::fs::write(&path, text).unwrap();
        crate::config::ConfigFile { path, lock, home: None }.load().unwrap().connections.into_values().next().unwrap()
    }

    fn at(days: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(days)
    }

    fn session(renewable: bool) -> SessionNote {
        SessionNote { signed_in_at: Some(at(0)), expires_at: Some(at(1)), renewable, ..SessionNote::default() }
    }

    fn found(auth: &str, session: &SessionNote) -> Vec<(Ending, DateTime<Utc>, bool)> {
        let profile = profile(auth);
        items(&profile, Some(session), None, None).map(|end| (end.ending, end.at, end.is_renewed)).collect()
    }

    #[test]
    fn a_session_has_the_ends_of_its_tokens() {
        let renewed = [(Ending::AccessToken, at(1), true), (Ending::RefreshToken, at(100), false)];
        assert_eq!(found("oauth", &session(true)), renewed);
        assert_eq!(found("oauth", &session(false)), [(Ending::AccessToken, at(1), false)]);
        assert_eq!(found("client-credentials", &session(true)), [(Ending::AccessToken, at(1), true)]);
        assert_eq!(found("oauth", &SessionNote::default()), []);
    }

    #[test]
    fn what_is_renewed_needs_nobody_and_what_was_refused_needs_somebody_now() {
        let profile = profile("oauth");
        let needs = |session: &SessionNote, time| {
            items(&profile, Some(session), None, None).filter(|end| end.needs_somebody_by(time)).count()
        };
        assert_eq!(needs(&session(true), at(99)), 0);
        assert_eq!(needs(&session(true), at(100)), 1);
        assert_eq!(needs(&session(false), at(1)), 1);
        let refused = SessionNote { refused_at: Some(at(0)), ..session(true) };
        assert_eq!(needs(&refused, at(0)), 1);
    }

    #[test]
    fn any_time_span_leads_to_a_time() {
        assert_eq!(within(at(1), std::time::Duration::MAX), DateTime::<Utc>::MAX_UTC);
        assert_eq!(within(at(1), std::time::Duration::from_secs(86_400)), at(2));
    }
}
