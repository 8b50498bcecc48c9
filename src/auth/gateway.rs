//! Headers for a gateway in front of the instance. They go with every request to the
//! origin of the connection, whichever way it signs in, and to no other.

use http::{HeaderMap, HeaderValue};

use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::http::client::Client;
use crate::model::header::OwnHeader;
use crate::model::profile::Profile;
use crate::store::record::{Origins, Owner, SecretItem, require_secret};
use crate::store::{CredentialStore, Field};

/// The headers of a connection with their values.
#[derive(Debug, Clone, Default)]
pub struct GatewayHeaders(pub Vec<(OwnHeader, Secret)>);

impl GatewayHeaders {
    /// Those of a saved connection.
    pub async fn read(store: &dyn CredentialStore, profile: &Profile, origins: &Origins) -> Result<Self, Failure> {
        let mut values = Vec::with_capacity(profile.headers.len());
        for header in &profile.headers {
            let value = require_secret(store, profile, &item(header), origins).await?;
            values.push((header.clone(), value));
        }
        Ok(Self(values))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a store keeps of them.
    pub fn secrets(&self) -> impl Iterator<Item = (SecretItem, Secret)> {
        self.0.iter().map(|(header, value)| (item(header), value.clone()))
    }

    /// A client that sends them.
    pub fn added_to(&self, client: Client) -> Client {
        let mut headers = HeaderMap::new();
        for (header, value) in &self.0 {
            let mut text = HeaderValue::from_bytes(value.expose().as_bytes()).expect("a secret is a header value");
            text.set_sensitive(true);
            headers.insert(header.name(), text);
        }
        client.with_headers(headers, self.0.iter().map(|(_, value)| value.clone()).collect())
    }
}

/// Where the value of a header is stored.
pub fn item(header: &OwnHeader) -> SecretItem {
    let field = Field::named(format!("header-{}", header.name()), format!("header {header}"));
    SecretItem { field, key: "value", owner: Owner::Nobody }
}
