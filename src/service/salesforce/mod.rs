//! What is particular to Salesforce: its hosts, its APIs, and what its answers mean.
//!
//! An organization has one host for its API, its My Domain. `login.salesforce.com` and
//! `test.salesforce.com` sign in users of every organization, and browsers see other hosts.

pub mod address;
pub mod classify;
mod denials;
mod guide;
pub mod hosts;
pub mod identity;
pub mod limits;
pub mod login;
pub mod path;
mod probes;
mod query;
mod records;
mod refusals;
pub mod soap;
mod sobjects;
pub mod symptoms;
pub mod token;
mod tools;
mod verdict;
pub mod version;

use chrono::TimeDelta;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use super::adobe::{AdobeAuth, AdobeParam, AdobeSpec, Counterpart};
use super::denial::Denials;
use super::guide::Guide;
use super::tools::Tool;
use super::{Address, Asked, LentClient, Next, Offer, Purpose, Service, forwarding};
use crate::auth::credential::CredentialKind;
use crate::auth::method::MethodSpec;
use crate::auth::oauth::outcome::{TokenOutcome, TokenRequest};
use crate::auth::oauth::settings::CLIENT_SECRET_ITEM;
use crate::auth::provider::{self, PasswordRequest, Provider};
use crate::auth::setting::GivenSecrets;
use crate::auth::{access_token, basic, jwt_bearer, oauth, password_session};
use crate::base::code::Code;
use crate::base::error::{CausesOfCode, Failure};
use crate::base::secret::Secret;
use crate::base::shown::shown;
use crate::http::client::Response;
use crate::model::instance::{ApiVersion, Instance};
use crate::model::oauth_client::{EndpointPaths, GrantType, ServiceDefaults};
use crate::model::profile::{Auth, InvalidValue};
use classify::{Body, ClassifiedResponse, RequestKind};
use denials::DENIALS;
use version::Version;

/// Salesforce, as open connections and the protocols of a sign-in ask for it.
pub struct Salesforce;

pub static DEFAULTS: ServiceDefaults = ServiceDefaults {
    spec: "salesforce-service-cloud",
    label: "Salesforce",
    place: "at Salesforce",
    check: "instance.salesforce",
    scope: "api refresh_token",
    // The app says what its own tokens are for.
    machine_scope: "",
    audience_is_origin: true,
    // A longer one is refused.
    assertion_seconds: 180,
    endpoints: EndpointPaths {
        authorization: "/services/oauth2/authorize",
        token: "/services/oauth2/token",
        password: Some("/services/Soap/u/64.0"),
        revocation: "/services/oauth2/revoke",
        introspection: Some("/services/oauth2/introspect"),
    },
    secret_in_form: true,
    key_header: "x-api-key",
};

/// The ways to sign in that it has; the first is that of a user who gives nothing else.
static METHODS: [&MethodSpec; 5] = [
    &password_session::SPEC,
    &oauth::AUTHORIZATION_CODE,
    &oauth::CLIENT_CREDENTIALS,
    &jwt_bearer::WITHOUT_KEY_ID,
    &access_token::SPEC,
];

/// The base connections of Adobe. The older page of its documentation prints the second id.
/// Without a version a password takes the latest; a client must have one.
static ADOBE: AdobeSpec = AdobeSpec {
    ids: &["cfc0fee1-7dc0-40ef-b73e-d8b134c436f5", "b66ab34-8619-49cb-96d1-39b37ede86ea"],
    version: "1.0",
    auths: &[
        AdobeAuth {
            name: "Basic Authentication",
            method: &password_session::SPEC,
            usual_instance: Some("https://login.salesforce.com"),
            params: &[
                AdobeParam::new("environmentUrl", Counterpart::Instance),
                AdobeParam::new("username", Counterpart::Setting("username")),
                AdobeParam::new("password", Counterpart::Secret(&basic::PASSWORD_ITEM)),
                AdobeParam::new("securityToken", Counterpart::Secret(&password_session::SECURITY_TOKEN_ITEM)),
                AdobeParam::new("apiVersion", Counterpart::ApiVersion),
            ],
        },
        AdobeAuth {
            name: "OAuth2 Client Credential",
            method: &oauth::CLIENT_CREDENTIALS,
            usual_instance: None,
            params: &[
                AdobeParam::new("environmentUrl", Counterpart::Instance),
                AdobeParam::new("clientId", Counterpart::Setting("client_id")),
                AdobeParam::new("clientSecret", Counterpart::Secret(&CLIENT_SECRET_ITEM)),
                AdobeParam::new("apiVersion", Counterpart::RequiredApiVersion),
            ],
        },
    ],
};

/// Where the REST API is.
const APIS: &str = "/services/data/";

impl Service for Salesforce {
    fn defaults(&self) -> &'static ServiceDefaults {
        &DEFAULTS
    }

    fn methods(&self) -> &'static [&'static MethodSpec] {
        &METHODS
    }

    fn provider(&self) -> &'static dyn Provider {
        &Salesforce
    }

    fn lent_client(&self) -> Option<&'static LentClient> {
        None
    }

    fn offer_probes(&self) -> &'static [&'static str] {
        &[]
    }

    fn offer(&self, _refused: Option<&Response>, _probe: Option<&Response>) -> Option<Offer> {
        Some(Offer {
            advice: "OAuth with your own External Client App: no password is stored, and sign-ins with a password \
                     end in 2027",
            objections: Vec::new(),
        })
    }

    fn recognizes(&self, text: &str) -> bool {
        address::Address::parse(text).is_ok_and(|address| {
            let is_written = text.contains('.');
            is_written && hosts::is_of_salesforce(address.instance.host())
        })
    }

    fn address(&self, text: &str) -> Result<Address, Failure> {
        let address = address::Address::parse(text).map_err(address::failure)?;
        let (api_version, note) = (address.version.map(Version::of_api), address.note());
        Ok(Address { instance: address.instance, api_version, note })
    }

    fn is_expected(&self, instance: &Instance) -> bool {
        hosts::is_expected(instance)
    }

    fn farewell(&self, auth: &Auth) -> Option<&'static str> {
        (auth.method == password_session::SPEC.method)
            .then_some("Salesforce ends sign-ins with a password (SOAP login) in summer 2027.")
    }

    fn check(&self, auth: &Auth, instance: &Instance) -> Result<(), Failure> {
        let Some(client) = auth.client() else { return Ok(()) };
        let needs_my_domain = matches!(client.grant, GrantType::ClientCredentials | GrantType::JwtBearer);
        if needs_my_domain && hosts::is_login_host(instance.host()) {
            let host = instance.host_and_port();
            return Err(Failure::new(Code::Usage, shown!("{} does not work at {}", method_label(auth), host))
                .why("Clients that sign in for themselves do so at the My Domain of their organization.")
                .next("Use the My Domain, NAME.my.salesforce.com: it is in Setup under My Domain"));
        }
        Ok(())
    }

    fn api_version(&self, text: &str) -> Result<ApiVersion, InvalidValue> {
        text.parse().map(Version::of_api)
    }

    fn api_versions(&self) -> Vec<ApiVersion> {
        vec![Version::of_api(Version::DEFAULT)]
    }

    /// The administrator of the app says it, and no answer does.
    fn refresh_token_lifetime(&self) -> Option<TimeDelta> {
        None
    }

    fn tools(&self) -> &'static [&'static Tool] {
        &tools::TOOLS
    }

    fn guides(&self) -> &'static [Guide] {
        &guide::GUIDES
    }

    fn adobe(&self) -> &'static AdobeSpec {
        &ADOBE
    }

    fn causes(&self) -> Vec<CausesOfCode> {
        causes().collect()
    }

    fn denials(&self) -> &'static Denials {
        &DENIALS
    }

    fn not_revoked(&self) -> &'static [&'static str] {
        &[
            "Ask an administrator to revoke them (Setup, Connected Apps OAuth Usage)",
            "Let them expire: a session ends when it was not used for as long as the session settings say",
        ]
    }

    fn url(&self, instance: &Instance, version: Option<ApiVersion>, text: &str) -> Result<Url, Failure> {
        path::request_url(instance, version_of(version), text).map_err(|invalid| invalid.failure(&path::FORMS))
    }

    fn page_url(&self, instance: &Instance, text: &str) -> Result<Url, Failure> {
        path::page_url(instance, text).map_err(|invalid| invalid.failure(&path::FORMS))
    }

    fn gives_a_file(&self, text: &str) -> bool {
        let path = text.split('?').next().unwrap_or_default();
        ["/Body", "/VersionData"].iter().any(|end| path.ends_with(end))
    }

    fn apis(&self) -> &'static str {
        APIS
    }

    fn forwarded(&self, instance: &Instance, target: &str) -> Result<Url, Failure> {
        forwarding::url_of(instance, target, &path::FORMS).map_err(|invalid| invalid.failure(&path::FORMS))
    }

    fn signs_in(&self, path: &str, own: &[String]) -> bool {
        forwarding::is_closed(path, own, path::signs_in)
    }

    fn refuses_token(&self, status: u16, headers: &HeaderMap, body: Option<&[u8]>) -> Option<bool> {
        // A fault of SOAP is a 500.
        if !matches!(status, 401 | 403 | 500) {
            return Some(false);
        }
        let answer = Response { status, headers: headers.clone(), body: body?.to_vec(), broken: None };
        Some(classify::renewal_may_help(&answer))
    }

    fn diagnosed(&self, answer: &Response, asked: &Asked<'_>) -> Failure {
        classified(answer, asked, symptoms::diagnose)
    }

    fn verdict(&self, answer: &Response, asked: &Asked<'_>, is_for_head: bool) -> Option<Failure> {
        let Purpose::Url(url) = asked.purpose else { return None };
        classified(answer, asked, |response| verdict::failure_of(response, url, is_for_head))
    }

    fn next(&self, instance: &Instance, _asked: &Url, _headers: &HeaderMap, around: &[u8]) -> Next {
        let around: Option<Value> = serde_json::from_slice(around).ok();
        let Some(link) = around.as_ref().and_then(|around| around.get("nextRecordsUrl")?.as_str()) else {
            return Next::Nothing;
        };
        let is_address = link.starts_with('/') || link.contains("://");
        match path::request_url(instance, Version::DEFAULT, link) {
            Ok(url) if is_address => Next::Page(url),
            _ => Next::Elsewhere(link.to_owned()),
        }
    }
}

/// How a sign-in is called at the beginning of a sentence.
fn method_label(auth: &Auth) -> &'static str {
    match auth.client().map(|client| client.grant) {
        Some(GrantType::ClientCredentials) => "signing in with client credentials",
        _ => "signing in with a signed assertion",
    }
}

impl Provider for Salesforce {
    fn password_request(&self, auth: &Auth, secrets: &GivenSecrets) -> Option<PasswordRequest> {
        let password = secrets.required(&basic::PASSWORD_ITEM);
        let token = secrets.get(&password_session::SECURITY_TOKEN_ITEM);
        let envelope = soap::envelope(auth.username()?, &password, token).ok()?;
        let header = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        let whole = token.and_then(|token| password.followed_by(token).ok());
        let secrets: Vec<Secret> = [Some(password.clone()), token.cloned(), whole].into_iter().flatten().collect();
        let body = Zeroizing::new(envelope.expose().as_bytes().to_vec());
        Some(PasswordRequest { headers: soap::HEADERS.into_iter().map(header).collect(), body, secrets })
    }

    fn judge(
        &self,
        answer: &Response,
        asked: &provider::Asked<'_>,
        request: &TokenRequest,
        has_secret: bool,
    ) -> TokenOutcome {
        if matches!(request, TokenRequest::Password) {
            return login::outcome(answer, &of_token_request(answer, asked, RequestKind::Login));
        }
        token::judge(&of_token_request(answer, asked, RequestKind::Token), request, asked.client, has_secret)
    }

    fn revoked(&self, answer: &Response, asked: &provider::Asked<'_>) -> Result<(), Failure> {
        token::revoked(&of_token_request(answer, asked, RequestKind::Revocation))
    }
}

/// What may be behind each code, as the tables have it.
pub fn causes() -> impl Iterator<Item = CausesOfCode> {
    symptoms::causes().chain(refusals::causes()).chain(limits::causes()).chain(DENIALS.causes())
}

/// The version that a connection names, or the usual one.
fn version_of(version: Option<ApiVersion>) -> Version {
    version.map_or(Version::DEFAULT, Version::from_api)
}

/// What `judge` makes of an answer.
fn classified<T>(answer: &Response, asked: &Asked<'_>, judge: impl FnOnce(&ClassifiedResponse<'_>) -> T) -> T {
    let table = match asked.purpose {
        Purpose::Url(url) => path::table_of(url),
        _ => None,
    };
    let request = match asked.purpose {
        Purpose::Url(_) => table.as_ref().map_or(RequestKind::Api, RequestKind::Table),
        Purpose::Preflight => RequestKind::Preflight,
        Purpose::Table(table) => RequestKind::Table(table),
        Purpose::Identity => RequestKind::Identity,
    };
    judge(&ClassifiedResponse {
        raw: answer,
        body: Body::read(answer),
        request,
        credential: asked.credential,
        subject: asked.subject,
        instance: asked.instance,
        user: asked.user,
        redactor: asked.redactor,
    })
}

fn of_token_request<'a>(
    answer: &'a Response,
    asked: &provider::Asked<'a>,
    request: RequestKind<'a>,
) -> ClassifiedResponse<'a> {
    let credential = match request {
        RequestKind::Login => CredentialKind::Secret(&password_session::SPEC),
        _ => CredentialKind::TokenRequest,
    };
    ClassifiedResponse {
        raw: answer,
        body: Body::read(answer),
        request,
        credential,
        subject: asked.subject,
        instance: asked.origin,
        user: asked.user,
        redactor: asked.redactor,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "https://acme.my.salesforce.com";

    fn after(around: &str) -> Next {
        let instance = HERE.parse().unwrap();
        let asked = Url::parse(&format!("{HERE}/services/data/v64.0/query?q=x")).unwrap();
        Salesforce.next(&instance, &asked, &HeaderMap::new(), around.as_bytes())
    }

    #[test]
    fn the_next_page_is_the_one_that_the_answer_names() {
        let path = "/services/data/v64.0/query/01gxx0000001-2000";
        let page = Next::Page(Url::parse(&format!("{HERE}{path}")).unwrap());
        for link in [path.to_owned(), format!("{HERE}{path}")] {
            let around = format!(r#"{{"records":[],"totalSize":2500,"done":false,"nextRecordsUrl":"{link}"}}"#);
            assert_eq!(after(&around), page, "{link}");
        }
        for around in [r#"{"records":[],"totalSize":1,"done":true}"#, r#"{"nextRecordsUrl":null}"#, "[]", ""] {
            assert_eq!(after(around), Next::Nothing, "{around}");
        }
        for link in ["https://evil.example/x", "//evil.example/x", "/a/../b", "query/x", "javascript:alert(1)"] {
            let around = format!(r#"{{"nextRecordsUrl":"{link}"}}"#);
            assert_eq!(after(&around), Next::Elsewhere(link.to_owned()), "{link}");
        }
    }
}
