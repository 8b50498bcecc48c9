//! How instances are reached: what is trusted, and through which proxy.

use std::path::{Path, PathBuf};

use crate::auth::oauth::endpoint::TokenEndpoint;
use crate::base::SOURCES;
use crate::base::error::Failure;
use crate::base::files;
use crate::base::variables::Variables;
use crate::http::client::Client;
use crate::http::proxy::{self, ProxyVariables, Route};
use crate::http::tls::{CaCertificates, CaVariables, Verifiers};
use crate::model::instance::Instance;
use crate::model::profile::{Auth, Profile, Subject};
use crate::service;
use crate::store::record::Origins;

/// Makes the clients of a run.
pub struct Network {
    verifiers: Verifiers,
    /// An authority for every instance, besides the connection's own.
    ca_cert: Option<PathBuf>,
    /// A proxy for every instance, instead of the connection's own.
    proxy: Option<String>,
    variables: ProxyVariables,
    /// Where the system's authorities are.
    ca_variables: CaVariables,
}

impl Network {
    pub fn new(ca_cert: Option<PathBuf>, proxy: Option<String>, variables: &Variables) -> Self {
        let (proxies, ca_variables) = (ProxyVariables::of(variables), CaVariables::of(variables));
        Self { verifiers: Verifiers::default(), ca_cert, proxy, variables: proxies, ca_variables }
    }

    /// A client for an instance, with its own authority and proxy; and where
    /// its secrets may go.
    pub fn client(
        &self,
        instance: &Instance,
        ca_cert: Option<&Path>,
        proxy: Option<&str>,
    ) -> Result<(Client, Origins), Failure> {
        let mut authorities = CaCertificates::default();
        // Read once: what is trusted is what the secret is bound to.
        let ca_cert_sha256 = ca_cert.map(|path| authorities.add(path)).transpose()?;
        if let Some(path) = self.ca_cert.as_deref().filter(|&path| ca_cert != Some(&files::absolute(path))) {
            authorities.add(path)?;
        }
        if instance.origin().starts_with("https:") {
            self.ca_variables.add_to(&mut authorities)?;
        }
        let given = proxy::given(self.proxy.as_deref(), proxy);
        let route = Route::to(instance, given, &self.variables)?;
        let through = route.proxy().map_or("no proxy".to_owned(), |proxy| format!("through {}", proxy.url));
        tracing::info!(target: SOURCES, "connecting to {instance}, {through}");
        let origins = Origins { instance: instance.origin().to_owned(), token_endpoint: None, ca_cert_sha256 };
        Ok((Client::new(&self.verifiers, &authorities, route)?, origins))
    }

    /// A client for the instance of a connection, and where its secrets may go.
    pub fn client_for(&self, profile: &Profile) -> Result<(Client, Origins), Failure> {
        let (client, origins) = self.client(&profile.instance, profile.ca_cert.as_deref(), profile.proxy.as_deref())?;
        Ok((client, Origins { token_endpoint: other_token_origin(profile), ..origins }))
    }

    /// The token endpoint of a way to sign in that has one. It shares the connections
    /// of `client` if it is at the instance.
    pub fn token_endpoint(
        &self,
        instance: &Instance,
        auth: &Auth,
        ca_cert: Option<&Path>,
        proxy: Option<&str>,
        client: &Client,
        subject: Subject,
    ) -> Result<Option<TokenEndpoint>, Failure> {
        let Some(oauth) = auth.client() else { return Ok(None) };
        let origin = oauth.token_origin(instance);
        let http = if origin == instance { client.clone() } else { self.client(origin, ca_cert, proxy)?.0 };
        Ok(Some(TokenEndpoint::new(http, auth.clone(), instance, subject, service::of(auth).provider())))
    }

    /// The token endpoint of a saved connection.
    pub fn token_endpoint_of(
        &self,
        profile: &Profile,
        client: &Client,
        subject: Subject,
    ) -> Result<Option<TokenEndpoint>, Failure> {
        let (ca_cert, proxy) = (profile.ca_cert.as_deref(), profile.proxy.as_deref());
        self.token_endpoint(&profile.instance, &profile.auth, ca_cert, proxy, client, subject)
    }
}

/// Where the secrets of a connection may go. Reads only the connection's CA file.
pub fn origins_of(profile: &Profile) -> Result<Origins, Failure> {
    let ca_cert_sha256 = profile.ca_cert.as_deref().map(|path| CaCertificates::default().add(path)).transpose()?;
    let instance = profile.instance.origin().to_owned();
    Ok(Origins { instance, token_endpoint: other_token_origin(profile), ca_cert_sha256 })
}

/// The origin of the token endpoint, if it is not the instance's.
fn other_token_origin(profile: &Profile) -> Option<String> {
    let origin = profile.auth.client()?.token_origin(&profile.instance);
    (*origin != profile.instance).then(|| origin.origin().to_owned())
}
