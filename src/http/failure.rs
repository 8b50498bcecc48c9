//! Why no answer came: reqwest's error chain, told apart.
//!
//! The chain is searched by type, never by depth, since a proxy or a newer
//! library moves the layers. Time-outs and resets look the same everywhere,
//! so the phase that the connection had reached decides about them.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use dns_lookup::LookupErrorKind;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use rustls::{AlertDescription, CertificateError, InvalidMessage};
use url::Url;

use super::identity::Presented;
use super::proxy::{ProxyOnTheWay, Route};
use super::tls::NO_AUTHORITIES;
use super::trace::{DnsError, Phase};
use crate::base::code::Code;
use crate::base::error::Likelihood::{High, Low, Medium};
use crate::base::error::{CauseRow, CausesOfCode, Failure};
use crate::base::shown::{Shown, Step, shorten, shown};

/// How many names of a certificate are repeated to a person.
const SHOWN_NAMES: usize = 5;

/// hyper-util does not name this type, but it can be named.
type TunnelError = <Tunnel<HttpConnector> as tower_service::Service<http::Uri>>::Error;

/// A request that got no answer, or none that could be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} ({host})")]
pub struct NetworkError {
    pub kind: Kind,
    /// Host and port that were asked for.
    pub host: String,
    pub proxy: Option<ProxyOnTheWay>,
    pub phase: Reached,
    /// Whether the connection stood, so that the request may have been sent.
    /// In TLS 1.3 a server can refuse the handshake after that.
    pub opened: bool,
}

/// Which step failed, for the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    Dns,
    Connect,
    Tls,
    Response,
}

impl Reached {
    fn of(phase: Phase) -> Self {
        match phase {
            Phase::Dns => Self::Dns,
            Phase::Tcp => Self::Connect,
            Phase::Tls => Self::Tls,
            Phase::Connected => Self::Response,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Kind {
    #[error("the host name does not exist")]
    NoSuchHost,
    #[error("the DNS lookup failed")]
    DnsTemporary,
    #[error("the connection was refused")]
    Refused,
    #[error("the host is unreachable: {0}")]
    Unreachable(String),
    #[error("the connection was closed")]
    Lost,
    #[error("no response within {} s", .0.as_secs_f64())]
    Timeout(Duration),
    #[error("the certificate is not signed by a certificate authority (CA) that this machine trusts")]
    Untrusted,
    #[error("the certificate has expired")]
    Expired,
    #[error("the certificate is not valid yet")]
    NotYetValid,
    #[error("the certificate is for another host name")]
    WrongName { presented: Vec<String> },
    #[error("the port does not speak TLS")]
    NotTls,
    #[error("no TLS version or cipher in common")]
    NoCommonTls,
    #[error("the server requires a client certificate")]
    ClientCertificate,
    #[error("the server rejected the client certificate: {0}")]
    CertificateRefused(&'static str),
    #[error("this machine has no CA certificates")]
    NoAuthorities,
    #[error("the TLS handshake failed: {0}")]
    Tls(String),
    #[error("the proxy requires a user name and password")]
    ProxyAuth,
    #[error("the proxy did not open a tunnel to the host")]
    Proxy,
    #[error("the response is incomplete")]
    Truncated,
    #[error("it exceeds {0}")]
    TooLarge(String),
    #[error("the response is not valid HTTP")]
    Malformed,
}

impl NetworkError {
    pub(crate) fn answer_too_large(url: &Url, limit: String) -> Self {
        Self { kind: Kind::TooLarge(limit), host: host_of(url), proxy: None, phase: Reached::Response, opened: true }
    }

    /// The time was over before the request began.
    pub(super) fn too_late(url: &Url, route: &Route, timeout: Duration) -> Self {
        let proxy = route.proxy().cloned();
        Self { kind: Kind::Timeout(timeout), host: host_of(url), proxy, phase: Reached::Response, opened: false }
    }

    /// No answer, or no more of one, within `timeout`.
    pub(super) fn timed_out(url: &Url, phase: Phase, route: &Route, timeout: Duration) -> Self {
        let opened = phase == Phase::Connected;
        Self { phase: Reached::of(phase), opened, ..Self::too_late(url, route, timeout) }
    }

    pub(super) fn classify(error: &reqwest::Error, url: &Url, phase: Phase, route: &Route, timeout: Duration) -> Self {
        let kind = kind_of(error, phase, route, timeout);
        let opened = phase == Phase::Connected;
        // Some proxies leave it to us to look up the instance.
        let is_proxys = find::<DnsError>(error).is_none_or(|dns| url.host_str() != Some(dns.host.as_str()));
        let proxy = route.proxy().filter(|_| is_proxys).cloned();
        let phase = match &kind {
            Kind::NoSuchHost | Kind::DnsTemporary => Reached::Dns,
            Kind::Untrusted | Kind::Expired | Kind::NotYetValid | Kind::WrongName { .. } => Reached::Tls,
            Kind::NotTls | Kind::NoCommonTls | Kind::ClientCertificate | Kind::CertificateRefused(_) => Reached::Tls,
            Kind::NoAuthorities | Kind::Tls(_) => Reached::Tls,
            Kind::Truncated | Kind::TooLarge(_) | Kind::Malformed => Reached::Response,
            _ => Reached::of(phase),
        };
        Self { kind, host: host_of(url), proxy, phase, opened }
    }

    /// The same, known what was presented: what is said about a certificate is said about
    /// ours, if there was one.
    pub(super) fn after_presenting(self, presented: Presented) -> Self {
        let kind = match (self.kind, presented) {
            (Kind::ClientCertificate, Presented::Certificate) => Kind::CertificateRefused("it requires another one"),
            (Kind::CertificateRefused(reason), Presented::NotAsked | Presented::Nothing) => {
                Kind::Tls(format!("the server sent a TLS alert about a certificate: {reason}"))
            }
            (kind, _) => kind,
        };
        Self { kind, ..self }
    }

    /// Whether the server answered, and only wants another certificate or any.
    pub fn is_about_client_certificate(&self) -> bool {
        matches!(self.kind, Kind::ClientCertificate | Kind::CertificateRefused(_))
    }

    fn fault(&self) -> &'static Fault {
        let fits = |fault: &&Fault| (fault.fits)(&self.kind, self.proxy.is_some());
        FAULTS.iter().find(fits).expect("the last row fits everything")
    }
}

impl From<NetworkError> for Failure {
    fn from(error: NetworkError) -> Self {
        let host = &error.host;
        let host = Shown::outside(host);
        let proxy = error.proxy.as_ref().map(|proxy| Shown::outside(&proxy.url));
        let setting = error.proxy.as_ref().map_or("HTTPS_PROXY", |proxy| proxy.setting);
        let via = proxy.as_ref().map(|proxy| shown!(" through the proxy {}", proxy)).unwrap_or_default();
        let message = match &error.kind {
            Kind::NoSuchHost | Kind::DnsTemporary => match &proxy {
                Some(proxy) => shown!("could not resolve the proxy {}", proxy),
                None => shown!("could not resolve {}", host),
            },
            Kind::Refused | Kind::Unreachable(_) => shown!("could not connect to {}{}", host, via),
            Kind::Lost => shown!("lost the connection to {}{}", host, via),
            Kind::Timeout(_) => shown!("{} did not respond in time{}", host, via),
            Kind::Untrusted | Kind::Expired | Kind::NotYetValid | Kind::WrongName { .. } => {
                shown!("the certificate of {} cannot be trusted", host)
            }
            Kind::NotTls | Kind::NoCommonTls | Kind::ClientCertificate | Kind::NoAuthorities | Kind::Tls(_) => {
                shown!("could not establish a TLS connection to {}{}", host, via)
            }
            Kind::CertificateRefused(_) => shown!("{} rejected the client certificate", host),
            Kind::ProxyAuth | Kind::Proxy => shown!("could not connect to {}{}", host, via),
            Kind::Truncated => shown!("the response from {} was cut off", host),
            Kind::TooLarge(_) => shown!("the response from {} is too large", host),
            Kind::Malformed => shown!("invalid HTTP response from {}", host),
        };
        let sentence = |text: String| {
            let mut characters = text.chars();
            characters.next().map_or_else(String::new, |first| {
                first.to_uppercase().chain(characters).chain(['.']).collect::<String>()
            })
        };
        let mut why = sentence(error.kind.to_string());
        if let Kind::WrongName { presented } = &error.kind
            && !presented.is_empty()
        {
            let more = if presented.len() > SHOWN_NAMES { " and others" } else { "" };
            let names: Vec<String> = presented.iter().take(SHOWN_NAMES).map(|name| shorten(name, 100)).collect();
            why = format!("{why} It is valid for {}{more}.", names.join(", "));
        }
        if !error.opened {
            why.push_str(" No secret was sent.");
        }
        let places = [
            ("{setting}", setting.into()),
            ("{guide_certificate}", Step::run("snow guide certificate")),
            ("{add_certificate}", Step::run("snow edit NAME --set client_cert=FILE --set client_key=FILE")),
        ];
        let fault = error.fault();
        let failure =
            Failure::new(fault.code, message).why(Shown::outside(why)).evidence("host", host).evidence("proxy", proxy);
        let failure = failure.causes(fault.causes);
        let failure = fault.next.iter().fold(failure, |failure, step| failure.next(Step::filled(step, &places)));
        match &error.kind {
            Kind::Timeout(timeout) => failure.evidence("timeout_seconds", timeout.as_secs_f64()),
            _ => failure,
        }
    }
}

/// What may be behind a client certificate that a front end rejects.
pub const CERTIFICATE_REFUSED: &[CauseRow] = &[
    ("unknown-ca", High, "the CA of the certificate is not registered, or an intermediate certificate is missing"),
    ("not-published", Medium, "the CA certificate was registered, but is not published to the load balancer yet"),
    ("revoked", Medium, "the certificate or its CA was revoked or has expired"),
];

pub const CHECK_CERTIFICATE: &[&str] = &[
    "Put the intermediate certificates into the certificate file, after the client's own",
    "Ask an administrator to check that the root and each intermediate CA are registered as \"CA Cert\": {guide_certificate}",
];

/// A fault of the network: what may be behind it, and what to do.
struct Fault {
    /// Which kinds it is, with a proxy in between or without.
    fits: fn(&Kind, bool) -> bool,
    code: Code,
    causes: &'static [CauseRow],
    next: &'static [&'static str],
}

/// Read from the top; the first that fits decides, and the last fits everything.
static FAULTS: &[Fault] = &[
    Fault {
        fits: |kind, is_proxied| is_proxied && matches!(kind, Kind::NoSuchHost | Kind::DnsTemporary),
        code: Code::ProxyFailure,
        causes: &[],
        next: &["Check the host name of the proxy in {setting}"],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::NoSuchHost),
        code: Code::DnsFailure,
        causes: &[
            ("typing-error", High, "the name is misspelled, or the instance was renamed or decommissioned"),
            ("vpn", Medium, "the name only resolves inside a company network"),
        ],
        next: &["Check the name and the VPN"],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::DnsTemporary),
        code: Code::DnsFailure,
        causes: &[("offline", High, "this machine is offline, or its DNS server does not respond")],
        next: &["Check the network of this machine, then run the command again"],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::Refused),
        code: Code::ConnectionRefused,
        causes: &[
            ("nothing-listens", High, "no server is listening on that port"),
            ("firewall", Medium, "a firewall blocks the connection, or the VPN is off"),
        ],
        next: &["Check the host, the port and the VPN"],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::Unreachable(_)),
        code: Code::ConnectionLost,
        causes: &[],
        next: &["Check the network and the VPN of this machine"],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::Lost),
        code: Code::ConnectionLost,
        causes: &[("middlebox", Medium, "a firewall, proxy or load balancer closed the connection")],
        next: &["Run the command again; if the error persists, ask your network team"],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::Timeout(_)),
        code: Code::Timeout,
        causes: &[
            ("firewall", Medium, "a firewall drops the packets, or the VPN is off"),
            ("waking", Medium, "the instance is starting or overloaded"),
        ],
        next: &["Run the command again with a longer --timeout"],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::Untrusted),
        code: Code::TlsUntrusted,
        causes: &[
            ("inspection", High, "a company proxy inspects TLS with its own CA"),
            ("private-ca", Medium, "the instance has a certificate from a private CA, or a self-signed one"),
        ],
        next: &["Ask your network team for the certificate of that CA, and pass it with --ca-cert FILE"],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::Expired | Kind::NotYetValid),
        code: Code::TlsExpired,
        causes: &[
            ("not-renewed", High, "the certificate was not renewed in time"),
            ("clock", Medium, "the clock of this machine is wrong"),
        ],
        next: &[
            "Check the clock of this machine; if it is right, ask the people who run the host to renew the certificate",
        ],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::WrongName { .. }),
        code: Code::TlsNameMismatch,
        causes: &[("custom-url", Medium, "the address is an alias that the certificate does not cover")],
        next: &["Use an address that the certificate covers, such as the original one of the instance"],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::NotTls),
        code: Code::TlsFailure,
        causes: &[],
        next: &["Check the host and port: https is expected"],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::NoCommonTls),
        code: Code::TlsFailure,
        causes: &[
            ("old-tls", High, "the server only offers TLS 1.1 or older, or outdated ciphers"),
            ("client-certificate", Low, "the server requires a client certificate"),
        ],
        next: &["Ask the people who run the host to enable TLS 1.2 or newer"],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::ClientCertificate),
        code: Code::TlsFailure,
        causes: &[],
        next: &[
            "Give a client certificate to snow connect with --client-cert FILE and --client-key FILE",
            "Add one to a saved connection, which signs in as before: {add_certificate}",
        ],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::CertificateRefused(_)),
        code: Code::CertificateRefused,
        causes: CERTIFICATE_REFUSED,
        next: CHECK_CERTIFICATE,
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::NoAuthorities),
        code: Code::TlsFailure,
        causes: &[],
        next: &[NO_AUTHORITIES],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::Tls(_)),
        code: Code::TlsFailure,
        causes: &[],
        next: &["Check the host and port, or ask the people who run the host or the proxy"],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::ProxyAuth),
        code: Code::ProxyAuth,
        causes: &[],
        next: &[
            "Put the user name and password of the proxy (set by {setting}) in HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT",
        ],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::Proxy),
        code: Code::ProxyFailure,
        causes: &[],
        next: &[
            "Check {setting}, and whether the proxy allows the host",
            "If the proxy requires a user name and password, check them in HTTPS_PROXY: some proxies reject wrong ones like this",
        ],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::Truncated),
        code: Code::TruncatedAnswer,
        causes: &[],
        next: &["Run the command again"],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::TooLarge(_)),
        code: Code::AnswerTooLarge,
        causes: &[],
        next: &["Check that the address is an instance and that no proxy answers in its place"],
    },
    Fault {
        fits: |_, _| true,
        code: Code::UnexpectedAnswer,
        causes: &[],
        next: &["Check that the address is an instance and that no proxy answers in its place"],
    },
];

/// What may be behind each code, as the table has it.
pub fn causes() -> impl Iterator<Item = CausesOfCode> {
    FAULTS.iter().map(|fault| CausesOfCode::new(fault.code, fault.causes))
}

fn kind_of(error: &reqwest::Error, phase: Phase, route: &Route, timeout: Duration) -> Kind {
    if let Some(dns) = find::<DnsError>(error) {
        return match dns.kind {
            LookupErrorKind::NoName | LookupErrorKind::NoData => Kind::NoSuchHost,
            _ => Kind::DnsTemporary,
        };
    }
    if let Some(tls) = find::<rustls::Error>(error) {
        return tls_kind(tls);
    }
    if let Some(tunnel) = find::<TunnelError>(error) {
        return match tunnel {
            TunnelError::ProxyAuthRequired => Kind::ProxyAuth,
            _ => Kind::Proxy,
        };
    }
    let through_proxy = route.proxy().is_some();
    if error.is_timeout() {
        return Kind::Timeout(timeout);
    }
    // What goes wrong between us and the proxy is the proxy's.
    if through_proxy && phase == Phase::Tcp {
        return Kind::Proxy;
    }
    if error.is_body() || error.is_decode() {
        let malformed = find::<io::Error>(error)
            .is_some_and(|io| matches!(io.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput));
        let parsing = find::<hyper::Error>(error).is_some_and(hyper::Error::is_parse);
        return if malformed || parsing { Kind::Malformed } else { Kind::Truncated };
    }
    if let Some(hyper) = find::<hyper::Error>(error)
        && hyper.is_parse()
    {
        return if hyper.to_string().contains("too large") {
            Kind::TooLarge("the header size limit".to_owned())
        } else {
            Kind::Malformed
        };
    }
    match find::<io::Error>(error).map(|io| (io.kind(), io)) {
        Some((io::ErrorKind::ConnectionRefused, _)) => Kind::Refused,
        Some((io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable, io))
        | Some((io::ErrorKind::AddrNotAvailable | io::ErrorKind::PermissionDenied, io)) => {
            Kind::Unreachable(io.kind().to_string())
        }
        Some((io::ErrorKind::TimedOut, _)) => Kind::Timeout(timeout),
        _ => Kind::Lost,
    }
}

fn tls_kind(error: &rustls::Error) -> Kind {
    match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Kind::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Kind::NotYetValid,
            CertificateError::NotValidForName => Kind::WrongName { presented: Vec::new() },
            CertificateError::NotValidForNameContext { presented, .. } => {
                Kind::WrongName { presented: presented.iter().map(|name| readable_name(name)).collect() }
            }
            CertificateError::UnknownIssuer
            | CertificateError::BadSignature
            | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => Kind::Untrusted,
            // webpki's word for a self-signed certificate that is its own CA.
            CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => Kind::Untrusted,
            other => Kind::Tls(other.to_string()),
        },
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => Kind::NotTls,
        rustls::Error::AlertReceived(alert) => match alert {
            AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure => Kind::NoCommonTls,
            AlertDescription::CertificateRequired => Kind::ClientCertificate,
            AlertDescription::UnknownCA => Kind::CertificateRefused("it does not know the CA"),
            AlertDescription::CertificateExpired => Kind::CertificateRefused("it has expired"),
            AlertDescription::CertificateRevoked => Kind::CertificateRefused("it was revoked"),
            AlertDescription::UnsupportedCertificate => Kind::CertificateRefused("its kind is not supported"),
            AlertDescription::BadCertificate | AlertDescription::CertificateUnknown => {
                Kind::CertificateRefused("it is not acceptable")
            }
            AlertDescription::AccessDenied => Kind::CertificateRefused("it gives no access"),
            other => Kind::Tls(format!("the server sent the TLS alert {other:?}")),
        },
        rustls::Error::PeerIncompatible(_) => Kind::NoCommonTls,
        rustls::Error::General(text) if text.contains("No CA certificates") => Kind::NoAuthorities,
        other => Kind::Tls(other.to_string()),
    }
}

/// `DnsName("a.example")` as rustls presents it, without its wrapping.
fn readable_name(presented: &str) -> String {
    match (presented.find('"'), presented.rfind('"')) {
        (Some(from), Some(to)) if from < to => presented[from + 1..to].to_owned(),
        _ => presented.to_owned(),
    }
}

/// The first error of a type in the chain. An `io::Error` hides its payload
/// from `source`, so it is opened.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}
