//! Which requests are sent on. What is decided here the instance does not hear of.

use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, Uri};
use url::Url;

use super::password::LocalPassword;
use super::refusal::Refusal;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, shown};
use crate::model::header::overrides_method;
use crate::model::instance::Instance;
use crate::service::Service;

/// What reads.
const READING: [Method; 2] = [Method::GET, Method::HEAD];
/// What is sent on with `--write`. `TRACE` would show the credential to the program.
const WRITING: [Method; 7] =
    [Method::GET, Method::HEAD, Method::OPTIONS, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// Where the gateway is.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub port: u16,
    pub is_tls: bool,
}

/// What programs may ask for.
#[derive(Debug, Clone, Default)]
pub struct Access {
    pub writes: bool,
    /// Beside the APIs.
    pub paths: Vec<PathPrefix>,
    /// Paths that are not sent on, whatever else says so.
    pub closed: Vec<String>,
}

/// A path, and what is below it.
#[derive(Debug, Clone)]
pub struct PathPrefix(String);

pub struct Admission {
    pub service: &'static dyn Service,
    pub place: Place,
    pub access: Access,
    pub password: LocalPassword,
}

impl Place {
    pub fn url(self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// Whether a `Host` names it. A page whose name was made to lead here names another.
    fn is_named_by(self, host: &HeaderValue) -> bool {
        let port = self.port.to_string();
        let default_port = if self.is_tls { 443 } else { 80 };
        let is_here = |name: &str| name == "127.0.0.1" || name.eq_ignore_ascii_case("localhost");
        host.to_str().is_ok_and(|host| match host.rsplit_once(':') {
            Some((name, given)) => given == port && is_here(name),
            None => self.port == default_port && is_here(host),
        })
    }
}

impl PathPrefix {
    /// Reads what `--path` gives.
    pub fn read(service: &dyn Service, instance: &Instance, text: &str) -> Result<Self, Failure> {
        let usage = |why: &'static str, next: &'static str| {
            let failure = Failure::new(Code::Usage, shown!("--path {} cannot be served", Shown::outside(text)));
            Err(failure.why(why).next(next))
        };
        if !text.starts_with('/') || text.contains(['?', '#']) {
            return usage("A prefix begins with / and has no query.", "Write it as in --path /sys_report");
        }
        let url = service.forwarded(instance, text)?;
        if service.signs_in(url.path(), &[]) {
            return usage(
                "The gateway never forwards requests that sign in or get tokens.",
                "Leave it out; the gateway signs its requests itself",
            );
        }
        Ok(Self(url.path().to_owned()))
    }

    fn covers(&self, path: &str) -> bool {
        covers(&self.0, path)
    }
}

/// Whether `path` is this one or below it.
fn covers(prefix: &str, path: &str) -> bool {
    let below = path.strip_prefix(prefix);
    below.is_some_and(|below| below.is_empty() || below.starts_with('/') || prefix.ends_with('/'))
}

impl Admission {
    /// The URL that a request is sent on to.
    pub fn admit(&self, head: &Parts, instance: &Instance) -> Result<Url, Refusal> {
        self.check_caller(&head.headers)?;
        self.check_method(&head.method, &head.headers)?;
        let target = origin_form(&head.uri)?;
        if changes_protocol(&head.headers) {
            return Err(bad_request("the gateway does not change the protocol of a connection")
                .next("Send the request without Upgrade"));
        }
        let url = self.service.forwarded(instance, target).map_err(Refusal::of)?;
        self.check_path(url.path())?;
        Ok(url)
    }

    /// No page of a browser, and no program without the password.
    fn check_caller(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let is_named = matches!((hosts.next(), hosts.next()), (Some(host), None) if self.place.is_named_by(host));
        if !is_named {
            let url = self.place.url();
            return Err(Refusal::new(StatusCode::FORBIDDEN, Code::Usage, "the Host header does not name this gateway")
                .next(shown!("Ask {}", Shown::outside(&url))));
        }
        let fetched_by_a_page =
            headers.get("sec-fetch-site").is_some_and(|site| site != "none" && site != "same-origin");
        if headers.contains_key(header::ORIGIN) || fetched_by_a_page {
            return Err(Refusal::new(StatusCode::FORBIDDEN, Code::Usage, "web pages cannot use this gateway")
                .why("The request comes from a page in a browser.")
                .next("Ask from a program, without an Origin header"));
        }
        if !self.password.is_shown_by(headers) {
            return Err(Refusal::new(StatusCode::UNAUTHORIZED, Code::Usage, "the local password is missing or wrong")
                .next("Send the password that snow proxy gave, with any user name or as a bearer token")
                .with(
                    header::WWW_AUTHENTICATE,
                    "Basic realm=\"snow proxy\", charset=\"UTF-8\", Bearer realm=\"snow proxy\"",
                ));
        }
        Ok(())
    }

    fn check_method(&self, method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
        let allowed = if self.access.writes { &WRITING[..] } else { &READING };
        let is_allowed = allowed.contains(method);
        if is_allowed && (self.access.writes || !overrides_method(headers)) {
            return Ok(());
        }
        let names: Vec<&str> = allowed.iter().map(Method::as_str).collect();
        let allow = HeaderValue::from_str(&names.join(", ")).expect("methods are words");
        let shown = Shown::outside(method.as_str());
        let refusal = if self.access.writes || *method == Method::CONNECT {
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Code::Usage, shown!("this gateway does not forward {}", shown))
                .next(shown!("Use one of {}", Shown::list(names, ", ")))
        } else if is_allowed {
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Code::ReadOnly, "this gateway only reads")
                .why("A header of the request gives it another method.")
                .next("To let programs write, start it with --write")
        } else {
            Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                Code::ReadOnly,
                shown!("this gateway only reads, and {} may write", shown),
            )
            .next("To let programs write, start it with --write")
        };
        Err(refusal.with_value(header::ALLOW, allow))
    }

    fn check_path(&self, path: &str) -> Result<(), Refusal> {
        if self.service.signs_in(path, &self.access.closed) {
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                Code::Usage,
                "this gateway does not forward requests that sign in or get tokens",
            )
            .why("Its own requests are signed already.")
            .next("Ask for what you need with the local password alone"));
        }
        if covers(self.service.apis(), path) || self.access.paths.iter().any(|prefix| prefix.covers(path)) {
            return Ok(());
        }
        Err(Refusal::new(StatusCode::FORBIDDEN, Code::Usage, "this gateway does not serve this path")
            .why(shown!("It serves what is below {} and what --path adds.", self.service.apis()))
            .next("To add it, start the gateway with --path PREFIX"))
    }
}

/// Whether a request wants another protocol on its connection. Some programs always ask for
/// HTTP/2, and go on without it.
fn changes_protocol(headers: &HeaderMap) -> bool {
    headers.get_all(header::UPGRADE).iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"h2c"))
}

/// The target of a request, where it is a path.
fn origin_form(uri: &Uri) -> Result<&str, Refusal> {
    let is_path = uri.scheme().is_none() && uri.authority().is_none() && uri.path().starts_with('/');
    let target = uri.path_and_query().map(|target| target.as_str());
    target.filter(|_| is_path).ok_or_else(|| {
        bad_request("the gateway takes a path, and no whole URL").next("Use it as a server, not as an HTTP proxy")
    })
}

fn bad_request(message: &'static str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, Code::Usage, message)
}
