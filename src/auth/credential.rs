//! What a connection signs its requests with.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderValue};
use tokio::sync::MutexGuard;

use super::method::MethodSpec;
use super::oauth::session::Session;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::http::client::Deadline;
use crate::http::identity::ClientIdentity;
use crate::model::oauth_client::GrantType;

/// What a request carries, so that a failure can say what was and was not judged.
#[derive(Debug, Clone, Copy)]
pub enum CredentialKind {
    Nothing,
    /// The secret of this way to sign in, as it is.
    Secret(&'static MethodSpec),
    /// An access token of this way to sign in.
    AccessToken {
        spec: &'static MethodSpec,
        age: TokenAge,
    },
    /// A code, a refresh token or the secret of a client.
    TokenRequest,
}

impl CredentialKind {
    pub fn is_access_token(self) -> bool {
        matches!(self, Self::AccessToken { .. })
    }

    /// Whether it is an access token of this age.
    pub fn is_token_of_age(self, wanted: TokenAge) -> bool {
        matches!(self, Self::AccessToken { age, .. } if age == wanted)
    }

    /// Whether it is of a way to sign in that has this grant.
    pub fn has_grant(self, grant: GrantType) -> bool {
        matches!(self, Self::AccessToken { spec, .. } if spec.grant == Some(grant))
    }

    /// Whether it is an access token of the way to sign in that has this name.
    pub fn is_token_of(self, method: &str) -> bool {
        matches!(self, Self::AccessToken { spec, .. } if spec.method.as_str() == method)
    }

    /// Whether it is the secret of the way to sign in that has this name.
    pub fn is_secret_of(self, method: &str) -> bool {
        matches!(self, Self::Secret(spec) if spec.method.as_str() == method)
    }
}

/// What is known of an access token's past, which decides what its refusal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenAge {
    /// Another program got it, at a time that is not known.
    Given,
    /// An earlier run got it.
    Saved,
    /// This run got it.
    New,
    /// The instance took it in this run.
    Taken,
}

/// What of a credential another program is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// The user name and the password.
    Password,
    /// The key; the header that it goes into is a setting.
    Key,
    /// An access token, and nothing that gets another one.
    Token,
    /// Nothing: the handshake signs in.
    Certificate,
}

impl Given {
    /// The name, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Key => "api-key",
            Self::Token => "access-token",
            Self::Certificate => "certificate",
        }
    }

    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Key => "key",
            Self::Token => "token",
            Self::Certificate => "certificate",
        }
    }
}

/// An access token in use.
#[derive(Debug, Clone)]
pub struct Token {
    pub access_token: Secret,
    pub life: TokenLife,
}

/// What is known of an access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenLife {
    /// `None`: the server did not say.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether this run renewed it.
    pub refreshed: bool,
}

impl TokenLife {
    /// Whether it is sure to be valid for `min_ttl`.
    pub fn lasts(&self, now: DateTime<Utc>, min_ttl: Duration) -> bool {
        let left = self.expires_at.and_then(|at| (at - now).to_std().ok());
        min_ttl.is_zero() || left.is_some_and(|left| left >= min_ttl)
    }
}

/// The headers that sign one request.
#[derive(Debug, Default)]
pub struct Signature {
    /// Empty if there is no token to send.
    pub headers: HeaderMap,
    /// Which token is in them, if it can be renewed.
    pub generation: Option<u64>,
}

/// A credential in use. The defaults are those of a secret that is sent as it is.
#[async_trait]
pub trait Credential: Send + Sync {
    fn kind(&self) -> CredentialKind;

    /// What the next request carries.
    async fn sign(&self) -> Signature;

    /// What must not be shown if a server echoes it.
    async fn secrets(&self) -> Vec<Secret>;

    /// Makes sure that it is valid for `min_ttl`, as far as this machine can tell. An
    /// error means that there is nothing to send.
    async fn ensure_fresh(&self, _min_ttl: Duration, _deadline: Deadline) -> Result<(), Failure> {
        Ok(())
    }

    /// The instance took the token of this generation. Where it refuses it later, that
    /// is news.
    fn was_taken(&self, _generation: u64) {}

    /// The instance refused the token of this generation. Says whether there is a new
    /// one to try.
    async fn renew_refused(&self, _generation: u64, _deadline: Deadline) -> bool {
        false
    }

    /// The certificate that the client sends, if it signs in with one.
    fn client_identity(&self) -> Option<&ClientIdentity> {
        None
    }

    /// Gets a new token, whatever the age of this one. `None` if nothing does that without
    /// a session.
    async fn renew(&self, _deadline: Deadline) -> Option<Result<(), Failure>> {
        None
    }

    /// What another program is given of it.
    async fn given(&self) -> Option<Secret> {
        self.token().await.map(|token| token.access_token)
    }

    /// Its access token, if it has one.
    async fn token(&self) -> Option<Token> {
        None
    }

    /// Its session, if it has one.
    async fn session(&self) -> Option<MutexGuard<'_, Session>> {
        None
    }
}

/// `Authorization: Bearer …` (RFC 6750 §2.1).
pub fn bearer(access_token: &Secret) -> HeaderMap {
    let value = zeroize::Zeroizing::new(format!("Bearer {}", access_token.expose()));
    header(http::header::AUTHORIZATION, value.as_bytes())
}

/// One header, marked as sensitive. `value` comes from a [`Secret`], which holds no
/// control character.
pub fn header(name: http::HeaderName, value: &[u8]) -> HeaderMap {
    let mut value = HeaderValue::from_bytes(value).expect("a secret holds no control character");
    value.set_sensitive(true);
    HeaderMap::from_iter([(name, value)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_unknown_life_is_good_for_now_alone() {
        let life = TokenLife { expires_at: None, refreshed: false };
        assert!(life.lasts(DateTime::UNIX_EPOCH, Duration::ZERO));
        assert!(!life.lasts(DateTime::UNIX_EPOCH, Duration::from_secs(1)));
    }
}
