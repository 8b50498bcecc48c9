//! The OAuth clients that are registered on the embedded instance. They are
//! made up and the same at each start, apart from ServiceNow's own.

use url::{Host, Url};

use crate::sandbox::rows::User;
use crate::sandbox::scenario::Scenario;

/// The page on which ServiceNow's own client shows the code for pasting.
pub const SDK_PAGE: &str = "/sdk-oauth.do";

/// Stands in a list of redirect URIs for any loopback address of that kind.
const ANY_PORT_AND_PATH: &str = ":*/*";

const PEOPLE: &[&str] = &["authorization_code", "refresh_token"];

const LOOPBACK: &[&str] = &["http://127.0.0.1:8914/callback", "http://127.0.0.1:*/*", "http://[::1]:*/*"];

/// A registered client, as `snow sandbox --json` shows it.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    pub client_id: &'static str,
    /// What a person reads when asked for consent.
    pub name: &'static str,
    /// A public client has none. The secrets are made up and stand in the help.
    pub client_secret: Option<&'static str>,
    /// Compared exactly; an entry that ends in `:*/*` is any port and path.
    pub redirect_uris: &'static [&'static str],
    pub grants: &'static [&'static str],
    /// The `user_name` that `client_credentials` signs in as.
    application_user: Option<&'static str>,
}

pub const CLIENTS: &[Client] = &[
    Client {
        client_id: "sandbox-public",
        name: "Sandbox public client",
        client_secret: None,
        redirect_uris: LOOPBACK,
        grants: PEOPLE,
        application_user: None,
    },
    Client {
        client_id: "sandbox-confidential",
        name: "Sandbox confidential client",
        client_secret: Some("sandbox-confidential-secret"),
        redirect_uris: LOOPBACK,
        grants: PEOPLE,
        application_user: None,
    },
    Client {
        client_id: "sandbox-ci",
        name: "Sandbox CI client",
        client_secret: Some("sandbox-ci-secret"),
        redirect_uris: &[],
        grants: &["client_credentials"],
        application_user: Some("svc.ci"),
    },
    Client {
        client_id: "543e5655f77746a28228c6009a599dfb",
        name: "ServiceNow SDK",
        client_secret: None,
        redirect_uris: &[SDK_PAGE],
        grants: PEOPLE,
        application_user: None,
    },
];

impl Client {
    /// The client with this `client_id`, as far as the scenario leaves it there.
    pub fn find(client_id: &str, scenario: Option<Scenario>) -> Option<&'static Self> {
        CLIENTS
            .iter()
            .find(|client| client.client_id == client_id)
            .filter(|client| !(client.is_sdk() && scenario == Some(Scenario::NoSdkClient)))
    }

    pub fn may(&self, grant: &str) -> bool {
        self.grants.contains(&grant)
    }

    pub fn application_user(&self) -> Option<&'static User> {
        self.application_user.and_then(User::named)
    }

    fn is_sdk(&self) -> bool {
        self.redirect_uris.contains(&SDK_PAGE)
    }
}

/// A redirect URI that is registered for the client that named it, in the
/// words of the request: the token request must repeat them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectUri(String);

impl RedirectUri {
    pub fn registered(client: &Client, text: &str) -> Option<Self> {
        let is_registered =
            client.redirect_uris.iter().any(|registered| match registered.strip_suffix(ANY_PORT_AND_PATH) {
                Some(address) => is_loopback_url(address, text),
                None => *registered == text,
            });
        is_registered.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address a browser is sent to with an answer.
    pub fn with(&self, parameters: &[(&str, &str)]) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let joint = if self.0.contains('?') { '&' } else { '?' };
        format!("{}{joint}{query}", self.0)
    }

    /// What a `form-action` of a content security policy must allow, because
    /// browsers hold the redirect after a form against it as well. Its grammar
    /// has no IPv6 address, so there the scheme has to do.
    pub fn form_action(&self) -> Option<String> {
        let url = Url::parse(&self.0).ok()?;
        match url.host()? {
            Host::Ipv6(_) => Some(format!("{}:", url.scheme())),
            _ => Some(url.origin().ascii_serialization()),
        }
    }
}

/// Whether `text` is `address` (scheme and host) with a port and a path. It
/// must be written as a URL parser would write it, so that nothing in it can
/// mean something else to a browser.
fn is_loopback_url(address: &str, text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let Some(port) = url.port() else { return false };
    is_plain && url.as_str() == text && text.starts_with(&format!("{address}:{port}/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_accepted(client_id: &str, redirect_uri: &str) -> bool {
        RedirectUri::registered(Client::find(client_id, None).expect("it is registered"), redirect_uri).is_some()
    }

    #[test]
    fn a_loopback_address_is_accepted_with_any_port_and_path() {
        for uri in ["http://127.0.0.1:8914/callback", "http://127.0.0.1:1/", "http://[::1]:40000/a/b?c=d"] {
            assert!(is_accepted("sandbox-public", uri), "{uri}");
            assert!(!is_accepted("543e5655f77746a28228c6009a599dfb", uri), "{uri}");
        }
        assert!(is_accepted("543e5655f77746a28228c6009a599dfb", "/sdk-oauth.do"));
    }

    #[test]
    fn what_only_looks_like_a_loopback_address_is_not_accepted() {
        for uri in [
            "",
            "/callback",
            "http://127.0.0.1/callback",
            "http://127.0.0.1:8914",
            "http://127.0.0.1:8914/callback#x",
            "http://127.0.0.1:8914@evil.example:1/",
            "http://user@127.0.0.1:8914/",
            "http://127.0.0.1.evil.example:8914/",
            "http://localhost:8914/callback",
            "http://127.1:8914/callback",
            "https://127.0.0.1:8914/callback",
            "http://127.0.0.1:8914/call\r\nback",
            "http://127.0.0.1:08914/callback",
            "http://[::1]x:8914/",
            "http://127.0.0.2:8914/",
            "javascript:alert(1)",
        ] {
            assert!(!is_accepted("sandbox-public", uri), "{uri}");
        }
    }

    #[test]
    fn an_answer_is_added_to_what_the_redirect_uri_has_already() {
        let client = Client::find("sandbox-public", None).expect("it is registered");
        let plain = RedirectUri::registered(client, "http://127.0.0.1:1/a").expect("it is loopback");
        assert_eq!(plain.with(&[("code", "c"), ("state", "a&b")]), "http://127.0.0.1:1/a?code=c&state=a%26b");
        let asked = RedirectUri::registered(client, "http://[::1]:1/a?x=y").expect("it is loopback");
        assert_eq!(asked.with(&[("state", "s")]), "http://[::1]:1/a?x=y&state=s");
        assert_eq!(plain.form_action().as_deref(), Some("http://127.0.0.1:1"));
        assert_eq!(asked.form_action().as_deref(), Some("http:"));
    }
}
