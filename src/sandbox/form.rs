//! The parameters of a form body.

use super::request::{Body, Request};

/// Each parameter once, and none of them empty (RFC 6749, section 3.2: one
/// without a value counts as left out, and none may come twice).
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Nothing where the body is no form, is too large for one, or names a
    /// parameter twice.
    pub fn of(request: &Request<'_>) -> Option<Self> {
        let media_type = request.content_type?.split(';').next()?.trim();
        if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return None;
        }
        let Body::Whole(body) = request.body else { return None };
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(body).into_owned().collect();
        let is_repeated = (1..pairs.len()).any(|end| pairs[..end].iter().any(|(name, _)| *name == pairs[end].0));
        (!is_repeated).then(|| Self(pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect()))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}
