//! The paths of the APIs of an instance, their short forms, and its pages.

use url::Url;

use crate::base::error::Failure;
use crate::model::instance::{ApiVersion, Instance};
use crate::model::profile::TableName;
use crate::service::path::{self, Forms};

use crate::service::path::InvalidPath;

/// The APIs that a path may begin with, without what is before.
const SHORT: [&str; 4] = ["table", "stats", "attachment", "import"];
pub const FORMS: Forms = Forms {
    short: "table/, stats/, attachment/, import/",
    example: "table/incident",
    whole_example: "/api/now/table/incident",
};
/// What is none of them.
const UNKNOWN: InvalidPath = InvalidPath::Unknown(FORMS.short);

impl From<InvalidPath> for Failure {
    fn from(invalid: InvalidPath) -> Self {
        invalid.failure(&FORMS)
    }
}

/// The URL of what `text` asks for: `/…`, `table/…` and the like, or a URL of exactly
/// this instance.
pub fn request_url(instance: &Instance, api_version: Option<ApiVersion>, text: &str) -> Result<Url, InvalidPath> {
    path::request_url(instance, text, &FORMS, |text| expanded(api_version, text))
}

/// The path that a short form means.
fn expanded(api_version: Option<ApiVersion>, text: &str) -> Option<String> {
    let first = text.split(['/', '?']).next().unwrap_or_default();
    SHORT.contains(&first).then(|| match api_version {
        None => format!("/api/now/{text}"),
        Some(version) => format!("/api/now/{version}/{text}"),
    })
}

/// The table that a URL is about, if it is about one.
pub fn table_of(url: &Url) -> Option<TableName> {
    let mut segments = url.path_segments()?.skip_while(|segment| !SHORT.contains(segment));
    (segments.next()? != "attachment").then(|| segments.next()?.parse().ok())?
}

/// Whether a path gives the file of an attachment, in whatever form that is.
pub fn gives_a_file(text: &str) -> bool {
    let path = text.split('?').next().unwrap_or_default();
    path.ends_with("/file") && path.split('/').any(|segment| segment == "attachment")
}

/// The URL that a browser opens for `text`: `/…` or a URL of the instance, or the list of
/// `table/x` and the form of `table/x/ID`.
pub fn page_url(instance: &Instance, text: &str) -> Result<Url, InvalidPath> {
    let Some(place) = text.strip_prefix("table/") else {
        if SHORT.contains(&text.split(['/', '?']).next().unwrap_or_default()) {
            return Err(UNKNOWN);
        }
        return request_url(instance, None, text);
    };
    let (table, row) = match place.split_once('/') {
        Some((table, row)) if !row.is_empty() => (table, Some(row)),
        Some((table, _)) => (table, None),
        None => (place, None),
    };
    let is_row = |row: &str| row.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let table: TableName = table.parse().map_err(|_| UNKNOWN)?;
    let table = table.folded();
    match row {
        None => Ok(instance.url(&format!("/{table}_list.do"))),
        Some(row) if is_row(row) => {
            let mut url = instance.url(&format!("/{table}.do"));
            url.query_pairs_mut().append_pair("sys_id", row);
            Ok(url)
        }
        Some(_) => Err(UNKNOWN),
    }
}

#[cfg(test)]
mod tests {
    use super::super::address::VERSIONS;
    use super::*;
    use crate::base::code::Code;
    use crate::base::shown::Shown;
    use proptest::prelude::*;

    const HERE: &str = "https://acme.service-now.com";

    fn url(text: &str) -> Result<String, InvalidPath> {
        request_url(&HERE.parse().unwrap(), None, text).map(|url| url.as_str().strip_prefix(HERE).unwrap().to_owned())
    }

    #[test]
    fn a_path_its_short_form_and_a_url_of_the_instance_are_taken() {
        for (text, path) in [
            ("/", "/"),
            ("/api/x/y", "/api/x/y"),
            ("/api/now/table/incident?sysparm_limit=1", "/api/now/table/incident?sysparm_limit=1"),
            ("table/incident", "/api/now/table/incident"),
            ("stats/incident?sysparm_count=true", "/api/now/stats/incident?sysparm_count=true"),
            ("attachment?sysparm_limit=1", "/api/now/attachment?sysparm_limit=1"),
            ("attachment/abc/file", "/api/now/attachment/abc/file"),
            ("import/imp_user", "/api/now/import/imp_user"),
            ("table/incident?sysparm_query=a=..^b=a b/../c", "/api/now/table/incident?sysparm_query=a=..^b=a%20b/../c"),
            ("table/incident?next=https://b.example/", "/api/now/table/incident?next=https://b.example/"),
            ("https://acme.service-now.com", "/"),
            ("https://acme.service-now.com?a=b", "/?a=b"),
            ("HTTPS://ACME.service-now.com:443/a/b", "/a/b"),
            ("/a%2Fb/ä", "/a%2Fb/%C3%A4"),
            ("/a..b/.c/...", "/a..b/.c/..."),
            ("/100%", "/100%"),
        ] {
            assert_eq!(url(text).as_deref(), Ok(path), "{text}");
        }
    }

    #[test]
    fn the_version_of_the_connection_is_in_the_short_form_alone() {
        let here = HERE.parse().unwrap();
        let path = |text| request_url(&here, Some(VERSIONS[1]), text).unwrap().path().to_owned();
        assert_eq!(path("table/incident"), "/api/now/v2/table/incident");
        assert_eq!(path("/api/now/table/incident"), "/api/now/table/incident");
    }

    #[test]
    fn what_could_leave_the_instance_is_refused() {
        let elsewhere = || InvalidPath::OtherOrigin(Shown::outside(HERE));
        for (text, why) in [
            ("", InvalidPath::Empty),
            ("incident", UNKNOWN),
            ("api/now/table/incident", UNKNOWN),
            (" /api", UNKNOWN),
            ("tables/x", UNKNOWN),
            ("//evil.example/x", InvalidPath::TwoSlashes),
            ("https://acme.service-now.com//evil.example", InvalidPath::TwoSlashes),
            ("/\\evil.example", InvalidPath::Backslash),
            ("\\\\evil.example", InvalidPath::Backslash),
            ("/a/%5c..%5Cb", InvalidPath::Backslash),
            ("/a\nb", InvalidPath::ControlCharacter),
            ("/a%0d%0ab", InvalidPath::ControlCharacter),
            ("/a%00", InvalidPath::ControlCharacter),
            ("/a\u{85}", InvalidPath::ControlCharacter),
            ("/a/../b", InvalidPath::DotSegment),
            ("table/../../x", InvalidPath::DotSegment),
            ("/a/.", InvalidPath::DotSegment),
            ("/a/%2e%2E/b", InvalidPath::DotSegment),
            ("/a/.%2e", InvalidPath::DotSegment),
            ("/a%2f..%2fb", InvalidPath::DotSegment),
            ("/a/%252e%252e/b", InvalidPath::DotSegment),
            ("/a/..;x=1/b", InvalidPath::DotSegment),
            ("/%252525252525252e", InvalidPath::Layers),
            ("/a#b", InvalidPath::Fragment),
            ("https://evil.example/api/now/table/incident", elsewhere()),
            ("http://acme.service-now.com/", elsewhere()),
            ("https://acme.service-now.com:8443/", elsewhere()),
            ("https://acme.service-now.com.evil.example/", elsewhere()),
            ("https://acme.service-now.com@evil.example/", elsewhere()),
            ("https://u:CANARY@acme.service-now.com/", elsewhere()),
            ("javascript:alert(1)", UNKNOWN),
            ("x://acme.service-now.com/", elsewhere()),
            ("evil.example?x=https://acme.service-now.com/", elsewhere()),
        ] {
            assert_eq!(url(text), Err(why), "{text}");
        }
    }

    #[test]
    fn the_failure_is_one_of_usage_and_repeats_nothing_of_the_path() {
        let invalid = url("https://u:CANARY@evil.example/").unwrap_err();
        let failure = Failure::from(invalid);
        assert_eq!(failure.code(), Code::Usage);
        assert!(!format!("{failure:?}").contains("CANARY"), "{failure:?}");
    }

    #[test]
    fn a_browser_opens_lists_and_forms_and_nothing_elsewhere() {
        let here = HERE.parse().unwrap();
        let page = |text| page_url(&here, text).ok().map(|url| url.as_str().strip_prefix(HERE).unwrap().to_owned());
        for (text, expected) in [
            ("/", Some("/")),
            ("/now/nav/ui/home?a=b", Some("/now/nav/ui/home?a=b")),
            ("https://acme.service-now.com/x", Some("/x")),
            ("table/incident", Some("/incident_list.do")),
            ("table/incident/", Some("/incident_list.do")),
            ("table/incident/abc", Some("/incident.do?sys_id=abc")),
            ("table/in.cident", None),
            ("table/incident/abc/../x", None),
            ("table/incident/abc?x=y", None),
            ("stats/incident", None),
            ("//evil.example", None),
            ("https://evil.example/", None),
            ("/a/%2e%2e/b", None),
        ] {
            assert_eq!(page(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_table_is_known_by_its_place_in_the_path() {
        let here = HERE.parse().unwrap();
        let table = |text| table_of(&request_url(&here, None, text).unwrap()).map(|table| table.to_string());
        assert_eq!(table("table/incident?x").as_deref(), Some("incident"));
        assert_eq!(table("/api/now/v2/stats/incident").as_deref(), Some("incident"));
        assert_eq!(table("table/incident/abc").as_deref(), Some("incident"));
        assert_eq!(table("attachment/abc"), None);
        assert_eq!(table("table"), None);
        assert_eq!(table("/x.do"), None);
    }

    proptest! {
        #[test]
        fn no_accepted_path_leaves_the_origin(
            text in r"(|/|//|table/|https?:/{0,3}(acme\.service-now\.com)?(:443|@)?)([a-z./\\%?#@:;25ef \t-]|\.\.|%2e|%5c|\PC){0,24}",
        ) {
            let here: Instance = HERE.parse().unwrap();
            for version in [None, Some(VERSIONS[0])] {
                let Ok(url) = request_url(&here, version, &text) else { continue };
                // As the one who receives its text reads it.
                let url = Url::parse(url.as_str()).unwrap();
                prop_assert_eq!(url.origin().ascii_serialization(), HERE);
                prop_assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none());
                prop_assert!(url.path().starts_with('/') && !url.path().starts_with("//"));
                let segments = url.path().to_ascii_lowercase().replace("%2e", ".");
                prop_assert!(!segments.split('/').any(|segment| segment == ".." || segment == "."));
            }
        }
    }
}
