//! A request as the instance sees it, after its bytes were read.

use std::net::IpAddr;

use http::HeaderMap;
use http::uri::Authority;

/// A request, as far as it matters here.
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    /// How long path and query are as they were sent.
    pub url_bytes: usize,
    pub parameters: Vec<(String, String)>,
    pub authorization: Option<&'a str>,
    pub headers: &'a HeaderMap,
    pub accept: Option<&'a str>,
    pub content_type: Option<&'a str>,
    pub body: Body<'a>,
}

/// The body of a request.
#[derive(Debug, Clone, Copy)]
pub enum Body<'a> {
    Whole(&'a [u8]),
    /// It was not kept.
    TooLarge(TooLarge),
}

/// How long a body is, and how long it may be, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge {
    pub length: u64,
    pub limit: u64,
}

impl Request<'_> {
    /// The name or address that it is sent to, without the port.
    fn host(&self) -> Option<String> {
        let authority: Authority = self.header("host")?.parse().ok()?;
        Some(authority.host().trim_matches(['[', ']']).to_ascii_lowercase())
    }

    /// Whether it was meant for this machine, or for one of these names besides. A page
    /// whose name was made to lead here (DNS rebinding) comes by that name.
    pub fn is_for_this_machine(&self, names: &[String]) -> bool {
        self.host().is_some_and(|host| {
            host == "localhost"
                || host.ends_with(".localhost")
                || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
                || names.iter().any(|name| name.eq_ignore_ascii_case(&host))
        })
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether a parameter comes twice.
    pub fn is_repeated(&self) -> bool {
        let names = || self.parameters.iter().map(|(name, _)| name);
        names().enumerate().any(|(index, name)| names().take(index).any(|earlier| earlier == name))
    }

    pub fn is_on(&self, name: &str) -> bool {
        self.parameter(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    pub fn accepts_json(&self) -> bool {
        self.accept.is_none_or(|accept| {
            let mut types = accept.split(',').map(|range| range.split(';').next().unwrap_or("").trim());
            types.any(|range| matches!(range, "*/*" | "application/*" | "application/json" | "text/json" | ""))
        })
    }
}
