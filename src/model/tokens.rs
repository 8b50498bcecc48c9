//! Tokens as data: how an answer of the token endpoint reads, how long a
//! session is good, and what follows a refresh. Pure; time comes in as values.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::secret::{Secret, optional_secret_field, secret_field};
use crate::base::shown::shown_as_displayed;
use crate::model::instance::Instance;

shown_as_displayed!(InvalidTokens);

/// Larger tokens fit into no header that a server takes.
const MAX_TOKEN_BYTES: usize = 32 * 1024;
/// A lifetime beyond this is cut to it: ten years.
const MAX_LIFETIME: TimeDelta = TimeDelta::days(3650);
/// A token is renewed this long before it ends, or a tenth of its life before,
/// whichever is less.
const LEEWAY: TimeDelta = TimeDelta::seconds(60);
/// A clock that stands this far before the time a token came has been set.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// A successful answer of the token endpoint (RFC 6749 §5.1).
#[derive(Debug)]
pub struct TokenResponse {
    pub access_token: Secret,
    pub refresh_token: Option<Secret>,
    pub lifetime: Lifetime,
    /// As the server said it; ServiceNow's may be empty.
    pub scope: Option<String>,
    /// Where the access token is good, if the server says it.
    pub instance: Option<Instance>,
}

/// What `expires_in` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    Known(TimeDelta),
    /// Not said: the token is used until the instance refuses it.
    Unknown,
    /// Said in a way that makes no sense.
    Garbage,
}

/// Why an answer that promises tokens has none that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTokens {
    #[error("it contains no access token")]
    NoAccessToken,
    #[error("its access token cannot be sent in a header")]
    UnusableAccessToken,
    #[error("its refresh token cannot be sent in a form")]
    UnusableRefreshToken,
    #[error("its token type is not Bearer")]
    TokenType,
}

/// A signed-in session as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SavedSession {
    /// The client it was issued to.
    pub client_id: String,
    /// Whom the client asked for, if it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Whether that client has a secret, kept beside it.
    #[serde(default)]
    pub has_client_secret: bool,
    #[serde(with = "secret_field")]
    pub access_token: Secret,
    #[serde(default, with = "optional_secret_field", skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Secret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// When the access token came, by the clock of this machine.
    pub obtained_at: DateTime<Utc>,
    /// `None`: the server did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// When the person signed in; the refresh token counts from there.
    pub signed_in_at: DateTime<Utc>,
    /// Grows by one with every token that is saved.
    pub generation: u64,
    /// The last refresh gave no longer life, as ServiceNow does while a token
    /// is good: not to be repeated before it ends.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_lengthened: bool,
    /// Since when a refresh is under way. Found by another process, it was
    /// interrupted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refreshing: Option<DateTime<Utc>>,
    /// When the token endpoint last refused to renew it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_at: Option<DateTime<Utc>>,
    /// In a store that several machines share: what the write of this generation is
    /// known by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// There: who renews it right now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
}

/// When a session was issued, in order: the sign-in, then the generation.
pub type Issued = (DateTime<Utc>, u64);

/// The right of one process to renew a session that several machines share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// What its writes are known by.
    pub by: String,
    /// How long it holds, from the time it was written.
    pub seconds: u64,
    /// The machine and the process, for people. No one: the token endpoint asked not to be
    /// asked for that long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
}

impl Lease {
    /// How long it still holds, if it was written so long ago; `None` if it has expired. A
    /// second more than it says, as ages are known to the second.
    pub fn left(&self, age: Duration) -> Option<Duration> {
        Duration::from_secs(self.seconds.saturating_add(1)).checked_sub(age)
    }
}

impl TokenResponse {
    /// Reads a JSON body. Unknown members are ignored, `token_type` is compared
    /// without case (RFC 6749 §5.1, §7.1).
    pub fn read(body: &Value) -> Result<Self, InvalidTokens> {
        let access_token = match body.get("access_token") {
            None | Some(Value::Null) => return Err(InvalidTokens::NoAccessToken),
            Some(token) => token_text(token).ok_or(InvalidTokens::UnusableAccessToken)?,
        };
        let refresh_token = match body.get("refresh_token") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text.is_empty() => None,
            Some(token) => Some(token_text(token).ok_or(InvalidTokens::UnusableRefreshToken)?),
        };
        let token_type = body.get("token_type").and_then(Value::as_str);
        if !token_type.is_some_and(|token_type| token_type.eq_ignore_ascii_case("bearer")) {
            return Err(InvalidTokens::TokenType);
        }
        let scope = body.get("scope").and_then(Value::as_str).map(str::to_owned);
        let lifetime = Lifetime::read(body.get("expires_in"));
        Ok(Self { access_token, refresh_token, lifetime, scope, instance: None })
    }
}

/// A token that a header can carry: visible ASCII (RFC 6749 appendix A.12),
/// of bounded size.
fn token_text(value: &Value) -> Option<Secret> {
    let text = value.as_str().filter(|text| is_token(text))?;
    Secret::new(text.to_owned()).ok()
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_TOKEN_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The time from `now` to a time in seconds since 1970. Both ends are clamped.
fn left(end: f64, now: DateTime<Utc>) -> TimeDelta {
    let seconds = (end - now.timestamp() as f64).clamp(0.0, MAX_LIFETIME.as_seconds_f64());
    TimeDelta::seconds(seconds as i64)
}

impl Lifetime {
    /// Seconds as a number or, as some servers write it, as a text.
    fn read(value: Option<&Value>) -> Self {
        let seconds = match value {
            None | Some(Value::Null) => return Self::Unknown,
            Some(Value::Number(number)) => number.as_f64(),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        match seconds {
            Some(seconds) if seconds.is_finite() => {
                // Within the bounds every number of seconds fits.
                let whole = seconds.clamp(0.0, MAX_LIFETIME.as_seconds_f64()) as i64;
                Self::Known(TimeDelta::seconds(whole))
            }
            // 1e309 is read as infinite, which is a long life.
            Some(seconds) if seconds == f64::INFINITY => Self::Known(MAX_LIFETIME),
            _ => Self::Garbage,
        }
    }

    fn end(self, from: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Known(lifetime) => from.checked_add_signed(lifetime),
            Self::Unknown | Self::Garbage => None,
        }
    }
}

impl SavedSession {
    /// The session that a sign-in gave.
    pub fn signed_in(answer: TokenResponse, client_id: &str, has_client_secret: bool, now: DateTime<Utc>) -> Self {
        Self {
            client_id: client_id.to_owned(),
            subject: None,
            has_client_secret,
            expires_at: answer.lifetime.end(now),
            access_token: answer.access_token,
            refresh_token: answer.refresh_token,
            scope: answer.scope,
            obtained_at: now,
            signed_in_at: now,
            generation: 1,
            not_lengthened: false,
            refreshing: None,
            refused_at: None,
            by: None,
            lease: None,
        }
    }

    /// The session that another program has, which shares it from now on. When its user
    /// signed in is not known: now at the latest.
    pub fn taken_over(
        access_token: Secret,
        refresh_token: Option<Secret>,
        expires_at: Option<f64>,
        client_id: &str,
        has_client_secret: bool,
        now: DateTime<Utc>,
    ) -> Result<Self, InvalidTokens> {
        if !is_token(access_token.expose()) {
            return Err(InvalidTokens::UnusableAccessToken);
        }
        if refresh_token.as_ref().is_some_and(|token| !is_token(token.expose())) {
            return Err(InvalidTokens::UnusableRefreshToken);
        }
        // A time that makes no sense counts as past, so that the token is renewed before its use.
        let ends_in = expires_at.map(|seconds| left(seconds, now));
        let lifetime = ends_in.map_or(Lifetime::Unknown, Lifetime::Known);
        let answer = TokenResponse { access_token, refresh_token, lifetime, scope: None, instance: None };
        Ok(Self::signed_in(answer, client_id, has_client_secret, now))
    }

    /// What a renewal makes of it. Without a new refresh token the old one
    /// stays (RFC 6749 §6).
    pub fn renewed(&self, answer: TokenResponse, now: DateTime<Utc>) -> Self {
        let expires_at = answer.lifetime.end(now);
        let same_token = answer.access_token.expose() == self.access_token.expose();
        let no_later =
            matches!((expires_at, self.expires_at), (Some(new), Some(old)) if new <= old + TimeDelta::seconds(5));
        Self {
            client_id: self.client_id.clone(),
            subject: self.subject.clone(),
            has_client_secret: self.has_client_secret,
            access_token: answer.access_token,
            refresh_token: answer.refresh_token.or_else(|| self.refresh_token.clone()),
            scope: answer.scope.or_else(|| self.scope.clone()),
            obtained_at: now,
            expires_at,
            signed_in_at: self.signed_in_at,
            generation: self.generation.saturating_add(1),
            not_lengthened: same_token && no_later,
            refreshing: None,
            refused_at: None,
            by: None,
            lease: None,
        }
    }

    /// Tells the newer of two: when the user signed in, then the generation.
    pub fn issued(&self) -> Issued {
        (self.signed_in_at, self.generation)
    }

    /// Whether the process that is known by `id` wrote it.
    pub fn is_written_by(&self, id: &str) -> bool {
        self.by.as_deref() == Some(id) || self.lease.as_ref().is_some_and(|lease| lease.by == id)
    }

    /// The same session with other marks.
    pub fn marked(&self, refreshing: Option<DateTime<Utc>>, refused_at: Option<DateTime<Utc>>) -> Self {
        Self { refreshing, refused_at, ..self.clone() }
    }

    /// Whether the access token should be used as it is.
    pub fn is_fresh(&self, now: DateTime<Utc>, min_ttl: Duration) -> bool {
        if self.is_from_another_clock(now) {
            return false;
        }
        match self.expires_at {
            None => min_ttl.is_zero(),
            Some(expires_at) => expires_at - now > self.leeway().max(time_delta(min_ttl)),
        }
    }

    /// Whether a refresh would bring the same token once more.
    pub fn cannot_be_lengthened(&self, now: DateTime<Utc>) -> bool {
        self.not_lengthened && self.is_valid(now) && !self.is_from_another_clock(now)
    }

    /// Whether its times are those of a clock that was set back since.
    fn is_from_another_clock(&self, now: DateTime<Utc>) -> bool {
        now + CLOCK_TOLERANCE < self.obtained_at
    }

    /// Whether the access token may still be taken by the instance.
    pub fn is_valid(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|expires_at| expires_at > now)
    }

    fn leeway(&self) -> TimeDelta {
        match self.expires_at {
            _ if self.not_lengthened => TimeDelta::zero(),
            Some(expires_at) => LEEWAY.min((expires_at - self.obtained_at) / 10).max(TimeDelta::zero()),
            None => TimeDelta::zero(),
        }
    }
}

fn time_delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(MAX_LIFETIME).min(MAX_LIFETIME)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).unwrap()
    }

    fn answer(body: Value) -> TokenResponse {
        TokenResponse::read(&body).unwrap()
    }

    fn session(expires_in: Value) -> SavedSession {
        let answer = answer(
            json!({"access_token": "a", "refresh_token": "r", "token_type": "Bearer", "expires_in": expires_in}),
        );
        SavedSession::signed_in(answer, "id", false, now())
    }

    #[test]
    fn every_way_to_write_a_lifetime_is_read() {
        let read = |value: Value| Lifetime::read(Some(&value));
        let known = |seconds| Lifetime::Known(TimeDelta::seconds(seconds));
        assert_eq!(Lifetime::read(None), Lifetime::Unknown);
        assert_eq!(read(Value::Null), Lifetime::Unknown);
        assert_eq!(read(json!(1799)), known(1799));
        assert_eq!(read(json!("1800")), known(1800));
        assert_eq!(read(json!(1799.9)), known(1799));
        assert_eq!(read(json!(0)), known(0));
        assert_eq!(read(json!(-5)), known(0));
        assert_eq!(read(json!(1e308)), Lifetime::Known(MAX_LIFETIME));
        assert_eq!(read(json!(u64::MAX)), Lifetime::Known(MAX_LIFETIME));
        for garbage in [json!("abc"), json!(true), json!([1800]), json!({}), json!("NaN"), json!("")] {
            assert_eq!(read(garbage.clone()), Lifetime::Garbage, "{garbage}");
        }
    }

    #[test]
    fn a_token_that_no_header_carries_is_refused() {
        let read = |token: Value, kind: &str| TokenResponse::read(&json!({"access_token": token, "token_type": kind}));
        assert!(read(json!("abc"), "bearer").is_ok());
        assert!(read(json!("abc"), "BEARER").is_ok());
        assert_eq!(read(json!("abc"), "mac").unwrap_err(), InvalidTokens::TokenType);
        assert_eq!(read(json!("abc"), "DPoP").unwrap_err(), InvalidTokens::TokenType);
        assert_eq!(read(Value::Null, "Bearer").unwrap_err(), InvalidTokens::NoAccessToken);
        for bad in [json!(""), json!("a\r\nb"), json!("ä"), json!(5), json!("x".repeat(64 * 1024)), json!("a b")] {
            assert_eq!(read(bad, "Bearer").unwrap_err(), InvalidTokens::UnusableAccessToken);
        }
        let missing = json!({"access_token": "abc"});
        assert_eq!(TokenResponse::read(&missing).unwrap_err(), InvalidTokens::TokenType);
    }

    #[test]
    fn a_token_is_renewed_a_minute_or_a_tenth_of_its_life_before_it_ends() {
        let long = session(json!(1800));
        assert!(long.is_fresh(now() + TimeDelta::seconds(1739), Duration::ZERO));
        assert!(!long.is_fresh(now() + TimeDelta::seconds(1741), Duration::ZERO));
        assert!(!long.is_fresh(now(), Duration::from_secs(1801)));
        let short = session(json!(10));
        assert!(short.is_fresh(now() + TimeDelta::milliseconds(8900), Duration::ZERO));
        assert!(!short.is_fresh(now() + TimeDelta::seconds(9), Duration::ZERO));
        assert!(!session(json!(0)).is_fresh(now(), Duration::ZERO));
        assert!(!session(json!(0)).is_valid(now()));
    }

    #[test]
    fn a_token_without_a_lifetime_is_used_until_it_is_refused() {
        let session = session(Value::Null);
        assert!(session.is_fresh(now() + TimeDelta::days(30), Duration::ZERO));
        assert!(session.is_valid(now() + TimeDelta::days(30)));
    }

    #[test]
    fn a_clock_that_was_set_back_makes_no_token_last_for_ever() {
        assert!(!session(json!(1800)).is_fresh(now() - TimeDelta::days(365), Duration::ZERO));
    }

    #[test]
    fn a_refresh_token_stays_until_a_new_one_comes() {
        let first = session(json!(1800));
        let same = first.renewed(answer(json!({"access_token": "b", "token_type": "Bearer"})), now());
        assert_eq!(same.refresh_token.as_ref().unwrap().expose(), "r");
        let new = json!({"access_token": "c", "refresh_token": "r2", "token_type": "Bearer"});
        let rotated = same.renewed(answer(new), now());
        assert_eq!(rotated.refresh_token.unwrap().expose(), "r2");
        assert_eq!(rotated.generation, 3);
    }

    #[test]
    fn a_refresh_that_lengthens_nothing_is_not_repeated_before_the_end() {
        let first = session(json!(1800));
        let later = now() + TimeDelta::seconds(1750);
        let same = json!({"access_token": "a", "token_type": "Bearer", "expires_in": 50});
        let second = first.renewed(answer(same), later);
        assert!(second.is_fresh(later + TimeDelta::seconds(49), Duration::ZERO));
        assert!(!second.is_fresh(later + TimeDelta::seconds(50), Duration::ZERO));
    }

    proptest! {
        #[test]
        fn no_number_of_seconds_breaks_anything(seconds in any::<f64>(), age in -4_000_000_000_i64..4_000_000_000) {
            let session = session(json!(seconds));
            let later = now() + TimeDelta::seconds(age);
            let fresh = session.is_fresh(later, Duration::ZERO);
            prop_assert!(!fresh || session.is_valid(later));
        }
    }
}
