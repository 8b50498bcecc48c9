//! What an OAuth client of a connection is, without its secret. No I/O.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::Url;

use crate::base::shown::{shorten, shown_as_displayed};
use crate::model::instance::{Instance, InvalidInstance};
use crate::model::profile::InvalidValue;

shown_as_displayed!(ClientId, RedirectUri);

/// Registered word for word at the instance, which compares exactly.
pub const DEFAULT_REDIRECT_URI: &str = "http://127.0.0.1:8914/callback";
/// What a redirect URI may hold (RFC 3986 §2), without what a shell, Markdown
/// or a terminal would read as more than text.
const URI_MARKS: &str = "-._~:/?&=%+,@[]";

/// How the token endpoint is asked for a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantType {
    /// RFC 6749 §4.1: a person signs in with a browser.
    AuthorizationCode,
    /// RFC 6749 §4.4: the client signs in for itself, as in CI.
    ClientCredentials,
    /// RFC 7523 §2.1: the client signs an assertion of who signs in.
    JwtBearer,
    /// User name and password, in the service's own way. There is no client.
    Password,
}

impl GrantType {
    /// Whether a person takes part. Else a new session takes the secrets alone.
    pub fn needs_person(self) -> bool {
        self == Self::AuthorizationCode
    }
}

/// A registered client, and the endpoints it uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthClient {
    pub grant: GrantType,
    pub client_id: ClientId,
    /// Sent as it is; none where it is empty.
    pub scope: Scope,
    pub redirect_uri: RedirectUri,
    pub authorization_url: Option<Endpoint>,
    pub token_url: Option<Endpoint>,
    pub revocation_url: Option<Endpoint>,
    /// Whether a code is bound to a verifier (RFC 7636).
    pub pkce: bool,
    /// What the service does unless told otherwise.
    pub defaults: &'static ServiceDefaults,
}

/// What a service does unless a connection says otherwise.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceDefaults {
    /// The name of its specification: the key `spec` of a connection.
    pub spec: &'static str,
    /// What a person calls it.
    pub label: &'static str,
    /// As in "at ServiceNow".
    pub place: &'static str,
    /// The check of a test that it is what answers.
    pub check: &'static str,
    /// The scope that OAuth clients ask for where a person signs in.
    pub scope: &'static str,
    /// The same of those that sign in for themselves.
    pub machine_scope: &'static str,
    /// Whether assertions are for the origin of the token endpoint, and not for the client.
    pub audience_is_origin: bool,
    /// How long assertions are valid.
    pub assertion_seconds: u64,
    /// Paths of the origin.
    pub endpoints: EndpointPaths,
    /// Whether the secret goes into the form (`client_secret_post`), not the header.
    pub secret_in_form: bool,
    /// The header of an API key.
    pub key_header: &'static str,
}

/// Where the endpoints of a service are: paths of its origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EndpointPaths {
    pub authorization: &'static str,
    pub token: &'static str,
    /// Where a user name and a password are taken for a session, if they are.
    pub password: Option<&'static str>,
    pub revocation: &'static str,
    /// Where a client with a secret asks how long a token lasts (RFC 7662), if it must.
    pub introspection: Option<&'static str>,
}

/// The public identifier of a client: visible ASCII.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientId(String);

/// Scope tokens, separated by spaces (RFC 6749 §3.3); may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope(String);

/// Where the instance sends the browser after the sign-in, exactly as it is
/// registered: an absolute URI, or a path of the instance itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectUri(String);

/// Where a listener for a redirect URI must stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loopback {
    pub address: IpAddr,
    /// `localhost` was written: a browser may try the other address as well.
    pub is_name: bool,
    pub port: u16,
    pub path: String,
    /// What a browser sends as `Host`.
    pub host: String,
}

/// The URL of an endpoint: `https`, or `http` on loopback; without user
/// information and fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
    origin: Instance,
}

impl OAuthClient {
    /// A client with the defaults of its service.
    pub fn new(grant: GrantType, client_id: ClientId, defaults: &'static ServiceDefaults) -> Self {
        Self {
            grant,
            client_id,
            scope: Scope(if grant.needs_person() { defaults.scope } else { defaults.machine_scope }.to_owned()),
            redirect_uri: RedirectUri::default(),
            authorization_url: None,
            token_url: None,
            revocation_url: None,
            pkce: true,
            defaults,
        }
    }

    /// A client whose id is still to be set.
    pub fn without_id(grant: GrantType, defaults: &'static ServiceDefaults) -> Self {
        Self::new(grant, ClientId(String::new()), defaults)
    }

    pub fn authorization_endpoint(&self, instance: &Instance) -> Url {
        let usual = || instance.url(self.defaults.endpoints.authorization);
        self.authorization_url.as_ref().map_or_else(usual, |endpoint| endpoint.url.clone())
    }

    pub fn token_endpoint(&self, instance: &Instance) -> Url {
        let EndpointPaths { token, password, .. } = self.defaults.endpoints;
        let usual = || instance.url(password.filter(|_| self.grant == GrantType::Password).unwrap_or(token));
        self.token_url.as_ref().map_or_else(usual, |endpoint| endpoint.url.clone())
    }

    /// The origin that codes, client secrets and refresh tokens go to.
    pub fn token_origin<'a>(&'a self, instance: &'a Instance) -> &'a Instance {
        self.token_url.as_ref().map_or(instance, |endpoint| &endpoint.origin)
    }

    pub fn revocation_endpoint(&self, instance: &Instance) -> Url {
        match &self.revocation_url {
            Some(endpoint) => endpoint.url.clone(),
            None => self.token_origin(instance).url(self.defaults.endpoints.revocation),
        }
    }

    /// A revocation carries a refresh token, which belongs to the token
    /// endpoint's origin alone.
    pub fn check(&self, instance: &Instance) -> Result<(), InvalidValue> {
        let token_origin = self.token_origin(instance);
        match &self.revocation_url {
            Some(endpoint) if endpoint.origin != *token_origin => Err(InvalidValue(format!(
                "the revocation endpoint is on {}, but refresh tokens are only sent to {token_origin}",
                endpoint.origin
            ))),
            _ => Ok(()),
        }
    }
}

impl ClientId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientId {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let text = text.trim();
        if !text.is_empty() && text.len() <= 255 && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidValue(format!(
                "\"{}\" is not a valid client id: use 1 to 255 visible ASCII characters",
                shorten(text, 80)
            )))
        }
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Scope {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Scope {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        if words.iter().all(|word| word.bytes().all(fits)) && text.len() <= 1000 {
            Ok(Self(words.join(" ")))
        } else {
            Err(InvalidValue("invalid scope: use words of visible ASCII characters, without quotes".to_owned()))
        }
    }
}

impl Default for RedirectUri {
    fn default() -> Self {
        Self(DEFAULT_REDIRECT_URI.to_owned())
    }
}

impl RedirectUri {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_default(&self) -> bool {
        self.0 == DEFAULT_REDIRECT_URI
    }

    /// A page of the instance shows the code; nothing comes back by itself.
    pub fn is_page_of_instance(&self) -> bool {
        self.0.starts_with('/')
    }

    /// Where to listen; `None` where only a person can bring the answer.
    pub fn loopback(&self) -> Option<Loopback> {
        let url = Url::parse(&self.0).ok().filter(|url| url.scheme() == "http")?;
        let (address, is_name) = match url.host()? {
            url::Host::Ipv4(address) => (IpAddr::V4(address), false),
            url::Host::Ipv6(address) => (IpAddr::V6(address), false),
            url::Host::Domain("localhost") => (IpAddr::from([127, 0, 0, 1]), true),
            url::Host::Domain(_) => return None,
        };
        let port = url.port_or_known_default().filter(|_| address.is_loopback())?;
        let host = url.host_str()?;
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Some(Loopback { address, is_name, port, path: url.path().to_owned(), host })
    }
}

impl FromStr for RedirectUri {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let invalid = |why: &str| Err(InvalidValue(format!("invalid redirect URI: {why}")));
        let text = text.trim();
        let fits = |c: char| c.is_ascii_alphanumeric() || URI_MARKS.contains(c);
        if text.contains('#') {
            return invalid("it contains a fragment (RFC 6749 §3.1.2)");
        }
        if !text.chars().all(fits) || text.len() > 1000 {
            return invalid("it may have at most 1000 URL characters");
        }
        if text.starts_with('/') && !text.starts_with("//") && !text.contains('?') {
            return Ok(Self(text.to_owned()));
        }
        match Url::parse(text) {
            Ok(url) if url.port() == Some(0) => invalid("port 0 is not a valid port"),
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                invalid("it contains a user name or password")
            }
            Ok(url) if !matches!(url.scheme(), "http" | "https") => invalid("its scheme is neither http nor https"),
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => invalid("it is not an absolute URL such as http://127.0.0.1:8914/callback"),
        }
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Endpoint {
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }
}

impl FromStr for Endpoint {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let text = text.trim();
        if !text.contains("://") {
            return Err(InvalidValue(
                "invalid endpoint: use an absolute URL such as https://login.example/token".to_owned(),
            ));
        }
        if text.contains('#') {
            return Err(InvalidValue("invalid endpoint: it contains a fragment".to_owned()));
        }
        // The rules of an instance are those of an endpoint's origin.
        let origin: Instance = text.parse().map_err(|error: InvalidInstance| match error {
            InvalidInstance::UserInfo => {
                InvalidValue("invalid endpoint: it contains a user name or password".to_owned())
            }
            InvalidInstance::Insecure(host) => InvalidValue(format!("http would send secrets to {host} unencrypted")),
            other => InvalidValue(other.to_string().replace("the instance", "the endpoint")),
        })?;
        let url = Url::parse(text).map_err(|_| InvalidValue("invalid endpoint: it is not a URL".to_owned()))?;
        if url.origin().ascii_serialization() == origin.origin() {
            Ok(Self { url, origin })
        } else {
            Err(InvalidValue("invalid endpoint: it is not a plain URL".to_owned()))
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static DEFAULTS: ServiceDefaults = ServiceDefaults {
        spec: "example",
        label: "Example",
        place: "at Example",
        check: "instance.example",
        scope: "read",
        machine_scope: "read",
        audience_is_origin: false,
        assertion_seconds: 300,
        endpoints: EndpointPaths {
            authorization: "/authorize",
            token: "/token",
            password: None,
            revocation: "/revoke",
            introspection: None,
        },
        secret_in_form: true,
        key_header: "x-key",
    };

    #[test]
    fn a_loopback_redirect_uri_says_where_to_listen() {
        let loopback = |text: &str| text.parse::<RedirectUri>().unwrap().loopback();
        let usual = loopback(DEFAULT_REDIRECT_URI).unwrap();
        assert_eq!((usual.port, usual.path.as_str(), usual.host.as_str()), (8914, "/callback", "127.0.0.1:8914"));
        assert_eq!(loopback("http://[::1]:9/x").unwrap().host, "[::1]:9");
        assert_eq!(loopback("http://127.0.0.1/x").unwrap().port, 80);
        assert!(loopback("http://localhost:3000/").unwrap().is_name);
        for elsewhere in ["https://127.0.0.1:1/x", "http://10.0.0.1:1/x", "https://acme.example/cb", "/sdk-oauth.do"] {
            assert_eq!(loopback(elsewhere), None, "{elsewhere}");
        }
    }

    #[test]
    fn what_cannot_be_a_redirect_uri_is_refused() {
        for bad in ["", "callback", "//evil/x", "http://u:p@127.0.0.1/x", "http://127.0.0.1/x#f", "javascript:alert(1)"]
        {
            assert!(bad.parse::<RedirectUri>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_endpoint_is_https_or_on_loopback() {
        for good in ["https://login.example/oauth2/token?tenant=1", "http://127.0.0.1:9/token"] {
            assert_eq!(good.parse::<Endpoint>().unwrap().as_str(), good);
        }
        for bad in
            ["login.example/token", "http://login.example/token", "https://u:p@x.example/t", "https://x.example/t#f"]
        {
            assert!(bad.parse::<Endpoint>().is_err(), "{bad}");
        }
    }

    #[test]
    fn endpoints_follow_the_instance_and_refresh_tokens_stay_with_theirs() {
        let instance: Instance = "acme.service-now.com".parse().unwrap();
        let mut client = OAuthClient::new(GrantType::AuthorizationCode, "id".parse().unwrap(), &DEFAULTS);
        assert_eq!(client.token_endpoint(&instance).as_str(), "https://acme.service-now.com/token");
        client.token_url = Some("https://idp.example/token".parse().unwrap());
        assert_eq!(client.revocation_endpoint(&instance).as_str(), "https://idp.example/revoke");
        client.revocation_url = Some("https://acme.service-now.com/oauth_revoke_token.do".parse().unwrap());
        assert!(client.check(&instance).is_err());
    }
}
