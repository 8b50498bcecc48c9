//! The address of an instance: a name, a host, or any URL of it.

use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, shorten};
use crate::model::instance::{ApiVersion, Instance, InvalidInstance, Naming};
use crate::model::profile::InvalidValue;
use crate::service::Address;

/// How ServiceNow names its instances.
const NAMING: Naming = Naming {
    domain: Some("service-now.com"),
    portals: &[
        "developer.servicenow.com",
        "developers.servicenow.com",
        "signon.servicenow.com",
        "www.servicenow.com",
        "servicenow.com",
        "www.service-now.com",
        "service-now.com",
        "servicenowservices.com",
    ],
};

/// Version 1 answers an empty list with 404.
pub const V1: ApiVersion = ApiVersion::new(1, None);
/// The versions of the REST API.
pub const VERSIONS: [ApiVersion; 2] = [V1, ApiVersion::new(2, None)];

/// What is wrong with an address.
pub fn refused(invalid: &InvalidInstance) -> Failure {
    let code = match invalid {
        InvalidInstance::Insecure(_) => Code::InsecureInstance,
        _ => Code::InvalidInstance,
    };
    let next = match invalid {
        InvalidInstance::Insecure(host) => format!("Use https://{host} instead"),
        InvalidInstance::UserInfo => {
            "Remove the user from the address: use --username, and enter the password at the prompt".into()
        }
        InvalidInstance::Portal(_) => "Use your instance, such as dev12345 or https://acme.service-now.com".into(),
        InvalidInstance::NotAscii => {
            "Type the host name, or use its xn-- form if it really is an internationalized name".into()
        }
        _ => "Use a name such as dev12345, a host name, or a URL copied from the browser".into(),
    };
    let message = match invalid {
        InvalidInstance::Portal(host) => format!("\"{host}\" is a ServiceNow site, but not an instance"),
        other => other.to_string(),
    };
    Failure::new(code, Shown::outside(message)).next(Shown::outside(next))
}

/// Reads a bare name (`dev12345`), a host, or any URL of an instance.
///
/// A bare name gets `.service-now.com`; path, query and fragment are dropped, apart from
/// the API version, which the base URLs of Boomi have.
pub fn parse(text: &str) -> Result<Address, InvalidInstance> {
    let (instance, tail) = Instance::read(text, &NAMING)?;
    Ok(Address { instance, api_version: api_version_in(tail), note: None })
}

/// The version of the REST API that has this name.
pub fn api_version(text: &str) -> Result<ApiVersion, InvalidValue> {
    let known = VERSIONS.into_iter().find(|version| version.to_string() == text);
    known.ok_or_else(|| InvalidValue(format!("\"{}\" is not an API version: use v1 or v2", shorten(text, 80))))
}

fn api_version_in(tail: &str) -> Option<ApiVersion> {
    let path = tail.split(['?', '#']).next().unwrap_or("");
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    match (segments.next(), segments.next(), segments.next()) {
        (Some("api"), Some("now"), Some(version)) => api_version(version).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::FailureInJson;
    use proptest::prelude::*;

    fn origin(text: &str) -> String {
        match parse(text) {
            Ok(address) => address.instance.to_string(),
            Err(invalid) => format!("{invalid:?}"),
        }
    }

    #[test]
    fn everything_people_paste_gives_one_origin() {
        for text in [
            "dev12345",
            "DEV12345",
            " dev12345 ",
            "dev12345.",
            "dev12345.service-now.com",
            "dev12345.service-now.com.",
            "dev12345.service-now.com:443",
            "https://dev12345.service-now.com",
            "HTTPS://Dev12345.Service-Now.COM./",
            "https://dev12345.service-now.com:443/login.do",
            "https://dev12345.service-now.com/now/nav/ui/classic/params/target/incident_list.do%3Fsysparm_query%3Dactive%253Dtrue",
            "https://dev12345.service-now.com/nav_to.do?uri=incident.do?sys_id=1@2",
            "dev12345/nav_to.do?uri=%2Fhome.do",
            "dev12345.service-now.com/nav_to.do?uri=https://evil.example/@x",
            "https://dev12345.service-now.com#x@y",
        ] {
            assert_eq!(origin(text), "https://dev12345.service-now.com", "{text}");
        }
        assert_eq!(origin("acme.servicenowservices.com"), "https://acme.servicenowservices.com");
        assert_eq!(origin("https://it.acme.example/sp"), "https://it.acme.example");
        assert_eq!(origin("https://snow-onprem:8443"), "https://snow-onprem:8443");
        assert_eq!(origin("snow-onprem:8443"), "https://snow-onprem:8443");
        assert_eq!(origin("https://[2001:DB8::1]:8443/x"), "https://[2001:db8::1]:8443");
    }

    #[test]
    fn the_api_version_of_a_base_url_is_kept() {
        let version = |text| parse(text).unwrap().api_version;
        assert_eq!(version("https://dev8954.service-now.com/api/now/v2"), Some(VERSIONS[1]));
        assert_eq!(version("dev8954/api/now/v1/table/incident?x=/api/now/v2"), Some(V1));
        assert_eq!(version("dev8954/api/now/table/incident"), None);
        assert_eq!(version("dev8954/x?/api/now/v2"), None);
    }

    #[test]
    fn http_is_for_loopback_alone() {
        assert_eq!(origin("http://127.0.0.1:8080/x"), "http://127.0.0.1:8080");
        assert_eq!(origin("http://localhost:80"), "http://localhost");
        assert_eq!(origin("http://[::1]:8080"), "http://[::1]:8080");
        assert_eq!(origin("http://dev1.service-now.com"), r#"Insecure("dev1.service-now.com")"#);
        assert_eq!(origin("http://127.0.0.1.evil.example"), r#"Insecure("127.0.0.1.evil.example")"#);
        assert_eq!(origin("http://localhost.evil.example"), r#"Insecure("localhost.evil.example")"#);
    }

    #[test]
    fn what_could_send_a_password_astray_is_refused() {
        for (text, invalid) in [
            ("", "Empty"),
            ("  ", "Empty"),
            ("https://dev1.service-now.com@evil.example", "UserInfo"),
            ("https://u:CANARY@dev1.service-now.com", "UserInfo"),
            ("u:CANARY@dev1", "UserInfo"),
            ("https://dev1.service-now.com\\@evil.example", "UserInfo"),
            ("https://dev1.service-now.com\\.evil.example", "Backslash"),
            ("dev1\\evil", "Backslash"),
            ("dev1\u{0}", "ControlCharacter"),
            ("dev1 dev2", "ControlCharacter"),
            ("https://dev1.service-now.com/\r\nX: y", "ControlCharacter"),
            ("dév1", "NotAscii"),
            ("https://dev1.sеrvice-now.com", "NotAscii"),
            ("dev1。service-now.com", "NotAscii"),
            ("https://dev1%2eservice-now.com", "PercentEncoded"),
            ("ftp://dev1.service-now.com", "Scheme(\"ftp\")"),
            ("file:///etc/passwd", "Scheme(\"file\")"),
            ("javascript:alert(1)", "Port(\"javascript\")"),
            ("https:dev1", "Port(\"https\")"),
            ("//evil.example", "Host(\"\")"),
            ("https:///evil.example", "Host(\"\")"),
            ("https://", "Host(\"\")"),
            ("a..b", "Host(\"a..b\")"),
            (".dev1", "Host(\".dev1\")"),
            ("-rf", "Host(\"-rf\")"),
            ("dev1.service-now.com..", "Host(\"dev1.service-now.com..\")"),
            ("https://0x7f.1", "Host(\"0x7f.1\")"),
            ("https://2130706433", "Host(\"2130706433\")"),
            ("https://[::1", "Port(\"[\")"),
            ("dev1:0", "Port(\"dev1\")"),
            ("dev1:99999", "Port(\"dev1\")"),
            ("dev1.service-now.com:", "Port(\"dev1.service-now.com\")"),
            ("developer.servicenow.com", "Portal(\"developer.servicenow.com\")"),
            ("https://developer.servicenow.com/dev.do#!/home", "Portal(\"developer.servicenow.com\")"),
        ] {
            assert_eq!(origin(text), invalid, "{text:?}");
        }
        let refused = refused(&parse("https://u:CANARY@dev1").unwrap_err());
        assert!(!serde_json::to_string(&FailureInJson::from(&refused)).unwrap().contains("CANARY"));
    }

    #[test]
    fn a_host_that_only_begins_like_servicenow_is_shown_whole() {
        assert_eq!(origin("dev1.service-now.com.evil.example"), "https://dev1.service-now.com.evil.example");
    }

    proptest! {
        #[test]
        fn parsing_is_idempotent(text in r"(https?://)?[A-Za-z0-9.\-_:\[\]@%\\é/?#]{0,40}") {
            if let Ok(address) = parse(&text) {
                let again = parse(address.instance.origin());
                prop_assert_eq!(again.map(|a| a.instance), Ok(address.instance));
            }
        }

        #[test]
        fn any_text_is_answered_without_a_panic(text in any::<String>()) {
            let _ = parse(&text).map_err(|invalid| refused(&invalid));
        }

        #[test]
        fn an_accepted_host_is_what_was_written(host in r"[A-Za-z0-9\-]{1,20}(\.[A-Za-z0-9\-]{1,20}){1,3}") {
            if let Ok(address) = parse(&host) {
                prop_assert_eq!(address.instance.host(), host.to_ascii_lowercase());
            }
        }
    }
}
