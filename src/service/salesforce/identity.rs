//! Who is signed in: what the token says of its user, or the address of the identity that
//! came with it.

use serde_json::Value;
use url::Url;

use super::classify::{Body, ClassifiedResponse};
use super::hosts::{is_for_tests, is_of_salesforce};
use crate::base::shown::Shown;
use crate::model::instance::Instance;

/// What is known of the user. Ids have 15 or 18 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user name, which has the form of a mail address and is none.
    pub user_name: Option<Shown>,
    pub organization_id: String,
    pub user_id: String,
}

/// What an answer of [`super::path::USER_INFO`] says; nothing where it is another.
pub fn read(response: &ClassifiedResponse<'_>) -> Option<Identity> {
    let Body::Json(json) = &response.body else { return None };
    if response.status() != 200 {
        return None;
    }
    let text = |name: &str| json.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let id = |name: &str, kind: &str| text(name).filter(|id| is_id(id, kind)).map(str::to_owned);
    Some(Identity {
        user_name: text("preferred_username").map(|name| response.redactor.server_text(name)),
        organization_id: id("organization_id", ORGANIZATION)?,
        user_id: id("user_id", USER)?,
    })
}

/// What the ids of organizations and of users begin with.
const ORGANIZATION: &str = "00D";
const USER: &str = "005";

/// Why the address of an identity cannot be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidIdentity {
    /// It is no such address.
    Form,
    /// It is of a host outside Salesforce.
    Host,
    /// It is of a sandbox where production was asked, or the reverse.
    Kind,
}

/// Organization and user of `https://HOST/id/ORGANIZATION/USER`, as the token endpoint of
/// `asked` gives it. Its host is a login host, the My Domain, or the one that was asked.
pub fn of_address(address: &str, asked: &Instance) -> Result<Identity, InvalidIdentity> {
    let url = Url::parse(address).map_err(|_| InvalidIdentity::Form)?;
    let host = url.host_str().unwrap_or_default();
    let is_asked = url.origin().ascii_serialization() == asked.origin();
    let is_local =
        asked.is_loopback() && url.origin().ascii_serialization().parse().is_ok_and(|at: Instance| at.is_loopback());
    let is_salesforce = url.scheme() == "https" && is_of_salesforce(host);
    if !(is_asked || is_local || is_salesforce) || !url.username().is_empty() || url.password().is_some() {
        return Err(InvalidIdentity::Host);
    }
    if let (Some(one), Some(other)) = (is_for_tests(asked.host()), is_for_tests(host))
        && one != other
    {
        return Err(InvalidIdentity::Kind);
    }
    let segments: Vec<&str> = url.path_segments().into_iter().flatten().collect();
    match segments.as_slice() {
        ["id", organization, user] if is_id(organization, ORGANIZATION) && is_id(user, USER) => {
            Ok(Identity { user_name: None, organization_id: (*organization).to_owned(), user_id: (*user).to_owned() })
        }
        _ => Err(InvalidIdentity::Form),
    }
}

fn is_id(text: &str, kind: &str) -> bool {
    matches!(text.len(), 15 | 18) && text.starts_with(kind) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::credential::TokenAge;
    use crate::service::salesforce::classify::RequestKind;
    use crate::service::salesforce::classify::tests::{answer, classified, token};

    const IDS: &str = "00Dxx0000001gERAAY/005xx000001Sv1xAAC";

    fn at(host: &str, asked: &str) -> Result<String, InvalidIdentity> {
        let asked = asked.parse().unwrap();
        of_address(&format!("{host}/id/{IDS}"), &asked).map(|identity| identity.user_id)
    }

    #[test]
    fn the_address_of_an_identity_is_of_a_host_of_the_same_kind() {
        let good = || Ok("005xx000001Sv1xAAC".to_owned());
        let production = "https://acme.my.salesforce.com";
        let sandbox = "https://acme--dev.sandbox.my.salesforce.com";
        for (host, asked, expected) in [
            ("https://login.salesforce.com", production, good()),
            (production, production, good()),
            (production, "https://login.salesforce.com", good()),
            ("https://test.salesforce.com", sandbox, good()),
            (sandbox, "https://test.salesforce.com", good()),
            ("https://api.acme.example", "https://api.acme.example", good()),
            ("http://127.0.0.1:1", "http://127.0.0.1:2", good()),
            ("https://login.salesforce.com", "http://127.0.0.1:2", good()),
            ("https://test.salesforce.com", production, Err(InvalidIdentity::Kind)),
            ("https://login.salesforce.com", sandbox, Err(InvalidIdentity::Kind)),
            ("https://evil.example", production, Err(InvalidIdentity::Host)),
            ("http://login.salesforce.com", production, Err(InvalidIdentity::Host)),
            ("https://u:p@login.salesforce.com", production, Err(InvalidIdentity::Host)),
            ("http://127.0.0.1:1", production, Err(InvalidIdentity::Host)),
            ("https://evil.example", "http://127.0.0.1:2", Err(InvalidIdentity::Host)),
        ] {
            assert_eq!(at(host, asked), expected, "{host} for {asked}");
        }
        let here = production.parse().unwrap();
        for path in ["", "/id", "/id/00D/005", "/id/005xx000001Sv1xAAC/00Dxx0000001gERAAY", "/x/a/b"] {
            assert_eq!(of_address(&format!("{production}{path}"), &here), Err(InvalidIdentity::Form), "{path}");
        }
        assert_eq!(of_address("x", &here), Err(InvalidIdentity::Form));
    }

    #[test]
    fn the_user_is_read_of_what_the_token_says() {
        let of = |status, body: &str| {
            classified(&answer(status, &[], body), RequestKind::Identity, token(TokenAge::New), read)
        };
        let body = r#"{"sub":"https://login.salesforce.com/id/00D/005","user_id":"005xx000001Sv1xAAC","organization_id":"00Dxx0000001gERAAY","preferred_username":"jo@acme.example","user_type":"STANDARD"}"#;
        let identity = of(200, body).unwrap();
        assert_eq!(identity.user_name.as_deref(), Some("jo@acme.example"));
        assert_eq!(identity.organization_id, "00Dxx0000001gERAAY");
        assert_eq!(of(403, body), None);
        assert_eq!(of(403, "Bad_OAuth_Token"), None);
        assert_eq!(of(200, r#"{"preferred_username":"x"}"#), None);
        assert_eq!(of(200, &body.replace("005xx000001Sv1xAAC", "../../x")), None);
    }
}
