//! A connection in use.
//!
//! A [`Connection`] joins an instance with a credential that was resolved for
//! it; only with one can an authenticated request be made, and it goes to that
//! instance. It renews a session where that is due.

pub mod network;

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::HeaderValue;

use crate::auth::basic::BasicCredential;
use crate::auth::oauth::session::Session;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::server_text::Redactor;
use crate::http::client::{Client, Deadline, Exchange};
use crate::model::instance::{ApiVersion, Instance};
use crate::model::user_name::UserName;
use crate::service::servicenow::classify::CredentialKind;

/// An instance, and the credential that is sent to it and nowhere else.
pub struct Connection {
    instance: Instance,
    api_version: Option<ApiVersion>,
    username: Option<UserName>,
    client: Client,
    credential: Credential,
    secrets: Mutex<Secrets>,
}

/// What has been sent or received in this run, and what masks it.
#[derive(Default)]
struct Secrets {
    known: Vec<Secret>,
    redactor: Arc<Redactor>,
}

/// What is known of an access token in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// `None`: the server did not say.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether this run renewed it.
    pub refreshed: bool,
}

enum Credential {
    /// User name and password: one header throughout the run.
    Basic(HeaderValue),
    /// An access token that is used as it is.
    Bearer(Secret, Token),
    /// Renewed when it must be. Locked over a renewal, so that requests at the
    /// same time cause one.
    Session(tokio::sync::Mutex<Session>),
}

impl Connection {
    /// A connection that signs in with user name and password.
    pub fn basic(
        instance: Instance,
        api_version: Option<ApiVersion>,
        client: Client,
        credential: &BasicCredential,
    ) -> Self {
        let header = credential.header();
        let secrets = Secrets::of([credential.password().clone(), credential.encoded()]);
        let username = Some(credential.username().clone());
        let credential = Credential::Basic(header);
        Self { instance, api_version, username, client, credential, secrets }
    }

    /// A connection with an access token that was just given, or that somebody
    /// else keeps fresh.
    pub fn bearer(
        instance: Instance,
        api_version: Option<ApiVersion>,
        client: Client,
        username: Option<UserName>,
        access_token: &Secret,
        expires_at: Option<DateTime<Utc>>,
    ) -> Self {
        let credential = Credential::Bearer(access_token.clone(), Token { expires_at, refreshed: false });
        let secrets = Secrets::of([access_token.clone()]);
        Self { instance, api_version, username, client, credential, secrets }
    }

    /// A connection with a session, for the user it belongs to where one is
    /// known.
    pub fn oauth(
        instance: Instance,
        api_version: Option<ApiVersion>,
        client: Client,
        username: Option<UserName>,
        session: Session,
    ) -> Self {
        let secrets = Secrets::of(session.secrets());
        let credential = Credential::Session(tokio::sync::Mutex::new(session));
        Self { instance, api_version, username, client, credential, secrets }
    }

    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    pub fn api_version(&self) -> Option<ApiVersion> {
        self.api_version
    }

    /// The user that is to sign in, where one is known.
    pub fn username(&self) -> Option<&UserName> {
        self.username.as_ref()
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What its requests carry.
    pub fn sends(&self) -> CredentialKind {
        match &self.credential {
            Credential::Basic(_) => CredentialKind::Password,
            Credential::Bearer(..) | Credential::Session(_) => CredentialKind::AccessToken,
        }
    }

    /// Masks the secrets of this connection in what its instance says.
    pub fn redactor(&self) -> Arc<Redactor> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).redactor.clone()
    }

    /// The session, where it has one.
    pub async fn session(&self) -> Option<tokio::sync::MutexGuard<'_, Session>> {
        match &self.credential {
            Credential::Basic(_) | Credential::Bearer(..) => None,
            Credential::Session(session) => Some(session.lock().await),
        }
    }

    /// The access token that it was given, where it is none of its own.
    pub fn given_token(&self) -> Option<&Secret> {
        match &self.credential {
            Credential::Bearer(access_token, _) => Some(access_token),
            Credential::Basic(_) | Credential::Session(_) => None,
        }
    }

    /// The header of the next request; nothing where no token could be had.
    pub async fn header(&self) -> Option<HeaderValue> {
        self.authorization().await.0
    }

    /// What is known of its access token, where it has one.
    pub async fn token(&self) -> Option<Token> {
        match &self.credential {
            Credential::Basic(_) => None,
            Credential::Bearer(_, token) => Some(*token),
            Credential::Session(session) => {
                let session = session.lock().await;
                let expires_at = session.saved()?.expires_at;
                Some(Token { expires_at, refreshed: session.was_renewed() })
            }
        }
    }

    /// Sees to it that the credential is good for `min_ttl`, as far as this
    /// machine can tell. An error means that there is none to be used.
    pub async fn ensure_fresh(&self, min_ttl: Duration, deadline: Deadline) -> Result<(), Failure> {
        let Some(mut session) = self.session().await else {
            return Ok(());
        };
        let before = generation_of(&session);
        // A renewal is rare and takes much room, which nobody else shall reserve.
        let fresh = Box::pin(session.ensure_fresh(min_ttl, deadline)).await;
        if generation_of(&session) != before {
            self.learn_secrets(&session);
        }
        fresh
    }

    /// One authenticated GET of a path of the instance. Where the instance
    /// refuses an access token, it is renewed and sent once more.
    pub async fn get(&self, path: &str, parameters: &[(&str, Cow<'_, str>)], deadline: Deadline) -> Exchange {
        let mut url = self.instance.url(path);
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        let (header, generation) = self.authorization().await;
        let exchange = self.client.get(url.clone(), header.as_ref(), deadline).await;
        let is_refused = matches!(&exchange.result, Ok(answer) if answer.status == 401);
        let (Some(generation), true) = (generation, is_refused) else {
            return exchange;
        };
        let Some(mut session) = self.session().await else {
            return exchange;
        };
        // One renewal a run: a fresh token that is refused is no reason for another.
        if !session.is_renewable() || (session.was_asked_for() && generation_of(&session) == generation) {
            return exchange;
        }
        let renewed = Box::pin(session.renew_refused(generation, deadline)).await;
        self.learn_secrets(&session);
        drop(session);
        match renewed {
            Ok(()) => {
                let (header, _) = self.authorization().await;
                self.client.get(url, header.as_ref(), deadline).await.after(&exchange)
            }
            Err(_) => exchange,
        }
    }

    /// The header, and the generation of the token in it.
    async fn authorization(&self) -> (Option<HeaderValue>, Option<u64>) {
        match &self.credential {
            Credential::Basic(header) => (Some(header.clone()), None),
            Credential::Bearer(access_token, _) => (Some(bearer_header(access_token)), None),
            Credential::Session(session) => {
                let session = session.lock().await;
                let saved = session.saved();
                (saved.map(|saved| bearer_header(&saved.access_token)), Some(generation_of(&session)))
            }
        }
    }

    fn learn_secrets(&self, session: &Session) {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.learn(session.secrets());
    }
}

/// `Authorization: Bearer …` (RFC 6750 §2.1), marked as sensitive.
pub fn bearer_header(access_token: &Secret) -> HeaderValue {
    let value = zeroize::Zeroizing::new(format!("Bearer {}", access_token.expose()));
    let mut header = HeaderValue::from_bytes(value.as_bytes()).expect("a secret holds no control character");
    header.set_sensitive(true);
    header
}

fn generation_of(session: &Session) -> u64 {
    session.saved().map_or(0, |saved| saved.generation)
}

impl Secrets {
    fn of(secrets: impl IntoIterator<Item = Secret>) -> Mutex<Self> {
        let mut known = Self::default();
        known.learn(secrets);
        Mutex::new(known)
    }

    /// Also masks these. What was known before may still be echoed.
    fn learn(&mut self, secrets: impl IntoIterator<Item = Secret>) {
        self.known.extend(secrets);
        let mut redactor = Redactor::default();
        self.known.iter().for_each(|secret| redactor.add(secret));
        self.redactor = Arc::new(redactor);
    }
}
