//! The External Client Apps of the org, one a grant, and the app of Salesforce's own
//! command line.

use url::Url;

use super::people::User;
use crate::sandbox::oauth::assertions::JWT_BEARER;

/// A registered app, as `snow sandbox --json` shows it.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    pub client_id: &'static str,
    /// What a person reads when asked for consent.
    pub name: &'static str,
    pub client_secret: Option<&'static str>,
    /// Compared letter by letter; an entry that ends in `:*/*` is any port and path.
    pub redirect_uris: &'static [&'static str],
    pub grants: &'static [&'static str],
    /// The user that client credentials run as.
    run_as: Option<&'static str>,
}

/// Stands in a list of redirect URIs for any address of that kind.
const ANY_PORT_AND_PATH: &str = ":*/*";
const PEOPLE: &[&str] = &["authorization_code", "refresh_token"];

pub const CLIENTS: &[Client] = &[
    Client {
        client_id: "sandbox-web",
        name: "Sandbox web app",
        client_secret: None,
        redirect_uris: &["http://127.0.0.1:8914/callback"],
        grants: PEOPLE,
        run_as: None,
    },
    Client {
        client_id: "sandbox-any-port",
        name: "Sandbox web app with a secret",
        client_secret: Some("sandbox-any-port-secret"),
        redirect_uris: &["http://127.0.0.1:8914/callback", "http://127.0.0.1:*/*"],
        grants: PEOPLE,
        run_as: None,
    },
    Client {
        client_id: "sandbox-ci",
        name: "Sandbox CI app",
        client_secret: Some("sandbox-ci-secret"),
        redirect_uris: &[],
        grants: &["client_credentials"],
        run_as: Some("integration@sandbox.example"),
    },
    Client {
        client_id: "sandbox-jwt",
        name: "Sandbox signing app",
        client_secret: None,
        redirect_uris: &[],
        grants: &[JWT_BEARER],
        run_as: None,
    },
    Client {
        client_id: "PlatformCLI",
        name: "Salesforce CLI",
        client_secret: None,
        redirect_uris: &["http://localhost:1717/OauthRedirect"],
        grants: PEOPLE,
        run_as: None,
    },
];

/// The app whose assertions are verified.
pub const SIGNER: &str = "sandbox-jwt";

impl Client {
    pub fn named(client_id: &str) -> Option<&'static Self> {
        CLIENTS.iter().find(|client| client.client_id == client_id)
    }

    pub fn may(&self, grant: &str) -> bool {
        self.grants.contains(&grant)
    }

    pub fn run_as(&self) -> Option<&'static User> {
        self.run_as.and_then(User::named)
    }

    pub fn has_redirect_uri(&self, text: &str) -> bool {
        self.redirect_uris.iter().any(|registered| match registered.strip_suffix(ANY_PORT_AND_PATH) {
            Some(address) => is_below(address, text),
            None => *registered == text,
        })
    }
}

/// Whether `text` is `address` (scheme and host) with a port and a path, as a URL parser
/// would write it.
fn is_below(address: &str, text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let Some(port) = url.port() else { return false };
    url.fragment().is_none() && url.as_str() == text && text.starts_with(&format!("{address}:{port}/"))
}
