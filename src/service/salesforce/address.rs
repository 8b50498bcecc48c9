//! The address of an organization: a name, a host, or any URL of it.

use super::hosts::{MY_DOMAIN, SANDBOX, api_host, is_login_host};
use super::version::Version;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, shown};
use crate::model::instance::{Instance, InvalidInstance, Naming};

/// Hosts that serve no organization.
const PORTALS: &[&str] = &[
    "salesforce.com",
    "www.salesforce.com",
    "help.salesforce.com",
    "developer.salesforce.com",
    "trailhead.salesforce.com",
    "trust.salesforce.com",
    "status.salesforce.com",
    "appexchange.salesforce.com",
    "force.com",
    "www.force.com",
];

/// How Salesforce names its organizations, and its sandboxes.
const NAMING: Naming = Naming { domain: Some(MY_DOMAIN), portals: PORTALS };
const NAMING_OF_SANDBOXES: Naming = Naming { domain: Some(SANDBOX), portals: PORTALS };

/// What an address says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub instance: Instance,
    /// As its path names it.
    pub version: Option<Version>,
    /// The host that was written, where it is one for browsers and another has the API.
    pub for_browsers: Option<String>,
}

impl Address {
    /// Reads a bare name (`acme`, `acme--dev`), a host, or any URL of an organization.
    ///
    /// A bare name gets `.my.salesforce.com`, and one with two hyphens is a sandbox; a host
    /// that only browsers use becomes the one with the API; path, query and fragment are
    /// dropped, apart from the API version.
    pub fn parse(text: &str) -> Result<Self, InvalidInstance> {
        let naming = if text.contains("--") { &NAMING_OF_SANDBOXES } else { &NAMING };
        let (written, tail) = Instance::read(text, naming)?;
        let version = version_in(tail);
        match api_host(written.host()) {
            Some(host) => {
                let (instance, _) = Instance::read(&host, &NAMING)?;
                Ok(Self { instance, version, for_browsers: Some(written.host().to_owned()) })
            }
            None => Ok(Self { instance: written, version, for_browsers: None }),
        }
    }

    /// What a person should know of it before a secret follows.
    pub fn note(&self) -> Option<Shown> {
        let host = self.instance.host_and_port();
        if let Some(written) = &self.for_browsers {
            return Some(shown!("{} is for browsers; the API is at {}", Shown::outside(written), host));
        }
        self.is_login_host()
            .then(|| shown!("{} signs in users of every organization; each has its API at its own My Domain", host))
    }

    /// Whether it signs in users of every organization, and is none.
    pub fn is_login_host(&self) -> bool {
        is_login_host(self.instance.host())
    }
}

/// Why a text is no address, and what to write in its place.
pub fn failure(invalid: InvalidInstance) -> Failure {
    let code = match invalid {
        InvalidInstance::Insecure(_) => Code::InsecureInstance,
        _ => Code::InvalidInstance,
    };
    let next = match &invalid {
        InvalidInstance::Insecure(host) => format!("Use https://{host} instead"),
        InvalidInstance::UserInfo => {
            "Remove the user from the address: use --username, and enter the password at the prompt".into()
        }
        InvalidInstance::Portal(_) => {
            "Use the My Domain of your organization, such as acme or https://acme.my.salesforce.com".into()
        }
        InvalidInstance::NotAscii => {
            "Type the host name, or use its xn-- form if it really is an internationalized name".into()
        }
        _ => "Use a name such as acme, a host name, or a URL copied from the browser".into(),
    };
    let message = match &invalid {
        InvalidInstance::Portal(host) => format!("\"{host}\" is a Salesforce site, but not an organization"),
        other => other.to_string(),
    };
    Failure::new(code, Shown::outside(message)).next(Shown::outside(next))
}

/// The version in `/services/data/v60.0/…` or `/services/Soap/u/60.0/…`.
fn version_in(tail: &str) -> Option<Version> {
    let path = tail.split(['?', '#']).next().unwrap_or("");
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    match segments.as_slice() {
        ["services", "data", version, ..] | ["services", "Soap", _, version, ..] => version.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn origin(text: &str) -> String {
        match Address::parse(text) {
            Ok(address) => address.instance.to_string(),
            Err(invalid) => format!("{invalid:?}"),
        }
    }

    #[test]
    fn everything_people_paste_gives_one_origin() {
        for text in [
            "acme",
            " ACME ",
            "acme.my.salesforce.com",
            "https://acme.my.salesforce.com/",
            "https://acme.my.salesforce.com:443/services/data/v60.0/sobjects",
            "https://acme.lightning.force.com/lightning/r/Case/500xx000001AbCdAAK/view?a=b#c",
            "https://acme.my.salesforce-setup.com/lightning/setup/SetupOneHome/home",
            "acme.file.force.com",
            "https://acme--c.vf.force.com/apex/page",
        ] {
            assert_eq!(origin(text), "https://acme.my.salesforce.com", "{text}");
        }
        for text in
            ["acme--dev", "https://acme--dev.sandbox.lightning.force.com/x", "acme--dev.sandbox.my.salesforce.com"]
        {
            assert_eq!(origin(text), "https://acme--dev.sandbox.my.salesforce.com", "{text}");
        }
        assert_eq!(origin("https://login.salesforce.com/?un=x"), "https://login.salesforce.com");
        assert_eq!(origin("http://127.0.0.1:8080/services"), "http://127.0.0.1:8080");
        assert_eq!(origin("https://api.acme.example/sf--x"), "https://api.acme.example");
    }

    #[test]
    fn a_translation_and_a_host_of_every_organization_are_said() {
        let note = |text| Address::parse(text).unwrap().note().map(String::from);
        let said = note("acme.lightning.force.com").unwrap();
        assert_eq!(said, "acme.lightning.force.com is for browsers; the API is at acme.my.salesforce.com");
        assert!(note("test.salesforce.com").unwrap().contains("My Domain"));
        assert_eq!(note("acme"), None);
    }

    #[test]
    fn the_version_of_a_path_is_kept() {
        let version = |text| Address::parse(text).unwrap().version.map(|version| version.to_string());
        assert_eq!(version("acme.my.salesforce.com/services/data/v60.0/query?q=x").as_deref(), Some("v60.0"));
        assert_eq!(version("https://acme.my.salesforce.com/services/Soap/u/59.0/00D").as_deref(), Some("v59.0"));
        assert_eq!(version("acme/services/data"), None);
        assert_eq!(version("acme/?x=/services/data/v60.0"), None);
    }

    #[test]
    fn what_is_no_organization_is_refused_with_what_to_write() {
        for (text, invalid) in [
            ("https://help.salesforce.com/s/articleView", "Portal(\"help.salesforce.com\")"),
            ("http://acme.my.salesforce.com", "Insecure(\"acme.my.salesforce.com\")"),
            ("https://u:CANARY@acme.my.salesforce.com", "UserInfo"),
            ("", "Empty"),
        ] {
            assert_eq!(origin(text), invalid, "{text}");
        }
        let failure = failure(Address::parse("www.salesforce.com").unwrap_err());
        assert_eq!(failure.code(), Code::InvalidInstance);
        assert!(failure.steps()[0].to_string().contains("My Domain"));
    }

    proptest! {
        #[test]
        fn parsing_is_idempotent(text in r"(https?://)?[A-Za-z0-9.\-_]{0,20}(|\.lightning\.force\.com|--c\.vf\.force\.com|\.my\.salesforce\.com)(/[a-z@%?#]{0,8})?") {
            if let Ok(address) = Address::parse(&text) {
                let again = Address::parse(address.instance.origin());
                prop_assert_eq!(again.map(|again| again.instance), Ok(address.instance));
            }
        }
    }
}
