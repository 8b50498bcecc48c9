//! Which way a request goes: straight, or through which proxy.
//!
//! Decided once per instance from values, so that a failure can name the
//! proxy. Loopback never goes through one.

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::header::HeaderValue;
use url::Url;

use crate::connection::instance::Instance;
use crate::error::{Code, Failure};

/// The proxy variables of the environment, lower case first, as curl reads
/// them. They can hold a password.
#[derive(Clone, Default)]
pub struct ProxyVariables {
    pub http: Option<String>,
    pub https: Option<String>,
    pub all: Option<String>,
    pub no: Option<String>,
}

/// The way to an instance.
#[derive(Debug, Clone)]
pub enum Route {
    Direct,
    Proxy {
        /// Without user name and password.
        url: String,
        authorization: Option<HeaderValue>,
    },
}

/// A proxy setting that cannot be used. Never repeats a user or password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProxy {
    #[error("a proxy is written http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT")]
    NotAUrl,
    #[error("the proxy holds a user name or password: put them into HTTPS_PROXY, not into a flag or file")]
    UserInfo,
}

impl From<InvalidProxy> for Failure {
    fn from(invalid: InvalidProxy) -> Self {
        let code = match invalid {
            InvalidProxy::NotAUrl => Code::ProxyInvalid,
            InvalidProxy::UserInfo => Code::Usage,
        };
        Failure::new(code, invalid.to_string()).next("Give --proxy http://proxy.example:3128, or set HTTPS_PROXY")
    }
}

/// Accepts a proxy given by flag or file: a URL without user information.
pub fn without_user(text: &str) -> Result<(), InvalidProxy> {
    if text.contains('@') {
        return Err(InvalidProxy::UserInfo);
    }
    let url = Url::parse(text).map_err(|_| InvalidProxy::NotAUrl)?;
    let known = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];
    match known.contains(&url.scheme()) && url.host().is_some() {
        true => Ok(()),
        false => Err(InvalidProxy::NotAUrl),
    }
}

/// A proxy setting as it may be shown: scheme, host and port.
pub fn shown(text: &str) -> String {
    match Url::parse(text) {
        Ok(url) if url.has_host() => {
            let host = url.host_str().unwrap_or_default();
            let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
            format!("{}://{host}{port}", url.scheme())
        }
        // Without a scheme, as curl takes it. What stands before the last @
        // is a user and a password.
        _ => text.rsplit('@').next().unwrap_or_default().to_owned(),
    }
}

impl Route {
    /// The way to `instance`: the given proxy, else the environment's.
    pub fn to(instance: &Instance, given: Option<&str>, variables: &ProxyVariables) -> Result<Self, InvalidProxy> {
        if instance.is_loopback() {
            return Ok(Self::Direct);
        }
        if let Some(given) = given {
            without_user(given)?;
            return Ok(Self::Proxy { url: given.to_owned(), authorization: None });
        }
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let matcher = Matcher::builder()
            .http(text(&variables.http))
            .https(text(&variables.https))
            .all(text(&variables.all))
            .no(text(&variables.no))
            .build();
        let uri: http::Uri = instance.origin().parse().expect("an origin is a URI");
        let Some(intercept) = matcher.intercept(&uri) else {
            return Ok(Self::Direct);
        };
        let url = Url::parse(&intercept.uri().to_string()).map_err(|_| InvalidProxy::NotAUrl)?;
        let authorization = intercept.basic_auth().cloned().map(|mut header| {
            header.set_sensitive(true);
            header
        });
        Ok(Self::Proxy { url: url.to_string(), authorization })
    }

    /// The proxy as a person knows it: scheme, host and port.
    pub fn proxy(&self) -> Option<&str> {
        match self {
            Self::Direct => None,
            Self::Proxy { url, .. } => Some(url.trim_end_matches('/')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(instance: &str, given: Option<&str>, https: &str, no: &str) -> Option<String> {
        let variables = ProxyVariables {
            https: Some(https.to_owned()).filter(|text| !text.is_empty()),
            no: Some(no.to_owned()).filter(|text| !text.is_empty()),
            ..ProxyVariables::default()
        };
        let route = Route::to(&instance.parse().unwrap(), given, &variables).unwrap();
        route.proxy().map(str::to_owned)
    }

    #[test]
    fn the_given_proxy_goes_before_the_environment_and_loopback_before_both() {
        let env = "http://env.example:3128";
        assert_eq!(route("dev1", None, "", ""), None);
        assert_eq!(route("dev1", None, env, "").as_deref(), Some(env));
        assert_eq!(route("dev1", None, env, "service-now.com"), None);
        assert_eq!(route("dev1", Some("http://x.example:1"), env, "*").as_deref(), Some("http://x.example:1"));
        assert_eq!(route("http://127.0.0.1:1", Some("http://x.example:1"), env, ""), None);
    }

    #[test]
    fn the_user_of_a_proxy_variable_is_never_shown() {
        let way = route("dev1", None, "http://u:CANARY@env.example:3128", "");
        assert_eq!(way.as_deref(), Some("http://env.example:3128"));
        assert_eq!(without_user("http://u:CANARY@x:1"), Err(InvalidProxy::UserInfo));
        assert_eq!(without_user("x.example:1"), Err(InvalidProxy::NotAUrl));
        assert_eq!(without_user("socks5://x.example:1"), Ok(()));
        for text in ["http://u:CANARY@x.example:1", "u:CANARY@x.example:1", "http://u:CAN/ARY@CANARY@x.example:1"] {
            assert!(!shown(text).contains("ARY"), "{text}: {}", shown(text));
        }
        assert_eq!(shown("http://u:CANARY@x.example:1/CANARY?CANARY"), "http://x.example:1");
    }
}
