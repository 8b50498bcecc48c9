//! What a gateway in front of the instance wants, whichever way the connection signs in:
//! headers, and a client certificate. The headers go with every request to the origin of
//! the connection and to no other, the certificate into every handshake with its host.

use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderValue};

use super::certificate::{self, OpenCertificate};
use super::setting::GivenSecrets;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::http::client::Client;
use crate::model::header::OwnHeader;
use crate::model::instance::Instance;
use crate::model::profile::{Auth, Profile};
use crate::store::record::{Origins, Owner, SecretItem, require_secret};
use crate::store::{CredentialStore, Field};

/// The headers of a connection with their values, and its certificate.
#[derive(Debug, Clone, Default)]
pub struct GatewayAccess {
    pub headers: Vec<(OwnHeader, Secret)>,
    /// `None` also if the certificate is what signs in.
    pub certificate: Option<OpenCertificate>,
}

impl GatewayAccess {
    /// That of a saved connection.
    pub async fn read(
        store: &dyn CredentialStore,
        profile: &Profile,
        origins: &Origins,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        let mut headers = Vec::with_capacity(profile.headers.len());
        for header in &profile.headers {
            let value = require_secret(store, profile, &item(header), origins).await?;
            headers.push((header.clone(), value));
        }
        let certificate = if certificate::beside(&profile.auth).is_some() {
            Some(OpenCertificate::of_saved(store, profile, origins, now).await?)
        } else {
            None
        };
        Ok(Self { headers, certificate })
    }

    /// That of a connection that is saved nowhere.
    pub fn in_hand(auth: &Auth, secrets: &GivenSecrets, now: DateTime<Utc>) -> Result<Self, Failure> {
        let passphrase = || secrets.get(&certificate::ITEM).cloned();
        let certificate = certificate::beside(auth).map(|_| OpenCertificate::read(auth, passphrase(), now));
        Ok(Self { headers: Vec::new(), certificate: certificate.transpose()? })
    }

    /// What a store keeps of it.
    pub fn secrets(&self) -> impl Iterator<Item = (SecretItem, Secret)> {
        let passphrase = self.certificate.as_ref().and_then(|certificate| certificate.passphrase.clone());
        let headers = self.headers.iter().map(|(header, value)| (item(header), value.clone()));
        headers.chain(passphrase.map(|passphrase| (certificate::ITEM.clone(), passphrase)))
    }

    /// A client that gets through to this instance.
    pub fn added_to(&self, client: Client, instance: &Instance) -> Client {
        if let Some(certificate) = &self.certificate {
            client.present(&certificate.identity, instance.host());
        }
        let mut headers = HeaderMap::new();
        for (header, value) in &self.headers {
            let mut text = HeaderValue::from_bytes(value.expose().as_bytes()).expect("a secret is a header value");
            text.set_sensitive(true);
            headers.insert(header.name(), text);
        }
        client.with_headers(headers, self.headers.iter().map(|(_, value)| value.clone()).collect())
    }
}

/// Where the value of a header is stored.
pub fn item(header: &OwnHeader) -> SecretItem {
    let field = Field::named(format!("header-{}", header.name()), format!("header {header}"));
    SecretItem { field, key: "value", owner: Owner::Nobody }
}

/// What this connection may store for its gateway.
pub fn items(profile: &Profile) -> impl Iterator<Item = SecretItem> {
    let passphrase = certificate::beside(&profile.auth).map(|_| certificate::ITEM.clone());
    profile.headers.iter().map(item).chain(passphrase)
}
