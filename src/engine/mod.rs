//! A connection in use.
//!
//! A [`Connection`] joins an instance with a credential that was resolved for
//! it; only with one can an authenticated request be made, and it goes to that
//! instance. It renews a session where that is due.

pub mod network;
pub mod saved;

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, Method};
use network::Network;
use url::Url;

use crate::auth::credential::{Credential, Signature};
use crate::auth::gateway::GatewayAccess;
use crate::auth::method::{InHand, MethodSpec};
use crate::auth::setting::GivenSecrets;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::server_text::Redactor;
use crate::base::time::Time;
use crate::config::environment::EnvironmentConnection;
use crate::http::client::{Client, Deadline, Exchange};
use crate::http::failure::NetworkError;
use crate::http::stream::{Payload, Streamed};
use crate::model::instance::{ApiVersion, Instance};
use crate::model::profile::{Auth, Profile, Subject};
use crate::model::user_name::UserName;
use crate::service::{self, Service};
use crate::store::Surroundings;

/// An instance, and the credential that is sent to it and nowhere else.
pub struct Connection {
    service: &'static dyn Service,
    instance: Instance,
    api_version: Option<ApiVersion>,
    username: Option<UserName>,
    client: Client,
    credential: Box<dyn Credential>,
    secrets: Mutex<Secrets>,
}

/// A connection that is saved nowhere.
#[derive(Debug, Clone)]
pub struct Described {
    pub instance: Instance,
    pub api_version: Option<ApiVersion>,
    pub auth: Auth,
    pub secrets: GivenSecrets,
    pub subject: Subject,
}

impl Described {
    /// What variables describe. Reads the files of its secrets.
    pub fn by_variables(
        described: EnvironmentConnection,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Self, Failure> {
        let EnvironmentConnection { instance, api_version, auth, variable, secrets: given } = described;
        let mut secrets = GivenSecrets::default();
        for secret in given {
            let (item, secret) = secret.read(surroundings)?;
            secrets.put(item, secret);
        }
        Ok(Self { instance, api_version, auth, secrets, subject: Subject::Environment(variable) })
    }
}

/// What has been sent or received in this run, and what masks it.
#[derive(Default)]
struct Secrets {
    known: Vec<Secret>,
    redactor: Arc<Redactor>,
}

impl Connection {
    /// `username` is who should sign in, if that is known.
    pub async fn new(
        service: &'static dyn Service,
        instance: Instance,
        api_version: Option<ApiVersion>,
        client: Client,
        username: Option<UserName>,
        credential: Box<dyn Credential>,
    ) -> Self {
        if let Some(identity) = credential.client_identity() {
            client.present(identity, instance.host());
        }
        let secrets = Mutex::default();
        let connection = Self { service, instance, api_version, username, client, credential, secrets };
        connection.learn_secrets().await;
        connection
    }

    /// A connection whose secrets are at hand and stored nowhere.
    pub async fn in_hand(network: &Network, described: Described, time: Arc<dyn Time>) -> Result<Self, Failure> {
        let Described { instance, api_version, auth, secrets, subject } = described;
        let (client, _) = network.client(&instance, None, None)?;
        let client = GatewayAccess::in_hand(&auth, &secrets, time.now())?.added_to(client, &instance);
        let endpoint = network.token_endpoint(&instance, &auth, None, None, &client, subject)?;
        let from_secrets = MethodSpec::of(auth.method).from_secrets.expect("a described connection needs no person");
        let credential = from_secrets(InHand { auth: &auth, secrets: &secrets, endpoint, time })?;
        let service = service::of(&auth);
        Ok(Self::new(service, instance, api_version, client, auth.username, credential).await)
    }

    /// A saved connection with its credential.
    pub async fn of(profile: &Profile, client: Client, credential: Box<dyn Credential>) -> Self {
        let (instance, username) = (profile.instance.clone(), profile.username().cloned());
        Self::new(service::of(&profile.auth), instance, profile.api_version, client, username, credential).await
    }

    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// What it is a connection to.
    pub fn service(&self) -> &'static dyn Service {
        self.service
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

    pub fn credential(&self) -> &dyn Credential {
        self.credential.as_ref()
    }

    /// Masks the secrets of this connection in what its instance says.
    pub fn redactor(&self) -> Arc<Redactor> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).redactor.clone()
    }

    /// Makes sure that the credential is valid for `min_ttl`, as far as this machine can
    /// tell. An error means that there is none to be used.
    pub async fn ensure_fresh(&self, min_ttl: Duration, deadline: Deadline) -> Result<(), Failure> {
        let fresh = self.credential.ensure_fresh(min_ttl, deadline).await;
        self.learn_secrets().await;
        fresh
    }

    /// One authenticated GET of a path of the instance. Where the instance
    /// refuses an access token, it is renewed and sent once more.
    pub async fn get(&self, path: &str, parameters: &[(&str, Cow<'_, str>)], deadline: Deadline) -> Exchange {
        let url = self.url_of(path, parameters);
        let Signature { headers, generation } = self.credential.sign().await;
        let exchange = self.client.get(url.clone(), &headers, deadline).await;
        let is_refused = exchange.result.as_ref().is_ok_and(|answer| {
            self.service.refuses_token(answer.status, &answer.headers, Some(&answer.body)) == Some(true)
        });
        let (Some(generation), true) = (generation, is_refused) else {
            return exchange;
        };
        let is_renewed = self.credential.renew_refused(generation, deadline).await;
        self.learn_secrets().await;
        if !is_renewed {
            return exchange;
        }
        let Signature { headers, .. } = self.credential.sign().await;
        self.client.get(url, &headers, deadline).await.after(&exchange)
    }

    /// The same, whatever the instance says of the access token.
    pub async fn get_once(&self, path: &str, parameters: &[(&str, Cow<'_, str>)], deadline: Deadline) -> Exchange {
        let Signature { headers, .. } = self.credential.sign().await;
        self.client.get(self.url_of(path, parameters), &headers, deadline).await
    }

    fn url_of(&self, path: &str, parameters: &[(&str, Cow<'_, str>)]) -> Url {
        let mut url = self.instance.url(path);
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        url
    }

    /// One authenticated request, whose answer is read piece by piece. Where the
    /// instance refuses an access token, it is renewed; what only reads is then sent
    /// once more, and nothing else is.
    pub async fn send(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        body: &Payload,
        deadline: Deadline,
    ) -> Result<Streamed, NetworkError> {
        let (mut answer, generation) = self.send_once(method, url, headers, body, deadline).await?;
        let Some(generation) = generation else { return Ok(answer) };
        let is_refused = match self.service.refuses_token(answer.status, &answer.headers, None) {
            Some(is_refused) => is_refused,
            None => {
                let (status, headers) = (answer.status, answer.headers.clone());
                self.service.refuses_token(status, &headers, Some(answer.beginning().await)) == Some(true)
            }
        };
        if !is_refused {
            return Ok(answer);
        }
        let is_renewed = self.credential.renew_refused(generation, deadline).await;
        self.learn_secrets().await;
        if !is_renewed || !method.is_safe() || !body.can_be_repeated() {
            answer.is_outdated = is_renewed;
            return Ok(answer);
        }
        Ok(self.send_once(method, url, headers, body, deadline).await?.0)
    }

    async fn send_once(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        body: &Payload,
        deadline: Deadline,
    ) -> Result<(Streamed, Option<u64>), NetworkError> {
        let Signature { headers: signature, generation } = self.credential.sign().await;
        let mut signed = headers.clone();
        signed.extend(signature);
        let answer = self.client.open(method, url, &signed, body, deadline).await?;
        if let Some(generation) =
            generation.filter(|_| self.service.refuses_token(answer.status, &answer.headers, None) == Some(false))
        {
            self.credential.was_taken(generation);
        }
        Ok((answer, generation))
    }

    async fn learn_secrets(&self) {
        let now = self.credential.secrets().await.into_iter().chain(self.client.secrets().iter().cloned());
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).learn(now);
    }
}

impl Secrets {
    /// Also masks these. What was known before may still be echoed.
    fn learn(&mut self, secrets: impl IntoIterator<Item = Secret>) {
        let known = self.known.len();
        for secret in secrets {
            if self.known.iter().all(|known| known.expose() != secret.expose()) {
                self.known.push(secret);
            }
        }
        if self.known.len() == known {
            return;
        }
        let mut redactor = Redactor::default();
        self.known.iter().for_each(|secret| redactor.add(secret));
        self.redactor = Arc::new(redactor);
    }
}
