//! Whether an answer is what its status promises.

use url::Url;

use super::classify::{Body, ClassifiedResponse};
use super::symptoms::diagnose;
use crate::base::code::Code;
use crate::base::error::Failure;

/// What a path gives where all is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Promise {
    /// Rows of a query.
    Rows,
    /// The content of a file.
    File,
    /// Other JSON.
    Api,
    /// What is for a browser.
    Page,
}

impl Promise {
    fn of(url: &Url) -> Self {
        let segments: Vec<&str> =
            url.path_segments().into_iter().flatten().filter(|segment| !segment.is_empty()).collect();
        match segments.as_slice() {
            ["services", "data", _, "query" | "queryAll", ..] => Self::Rows,
            ["services", "data", _, "sobjects", _, _, field, ..] if field.chars().any(|c| c.is_ascii_uppercase()) => {
                Self::File
            }
            ["services", "data", ..] => Self::Api,
            ["services", "oauth2", ..] => Self::Api,
            _ => Self::Page,
        }
    }
}

/// What is wrong with an answer; `is_for_head` if it has no body by its request.
pub fn failure_of(response: &ClassifiedResponse<'_>, url: &Url, is_for_head: bool) -> Option<Failure> {
    if !(200..300).contains(&response.status()) || response.raw.broken.is_some() {
        return Some(diagnose(response));
    }
    let is_other_form = response.raw.header("content-type").is_some_and(|form| form.contains("xml"));
    let is_page = Promise::of(url) == Promise::Page;
    let is_kept = match (Promise::of(url), &response.body) {
        _ if is_for_head || (is_other_form && !response.is_html()) => !response.has_errors(),
        (Promise::Rows, Body::Json(json)) => json.get("records").is_some() || json.get("totalSize").is_some(),
        (Promise::Rows, _) => false,
        (Promise::File, _) => true,
        (Promise::Api, body) => !matches!(body, Body::Errors(_) | Body::Html { .. } | Body::CutJson),
        (Promise::Page, _) => !response.page_says(&["setting things up"]),
    };
    if is_kept {
        return None;
    }
    let failure = diagnose(response);
    (!is_page || failure.code() == Code::InstanceUnavailable).then_some(failure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::credential::TokenAge;
    use crate::service::salesforce::classify::RequestKind;
    use crate::service::salesforce::classify::tests::{answer, classified, token};

    fn verdict(path: &str, status: u16, body: &str) -> Option<Code> {
        let url = Url::parse(&format!("https://acme.my.salesforce.com{path}")).unwrap();
        classified(&answer(status, &[], body), RequestKind::Api, token(TokenAge::Saved), |response| {
            failure_of(response, &url, false).map(|failure| failure.code())
        })
    }

    #[test]
    fn a_path_says_what_it_promises() {
        let query = "/services/data/v64.0/query?q=x";
        assert_eq!(verdict(query, 200, r#"{"totalSize":0,"done":true,"records":[]}"#), None);
        assert_eq!(verdict(query, 200, r#"{"records":[]}"#), None);
        assert_eq!(verdict(query, 200, "{}"), Some(Code::NotSalesforce));
        assert_eq!(verdict(query, 200, "<html>"), Some(Code::NotSalesforce));
        assert_eq!(verdict(query, 200, r#"{"records":[{"#), Some(Code::TruncatedAnswer));
        assert_eq!(
            verdict("/services/data/v64.0/sobjects/Case", 201, r#"{"id":"500","success":true,"errors":[]}"#),
            None
        );
        assert_eq!(verdict("/services/data/v64.0/sobjects/Case/500", 204, ""), None);
        assert_eq!(verdict("/services/data/v64.0/sobjects/Attachment/00P/Body", 200, "<html>"), None);
        assert_eq!(verdict("/services/data", 200, "<html>"), Some(Code::NotSalesforce));
        assert_eq!(verdict("/services/data", 200, r#"[{"errorCode":"X","message":""}]"#), Some(Code::UnexpectedAnswer));
        assert_eq!(verdict("/lightning", 200, "<html>"), None);
        assert_eq!(verdict("/lightning", 200, "<html>We are setting things up."), Some(Code::InstanceUnavailable));
    }
}
