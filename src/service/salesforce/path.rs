//! The paths of the REST API, and their short forms.

use url::Url;

use super::version::Version;
use crate::model::instance::Instance;
use crate::model::profile::TableName;
use crate::service::path::{self, Forms, InvalidPath};

/// Where the versions are listed, without a credential.
pub const VERSIONS: &str = "/services/data";
/// What the token says of its user.
pub const USER_INFO: &str = "/services/oauth2/userinfo";

pub const FORMS: Forms = Forms {
    short: "query, sobjects/, search, limits, composite, tooling/",
    example: "sobjects/Case",
    whole_example: "/services/data/v64.0/sobjects/Case",
};

/// The resources that a path may begin with, without what is before.
const SHORT: [&str; 16] = [
    "actions",
    "analytics",
    "chatter",
    "composite",
    "connect",
    "jobs",
    "limits",
    "parameterizedSearch",
    "query",
    "queryAll",
    "recent",
    "search",
    "sobjects",
    "support",
    "tooling",
    "ui-api",
];

/// The URL of what `text` asks for: `/…`, `sobjects/…` and the like, or a URL of exactly this
/// organization.
pub fn request_url(instance: &Instance, version: Version, text: &str) -> Result<Url, InvalidPath> {
    path::request_url(instance, text, &FORMS, |text| {
        let first = text.split(['/', '?']).next().unwrap_or_default();
        SHORT.contains(&first).then(|| of(version, text))
    })
}

/// The path of a resource in a version.
pub fn of(version: Version, resource: &str) -> String {
    format!("{VERSIONS}/{version}/{resource}")
}

/// The URL that a browser opens: `/…` or a URL of the organization, the list of `sobjects/X`,
/// and the record of `sobjects/X/ID`.
pub fn page_url(instance: &Instance, text: &str) -> Result<Url, InvalidPath> {
    let Some(place) = text.strip_prefix("sobjects/").or_else(|| text.strip_prefix("table/")) else {
        return path::request_url(instance, text, &FORMS, |_| None);
    };
    let (name, record) = place.split_once('/').map_or((place, ""), |(name, record)| (name, record));
    let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if name.is_empty() || !is_word(name) || !is_word(record) {
        return Err(InvalidPath::Unknown(FORMS.short));
    }
    Ok(instance.url(&match record {
        "" => format!("/lightning/o/{name}/list"),
        record => format!("/lightning/r/{name}/{record}/view"),
    }))
}

/// Whether segments of a path, in small letters, are where users sign in or out and where
/// tokens and sessions are given.
pub fn signs_in(names: &[String]) -> bool {
    let begins = |start: &[&str]| names.iter().map(String::as_str).take(start.len()).eq(start.iter().copied());
    let pages = ["secur", "login", "_ui", "idp", "setup"];
    begins(&["services", "oauth2"])
        || begins(&["services", "soap"])
        || begins(&["services", "auth"])
        || begins(&["services", "authcallback"])
        || begins(&["id"])
        || begins(&[".well-known"])
        || pages.iter().any(|page| begins(&[page]))
        || names.iter().any(|name| name.contains("frontdoor") || name.contains("logout") || name.ends_with("login.jsp"))
}

/// The object that a URL is about, if it is about one.
pub fn table_of(url: &Url) -> Option<TableName> {
    let mut segments =
        url.path_segments()?.skip_while(|segment| !matches!(*segment, "sobjects" | "query" | "queryAll"));
    match segments.next()? {
        "sobjects" => segments.next()?.parse().ok(),
        _ => {
            let (_, soql) = url.query_pairs().find(|(name, _)| name == "q")?;
            let mut words = soql.split_ascii_whitespace().skip_while(|word| !word.eq_ignore_ascii_case("from"));
            words.nth(1)?.parse().ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Service;
    use crate::service::salesforce::Salesforce;
    use proptest::prelude::*;

    const HERE: &str = "https://acme.my.salesforce.com";

    #[test]
    fn what_signs_in_is_closed_however_it_is_written() {
        for path in [
            "/services/oauth2/token",
            "/SERVICES/OAuth2/revoke",
            "/services/%6Fauth2/token",
            "/services/Soap/u/64.0",
            "/services;x=1/oauth2/token",
            "/secur/frontdoor.jsp",
            "/id/00D/005",
            "/.well-known/openid-configuration",
        ] {
            assert!(Salesforce.signs_in(path, &[]), "{path}");
        }
        for path in ["/services/data/v64.0/query", "/services/apexrest/x", "/lightning/page/home"] {
            assert!(!Salesforce.signs_in(path, &[]), "{path}");
        }
    }

    #[test]
    fn a_page_is_that_of_an_object_or_of_a_record() {
        let here = HERE.parse().unwrap();
        let page = |text| page_url(&here, text).ok().map(|url| url.as_str().strip_prefix(HERE).unwrap().to_owned());
        assert_eq!(page("sobjects/Case").as_deref(), Some("/lightning/o/Case/list"));
        assert_eq!(page("table/Case/500xx").as_deref(), Some("/lightning/r/Case/500xx/view"));
        assert_eq!(page("/lightning/page/home").as_deref(), Some("/lightning/page/home"));
        for bad in ["sobjects/", "sobjects/Ca.se", "sobjects/Case/5/x", "https://evil.example/", "limits"] {
            assert_eq!(page(bad), None, "{bad}");
        }
    }

    fn url(text: &str) -> Result<String, InvalidPath> {
        let version = "v60.0".parse().unwrap();
        request_url(&HERE.parse().unwrap(), version, text)
            .map(|url| url.as_str().strip_prefix(HERE).unwrap().to_owned())
    }

    #[test]
    fn a_path_its_short_form_and_a_url_of_the_organization_are_taken() {
        for (text, path) in [
            ("/services/data", "/services/data"),
            ("sobjects/Case", "/services/data/v60.0/sobjects/Case"),
            ("sobjects", "/services/data/v60.0/sobjects"),
            ("limits", "/services/data/v60.0/limits"),
            ("query?q=SELECT Id FROM Case", "/services/data/v60.0/query?q=SELECT%20Id%20FROM%20Case"),
            ("query/?q=SELECT+Id+FROM+Case", "/services/data/v60.0/query/?q=SELECT+Id+FROM+Case"),
            ("https://acme.my.salesforce.com/services/data/v59.0/limits", "/services/data/v59.0/limits"),
        ] {
            assert_eq!(url(text).as_deref(), Ok(path), "{text}");
        }
        for (text, why) in [
            ("Case", InvalidPath::Unknown(FORMS.short)),
            ("table/case", InvalidPath::Unknown(FORMS.short)),
            ("sobjects/../x", InvalidPath::DotSegment),
            ("sobjects/%2e%2e/x", InvalidPath::DotSegment),
            ("//evil.example", InvalidPath::TwoSlashes),
            ("query?q=a#b", InvalidPath::Fragment),
        ] {
            assert_eq!(url(text), Err(why), "{text}");
        }
        assert!(matches!(url("https://acme.lightning.force.com/x"), Err(InvalidPath::OtherOrigin(_))));
        let failure = url("Case").unwrap_err().failure(&FORMS);
        assert!(failure.steps()[0].to_string().contains("sobjects/Case"));
    }

    #[test]
    fn an_object_is_known_by_its_place_in_the_path_or_in_the_query() {
        let version = Version::DEFAULT;
        let here = HERE.parse().unwrap();
        let table = |text| table_of(&request_url(&here, version, text).unwrap()).map(|table| table.to_string());
        assert_eq!(table("sobjects/Case/describe").as_deref(), Some("Case"));
        assert_eq!(table("query?q=SELECT Id FROM My__c WHERE a = 'b from c'").as_deref(), Some("My__c"));
        assert_eq!(table("query?q=select count() from%20Case").as_deref(), Some("Case"));
        assert_eq!(table("query/01gxx-2000"), None);
        assert_eq!(table("limits"), None);
    }

    proptest! {
        #[test]
        fn no_accepted_path_leaves_the_origin(
            text in r"(|/|//|query|sobjects/|https?:/{0,3}(acme\.my\.salesforce\.com)?(:443|@)?)([a-zA-Z./\\%?#@:;25ef \t-]|\.\.|%2e|%5c|\PC){0,24}",
        ) {
            let here: Instance = HERE.parse().unwrap();
            if let Ok(url) = request_url(&here, Version::DEFAULT, &text) {
                let url = Url::parse(url.as_str()).unwrap();
                prop_assert_eq!(url.origin().ascii_serialization(), HERE);
                prop_assert!(url.username().is_empty() && url.fragment().is_none());
                prop_assert!(!url.path().starts_with("//"));
                let _ = table_of(&url);
            }
        }
    }
}
