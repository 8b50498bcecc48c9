//! The OAuth clients that are registered on the embedded instance. They are
//! made up and the same at each start, apart from ServiceNow's own.

use url::{Host, Url};

use super::assertions::{BUILT_IN, JWT_BEARER, Verifier};
use crate::sandbox::rows::{Record, Store, USERS, User};
use crate::sandbox::scenario::Scenario;

/// The page on which ServiceNow's own client shows the code for pasting.
pub const SDK_PAGE: &str = "/sdk-oauth.do";

/// Stands in a list of redirect URIs for any loopback address of that kind.
const ANY_PORT_AND_PATH: &str = ":*/*";

const PEOPLE: &[&str] = &["authorization_code", "refresh_token"];

const FOR_MACHINES: &[&str] = &["client_credentials"];
const FOR_SIGNERS: &[&str] = &[JWT_BEARER];
const ALL_GRANTS: &[&str] = &["authorization_code", "refresh_token", "client_credentials"];

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
        grants: FOR_MACHINES,
        application_user: Some("svc.ci"),
    },
    Client {
        client_id: BUILT_IN,
        name: "Sandbox signing client",
        client_secret: Some("sandbox-jwt-secret"),
        redirect_uris: &[],
        grants: FOR_SIGNERS,
        application_user: None,
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

/// The property without which no client may sign in for itself.
const FOR_ITSELF: &str = "glide.oauth.inbound.client.credential.grant_type.enabled";

/// The clients that are registered right now.
pub struct Clients {
    clients: Vec<&'static Client>,
    /// What verifies the assertions of those that sign some.
    pub verifiers: Vec<Verifier>,
}

impl Clients {
    pub fn of(store: &Store) -> Self {
        let mut clients = Self { clients: Vec::new(), verifiers: Vec::new() };
        clients.follow(store);
        clients
    }

    /// Takes what the rows say by now.
    pub fn follow(&mut self, store: &Store) {
        let may_for_itself = store.find_by("sys_properties", "name", FOR_ITSELF);
        let may_for_itself = may_for_itself.is_some_and(|property| property.value("value") == "true");
        let rows = store.records("oauth_entity").filter(|row| row.value("active") == "true");
        let known = std::mem::take(&mut self.clients);
        self.clients = rows.map(|row| Client::of(row, may_for_itself, &known)).collect();
        self.verifiers = Verifier::all(store);
    }

    /// The client with this `client_id`, as far as the scenario leaves it there.
    pub fn find(&self, client_id: &str, scenario: Option<Scenario>) -> Option<&'static Client> {
        let client = self.clients.iter().find(|client| client.client_id == client_id)?;
        Some(*client).filter(|client| !(client.is_sdk() && scenario == Some(Scenario::NoSdkClient)))
    }
}

impl Client {
    /// The client that a row registers. One that is new or changed stays in memory to the
    /// end: there are as many as an administrator writes.
    fn of(row: Record<'_>, may_for_itself: bool, known: &[&'static Self]) -> &'static Self {
        let text = |field| row.value(field);
        let client_secret = Some(text("client_secret")).filter(|_| text("public_client") != "true");
        let redirect_uris: Vec<&str> =
            text("redirect_url").split([',', ' ', '\n']).filter(|uri| !uri.is_empty()).collect();
        let grants: &'static [&'static str] = match text("inbound_grant_type") {
            "client_credential" | "client_credentials" if may_for_itself => FOR_MACHINES,
            "client_credential" | "client_credentials" => &[],
            "jwt" => FOR_SIGNERS,
            "multiple" if may_for_itself => ALL_GRANTS,
            _ => PEOPLE,
        };
        let user = USERS.iter().find(|user| user.id() == text("user")).map(|user| user.user_name);
        let is_same = |client: &&&'static Self| {
            client.client_id == text("client_id")
                && client.name == text("name")
                && client.client_secret == client_secret
                && client.redirect_uris == redirect_uris
                && client.grants == grants
                && client.application_user == user
        };
        if let Some(same) =
            CLIENTS.iter().find(|client| is_same(&client)).or(known.iter().copied().find(|client| is_same(&client)))
        {
            return same;
        }
        let kept = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
        Box::leak(Box::new(Self {
            client_id: kept(text("client_id")),
            name: kept(text("name")),
            client_secret: client_secret.map(kept),
            redirect_uris: Box::leak(redirect_uris.into_iter().map(kept).collect::<Vec<_>>().into_boxed_slice()),
            grants,
            application_user: user,
        }))
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

    fn client(client_id: &str) -> &'static Client {
        Clients::of(&Store::new(0, 0)).find(client_id, None).expect("it is registered")
    }

    fn is_accepted(client_id: &str, redirect_uri: &str) -> bool {
        RedirectUri::registered(client(client_id), redirect_uri).is_some()
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
        let client = client("sandbox-public");
        let plain = RedirectUri::registered(client, "http://127.0.0.1:1/a").expect("it is loopback");
        assert_eq!(plain.with(&[("code", "c"), ("state", "a&b")]), "http://127.0.0.1:1/a?code=c&state=a%26b");
        let asked = RedirectUri::registered(client, "http://[::1]:1/a?x=y").expect("it is loopback");
        assert_eq!(asked.with(&[("state", "s")]), "http://[::1]:1/a?x=y&state=s");
        assert_eq!(plain.form_action().as_deref(), Some("http://127.0.0.1:1"));
        assert_eq!(asked.form_action().as_deref(), Some("http:"));
    }
}
