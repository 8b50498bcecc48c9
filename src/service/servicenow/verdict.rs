//! Whether an answer is what its status promises: a page of a sleeping instance has
//! status 200, too.

use url::Url;

use super::classify::{Body, ClassifiedResponse};
use super::symptoms::diagnose;
use crate::base::code::Code;
use crate::base::error::Failure;

/// What a path gives where all is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Promise {
    /// `result`, as the Table API and its sisters give it.
    Result,
    /// The file of an attachment.
    File,
    /// Whatever another API gives.
    Api,
    /// What is for a browser.
    Page,
}

impl Promise {
    fn of(url: &Url) -> Self {
        let mut segments = url.path_segments().into_iter().flatten();
        if segments.next() != Some("api") {
            return Self::Page;
        }
        let is_version = |segment: &&str| segment.strip_prefix('v').is_some_and(|rest| rest.parse::<u8>().is_ok());
        match segments.next() {
            Some("now") => match segments.find(|segment| !is_version(segment)) {
                Some("table" | "stats" | "import") => Self::Result,
                Some("attachment") if segments.next_back() == Some("file") => Self::File,
                Some("attachment") => Self::Result,
                _ => Self::Api,
            },
            _ => Self::Api,
        }
    }
}

/// What is wrong with an answer; `is_for_head` if it has no body by its request.
pub fn failure_of(response: &ClassifiedResponse<'_>, url: &Url, is_for_head: bool) -> Option<Failure> {
    let is_good = (200..300).contains(&response.status()) && response.raw.broken.is_none();
    if !is_good {
        return Some(diagnose(response));
    }
    let is_other_form = response.raw.header("content-type").is_some_and(|form| form.contains("xml"));
    let is_kept = match Promise::of(url) {
        _ if response.is_for_a_guest() => false,
        _ if is_for_head || is_other_form => true,
        Promise::Result => {
            matches!(response.body, Body::Result(_))
                || (response.status() == 204 && matches!(response.body, Body::Empty))
        }
        Promise::File => true,
        Promise::Api => !response.has_envelope() && (!response.is_html() || response.is_logged_in()),
        Promise::Page => !response.is_html() || response.is_logged_in(),
    };
    if is_kept {
        return None;
    }
    let failure = diagnose(response);
    // Pages for people are of every kind; only these are none that was asked for.
    let is_page = Promise::of(url) == Promise::Page && !response.is_for_a_guest();
    let is_known = matches!(failure.code(), Code::InstanceHibernating | Code::LoginPage);
    (!is_page || is_known).then_some(failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_what_it_promises() {
        for (path, promise) in [
            ("/api/now/table/incident", Promise::Result),
            ("/api/now/v2/stats/incident", Promise::Result),
            ("/api/now/attachment/abc", Promise::Result),
            ("/api/now/attachment/abc/file", Promise::File),
            ("/api/now/ui/user/current_user", Promise::Api),
            ("/api/x_acme/v1/table", Promise::Api),
            ("/incident_list.do", Promise::Page),
            ("/", Promise::Page),
        ] {
            let url = Url::parse(&format!("https://acme.service-now.com{path}")).unwrap();
            assert_eq!(Promise::of(&url), promise, "{path}");
        }
    }
}
