//! Where a redirect points, as far as that may be shown.

use crate::base::server_text::Redactor;
use crate::base::shown::Shown;
use crate::http::client::Response;
use crate::model::instance::Instance;

/// Where a redirect points: never its user or query, which can carry secrets.
#[derive(Debug)]
pub struct RedirectTarget {
    /// Empty where it is no address of the web.
    pub host: String,
    pub path: String,
    /// As it may be shown, with the scheme where that is another.
    pub shown: Shown,
    /// Whether the query is one by which a person is sent to sign in.
    pub asks_to_sign_in: bool,
    /// Where the same is to be asked of another origin, that one.
    pub other_origin: Option<Instance>,
    /// Whether it is what was asked for.
    pub is_itself: bool,
}

impl RedirectTarget {
    /// `None` if the answer is no redirect. `is_asked_at` says whether a path, of whatever
    /// origin, is that of the request.
    pub fn of(
        answer: &Response,
        instance: &Instance,
        redactor: &Redactor,
        is_asked_at: impl Fn(&str) -> bool,
    ) -> Option<Self> {
        if !(300..400).contains(&answer.status) {
            return None;
        }
        let here = instance.url("/");
        let target = here.join(answer.header("location")?).ok()?;
        let is_web = matches!(target.scheme(), "http" | "https");
        let host = if is_web { target.host_str().unwrap_or("").to_owned() } else { String::new() };
        let path = target.path().to_owned();
        let port = target.port().map_or_else(String::new, |port| format!(":{port}"));
        let shown = match target.scheme() == here.scheme() {
            true => format!("{host}{port}{path}"),
            false if is_web => format!("{}://{host}{port}{path}", target.scheme()),
            false => format!("{}:{path}", target.scheme()),
        };
        let has = |key: &str| target.query_pairs().any(|(name, _)| name == key);
        let is_here = target.origin() == here.origin();
        let asked = is_asked_at(&path);
        Some(Self {
            asks_to_sign_in: has("SAMLRequest") || has("wtrealm") || (has("client_id") && has("response_type")),
            other_origin: (asked && !is_here).then(|| target.origin().ascii_serialization().parse().ok()).flatten(),
            is_itself: asked && is_here,
            host,
            path,
            shown: redactor.server_text(&shown),
        })
    }
}
