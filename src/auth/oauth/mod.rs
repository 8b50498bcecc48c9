//! OAuth 2.0: the authorization code grant with PKCE, client credentials, and
//! the life of a session (RFC 6749, 7636, 8252, 7009, 9207).
//!
//! The client and its tokens, as data and rules, are in [`crate::model`].
//! [`authorize`] makes the URL that a person opens and judges what comes back,
//! [`mod@browser`] opens it, [`callback`] waits for the answer on loopback and
//! [`page`] is what the browser shows then. [`endpoint`] posts to the token
//! endpoint, [`outcome`] is what came of that; [`session`] uses what it gave, and
//! [`renewal`] renews and saves it under the [`lock`] of this machine. What is the
//! service's own is asked of a [`super::provider::Provider`].

pub mod authorize;
#[cfg(feature = "cli")]
pub mod browser;
pub mod callback;
pub mod credential;
pub mod endpoint;
pub mod lock;
pub mod outcome;
pub mod page;
pub mod renewal;
pub mod session;
pub mod settings;

use futures_util::FutureExt;

use super::credential::Given;
use super::method::{InHand, Made, MethodSpec, Renewal, Stored};
use super::setting::{LEARNT_USER_NAME, Need, SecretUse, Setting};
use crate::base::error::Failure;
use crate::model::oauth_client::GrantType;
use crate::model::profile::AuthMethod;
use crate::store::Field;
use credential::SessionCredential;
use lock::KernelLock;
use renewal::SessionStore;
use session::{Session, SessionSource};
use settings::{
    AUTHORIZATION_URL, CLIENT_ID, CLIENT_SECRET, CLIENT_SECRET_FIELD, PKCE, REDIRECT_URI, REVOCATION_URL, SCOPE,
    TOKEN_URL,
};

static SETTINGS: [&Setting; 8] =
    [&LEARNT_USER_NAME, &CLIENT_ID, &SCOPE, &REDIRECT_URI, &AUTHORIZATION_URL, &TOKEN_URL, &REVOCATION_URL, &PKCE];

static ITEMS: [Field; 2] = [Field::SESSION, CLIENT_SECRET_FIELD];

/// A person signs in with a browser (RFC 6749 §4.1).
pub static AUTHORIZATION_CODE: MethodSpec = MethodSpec {
    method: AuthMethod::new("oauth", "OAuth"),
    phrase: "OAuth",
    grant: Some(GrantType::AuthorizationCode),
    settings: &SETTINGS,
    secrets: &[SecretUse {
        input: &CLIENT_SECRET,
        need: |_, _| Need::Optional,
        question: |_| "Client secret (Enter for a public client)".to_owned(),
    }],
    secret_label: "client secret",
    needs: |_| Some(Field::SESSION),
    items: &ITEMS,
    renewal: Renewal::RefreshToken,
    locks_accounts: false,
    given: Given::Token,
    is_saved: true,
    has_variables: false,
    choice: Some((0, "OAuth with your own client       a browser, and a client id")),
    open: |stored| open(stored).boxed(),
    from_secrets: None,
};

/// The client signs in for itself (RFC 6749 §4.4), as in CI.
pub static CLIENT_CREDENTIALS: MethodSpec = MethodSpec {
    method: AuthMethod::new("client-credentials", "client credentials"),
    phrase: "client credentials",
    grant: Some(GrantType::ClientCredentials),
    settings: &SETTINGS,
    secrets: &[SecretUse {
        input: &CLIENT_SECRET,
        need: |_, _| Need::Required,
        question: |auth| format!("Client secret of {}", auth.identity().unwrap_or_default()),
    }],
    secret_label: "client secret",
    needs: |_| Some(CLIENT_SECRET_FIELD),
    items: &ITEMS,
    renewal: Renewal::SignsInAgain,
    locks_accounts: false,
    given: Given::Token,
    is_saved: true,
    has_variables: true,
    choice: Some((4, "Client credentials               a client's secret; for CI")),
    open: |stored| open(stored).boxed(),
    from_secrets: Some(from_secrets),
};

/// A session that is kept nowhere.
pub fn from_secrets(InHand { auth, secrets, endpoint, time }: InHand<'_>) -> Made {
    let source = SessionSource::Environment { secrets: secrets.clone() };
    let endpoint = endpoint.expect("a method with a client has a token endpoint");
    let spec = MethodSpec::of(auth.method);
    Ok(Box::new(SessionCredential::new(spec, Session::unsaved(source, endpoint, time))))
}

pub async fn open(stored: Stored<'_>) -> Result<Box<dyn super::credential::Credential>, Failure> {
    let Stored { profile, store, origins, endpoint, lock, note, account, time } = stored;
    let endpoint = endpoint.expect("a method with a client has a token endpoint");
    let spec = MethodSpec::of(profile.auth.method);
    let lock = Box::new(KernelLock(lock));
    let place = SessionStore { store, profile: profile.clone(), origins, lock, note, account, time };
    // Where nothing is saved, a session lasts as long as this process.
    if place.store.is_read_only() && !endpoint.client().grant.needs_person() {
        let source = SessionSource::Environment { secrets: place.read_secrets(None).await? };
        return Ok(Box::new(SessionCredential::new(spec, Session::unsaved(source, endpoint, place.time))));
    }
    Ok(Box::new(SessionCredential::new(spec, Session::open(place, endpoint).await?)))
}
