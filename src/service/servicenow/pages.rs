//! From one page of an answer to the next, by its `Link` header or by its count.

use http::HeaderMap;
use url::Url;

use super::path::request_url;
use crate::model::instance::Instance;
use crate::service::Next;

/// The default number of rows of a page.
const DEFAULT_LIMIT: u64 = 10_000;

/// What follows the page that `asked` gave.
pub fn next(instance: &Instance, asked: &Url, headers: &HeaderMap) -> Next {
    let links = headers.get_all("link").iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let Some(link) = links.into_iter().find_map(|links| next_of(&links)) else {
        return by_count(asked, headers).map_or(Next::Nothing, Next::Page);
    };
    let is_address = link.starts_with('/') || link.contains("://");
    match request_url(instance, None, &link) {
        Ok(url) if is_address => Next::Page(url),
        _ => Next::Elsewhere(link),
    }
}

/// The target with the relation `next` of a `Link` header (RFC 8288): the targets are in
/// angle brackets, and may hold commas.
fn next_of(links: &str) -> Option<String> {
    let mut rest = links;
    while let Some((_, after)) = rest.split_once('<') {
        let (target, after) = after.split_once('>')?;
        let parameters = after.split('<').next().unwrap_or_default();
        rest = &after[parameters.len()..];
        let relation = parameters.split(';').find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("rel").then(|| value.trim().trim_end_matches(',').trim().trim_matches('"'))
        });
        if relation.is_some_and(|names| names.split_whitespace().any(|name| name.eq_ignore_ascii_case("next"))) {
            return Some(target.to_owned());
        }
    }
    None
}

/// Without a header, as where one was too long: the rest of what is counted.
fn by_count(asked: &Url, headers: &HeaderMap) -> Option<Url> {
    let total: u64 = headers.get("x-total-count")?.to_str().ok()?.trim().parse().ok()?;
    let number = |name: &str| {
        let value = asked.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.trim().parse::<u64>());
        value.transpose().ok()
    };
    let limit = number("sysparm_limit")?.unwrap_or(DEFAULT_LIMIT);
    let offset = number("sysparm_offset")?.unwrap_or(0).checked_add(limit)?;
    if limit == 0 || offset >= total {
        return None;
    }
    let mut url = asked.clone();
    let others = asked.query_pairs().filter(|(key, _)| key != "sysparm_offset");
    url.query_pairs_mut().clear().extend_pairs(others).append_pair("sysparm_offset", &offset.to_string());
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "https://acme.service-now.com";

    fn after(query: &str, headers: &[(&'static str, &str)]) -> Next {
        let asked = Url::parse(&format!("{HERE}/api/now/table/incident{query}")).unwrap();
        let headers = headers.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap()));
        next(&HERE.parse().unwrap(), &asked, &headers.collect())
    }

    #[test]
    fn the_next_page_is_the_one_that_the_header_names() {
        let page = |path: &str| Next::Page(Url::parse(&format!("{HERE}{path}")).unwrap());
        for (link, expected) in [
            (
                "<https://acme.service-now.com/a?q=x,y>;rel=\"first\",<https://acme.service-now.com/b?q=x,y;z>;rel=\"next\"",
                page("/b?q=x,y;z"),
            ),
            ("</c>; title=x; REL=\"prev next\"", page("/c")),
            ("<https://acme.service-now.com/d>;rel=next,<https://acme.service-now.com/e>;rel=\"last\"", page("/d")),
            ("<https://acme.service-now.com/a>;rel=\"last\"", Next::Nothing),
            ("<https://acme.service-now.com/a", Next::Nothing),
            ("", Next::Nothing),
        ] {
            assert_eq!(after("", &[("link", link)]), expected, "{link}");
        }
        for link in [
            "https://evil.example/a",
            "https://acme.service-now.com@evil.example/",
            "https://acme.service-now.com:8443/a",
            "http://acme.service-now.com/a",
            "//evil.example/a",
            "/a/%2e%2e/b",
            "table/incident",
            "javascript:alert(1)",
        ] {
            let header = format!("<{link}>;rel=\"next\"");
            assert_eq!(after("", &[("link", &header)]), Next::Elsewhere(link.to_owned()), "{link}");
        }
    }

    #[test]
    fn without_the_header_the_count_says_whether_there_is_more() {
        let page = |query: &str, total: &str| match after(query, &[("x-total-count", total)]) {
            Next::Page(url) => url.query().unwrap().to_owned(),
            other => format!("{other:?}"),
        };
        assert_eq!(page("?sysparm_limit=10&a=b", "25"), "sysparm_limit=10&a=b&sysparm_offset=10");
        assert_eq!(page("?sysparm_offset=10&sysparm_limit=10", "25"), "sysparm_limit=10&sysparm_offset=20");
        assert_eq!(page("?sysparm_offset=20&sysparm_limit=10", "25"), "Nothing");
        assert_eq!(page("", "10001"), "sysparm_offset=10000");
        for (query, total) in [("", "10000"), ("?sysparm_limit=0", "5"), ("?sysparm_limit=x", "5"), ("", "many")] {
            assert_eq!(page(query, total), "Nothing", "{query}");
        }
    }
}
