//! Times and the certificate, from the very connection that carries a request.
//!
//! A layer around reqwest's connector opens a scope that the resolver and the
//! TLS callbacks run inside, so each of them can note its moment in the right
//! place, also for connections that fail.

use std::fmt;
use std::future::Future;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::certificate::Certificate;
use crate::base::duration::took;
use dns_lookup::LookupErrorKind;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tower_layer::Layer;
use tower_service::Service;

tokio::task_local! {
    /// The connection under way, for the callbacks inside the connector.
    static CONNECTING: Marks;
    /// Where the connector files the connections that a request opens.
    static REQUESTING: Arc<Mutex<Vec<Marks>>>;
}

/// When each step of opening one connection began or ended.
#[derive(Debug, Clone)]
struct Moments {
    started: Instant,
    dns_started: Option<Instant>,
    dns_ended: Option<Instant>,
    tls_started: Option<Instant>,
    /// Whom the handshake is with: a proxy that speaks TLS, or the host behind it.
    tls_with: String,
    ended: Option<Instant>,
    certificate: Option<Certificate>,
}

/// The moments of one connection, shared with the callbacks.
#[derive(Debug, Clone)]
pub struct Marks(Arc<Mutex<Moments>>);

/// How far a connection came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Dns,
    /// TCP; through a proxy also the request for a tunnel.
    Tcp,
    Tls,
    Connected,
}

/// How long each step of one request took; `None` where it did not happen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Timings {
    pub dns: Option<Duration>,
    pub tcp: Option<Duration>,
    pub tls: Option<Duration>,
    pub first_byte: Option<Duration>,
    pub total: Duration,
}

/// `dns 3 ms, tcp 12 ms, first byte 40 ms, 55 ms in all`
impl fmt::Display for Timings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (step, time) in [("dns", self.dns), ("tcp", self.tcp), ("tls", self.tls), ("first byte", self.first_byte)] {
            if let Some(time) = time {
                write!(formatter, "{step} {}, ", took(time))?;
            }
        }
        write!(formatter, "{} in all", took(self.total))
    }
}

/// What one request noted.
pub struct Trace {
    connections: Arc<Mutex<Vec<Marks>>>,
    started: Instant,
}

impl Trace {
    /// Runs `request` and notes the connections it opens.
    pub async fn of<T>(request: impl Future<Output = T>) -> (Self, T) {
        let trace = Self { connections: Arc::default(), started: Instant::now() };
        let result = REQUESTING.scope(trace.connections.clone(), request).await;
        (trace, result)
    }

    /// How far the connection came; a reused one is connected.
    pub fn phase(&self) -> Phase {
        let Some(moments) = self.moments() else {
            return Phase::Connected;
        };
        match moments {
            Moments { ended: Some(_), .. } => Phase::Connected,
            Moments { tls_started: Some(_), .. } => Phase::Tls,
            Moments { dns_started: Some(_), dns_ended: None, .. } => Phase::Dns,
            _ => Phase::Tcp,
        }
    }

    /// The durations, when the first byte came at `first_byte`.
    pub fn timings(&self, first_byte: Option<Instant>) -> Timings {
        let now = Instant::now();
        let mut timings = Timings { total: now - self.started, ..Timings::default() };
        let mut sent = self.started;
        if let Some(moments) = self.moments() {
            let open = moments.ended.unwrap_or(now);
            let resolved = moments.dns_ended.unwrap_or(moments.started);
            timings.dns = moments.dns_started.map(|from| moments.dns_ended.unwrap_or(now) - from);
            if self.phase() != Phase::Dns {
                timings.tcp = Some(moments.tls_started.unwrap_or(open).saturating_duration_since(resolved));
            }
            timings.tls = moments.tls_started.map(|from| open.saturating_duration_since(from));
            sent = open;
        }
        timings.first_byte = first_byte.map(|at| at.saturating_duration_since(sent));
        timings
    }

    /// The certificate that the server showed, trusted or not; nothing where
    /// the connection was open before.
    pub fn certificate(&self) -> Option<Certificate> {
        self.moments().and_then(|moments| moments.certificate)
    }

    fn moments(&self) -> Option<Moments> {
        let connections = lock(&self.connections);
        connections.last().map(|marks| lock(&marks.0).clone())
    }
}

impl Marks {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Moments {
            started: Instant::now(),
            dns_started: None,
            dns_ended: None,
            tls_started: None,
            tls_with: String::new(),
            ended: None,
            certificate: None,
        })))
    }

    fn mark(&self, note: impl FnOnce(&mut Moments)) {
        note(&mut lock(&self.0));
    }
}

/// The ClientHello is being written: TCP (and a tunnel) stands.
pub fn tls_starts(server: &str) {
    // The last one counts: an https proxy has its own handshake before.
    let _ = CONNECTING.try_with(|marks| {
        marks.mark(|moments| {
            moments.tls_started = Some(Instant::now());
            server.clone_into(&mut moments.tls_with);
        })
    });
}

/// Whether the handshake under way is with this host.
pub fn is_handshake_with(host: &str) -> bool {
    CONNECTING.try_with(|marks| lock(&marks.0).tls_with.eq_ignore_ascii_case(host)).unwrap_or(false)
}

/// The server shows its certificate, which is not judged yet.
pub fn certificate_comes(der: &[u8]) {
    let _ = CONNECTING.try_with(|marks| marks.mark(|moments| moments.certificate = Certificate::read(der)));
}

/// Wraps reqwest's connector.
#[derive(Clone)]
pub struct ConnectorTrace;

/// The wrapped connector.
#[derive(Clone)]
pub struct TracedConnector<S>(S);

impl<S> Layer<S> for ConnectorTrace {
    type Service = TracedConnector<S>;

    fn layer(&self, connector: S) -> TracedConnector<S> {
        TracedConnector(connector)
    }
}

impl<S, R> Service<R> for TracedConnector<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
    S::Response: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let marks = Marks::new();
        let _ = REQUESTING.try_with(|connections| lock(connections).push(marks.clone()));
        let connecting = self.0.call(request);
        Box::pin(CONNECTING.scope(marks.clone(), async move {
            let connected = connecting.await;
            if connected.is_ok() {
                marks.mark(|moments| moments.ended = Some(Instant::now()));
            }
            connected
        }))
    }
}

/// The resolver of the operating system, with its moments noted and its
/// failure kept apart from others. It is not asked about `localhost`.
pub struct Resolver;

/// A host name that could not be resolved, with getaddrinfo's own class.
#[derive(Debug, thiserror::Error)]
#[error("{host}: {kind:?}")]
pub struct DnsError {
    /// The name that was looked up: the proxy's, or the instance's.
    pub host: String,
    pub kind: LookupErrorKind,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let marks = CONNECTING.try_with(Marks::clone).ok();
        Box::pin(async move {
            let mark = |note: fn(&mut Moments)| {
                if let Some(marks) = &marks {
                    marks.mark(note);
                }
            };
            mark(|moments| moments.dns_started = Some(Instant::now()));
            let host = name.as_str().to_owned();
            // getaddrinfo cannot be interrupted; its thread is left behind
            // when the deadline comes first.
            let asked = host.clone();
            let found = tokio::task::spawn_blocking(move || look_up(&asked)).await;
            mark(|moments| moments.dns_ended = Some(Instant::now()));
            let found = found.unwrap_or(Err(LookupErrorKind::Unknown)).map_err(|kind| DnsError { host, kind })?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

fn look_up(host: &str) -> Result<Vec<SocketAddr>, LookupErrorKind> {
    if is_localhost(host) {
        // RFC 6761 §6.3: this machine, whatever a name server says. A password
        // goes there in the clear.
        return Ok(vec![(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()]);
    }
    let hints = dns_lookup::AddrInfoHints { socktype: dns_lookup::SockType::Stream.into(), ..Default::default() };
    let found = dns_lookup::getaddrinfo(Some(host), None, Some(hints)).map_err(|error| error.kind())?;
    let addresses: Vec<SocketAddr> =
        found.filter_map(Result::ok).filter_map(|info| info.sockaddr.to_socket_addrs().ok()?.next()).collect();
    if addresses.is_empty() { Err(LookupErrorKind::NoData) } else { Ok(addresses) }
}

/// `localhost` and the names below it.
fn is_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_below_localhost_are_this_machine_and_nothing_else() {
        for host in ["localhost", "x.localhost", "a.b.localhost", "LOCALHOST", "x.LocalHost.", "localhost."] {
            let found = look_up(host).unwrap();
            assert!(!found.is_empty() && found.iter().all(|address| address.ip().is_loopback()), "{host}: {found:?}");
        }
        for host in ["notlocalhost", "localhost.example", "x.localhosts", "localhost-x"] {
            assert!(!is_localhost(host), "{host}");
        }
    }
}
