//! The hosts of Salesforce, and which of them has the API.

use crate::model::instance::Instance;

/// What every host with the API of an organization ends in.
pub const MY_DOMAIN: &str = "my.salesforce.com";
/// The same of a sandbox.
pub const SANDBOX: &str = "sandbox.my.salesforce.com";
/// Where users of every organization sign in.
pub const LOGIN: &str = "login.salesforce.com";
/// Where those of sandboxes do.
pub const TEST: &str = "test.salesforce.com";

/// What the hosts of Salesforce end in.
const DOMAINS: [&str; 7] = [
    "salesforce.com",
    "force.com",
    "cloudforce.com",
    "salesforceliveagent.com",
    "crmforce.mil",
    "salesforce.mil",
    "sfcrmproducts.cn",
];

/// What hosts that only browsers use end in, in place of [`MY_DOMAIN`].
const FOR_BROWSERS: [&str; 5] =
    ["lightning.force.com", "my.salesforce-setup.com", "salesforce-setup.com", "file.force.com", "vf.force.com"];

/// Whether it signs in users of every organization, and is none.
pub fn is_login_host(host: &str) -> bool {
    [LOGIN, TEST].contains(&host)
}

/// Whether a host is one of Salesforce.
pub fn is_of_salesforce(host: &str) -> bool {
    DOMAINS.iter().any(|domain| host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')))
}

/// Whether what is for Salesforce may go to it without a word: to this machine, it may.
pub fn is_expected(instance: &Instance) -> bool {
    instance.is_loopback() || is_of_salesforce(instance.host())
}

/// The host with the API of the organization that a browser shows under this one.
pub fn api_host(host: &str) -> Option<String> {
    let (name, domain) =
        FOR_BROWSERS.iter().find_map(|domain| Some((host.strip_suffix(domain)?.strip_suffix('.')?, *domain)))?;
    let (label, rest) = name.split_once('.').map_or((name, None), |(label, rest)| (label, Some(rest)));
    // A page of Visualforce has the namespace of its package behind the name.
    let label = match domain {
        "vf.force.com" => label.rsplit_once("--").map_or(label, |(label, _)| label),
        _ => label,
    };
    if label.is_empty() {
        return None;
    }
    Some(match rest {
        Some(rest) => format!("{label}.{rest}.{MY_DOMAIN}"),
        None => format!("{label}.{MY_DOMAIN}"),
    })
}

/// Whether an organization is one for tests, whose users sign in at [`TEST`]; `None` if its
/// host does not say.
pub fn is_for_tests(host: &str) -> Option<bool> {
    if is_login_host(host) {
        return Some(host == TEST);
    }
    let name = host.strip_suffix(MY_DOMAIN)?.strip_suffix('.')?;
    match name.split_once('.') {
        Some((_, "sandbox" | "scratch")) => Some(true),
        Some(_) => Some(false),
        // As sandboxes were named before.
        None => Some(name.contains("--")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_of_a_browser_is_translated_to_the_one_with_the_api() {
        for (shown, api) in [
            ("acme.lightning.force.com", Some("acme.my.salesforce.com")),
            ("acme--dev.sandbox.lightning.force.com", Some("acme--dev.sandbox.my.salesforce.com")),
            ("acme-dev-ed.develop.lightning.force.com", Some("acme-dev-ed.develop.my.salesforce.com")),
            ("acme.my.salesforce-setup.com", Some("acme.my.salesforce.com")),
            ("acme--dev.sandbox.my.salesforce-setup.com", Some("acme--dev.sandbox.my.salesforce.com")),
            ("acme.salesforce-setup.com", Some("acme.my.salesforce.com")),
            ("acme.file.force.com", Some("acme.my.salesforce.com")),
            ("acme--c.vf.force.com", Some("acme.my.salesforce.com")),
            ("acme--dev--c.sandbox.vf.force.com", Some("acme--dev.sandbox.my.salesforce.com")),
            ("acme.my.salesforce.com", None),
            ("lightning.force.com", None),
            ("acme.notlightning.force.com", None),
            ("acme.lightning.force.com.evil.example", None),
            (".lightning.force.com", None),
        ] {
            assert_eq!(api_host(shown).as_deref(), api, "{shown}");
        }
    }

    #[test]
    fn a_host_is_of_salesforce_by_its_end_alone() {
        for host in [LOGIN, TEST, "acme.my.salesforce.com", "acme.my.salesforce.mil", "acme.my.sfcrmproducts.cn"] {
            assert!(is_of_salesforce(host), "{host}");
        }
        for host in
            ["salesforce.com.evil.example", "evilsalesforce.com", "acme.example", "salesforce.com", "x.force.co"]
        {
            assert!(!is_of_salesforce(host), "{host}");
        }
        assert!(is_expected(&"http://127.0.0.1:8080".parse().unwrap()));
        assert!(!is_expected(&"https://acme.example".parse().unwrap()));
    }

    #[test]
    fn an_organization_for_tests_is_known_by_its_host() {
        for (host, tests) in [
            (LOGIN, Some(false)),
            (TEST, Some(true)),
            ("acme.my.salesforce.com", Some(false)),
            ("acme-dev-ed.develop.my.salesforce.com", Some(false)),
            ("acme--dev.sandbox.my.salesforce.com", Some(true)),
            ("acme.scratch.my.salesforce.com", Some(true)),
            ("acme--dev.my.salesforce.com", Some(true)),
            ("api.acme.example", None),
            ("127.0.0.1", None),
        ] {
            assert_eq!(is_for_tests(host), tests, "{host}");
        }
    }
}
