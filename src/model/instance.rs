//! One exact origin out of anything a person pastes.
//!
//! Pure text work: nothing is looked up and nothing is asked. What cannot be
//! told for sure is refused with the reason, because a password follows.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::{Host, Url};

use crate::base::shown::{Shown, shown, shown_as_displayed};

shown_as_displayed!(Instance);

/// How a service names what it serves.
#[derive(Debug, Clone, Copy)]
pub struct Naming {
    /// The domain of a bare name; without one, a name is a host.
    pub domain: Option<&'static str>,
    /// Hosts of the service that serve no customer.
    pub portals: &'static [&'static str],
}

/// The origin that a connection speaks to: scheme, host and port, in one
/// canonical form. `https`, or `http` on loopback.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Instance {
    origin: String,
    url: Url,
}

/// A version of the REST API as it stands in a path: `v2`, `v64.0`. Which there are is for
/// the service to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiVersion {
    major: u16,
    minor: Option<u16>,
}

/// Why a text is not the address of an instance. Never repeats the part before an `@`
/// nor the one after a colon, which may be a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidInstance {
    #[error("the instance is empty")]
    Empty,
    #[error("the instance contains a space or a control character")]
    ControlCharacter,
    #[error("the instance contains a backslash, which browsers and tools treat differently")]
    Backslash,
    #[error("the address contains a user name or password before an @")]
    UserInfo,
    #[error("the host name has characters outside ASCII, which can imitate other letters")]
    NotAscii,
    #[error("the host name is percent-encoded")]
    PercentEncoded,
    #[error("\"{0}\" is not a supported scheme: use https")]
    Scheme(String),
    #[error("\"{0}\" is not a valid host name")]
    Host(String),
    #[error("\"{0}\" does not have a valid port: use a number from 1 to 65535")]
    Port(String),
    #[error("\"{0}\" is a site of the service itself, not an instance")]
    Portal(String),
    #[error("http would send the password to {0} unencrypted")]
    Insecure(String),
}

impl Instance {
    /// Reads a bare name, a host, or any URL; gives the origin and what follows the
    /// authority. The host is lower-cased, a final dot and a default port go. An
    /// origin gives itself.
    pub fn read<'t>(text: &'t str, naming: &Naming) -> Result<(Self, &'t str), InvalidInstance> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidInstance::Empty);
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if !scheme.contains(['/', '?', '#', '@', ':']) => {
                (Some(scheme.to_ascii_lowercase()), rest)
            }
            _ => (None, text),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        // Before anything else, so that no later message can show a password.
        if authority.contains('@') {
            return Err(InvalidInstance::UserInfo);
        }
        if authority.contains('\\') {
            return Err(InvalidInstance::Backslash);
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(InvalidInstance::ControlCharacter);
        }
        if !authority.is_ascii() {
            return Err(InvalidInstance::NotAscii);
        }
        if authority.contains('%') {
            return Err(InvalidInstance::PercentEncoded);
        }
        if let Some(scheme) = &scheme
            && scheme != "https"
            && scheme != "http"
        {
            return Err(InvalidInstance::Scheme(scheme.clone()));
        }
        let authority = match (&scheme, naming.domain) {
            (None, Some(domain)) if is_bare_name(authority) => format!("{}.{domain}", authority.trim_end_matches('.')),
            _ => authority.to_owned(),
        };
        let instance = Self::from_authority(scheme.as_deref().unwrap_or("https"), &authority, naming);
        // A password may hold the very characters that end an authority.
        let instance =
            instance.map_err(|invalid| if tail.contains('@') { InvalidInstance::UserInfo } else { invalid })?;
        Ok((instance, tail))
    }

    fn from_authority(scheme: &str, authority: &str, naming: &Naming) -> Result<Self, InvalidInstance> {
        let (host, port) = split_port(authority)?;
        let not_a_host = || InvalidInstance::Host(host.to_owned());
        let dotless = host.strip_suffix('.').unwrap_or(host);
        if !is_host(dotless) {
            return Err(not_a_host());
        }
        let host = dotless.to_ascii_lowercase();
        let url = match port {
            Some(port) => format!("{scheme}://{host}:{port}/"),
            None => format!("{scheme}://{host}/"),
        };
        let url = Url::parse(&url).map_err(|_| not_a_host())?;
        let host = url.host_str().ok_or_else(not_a_host)?;
        if naming.portals.contains(&host) {
            return Err(InvalidInstance::Portal(host.to_owned()));
        }
        if url.scheme() == "http" && !is_loopback(&url) {
            return Err(InvalidInstance::Insecure(host.to_owned()));
        }
        Ok(Self { origin: url.origin().ascii_serialization(), url })
    }

    /// `https://host[:port]`, without a final slash.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The host as in a URL: IPv6 addresses keep their brackets.
    pub fn host(&self) -> &str {
        self.url.host_str().expect("an instance has a host")
    }

    /// Host, and port where it is not the default: what a person recognises.
    pub fn host_and_port(&self) -> Shown {
        match self.url.port() {
            Some(port) => shown!("{}:{}", Shown::outside(self.host()), port),
            None => Shown::outside(self.host()),
        }
    }

    /// The URL of a path of this instance. `path` starts with a slash.
    pub fn url(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(path);
        url
    }

    /// Whether requests stay on this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    /// An IP address or localhost: the host says nothing about whose it is.
    pub fn is_anonymous(&self) -> bool {
        !matches!(self.url.host(), Some(Host::Domain(domain)) if domain != "localhost")
    }
}

impl FromStr for Instance {
    type Err = InvalidInstance;

    fn from_str(text: &str) -> Result<Self, InvalidInstance> {
        Self::read(text, &Naming { domain: None, portals: &[] }).map(|(instance, _)| instance)
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.origin)
    }
}

impl ApiVersion {
    pub const fn new(major: u16, minor: Option<u16>) -> Self {
        Self { major, minor }
    }

    pub fn major(self) -> u16 {
        self.major
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.minor {
            Some(minor) => write!(formatter, "v{}.{minor}", self.major),
            None => write!(formatter, "v{}", self.major),
        }
    }
}

/// A name of an instance without its domain: one label that is no address.
fn is_bare_name(authority: &str) -> bool {
    let label = authority.strip_suffix('.').unwrap_or(authority);
    !label.eq_ignore_ascii_case("localhost") && is_label(label) && !label.contains('_')
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']').unwrap_or("");
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    // The URL standard reads a last label of digits as an IPv4 address in
    // many disguises (0x7f.1, 2130706433); only the plain form is meant.
    let last = host.rsplit('.').next().unwrap_or("");
    if last.bytes().all(|byte| byte.is_ascii_digit()) || last.to_ascii_lowercase().starts_with("0x") {
        return host.parse::<std::net::Ipv4Addr>().is_ok();
    }
    host.len() <= 253 && host.split('.').all(is_label)
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), InvalidInstance> {
    let colon = match authority.rfind(']') {
        Some(bracket) => authority[bracket..].find(':').map(|at| bracket + at),
        None => authority.find(':'),
    };
    let Some(colon) = colon else {
        return Ok((authority, None));
    };
    let (host, port) = (&authority[..colon], &authority[colon + 1..]);
    let number = port.parse::<u16>().ok().filter(|&number| number > 0);
    match number {
        Some(number) if port.bytes().all(|byte| byte.is_ascii_digit()) => Ok((host, Some(number))),
        _ => Err(InvalidInstance::Port(host.to_owned())),
    }
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(domain)) => domain == "localhost" || domain.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}
