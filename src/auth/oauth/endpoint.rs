//! Requests to the token endpoint and to the revocation endpoint.
//!
//! Each is sent once; what came of it is told apart by what a caller may do
//! next: the endpoint judged, it could not, or that is not known.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use oauth2::basic::BasicClient;
use oauth2::{AuthType, ClientSecret, EndpointNotSet, EndpointSet, RefreshToken, Scope, TokenUrl};
use serde::Deserialize;
use url::Url;

use super::authorize;
use super::outcome::{TokenOutcome, TokenRequest};
use super::renewal::{Answered, TokenSource};
use super::settings::CLIENT_SECRET_ITEM;
use crate::auth::jwt_bearer::assertion;
use crate::auth::provider::{Asked, PasswordRequest, Provider};
use crate::auth::setting::GivenSecrets;
use crate::base::error::{Failure, internal};
use crate::base::secret::Secret;
use crate::base::server_text::Redactor;
use crate::http::client::{Client, Deadline, Exchange};
use crate::http::failure::Reached;
use crate::http::oauth2::HttpAdapter;
use crate::model::instance::Instance;
use crate::model::oauth_client::{GrantType, OAuthClient};
use crate::model::profile::{Auth, Subject};
use crate::model::tokens::SavedSession;

/// The name of the grant (RFC 7523 §2.1).
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

type Library = BasicClient<EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// The token endpoint of one client, and the way there.
#[derive(Clone)]
pub struct TokenEndpoint {
    http: Client,
    /// How the connection signs in, with its client.
    auth: Auth,
    /// The origin that it stands at.
    origin: Instance,
    url: Url,
    revocation_url: Url,
    /// Whose connection it is, for the advice.
    subject: Subject,
    provider: &'static dyn Provider,
}

impl TokenEndpoint {
    pub fn new(
        http: Client,
        auth: Auth,
        instance: &Instance,
        subject: Subject,
        provider: &'static dyn Provider,
    ) -> Self {
        let client = auth.client().expect("a token endpoint is of a client");
        Self {
            origin: client.token_origin(instance).clone(),
            url: client.token_endpoint(instance),
            revocation_url: client.revocation_endpoint(instance),
            http,
            auth,
            subject,
            provider,
        }
    }

    pub fn client(&self) -> &OAuthClient {
        self.auth.client().expect("a token endpoint is of a client")
    }

    pub fn origin(&self) -> &Instance {
        &self.origin
    }

    /// Trades an authorization code for tokens (RFC 6749 §4.1.3).
    pub async fn redeem(&self, grant: authorize::CodeGrant, secret: Option<&Secret>, deadline: Deadline) -> Answered {
        let mut secrets = grant.secrets();
        let (age, has_pkce, is_pasted) = (grant.received.elapsed(), grant.verifier.is_some(), grant.is_pasted);
        let library = self.library(secret);
        let redirect_uri = grant.redirect_uri.as_str().to_owned();
        let mut request = library.exchange_code(grant.code).add_extra_param("redirect_uri", redirect_uri);
        if let Some(verifier) = grant.verifier {
            request = request.set_pkce_verifier(verifier);
        }
        secrets.extend(secret.cloned());
        let redactor = self.masking(&secrets);
        let adapter = HttpAdapter::new(&self.http, deadline);
        let _ = request.request_async(&adapter).await;
        self.judge(adapter.exchange(), TokenRequest::Code { age, has_pkce, is_pasted }, secret.is_some(), &redactor)
    }

    /// Signs the client in for itself (RFC 6749 §4.4).
    async fn client_credentials(&self, secrets: &GivenSecrets, deadline: Deadline) -> Answered {
        let secret = secrets.required(&CLIENT_SECRET_ITEM);
        let library = self.library(Some(&secret));
        let mut request = library.exchange_client_credentials();
        let scope = self.client().scope.as_str();
        if !scope.is_empty() {
            request = request.add_scope(Scope::new(scope.to_owned()));
        }
        let redactor = self.masking([&secret]);
        let adapter = HttpAdapter::new(&self.http, deadline);
        let _ = request.request_async(&adapter).await;
        self.judge(adapter.exchange(), TokenRequest::ClientCredentials, true, &redactor)
    }

    /// Trades a signed assertion for an access token (RFC 7523 §2.1). The library knows no
    /// such grant.
    async fn jwt_bearer(&self, secrets: &GivenSecrets, now: DateTime<Utc>, deadline: Deadline) -> Answered {
        let assertion = match assertion::sign(&self.auth, &self.origin, secrets, now) {
            Ok(assertion) => assertion,
            Err(failure) => return Answered { outcome: TokenOutcome::Unavailable(failure), exchange: None },
        };
        let secret = secrets.get(&CLIENT_SECRET_ITEM);
        let pairs = [
            ("grant_type", Some(JWT_BEARER)),
            ("assertion", Some(assertion.expose())),
            ("client_id", Some(self.client().client_id.as_str())),
            ("client_secret", secret.map(Secret::expose)),
        ];
        let redactor = self.masking([Some(&assertion), secret].into_iter().flatten());
        let exchange = self.http.post_form(self.url.clone(), form(pairs), deadline).await;
        self.judge(exchange, TokenRequest::JwtBearer { signed_at: now }, secret.is_some(), &redactor)
    }

    /// Trades a user name and a password for a session, in the way of the service.
    async fn password(&self, secrets: &GivenSecrets, deadline: Deadline) -> Answered {
        let Some(PasswordRequest { headers, body, secrets }) = self.provider.password_request(&self.auth, secrets)
        else {
            let failure = internal("this service takes no password for a session");
            return Answered { outcome: TokenOutcome::Unavailable(failure), exchange: None };
        };
        let redactor = self.masking(&secrets);
        let exchange = self.http.post(self.url.clone(), &headers, body.to_vec(), deadline).await;
        self.judge(exchange, TokenRequest::Password, true, &redactor)
    }

    /// Revokes the tokens of a session, the refresh token first. Gives each that was not
    /// revoked, in words, and why; `None` if there was none to revoke.
    ///
    /// Access tokens go to the instance alone. A server elsewhere ends them with the
    /// refresh token (RFC 7009 §2.1); without one they end by themselves.
    pub async fn revoke_session(
        &self,
        session: &SavedSession,
        instance: &Instance,
        secret: Option<&Secret>,
        deadline: Deadline,
    ) -> Option<Vec<(Failure, &'static str)>> {
        if self.client().grant == GrantType::Password {
            // It belongs to no client that could revoke it.
            return None;
        }
        let is_at_instance = self.origin() == instance;
        let tokens = [
            session.refresh_token.as_ref().map(|token| (token, "refresh_token", "the refresh token")),
            is_at_instance.then_some((&session.access_token, "access_token", "the access token")),
        ];
        if tokens.iter().all(Option::is_none) {
            return None;
        }
        let mut failures = Vec::new();
        for (token, hint, words) in tokens.into_iter().flatten() {
            if let Err(failure) = self.revoke(token, hint, secret, deadline).await {
                failures.push((failure, words));
            }
        }
        Some(failures)
    }

    /// When an access token ends (RFC 7662), if the endpoint tells this client.
    pub async fn end_of(&self, token: &Secret, secret: &Secret, deadline: Deadline) -> Option<DateTime<Utc>> {
        let path = self.client().defaults.endpoints.introspection?;
        let pairs = [
            ("token", Some(token.expose())),
            ("token_type_hint", Some("access_token")),
            ("client_id", Some(self.client().client_id.as_str())),
            ("client_secret", Some(secret.expose())),
        ];
        let answer = self.http.post_form(self.origin.url(path), form(pairs), deadline).await.result.ok()?;
        let Introspected { active, exp } = serde_json::from_slice(&answer.body).ok()?;
        DateTime::from_timestamp(exp.filter(|_| active && answer.status == 200)?, 0)
    }

    /// Revokes a token (RFC 7009), in the form and never in the URL, which
    /// ends up in logs.
    async fn revoke(
        &self,
        token: &Secret,
        hint: &str,
        secret: Option<&Secret>,
        deadline: Deadline,
    ) -> Result<(), Failure> {
        let pairs = [
            ("token", Some(token.expose())),
            ("token_type_hint", Some(hint)),
            ("client_id", Some(self.client().client_id.as_str())),
            ("client_secret", secret.map(Secret::expose)),
        ];
        let exchange = self.http.post_form(self.revocation_url.clone(), form(pairs), deadline).await;
        let answer = exchange.result.map_err(Failure::from)?;
        let redactor = self.masking([Some(token), secret].into_iter().flatten());
        self.provider.revoked(&answer, &self.asked(&redactor))
    }

    fn library(&self, secret: Option<&Secret>) -> Library {
        let in_form = self.client().defaults.secret_in_form;
        let library = BasicClient::new(oauth2::ClientId::new(self.client().client_id.as_str().to_owned()))
            .set_token_uri(TokenUrl::from_url(self.url.clone()))
            .set_auth_type(if in_form { AuthType::RequestBody } else { AuthType::BasicAuth });
        match secret {
            Some(secret) => library.set_client_secret(ClientSecret::new(secret.expose().to_owned())),
            None => library,
        }
    }

    /// Masks these and what the client sends. Made before a request: between the answer
    /// and its write it would take a good part of the time.
    fn masking<'a>(&'a self, secrets: impl IntoIterator<Item = &'a Secret>) -> Redactor {
        let mut redactor = Redactor::default();
        secrets.into_iter().chain(self.http.secrets()).for_each(|secret| redactor.add(secret));
        redactor
    }

    fn judge(&self, exchange: Exchange, request: TokenRequest, has_secret: bool, redactor: &Redactor) -> Answered {
        let outcome = match &exchange.result {
            Err(error) => {
                let failure = Failure::from(error.clone());
                if error.phase == Reached::Response && error.opened {
                    TokenOutcome::Lost(failure)
                } else {
                    TokenOutcome::Unavailable(failure)
                }
            }
            Ok(answer) => self.provider.judge(answer, &self.asked(redactor), &request, has_secret),
        };
        Answered { outcome, exchange: Some(exchange) }
    }

    fn asked<'a>(&'a self, redactor: &'a Redactor) -> Asked<'a> {
        let presented = self.http.presented();
        let (client, user) = (self.client(), self.auth.username());
        Asked { client, origin: &self.origin, user, subject: &self.subject, presented, redactor }
    }
}

#[async_trait]
impl TokenSource for TokenEndpoint {
    fn client(&self) -> &OAuthClient {
        self.client()
    }

    fn origin(&self) -> &Instance {
        &self.origin
    }

    /// Renews a session with its refresh token (RFC 6749 §6). The scope is not
    /// widened: none is sent. What the endpoint knows of the session, it shall
    /// not show.
    async fn refresh(
        &self,
        session: &SavedSession,
        secret: Option<&Secret>,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Answered {
        let refresh_token =
            session.refresh_token.as_ref().expect("only a session with a refresh token is refreshed with it");
        let token = RefreshToken::new(refresh_token.expose().to_owned());
        let library = self.library(secret);
        let secrets = [Some(refresh_token), Some(&session.access_token), secret];
        let redactor = self.masking(secrets.into_iter().flatten());
        let adapter = HttpAdapter::new(&self.http, deadline);
        let _ = library.exchange_refresh_token(&token).request_async(&adapter).await;
        let request = TokenRequest::Refresh { age: now - session.signed_in_at };
        self.judge(adapter.exchange(), request, secret.is_some(), &redactor)
    }

    async fn sign_in(&self, secrets: &GivenSecrets, now: DateTime<Utc>, deadline: Deadline) -> Answered {
        match self.client().grant {
            GrantType::ClientCredentials => self.client_credentials(secrets, deadline).await,
            GrantType::JwtBearer => self.jwt_bearer(secrets, now, deadline).await,
            GrantType::Password => self.password(secrets, deadline).await,
            GrantType::AuthorizationCode => unreachable!("a person takes part in it"),
        }
    }

    async fn end(&self, session: &SavedSession, secret: Option<&Secret>, deadline: Deadline) {
        if let Some(token) = &session.refresh_token
            && let Err(failure) = self.revoke(token, "refresh_token", secret, deadline).await
        {
            tracing::info!("not revoked: {}", failure.message());
        }
    }
}

/// The answer of an introspection endpoint (RFC 7662 §2.2).
#[derive(Deserialize)]
struct Introspected {
    active: bool,
    exp: Option<i64>,
}

/// A form with the pairs that have a value.
fn form<const N: usize>(pairs: [(&str, Option<&str>); N]) -> Vec<u8> {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs.into_iter().filter_map(|(name, value)| Some((name, value?))))
        .finish()
        .into_bytes()
}
