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
    #[error("the host name could not be looked up")]
    DnsTemporary,
    #[error("the connection was refused")]
    Refused,
    #[error("the network does not reach it: {0}")]
    Unreachable(String),
    #[error("the connection was closed")]
    Lost,
    #[error("no answer within {} s", .0.as_secs_f64())]
    Timeout(Duration),
    #[error("the certificate is not signed by an authority this machine trusts")]
    Untrusted,
    #[error("the certificate has expired")]
    Expired,
    #[error("the certificate is not valid yet")]
    NotYetValid,
    #[error("the certificate is for another name")]
    WrongName { presented: Vec<String> },
    #[error("what answers there does not speak TLS")]
    NotTls,
    #[error("no TLS version or cipher in common")]
    NoCommonTls,
    #[error("the server asks for a client certificate")]
    ClientCertificate,
    #[error("this machine has no certificate authorities")]
    NoAuthorities,
    #[error("the TLS handshake failed: {0}")]
    Tls(String),
    #[error("the proxy wants a user name and password")]
    ProxyAuth,
    #[error("the proxy did not open the way")]
    Proxy,
    #[error("the answer stopped in the middle")]
    Truncated,
    #[error("the answer is too large")]
    TooLarge,
    #[error("the answer is not proper HTTP")]
    Malformed,
}

impl NetworkError {
    pub(crate) fn answer_too_large(url: &Url) -> Self {
        Self { kind: Kind::TooLarge, host: host_of(url), proxy: None, phase: Reached::Response, opened: true }
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
            Kind::NotTls | Kind::NoCommonTls | Kind::ClientCertificate => Reached::Tls,
            Kind::NoAuthorities | Kind::Tls(_) => Reached::Tls,
            Kind::Truncated | Kind::TooLarge | Kind::Malformed => Reached::Response,
            _ => Reached::of(phase),
        };
        Self { kind, host: host_of(url), proxy, phase, opened }
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
                Some(proxy) => shown!("the proxy {} cannot be found", proxy),
                None => shown!("{} cannot be found", host),
            },
            Kind::Refused | Kind::Unreachable(_) => shown!("{} cannot be reached{}", host, via),
            Kind::Lost => shown!("the connection to {}{} was lost", host, via),
            Kind::Timeout(_) => shown!("{} did not answer in time{}", host, via),
            Kind::Untrusted | Kind::Expired | Kind::NotYetValid | Kind::WrongName { .. } => {
                shown!("the certificate of {} cannot be trusted", host)
            }
            Kind::NotTls | Kind::NoCommonTls | Kind::ClientCertificate | Kind::NoAuthorities | Kind::Tls(_) => {
                shown!("no secure connection to {}{}", host, via)
            }
            Kind::ProxyAuth | Kind::Proxy => shown!("no way to {}{}", host, via),
            Kind::Truncated | Kind::TooLarge | Kind::Malformed => shown!("the answer of {} cannot be used", host),
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
            let more = if presented.len() > SHOWN_NAMES { ", and others" } else { "" };
            let names: Vec<String> = presented.iter().take(SHOWN_NAMES).map(|name| shorten(name, 100)).collect();
            why = format!("{why} It names {}{more}.", names.join(", "));
        }
        if !error.opened {
            why.push_str(" Nothing secret was sent.");
        }
        let fault = error.fault();
        let failure =
            Failure::new(fault.code, message).why(Shown::outside(why)).evidence("host", host).evidence("proxy", proxy);
        let failure = failure.causes(fault.causes);
        let failure = fault
            .next
            .iter()
            .fold(failure, |failure, step| failure.next(Step::filled(step, &[("{setting}", setting.into())])));
        match &error.kind {
            Kind::Timeout(timeout) => failure.evidence("timeout_seconds", timeout.as_secs_f64()),
            _ => failure,
        }
    }
}

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
        next: &["Check the name of the proxy: {setting} sets it"],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::NoSuchHost),
        code: Code::DnsFailure,
        causes: &[
            ("typing-error", High, "the name is misspelt, or the instance was renamed or returned"),
            ("vpn", Medium, "the name is known only inside a company network"),
        ],
        next: &["Check the name; government instances end in .servicenowservices.com; is the VPN on?"],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::DnsTemporary),
        code: Code::DnsFailure,
        causes: &[("offline", High, "this machine is offline, or its name server does not answer")],
        next: &["Check the network of this machine, then run the command again"],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::Refused),
        code: Code::ConnectionRefused,
        causes: &[
            ("nothing-listens", High, "nothing listens on that port"),
            ("firewall", Medium, "a firewall or a missing VPN refuses the way"),
        ],
        next: &["Check host and port, and the VPN"],
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
        causes: &[("middlebox", Medium, "a firewall, proxy or load balancer cut the connection")],
        next: &["Run the command again; if it stays, ask whoever runs the network"],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::Timeout(_)),
        code: Code::Timeout,
        causes: &[
            ("firewall", Medium, "a firewall or a missing VPN swallows the packets"),
            ("waking", Medium, "the instance is waking up or overloaded"),
        ],
        next: &["Run the command again with a longer --timeout"],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::Untrusted),
        code: Code::TlsUntrusted,
        causes: &[
            ("inspection", High, "a company proxy inspects TLS with an authority of its own"),
            ("private-ca", Medium, "the instance has a certificate of a private authority, or one it signed itself"),
        ],
        next: &["Ask for the certificate of that authority and give it with --ca-cert FILE"],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::Expired | Kind::NotYetValid),
        code: Code::TlsExpired,
        causes: &[
            ("not-renewed", High, "the certificate was not renewed in time"),
            ("clock", Medium, "the clock of this machine is wrong"),
        ],
        next: &["Check the clock of this machine; then ask whoever runs the host to renew its certificate"],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::WrongName { .. }),
        code: Code::TlsNameMismatch,
        causes: &[("custom-url", Medium, "the address is an alias that the certificate does not name")],
        next: &["Use an address that the certificate names, such as the original one of the instance"],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::NotTls),
        code: Code::TlsFailure,
        causes: &[],
        next: &["Check host and port: https is expected there"],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::NoCommonTls),
        code: Code::TlsFailure,
        causes: &[
            ("old-tls", High, "the server offers only TLS 1.1 or older, or outdated ciphers"),
            ("client-certificate", Low, "the server asks for a client certificate"),
        ],
        next: &["Ask whoever runs the host for TLS 1.2 or newer"],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::ClientCertificate),
        code: Code::TlsFailure,
        causes: &[],
        next: &["This version cannot present a client certificate"],
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
        next: &["Check host and port; ask whoever runs the host or the proxy between"],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::ProxyAuth),
        code: Code::ProxyAuth,
        causes: &[],
        next: &[
            "{setting} sets the proxy. Its user name and password go into a variable alone: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT",
        ],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::Proxy),
        code: Code::ProxyFailure,
        causes: &[],
        next: &[
            "Check {setting}; does it allow the host?",
            "If the proxy wants a user and password, check them in HTTPS_PROXY: some refuse wrong ones in this way",
        ],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::Truncated),
        code: Code::TruncatedAnswer,
        causes: &[],
        next: &["Run the command again"],
    },
    Fault {
        fits: |kind, _| matches!(kind, Kind::TooLarge),
        code: Code::AnswerTooLarge,
        causes: &[],
        next: &["Check that the address is an instance, and nothing in between answers for it"],
    },
    Fault {
        fits: |_, _| true,
        code: Code::UnexpectedAnswer,
        causes: &[],
        next: &["Check that the address is an instance, and nothing in between answers for it"],
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
        return if hyper.to_string().contains("too large") { Kind::TooLarge } else { Kind::Malformed };
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
            other => Kind::Tls(format!("the server sent the alert {other:?}")),
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
