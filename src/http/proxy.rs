//! Which way a request goes: straight, or through which proxy.
//!
//! Decided once per instance from values, so that a failure can name the
//! proxy. Loopback never goes through one. A setting that cannot be read is
//! refused by name: a request that was to go through a proxy never goes direct.

use std::ffi::{OsStr, OsString};

use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use reqwest::header::HeaderValue;
use url::Url;

use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, shown, shown_as_displayed};
use crate::base::variables::Variables;
use crate::model::instance::Instance;

shown_as_displayed!(InvalidProxy);

/// The proxy variables of the environment, lower case first, as curl reads
/// them. They can hold a password.
#[derive(Clone, Default)]
pub struct ProxyVariables {
    pub http: Option<ProxyVariable>,
    pub https: Option<ProxyVariable>,
    pub all: Option<ProxyVariable>,
    pub no: Option<ProxyVariable>,
}

/// One variable that is set and not empty.
#[derive(Clone)]
pub struct ProxyVariable {
    pub name: &'static str,
    pub value: OsString,
}

/// The way to an instance.
#[derive(Debug, Clone)]
pub enum Route {
    Direct,
    Through { proxy: ProxyOnTheWay, login: ProxyLogin },
}

/// A proxy as a person knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyOnTheWay {
    /// Scheme, host and port.
    pub url: String,
    /// What sets it, in words: a variable, a flag, the connection.
    pub setting: &'static str,
}

/// How a request signs in at the proxy.
#[derive(Debug, Clone)]
pub enum ProxyLogin {
    None,
    /// The header of an HTTP proxy.
    Header(HeaderValue),
    /// The address of a SOCKS proxy with user name and password in it.
    Address(Secret),
}

/// Why a proxy setting cannot be used. Never repeats the value, which can hold
/// a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProxy {
    #[error("invalid proxy URL: use http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT")]
    NotAUrl,
    #[error("the proxy URL contains a user name or password: put them in HTTPS_PROXY, not in a flag or file")]
    UserInfo,
    #[error("{0} is not a valid proxy URL")]
    Variable(&'static str),
    #[error("{0} is not valid UTF-8")]
    NotText(&'static str),
    #[error("{0} has a user name for a SOCKS4 proxy, which snow does not support")]
    Socks4User(&'static str),
}

impl From<InvalidProxy> for Failure {
    fn from(invalid: InvalidProxy) -> Self {
        let code = match invalid {
            InvalidProxy::UserInfo => Code::Usage,
            _ => Code::ProxyInvalid,
        };
        let failure = Failure::new(code, Shown::outside(invalid.to_string()));
        match invalid {
            InvalidProxy::NotAUrl | InvalidProxy::UserInfo => {
                failure.next("Use --proxy http://proxy.example:3128, or set HTTPS_PROXY")
            }
            InvalidProxy::Variable(name) => failure
                .why("Nothing was sent: snow does not bypass a configured proxy.")
                .next(shown!("Set {} to http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT, or unset it", name)),
            InvalidProxy::NotText(name) => failure
                .why("Nothing was sent: snow does not bypass a configured proxy.")
                .next(shown!("Correct or unset {}", name)),
            InvalidProxy::Socks4User(name) => failure
                .why("Nothing was sent.")
                .next(shown!("If the proxy supports SOCKS5, set {} to socks5://USER:PASSWORD@HOST:PORT", name)),
        }
    }
}

/// Accepts a proxy given by flag or file: scheme, host and port. It is shown and saved,
/// so nothing in it may be a secret.
pub fn without_user(text: &str) -> Result<(), InvalidProxy> {
    if text.contains('@') {
        return Err(InvalidProxy::UserInfo);
    }
    let (_, place) = text.split_once("://").ok_or(InvalidProxy::NotAUrl)?;
    let has_more = place.trim_end_matches('/').contains(['/', '?', '#']);
    if has_more || Proxy::read(text).is_none() { Err(InvalidProxy::NotAUrl) } else { Ok(()) }
}

/// The value of a proxy variable without user name and password; `None` if it cannot be
/// read.
pub fn without_login(value: &OsStr) -> Option<String> {
    Proxy::read(value.to_str()?).map(|proxy| proxy.shown())
}

impl ProxyVariable {
    fn text(&self) -> Result<&str, InvalidProxy> {
        self.value.to_str().ok_or(InvalidProxy::NotText(self.name))
    }

    fn read(&self) -> Result<(Proxy, &'static str), InvalidProxy> {
        let proxy = Proxy::read(self.text()?).ok_or(InvalidProxy::Variable(self.name))?;
        Ok((proxy, self.name))
    }

    /// The setting as it may be shown: without user and password.
    pub fn shown(&self) -> Result<String, InvalidProxy> {
        if self.is_list() {
            // A host has no @; a proxy that was set here by mistake may have a password.
            let text = self.text()?;
            return if text.contains('@') { Err(InvalidProxy::Variable(self.name)) } else { Ok(text.to_owned()) };
        }
        let (proxy, name) = self.read()?;
        proxy.login().ok_or(InvalidProxy::Socks4User(name))?;
        Ok(proxy.shown())
    }

    /// Whether it lists the hosts that no proxy is for.
    fn is_list(&self) -> bool {
        self.name.eq_ignore_ascii_case("no_proxy")
    }
}

/// A proxy as a setting names it.
struct Proxy {
    /// Without user and password.
    url: Url,
    intercept: Intercept,
}

impl Proxy {
    /// The proxy that a text names, without a scheme an HTTP proxy. The one reading of
    /// variables, flags and files.
    fn read(text: &str) -> Option<Self> {
        // As GNOME writes it; the proxy resolves names there.
        let text = match text.split_at_checked("socks://".len()) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("socks://") => format!("socks5h://{rest}"),
            _ => text.to_owned(),
        };
        // An @ behind the host: it ends in the middle of a password.
        let place = text.split_once("://").map_or(text.as_str(), |(_, place)| place);
        if place.split_once(['/', '?', '#']).is_some_and(|(_, rest)| rest.contains('@')) {
            return None;
        }
        let any: http::Uri = "https://any.invalid".parse().expect("a URI");
        let intercept = Matcher::builder().all(text).build().intercept(&any)?;
        let url = Url::parse(&intercept.uri().to_string()).ok()?;
        // A second @ leaves a part of the password in the host.
        let is_bare = url.has_host() && url.username().is_empty() && url.password().is_none();
        is_bare.then_some(Self { url, intercept })
    }

    fn shown(&self) -> String {
        self.url.as_str().trim_end_matches('/').to_owned()
    }

    /// How to sign in at it; `None` if that is not possible.
    fn login(&self) -> Option<ProxyLogin> {
        if let Some(header) = self.intercept.basic_auth() {
            let mut header = header.clone();
            header.set_sensitive(true);
            return Some(ProxyLogin::Header(header));
        }
        let Some((user, password)) = self.intercept.raw_auth() else { return Some(ProxyLogin::None) };
        if self.url.scheme().starts_with("socks4") {
            return None;
        }
        let mut url = self.url.clone();
        url.set_username(user).and_then(|()| url.set_password(Some(password))).ok()?;
        Secret::derived(url.into()).ok().map(ProxyLogin::Address)
    }
}

impl ProxyVariables {
    /// Lower case before upper case; `HTTP_PROXY` in capitals is left alone
    /// where a web server could have set it (httpoxy).
    pub fn of(variables: &Variables) -> Self {
        let first = |names: &[&'static str]| {
            let value = |name: &'static str| {
                let value = variables.raw(name).filter(|value| !value.is_empty())?;
                Some(ProxyVariable { name, value: value.to_owned() })
            };
            names.iter().find_map(|name| value(name))
        };
        let http: &[_] =
            if variables.raw("REQUEST_METHOD").is_none() { &["http_proxy", "HTTP_PROXY"] } else { &["http_proxy"] };
        Self {
            http: first(http),
            https: first(&["https_proxy", "HTTPS_PROXY"]),
            all: first(&["all_proxy", "ALL_PROXY"]),
            no: first(&["no_proxy", "NO_PROXY"]),
        }
    }

    /// Those that are set, in the order in which people think of them.
    pub fn set(&self) -> impl Iterator<Item = &ProxyVariable> {
        [&self.http, &self.https, &self.all, &self.no].into_iter().flatten()
    }

    /// The proxy for `instance`. One that cannot be read is refused also where
    /// another one would be taken: people do not set it in order to go direct.
    fn proxy_for(&self, instance: &Instance) -> Result<Option<(Proxy, &'static str)>, InvalidProxy> {
        let read = |variable: &Option<ProxyVariable>| variable.as_ref().map(ProxyVariable::read).transpose();
        let (http, https, all) = (read(&self.http)?, read(&self.https)?, read(&self.all)?);
        let own = if instance.origin().starts_with("https:") { https } else { http };
        Ok(own.or(all))
    }

    /// Whether `NO_PROXY` exempts `instance`.
    fn exempts(&self, instance: &Instance) -> Result<bool, InvalidProxy> {
        let list = self.no.as_ref().map(ProxyVariable::text).transpose()?.unwrap_or_default();
        let Some(exceptions) = exceptions(list, instance) else {
            return Ok(true);
        };
        let uri: http::Uri = instance.origin().parse().expect("an origin is a URI");
        let matcher = Matcher::builder().all("http://any.invalid").no(exceptions).build();
        Ok(matcher.intercept(&uri).is_none())
    }
}

/// The proxy that a flag or else a connection gives, and what gives it.
pub fn given<'a>(flag: Option<&'a str>, connection: Option<&'a str>) -> Option<(&'a str, &'static str)> {
    let of_connection = || Some((connection?, "the proxy of the connection"));
    flag.map(|flag| (flag, "--proxy")).or_else(of_connection)
}

impl Route {
    /// The way to `instance`: through the given proxy, with what gave it in words, else
    /// through the environment's.
    pub fn to(
        instance: &Instance,
        given: Option<(&str, &'static str)>,
        variables: &ProxyVariables,
    ) -> Result<Self, InvalidProxy> {
        if instance.is_loopback() {
            return Ok(Self::Direct);
        }
        if let Some((text, setting)) = given {
            without_user(text)?;
            let proxy = Proxy::read(text).ok_or(InvalidProxy::NotAUrl)?;
            let proxy = ProxyOnTheWay { url: proxy.shown(), setting };
            return Ok(Self::Through { proxy, login: ProxyLogin::None });
        }
        if variables.exempts(instance)? {
            return Ok(Self::Direct);
        }
        let Some((proxy, setting)) = variables.proxy_for(instance)? else {
            return Ok(Self::Direct);
        };
        let login = proxy.login().ok_or(InvalidProxy::Socks4User(setting))?;
        Ok(Self::Through { proxy: ProxyOnTheWay { url: proxy.shown(), setting }, login })
    }

    /// The proxy on the way, if there is one.
    pub fn proxy(&self) -> Option<&ProxyOnTheWay> {
        match self {
            Self::Direct => None,
            Self::Through { proxy, .. } => Some(proxy),
        }
    }
}

/// `NO_PROXY` for one instance, in the form that the matcher reads; `None`
/// where it exempts everything. The matcher knows no ports and no brackets,
/// and takes `*` for names alone.
fn exceptions(list: &str, instance: &Instance) -> Option<String> {
    let here = instance.url("/").port_or_known_default();
    let mut kept = Vec::new();
    for entry in list.split(',').map(str::trim) {
        let (host, port) = match entry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, rest)) => (address, rest.strip_prefix(':')),
            // More than one colon is an IPv6 address without brackets.
            None => match entry.split_once(':') {
                Some((host, port)) if !port.contains(':') => (host, Some(port)),
                _ => (entry, None),
            },
        };
        if port.is_some_and(|port| port.parse().ok() != here) {
            continue;
        }
        if host == "*" {
            return None;
        }
        kept.push(host.strip_prefix('*').unwrap_or(host));
    }
    Some(kept.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::FailureInJson;

    fn variable(name: &'static str, value: &str) -> Option<ProxyVariable> {
        (!value.is_empty()).then(|| ProxyVariable { name, value: value.into() })
    }

    fn variables(https: &str, no: &str) -> ProxyVariables {
        let (https, no) = (variable("HTTPS_PROXY", https), variable("NO_PROXY", no));
        ProxyVariables { https, no, ..ProxyVariables::default() }
    }

    fn route(instance: &str, given: Option<&str>, https: &str, no: &str) -> Option<String> {
        let given = given.map(|given| (given, "--proxy"));
        let route = Route::to(&instance.parse().unwrap(), given, &variables(https, no)).unwrap();
        route.proxy().map(|proxy| proxy.url.clone())
    }

    #[test]
    fn a_proxy_that_cannot_be_read_never_means_to_go_direct() {
        let instance: Instance = "dev1.service-now.com".parse().unwrap();
        for value in [
            "http//proxy:3128",
            "htp://proxy:3128",
            "ftp://proxy:3128",
            "socks6://proxy:3128",
            "file:///proxy",
            "http://",
            "http://:3128",
            "http://proxy:99999",
            "http://proxy:CANARY",
            "u:CANARY",
            "http://u:CANARY@",
            "http://u:CAN@ARY@proxy:3128",
            "http://u:12/CANARY@proxy:3128",
            "u:12?CANARY@proxy:3128",
            "http://u:12#CANARY@proxy:3128",
            "http://proxy:3128 ",
            " ",
            "\u{e9}",
            "proxy:3128/\u{0}",
        ] {
            let read = |http, https, all| {
                let variables = ProxyVariables { http, https, all, no: None };
                Route::to(&instance, None, &variables).map(|route| route.proxy().map(|proxy| proxy.url.clone()))
            };
            let refused = |name| Err(InvalidProxy::Variable(name));
            assert_eq!(read(None, variable("https_proxy", value), None), refused("https_proxy"), "{value:?}");
            assert_eq!(read(None, None, variable("ALL_PROXY", value)), refused("ALL_PROXY"), "{value:?}");
            // Also beside one that would be taken.
            let good = || variable("HTTPS_PROXY", "http://proxy:1");
            assert_eq!(read(variable("http_proxy", value), good(), None), refused("http_proxy"), "{value:?}");
            assert_eq!(read(None, good(), variable("all_proxy", value)), refused("all_proxy"), "{value:?}");
            let failure = Failure::from(InvalidProxy::Variable("all_proxy"));
            let shown = serde_json::to_string(&FailureInJson::from(&failure)).unwrap();
            assert!(shown.contains("all_proxy") && !shown.contains("ARY"), "{shown}");
        }
        // What no proxy is for goes direct, and a flag goes before a variable.
        assert_eq!(route("dev1.service-now.com", None, "htp://proxy:1", "service-now.com"), None);
        assert_eq!(route("http://127.0.0.1:1", None, "htp://proxy:1", ""), None);
        assert_eq!(
            route("dev1.service-now.com", Some("http://x.example:1"), "htp://proxy:1", "").as_deref(),
            Some("http://x.example:1")
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_no_text_is_refused_by_name() {
        use std::os::unix::ffi::OsStringExt;
        let no_text = |name| Some(ProxyVariable { name, value: OsString::from_vec(b"http://proxy\xff:1".to_vec()) });
        for (variables, name) in [
            (ProxyVariables { all: no_text("ALL_PROXY"), ..ProxyVariables::default() }, "ALL_PROXY"),
            (ProxyVariables { no: no_text("no_proxy"), ..variables("http://proxy:1", "") }, "no_proxy"),
        ] {
            let route = Route::to(&"dev1.service-now.com".parse().unwrap(), None, &variables);
            assert_eq!(route.unwrap_err(), InvalidProxy::NotText(name));
        }
    }

    #[test]
    fn every_known_way_to_write_a_proxy_is_read() {
        for (value, url) in [
            ("http://proxy:3128", "http://proxy:3128"),
            ("HTTP://Proxy:3128/", "http://proxy:3128"),
            ("https://proxy", "https://proxy"),
            ("proxy:3128", "http://proxy:3128"),
            ("proxy", "http://proxy"),
            ("u:p@proxy:3128", "http://proxy:3128"),
            ("socks5://proxy:1080", "socks5://proxy:1080"),
            ("socks5h://proxy:1080", "socks5h://proxy:1080"),
            ("socks4a://proxy:1080", "socks4a://proxy:1080"),
            ("socks://proxy:1080/", "socks5h://proxy:1080"),
            ("SOCKS://proxy:1080", "socks5h://proxy:1080"),
            ("http://[fd00::1]:3128", "http://[fd00::1]:3128"),
        ] {
            assert_eq!(route("dev1.service-now.com", None, value, "").as_deref(), Some(url), "{value}");
        }
    }

    #[test]
    fn the_given_proxy_goes_before_the_environment_and_loopback_before_both() {
        let env = "http://env.example:3128";
        assert_eq!(route("dev1.service-now.com", None, "", ""), None);
        assert_eq!(route("dev1.service-now.com", None, env, "").as_deref(), Some(env));
        assert_eq!(route("dev1.service-now.com", None, env, "service-now.com"), None);
        assert_eq!(
            route("dev1.service-now.com", Some("http://x.example:1"), env, "*").as_deref(),
            Some("http://x.example:1")
        );
        assert_eq!(route("http://127.0.0.1:1", Some("http://x.example:1"), env, ""), None);
    }

    #[test]
    fn no_proxy_is_read_in_every_form() {
        let env = "http://env.example:3128";
        let (name, odd) = ("https://dev1.service-now.com", "https://dev1.service-now.com:8443");
        let (v4, v6) = ("https://10.1.2.3", "https://[fd00::12]:8443");
        for (no, instance, is_direct) in [
            ("dev1.service-now.com", name, true),
            ("DEV1.Service-Now.com", name, true),
            (".service-now.com", name, true),
            ("service-now.com", name, true),
            ("*.service-now.com", name, true),
            ("now.com", name, false),
            ("other.example, service-now.com ,x", name, true),
            ("dev2.service-now.com", name, false),
            ("", name, false),
            (",", name, false),
            ("*", name, true),
            ("*", v4, true),
            ("*", v6, true),
            // A port must be the instance's; 443 is that of https.
            ("service-now.com:443", name, true),
            ("service-now.com:8443", name, false),
            ("service-now.com:8443", odd, true),
            ("service-now.com:443", odd, false),
            ("service-now.com:x", odd, false),
            // Addresses and networks.
            ("10.1.2.3", v4, true),
            ("10.1.2.3:443", v4, true),
            ("10.1.2.3:80", v4, false),
            ("10.0.0.0/8", v4, true),
            ("10.1.2.0/24", v4, true),
            ("10.1.3.0/24", v4, false),
            ("10.1.2.30", v4, false),
            ("fd00::12", v6, true),
            ("[fd00::12]", v6, true),
            ("[fd00::12]:8443", v6, true),
            ("[fd00::12]:443", v6, false),
            ("fd00::/16", v6, true),
            ("fe80::/16", v6, false),
        ] {
            assert_eq!(route(instance, None, env, no).is_none(), is_direct, "{no} for {instance}");
        }
    }

    #[test]
    fn the_user_of_a_proxy_variable_is_never_shown() {
        let through = route("dev1.service-now.com", None, "http://u:CANARY@env.example:3128", "");
        assert_eq!(through.as_deref(), Some("http://env.example:3128"));
        assert_eq!(without_user("http://u:CANARY@x:1"), Err(InvalidProxy::UserInfo));
        assert_eq!(without_user("x.example:1"), Err(InvalidProxy::NotAUrl));
        assert_eq!(without_user("socks5://x.example:1"), Ok(()));
        let shown = variable("HTTPS_PROXY", "http://u:CANARY@x.example:1/CANARY?CANARY").unwrap().shown();
        assert_eq!(shown.as_deref(), Ok("http://x.example:1"));
    }
}
