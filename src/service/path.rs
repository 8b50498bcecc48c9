//! What a program may ask an instance for, as a text: a path, the short form of one, or a
//! whole URL. What is accepted stays at the origin of the connection.

use std::borrow::Cow;

use url::Url;

use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, shown, shown_as_displayed};
use crate::model::instance::{Instance, Naming};

shown_as_displayed!(InvalidPath);

/// How often a path is decoded in search of what it hides.
const MAX_LAYERS: usize = 4;

/// How the paths of a service are written.
pub struct Forms {
    /// What a short form begins with, for people.
    pub short: &'static str,
    /// One, and what it means.
    pub example: &'static str,
    pub whole_example: &'static str,
}

/// Why a text is no path of an instance. Never repeats what may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    #[error("it is empty")]
    Empty,
    #[error("it contains a control character")]
    ControlCharacter,
    #[error("it contains a backslash, which servers treat as a slash")]
    Backslash,
    #[error("it begins with two slashes, which refer to another host")]
    TwoSlashes,
    #[error("it contains \".\" or \"..\" as a segment")]
    DotSegment,
    #[error("it is percent-encoded too many times")]
    Layers,
    #[error("it contains a #, and the part after it is never sent")]
    Fragment,
    #[error("it is a URL on a host other than {0}")]
    OtherOrigin(Shown),
    #[error("it does not begin with a slash or one of: {0}")]
    Unknown(&'static str),
}

impl InvalidPath {
    /// The failure, with what to write in its place.
    pub fn failure(self, forms: &Forms) -> Failure {
        let next: Shown = match &self {
            Self::OtherOrigin(origin) => {
                shown!("Use a path such as {}, or a URL on {}", forms.whole_example, origin)
            }
            Self::Fragment => "Write %23 for a # in a value".into(),
            Self::Backslash => "Write %5C for a backslash in a query value".into(),
            Self::ControlCharacter => "Percent-encode it in a query value, and remove it elsewhere".into(),
            _ => shown!("Use a path such as {} or {}", forms.example, forms.whole_example),
        };
        Failure::new(Code::Usage, shown!("invalid request path: {}", self)).why("Nothing was sent.").next(next)
    }
}

/// The URL of what `text` asks for: `/…`, a short form, which `expanded` makes a path of, or
/// a URL of exactly this instance.
pub fn request_url(
    instance: &Instance,
    text: &str,
    forms: &Forms,
    expanded: impl FnOnce(&str) -> Option<String>,
) -> Result<Url, InvalidPath> {
    if text.is_empty() {
        return Err(InvalidPath::Empty);
    }
    if text.chars().any(char::is_control) {
        return Err(InvalidPath::ControlCharacter);
    }
    if text.contains('\\') {
        return Err(InvalidPath::Backslash);
    }
    if text.contains('#') {
        return Err(InvalidPath::Fragment);
    }
    let text = match expanded(text) {
        Some(path) if !text.starts_with('/') => path.into(),
        _ => local(instance, text, forms)?,
    };
    let (path, query) = match text.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (&*text, None),
    };
    if path.starts_with("//") {
        return Err(InvalidPath::TwoSlashes);
    }
    plain(path)?;
    let mut url = instance.url(path);
    url.set_query(query);
    Ok(url)
}

/// The text from the slash on that begins the path.
fn local<'t>(instance: &Instance, text: &'t str, forms: &Forms) -> Result<Cow<'t, str>, InvalidPath> {
    if text.starts_with('/') {
        return Ok(text.into());
    }
    let first = text.split(['/', '?']).next().unwrap_or_default();
    let is_url = first.ends_with(':') || text.contains("://");
    if !is_url {
        return Err(InvalidPath::Unknown(forms.short));
    }
    let elsewhere = || InvalidPath::OtherOrigin(Shown::outside(instance.origin()));
    // A text without a scheme would be taken for a host.
    if !first.ends_with(':') {
        return Err(elsewhere());
    }
    match Instance::read(text, &Naming { domain: None, portals: &[] }) {
        Ok((other, tail)) if other == *instance => {
            Ok(if tail.starts_with('/') { tail.into() } else { format!("/{tail}").into() })
        }
        _ => Err(elsewhere()),
    }
}

/// The path without any percent-encoding. Looks for dot segments, and for what only
/// decoding shows, as some servers decode before they look.
pub fn plain(path: &str) -> Result<Vec<u8>, InvalidPath> {
    let mut path = path.as_bytes().to_vec();
    for _ in 0..MAX_LAYERS {
        if path.iter().any(u8::is_ascii_control) {
            return Err(InvalidPath::ControlCharacter);
        }
        if path.contains(&b'\\') {
            return Err(InvalidPath::Backslash);
        }
        // What follows a semicolon is a parameter of the segment.
        let mut names = path.split(|&byte| byte == b'/').map(|segment| segment.split(|&byte| byte == b';').next());
        if names.any(|name| matches!(name, Some(b"." | b".."))) {
            return Err(InvalidPath::DotSegment);
        }
        let decoded = decoded(&path);
        if decoded == path {
            return Ok(path);
        }
        path = decoded;
    }
    Err(InvalidPath::Layers)
}

/// One layer of percent-encoding less.
fn decoded(path: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|&byte| char::from(byte).to_digit(16));
    let mut decoded = Vec::with_capacity(path.len());
    let mut at = 0;
    while at < path.len() {
        match (path[at], digit(path.get(at + 1)), digit(path.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                decoded.extend(u8::try_from(high * 16 + low));
                at += 3;
            }
            (byte, ..) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    decoded
}
