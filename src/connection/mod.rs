//! The heart: what a connection is and how it signs in.
//!
//! [`profile`] and [`instance`] say what it is, without I/O. A [`Connection`]
//! joins an instance with a credential that was resolved for it; only with
//! one can an authenticated request be made, and it goes to that instance.

pub mod basic;
pub mod instance;
pub mod profile;
pub mod redirect_uri;

use http::HeaderValue;

use crate::http::client::{Client, Deadline, Exchange};
use crate::server_text::Redactor;
use basic::{BasicCredential, UserName};
use instance::{ApiVersion, Instance};

/// An instance, and the credential that is sent to it and nowhere else.
pub struct Connection {
    instance: Instance,
    api_version: Option<ApiVersion>,
    username: UserName,
    client: Client,
    authorization: HeaderValue,
    redactor: Redactor,
}

impl Connection {
    /// A connection that signs in with user name and password.
    pub fn basic(
        instance: Instance,
        api_version: Option<ApiVersion>,
        client: Client,
        credential: &BasicCredential,
    ) -> Self {
        let mut redactor = Redactor::default();
        redactor.add(credential.password());
        redactor.add(&credential.encoded());
        Self {
            instance,
            api_version,
            username: credential.username().clone(),
            client,
            authorization: credential.header(),
            redactor,
        }
    }

    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    pub fn api_version(&self) -> Option<ApiVersion> {
        self.api_version
    }

    /// The user that signs in.
    pub fn username(&self) -> &UserName {
        &self.username
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Masks the secrets of this connection in what its instance says.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// One authenticated GET of a path of the instance.
    pub async fn get(&self, path: &str, parameters: &[(&str, &str)], deadline: Deadline) -> Exchange {
        let mut url = self.instance.url(path);
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        self.client.get(url, Some(&self.authorization), deadline).await
    }
}
