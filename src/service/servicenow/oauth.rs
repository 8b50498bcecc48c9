//! The OAuth endpoints of an instance: where they are, and what their answers mean.

use super::classify::{Body, ClassifiedResponse, RequestKind};
use super::symptoms::diagnose;
use super::token;
use crate::auth::credential::CredentialKind;
use crate::auth::oauth::AUTHORIZATION_CODE;
use crate::auth::oauth::outcome::{TokenOutcome, TokenRequest};
use crate::auth::provider::{Asked, Provider};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::shown;
use crate::http::client::Response;
use crate::model::oauth_client::{EndpointPaths, GrantType, OAuthClient, ServiceDefaults};
use crate::service::LentClient;

pub static DEFAULTS: ServiceDefaults = ServiceDefaults {
    spec: "servicenow",
    label: "ServiceNow",
    place: "at ServiceNow",
    check: "instance.servicenow",
    // Without an explicit scope, newer instances issue a token that no API takes.
    scope: "useraccount",
    machine_scope: "useraccount",
    audience_is_origin: false,
    assertion_seconds: 300,
    endpoints: EndpointPaths {
        authorization: "/oauth_auth.do",
        token: "/oauth_token.do",
        password: None,
        revocation: "/oauth_revoke_token.do",
        // The answer with the token says it.
        introspection: None,
    },
    // It takes the credentials of a client in the form alone.
    secret_in_form: true,
    key_header: "x-sn-apikey",
};

/// The public client that ServiceNow ships for its own SDK, where the plugin
/// com.glide.ide is there, and the page of the instance that shows the code.
const SDK_CLIENT_ID: &str = "543e5655f77746a28228c6009a599dfb";
const SDK_REDIRECT_URI: &str = "/sdk-oauth.do";

/// ServiceNow's own public client, as its SDK uses it: no scope, and a page that
/// shows the code.
pub fn sdk_client() -> OAuthClient {
    let own = "what is written here can be read";
    let client = OAuthClient::new(GrantType::AuthorizationCode, SDK_CLIENT_ID.parse().expect(own), &DEFAULTS);
    OAuthClient { scope: "".parse().expect(own), redirect_uri: SDK_REDIRECT_URI.parse().expect(own), ..client }
}

/// The same, as a person chooses it.
pub static LENT: LentClient = LentClient {
    method: &AUTHORIZATION_CODE,
    choice: (1, "OAuth with ServiceNow's client   a browser; paste a code"),
    client: sdk_client,
};

/// Whether it is that client.
pub(super) fn is_sdk(client: &OAuthClient) -> bool {
    client.client_id.as_str() == SDK_CLIENT_ID
}

/// ServiceNow, as the protocols of a sign-in ask for it.
pub struct ServiceNow;

impl Provider for ServiceNow {
    fn judge(&self, answer: &Response, asked: &Asked<'_>, request: &TokenRequest, has_secret: bool) -> TokenOutcome {
        token::judge(&classified(answer, asked, RequestKind::Token), request, asked.client, has_secret)
    }

    /// Any 2xx is done (RFC 7009).
    fn revoked(&self, answer: &Response, asked: &Asked<'_>) -> Result<(), Failure> {
        let response = classified(answer, asked, RequestKind::Revocation);
        match response.status() {
            // A sleeping instance answers everything with 200 and a page.
            200..300 if !response.is_html() => Ok(()),
            200..400 | 429 | 500.. => Err(diagnose(&response)),
            status => Err(Failure::new(Code::UnexpectedAnswer, shown!("the revocation endpoint returned {}", status))
                .next("Ask an administrator whether the token is still listed in System OAuth > Manage Tokens")),
        }
    }
}

fn classified<'a>(answer: &'a Response, asked: &Asked<'a>, request: RequestKind<'a>) -> ClassifiedResponse<'a> {
    ClassifiedResponse {
        raw: answer,
        body: Body::read(answer),
        request,
        credential: CredentialKind::TokenRequest,
        subject: asked.subject,
        instance: asked.origin,
        user: None,
        presented: asked.presented,
        redactor: asked.redactor,
    }
}
