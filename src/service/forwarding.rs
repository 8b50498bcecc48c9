//! What a gateway sends on for a program that has no credential, whatever the service.

use url::Url;

use super::path::{self, Forms, InvalidPath, plain};
use crate::model::instance::Instance;

/// The URL that a request for `target`, a path with its query, is sent on to.
pub fn url_of(instance: &Instance, target: &str, forms: &Forms) -> Result<Url, InvalidPath> {
    let path = target.split('?').next().unwrap_or_default();
    // Some servers take two slashes for one.
    if plain(path)?.windows(2).any(|pair| pair == b"//") {
        return Err(InvalidPath::TwoSlashes);
    }
    path::request_url(instance, target, forms, |_| None)
}

/// Whether a path is closed by its segments, or is one of the connection's `own` or below
/// it, however it is written.
pub fn is_closed(path: &str, own: &[String], by_names: impl Fn(&[String]) -> bool) -> bool {
    let Some(names) = names(path) else { return true };
    let is_own = |own: &String| self::names(own).is_some_and(|own| !own.is_empty() && names.starts_with(&own));
    by_names(&names) || own.iter().any(is_own)
}

/// The segments of a path in small letters, without what makes one look like another.
fn names(path: &str) -> Option<Vec<String>> {
    let path = String::from_utf8_lossy(&plain(path).ok()?).to_ascii_lowercase();
    let names = path.split('/').map(|segment| segment.split(';').next().unwrap_or_default().trim().to_owned());
    Some(names.filter(|name| !name.is_empty()).collect())
}
