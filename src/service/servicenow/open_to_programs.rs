//! What a gateway sends on for a program that has no credential: the APIs, and never an
//! address by which an instance signs in, signs out or gives tokens.

use url::Url;

use super::path::FORMS;
use crate::model::instance::Instance;
use crate::service::forwarding;
use crate::service::path::InvalidPath;

/// Where the APIs are.
pub const APIS: &str = "/api/";

/// What signs in and out, and gives tokens, also where it is a step on the way to that or
/// changes a password.
const SIGN_IN: [&str; 26] = [
    "angular.do",
    "auth_redirect.do",
    "change_password.do",
    "external_logout_complete.do",
    "login.do",
    "login_cms.do",
    "login_locate_sso.do",
    "login_page.do",
    "login_redirect.do",
    "login_with_sso.do",
    "logout.do",
    "logout_redirect.do",
    "logout_success.do",
    "multifactor_auth_view.do",
    "navpage_login.do",
    "oauth_auth.do",
    "oauth_introspect_token.do",
    "oauth_login.do",
    "oauth_redirect.do",
    "oauth_revoke_token.do",
    "oauth_token.do",
    "saml_redirector.do",
    "sdk-oauth.do",
    "side_door.do",
    "validate_multifactor_auth_code.do",
    "$pwd_reset.do",
];

/// The URL that a request for `target`, a path with its query, is sent on to.
pub fn url_of(instance: &Instance, target: &str) -> Result<Url, InvalidPath> {
    forwarding::url_of(instance, target, &FORMS)
}

/// Whether a path is of a program by which an instance signs in or gives tokens, or one of
/// the connection's `own` or below it, however it is written.
pub fn signs_in(path: &str, own: &[String]) -> bool {
    forwarding::is_closed(path, own, |names| names.iter().any(|name| SIGN_IN.contains(&name.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::oauth_client::EndpointPaths;
    use crate::service::servicenow::oauth::DEFAULTS;

    #[test]
    fn what_signs_in_is_known_however_it_is_written() {
        let EndpointPaths { authorization, token, revocation, .. } = DEFAULTS.endpoints;
        for path in [
            authorization,
            token,
            revocation,
            "/login.do",
            "/OAUTH_TOKEN.DO",
            "/oauth%5Ftoken.do",
            "/oauth%255ftoken.do",
            "/oauth_token.do/",
            "/oauth_token.do;x=1",
            "/oauth_token.do%20",
            "/x/oauth_token.do",
            "/oauth_token%2Edo%2F",
            "/a/../b",
        ] {
            assert!(signs_in(path, &[]), "{path}");
        }
        for path in ["/api/now/table/incident", "/incident.do", "/api/x/login", "/oauth_entity_list.do"] {
            assert!(!signs_in(path, &["/api/x/token".to_owned(), "/".to_owned()]), "{path}");
        }
    }

    #[test]
    fn the_addresses_of_a_connection_are_closed_too() {
        let own = ["/api/x/t%6Fken".to_owned()];
        for path in ["/api/x/token", "/API/x/Token/", "/api/x/%74oken;a=b", "/api/x/token/y"] {
            assert!(signs_in(path, &own), "{path}");
        }
        for path in ["/api/x", "/api/x/tokens", "/x/token"] {
            assert!(!signs_in(path, &own), "{path}");
        }
    }

    #[test]
    fn two_slashes_are_none_anywhere_in_a_path() {
        let here = "https://acme.service-now.com".parse().unwrap();
        for target in ["//api/x", "/api//x", "/api/%2f/x", "/api/x//?a=b", "/api/%2F%2Fx"] {
            assert_eq!(url_of(&here, target), Err(InvalidPath::TwoSlashes), "{target}");
        }
        assert_eq!(url_of(&here, "/api/x/?a=//b").unwrap().as_str(), "https://acme.service-now.com/api/x/?a=//b");
    }
}
