//! Responses about the credential: 401.

use crate::auth::credential::TokenAge;
use crate::base::code::Code;
use crate::base::error::Likelihood::{High, Low, Medium};
use crate::http::identity::Presented;
use crate::model::oauth_client::GrantType;
use crate::service::servicenow::classify::{Body, ClassifiedResponse};
use crate::service::servicenow::symptoms::Symptom;

/// Whatever it says, it says of a guest: nothing of it is about the credential.
pub const AS_GUEST: &[Symptom] = &[Symptom {
    name: "answered-as-guest",
    code: Code::AnsweredAsGuest,
    shows: |response| {
        let is_answer = matches!(response.body, Body::Result(_) | Body::Envelope { .. });
        is_answer && !matches!(response.status(), 401 | 429 | 500..) && response.is_for_a_guest()
    },
    message: "{host} responded without authentication",
    why: "The response has the header X-Is-Logged-In: false.{unjudged}",
    causes: &[
        ("header-removed", High, "a proxy removes the Authorization header"),
        ("public-api", Medium, "the table is public, so the instance did not check the credential"),
    ],
    next: &[
        "Test without the proxy, or ask its administrator to pass on the Authorization header",
        "Test with a table that is not public: --table NAME",
    ],
}];

pub const ROWS: &[Symptom] = &[
    Symptom {
        name: "gateway-refused",
        code: Code::GatewayRefused,
        shows: |response| response.status() == 401 && !response.is_refused_by_the_instance(),
        message: "a gateway in front of {host} denied the request",
        why: "The response was 401, but it does not look like one from ServiceNow{title}.{by}{unjudged}",
        causes: &[
            ("gateway", High, "the gateway requires its own key or sign-in"),
            ("wrong-address", Medium, "the address does not belong to an instance"),
        ],
        next: &[
            "Ask the people who run the gateway what clients must send, and show them its response",
            "{add_header}",
            "Check the address: use the one that the browser shows after you sign in to the instance",
        ],
    },
    COOKIE_SESSION,
    Symptom {
        name: "cookie-session-with-token",
        code: Code::BearerRefused,
        shows: |response| response.is_cookie_session() && response.credential.is_access_token(),
        message: "{host} used a session cookie instead of the access token",
        ..COOKIE_SESSION
    },
    Symptom {
        name: "given-token-taken-once",
        code: Code::BearerRefused,
        shows: |response| {
            let is_taken = response.credential.is_token_of_age(TokenAge::Taken);
            response.status() == 401 && is_taken && response.credential.is_token_of("token")
        },
        message: "{host} accepted the access token once, then rejected it",
        why: "Both requests of this run used the same token, which has not expired: it is a one-time token.",
        causes: &[
            (
                "one-time-token",
                High,
                "JTI verification is on at the instance, so each token of an identity provider is valid for one request",
            ),
            ("revoked", Low, "the token was revoked in between"),
        ],
        next: &[
            "Ask an administrator to turn off \"Enable JTI claim verification\" in the OIDC provider configuration: {guide_token}",
            "Or connect with --access-token-command and a command that prints another token each time",
        ],
    },
    Symptom {
        name: "token-taken-once",
        code: Code::BearerRefused,
        shows: |response| response.status() == 401 && response.credential.is_token_of_age(TokenAge::Taken),
        message: "{host} accepted the access token once, then rejected it",
        why: "Both requests of this run used the same token, so its age is not the cause.",
        causes: &[
            (
                "one-time-token",
                High,
                "the instance or a gateway in front of it accepts each access token for a single request",
            ),
            ("revoked", Low, "the token expired or was revoked in between"),
        ],
        next: &[
            "Ask an administrator whether tokens of this client are valid for a single request, and give the time{transaction}",
        ],
    },
    Symptom {
        name: "new-client-token-refused",
        shows: |response| is_new_token(response) && response.credential.has_grant(GrantType::ClientCredentials),
        causes: &[
            (
                "no-application-user",
                High,
                "the OAuth Application User of the client is missing, inactive or locked out",
            ),
            ("guest-user", High, "the release is older than Washington DC, where the token belongs to the user guest"),
            ("scope-restriction", Medium, SECURELY_SCOPED),
            ("access-policy", Medium, "a REST API access policy denies this client, user or IP address"),
            ("other-instance", Low, "the token endpoint and the API belong to different instances"),
        ],
        next: &[
            "Ask an administrator to check the OAuth Application User of the client: {guide_client_credentials}",
            "Give the administrator the time{transaction}",
        ],
        ..NEW_TOKEN_REFUSED
    },
    NEW_TOKEN_REFUSED,
    Symptom {
        name: "given-token-refused",
        code: Code::BearerRefused,
        shows: |response| response.status() == 401 && response.credential.is_token_of("token"),
        message: "{host} rejected the access token",
        why: "The response was 401. The instance does not say whether the token has expired, is meant for another audience or names a user that it does not know.",
        causes: &[
            ("revoked", High, "the token has expired, or was revoked"),
            (
                "other-audience",
                High,
                "no OIDC entity of the instance has the audience (aud) of the token as its client id, or trusts the identity provider that signed it",
            ),
            ("unknown-user", Medium, "the claim that names the user matches no active user of the instance"),
            (
                "one-time-token",
                Medium,
                "JTI verification is on, and the token was used before: then each token is valid for one request",
            ),
            ("access-policy", Low, "a REST API access policy denies this client, user or IP address"),
        ],
        next: &[
            "{enter}",
            "Ask an administrator to compare the token with the OIDC entity ({guide_token}), and give the time{transaction}",
        ],
    },
    Symptom {
        name: "bearer-refused",
        code: Code::BearerRefused,
        shows: |response| response.status() == 401 && response.credential.is_access_token(),
        message: "{host} rejected the access token",
        why: "The response was 401, although the token has not expired.",
        causes: &[
            ("revoked", High, "the token was revoked, on this or another machine with the same user and client"),
            ("access-policy", Medium, "a REST API access policy denies this client, user or IP address"),
            ("user", Medium, "the user is locked out or inactive, or the OAuth client was deactivated"),
        ],
        next: &["{enter}", "If the error persists, give an administrator the time{transaction}"],
    },
    Symptom {
        name: "api-key-refused",
        code: Code::ApiKeyRefused,
        shows: |response| response.status() == 401 && response.credential.is_secret_of("api-key"),
        message: "{host} rejected the API key",
        why: "The response was 401. A wrong key, an expired key and a key that may not call this API get the same response.",
        causes: &[
            ("wrong-key", High, "the key is wrong or was not copied completely"),
            (
                "access-policy",
                High,
                "no REST API access policy of the Table API has the profile for API keys; policies are for one method and version each",
            ),
            ("expired", Medium, "the key was deactivated or has expired; an expired key is deleted after seven days"),
            ("other-parameter", Medium, "the instance expects the key in another header or in the query string"),
            ("user", Low, "the user of the key is locked out or inactive"),
        ],
        next: &["Ask an administrator to check the key and its access policy: {guide_api_key}", "{enter}"],
    },
    Symptom {
        name: "certificate-not-asked-for",
        code: Code::CertificateNotAskedFor,
        shows: |response| is_certificate_refused(response) && response.presented == Presented::NotAsked,
        message: "{host} did not ask for a client certificate",
        why: "The TLS handshake had no request for a certificate, so none was sent. The response was 401.",
        causes: &[
            ("not-enabled", High, "certificate-based authentication is not enabled for this instance"),
            ("tls-inspection", Medium, "a proxy on the way inspects TLS, so the instance never sees the certificate"),
            ("other-address", Medium, "a custom address ends at another front end than the instance's own"),
        ],
        next: &[
            "Ask an administrator to enable it: {guide_certificate}",
            "Open {origin}/adcv2/supports_tls in a browser: it must say true",
            "Test without a proxy, or with the original address of the instance, NAME.service-now.com",
        ],
    },
    Symptom {
        name: "certificate-without-user",
        code: Code::CertificateRefused,
        shows: is_certificate_refused,
        message: "{host} has no user for the client certificate",
        why: "It asked for the certificate and got it, and the response was 401. The certificate itself was accepted.",
        causes: &[
            ("no-user", High, "the certificate is not registered for a user (User Certificates on the instance)"),
            ("user", Medium, "the user is locked out or inactive"),
            ("access-policy", Low, "a REST API access policy does not allow certificates here"),
        ],
        next: &[
            "Ask an administrator to register the certificate for the user: {guide_certificate}",
            "Give the administrator the time{transaction}",
        ],
    },
    Symptom {
        name: "mfa-required",
        code: Code::MfaRequired,
        shows: |response| response.status() == 401 && response.raw.headers.contains_key("x-mfa_token"),
        message: "{host} requires a second factor for {user}",
        why: "The password is right: ServiceNow only returns X-MFA_TOKEN after a correct password. A one-time code is valid for 30 seconds and cannot be saved, so a saved password alone does not work, here or in CI.",
        causes: &[("mfa", High, "multi-factor authentication is enabled for integrations and the user is enrolled")],
        next: &[
            "Sign in with OAuth, where the browser asks for the second factor: {guide_oauth}",
            "In CI, use client credentials: {guide_client_credentials}",
            "At a terminal, snow connect and snow login ask for the one-time code",
            "Use an integration user without a second factor, or ask an administrator about glide.authenticate.multifactor.for_integrations",
        ],
    },
    Symptom {
        name: "basic-not-offered",
        code: Code::BasicNotOffered,
        shows: |response| {
            let offered = response.offered_schemes();
            response.status() == 401
                && offered.iter().any(|scheme| scheme == "bearer")
                && !offered.iter().any(|scheme| scheme == "basic")
        },
        message: "{host} does not accept passwords for this API",
        why: "It returned 401 and offers only BEARER, so a REST API access policy most likely excludes Basic. Whether the password is right is unknown.",
        causes: &[
            ("access-policy", High, "a REST API access policy only allows OAuth here"),
            ("wrong-password", Low, "the password is wrong as well"),
        ],
        next: &[
            "Sign in with OAuth, which it offers: {guide_oauth}",
            "Ask an administrator to allow Basic in the REST API access policy of the Table API, or for a user that is allowed to use it",
        ],
    },
    Symptom {
        name: "basic-refused",
        code: Code::BasicRefused,
        shows: |response| response.status() == 401,
        message: "{host} rejected the sign-in of {user}",
        why: "The response was 401 without further detail. These causes look the same from outside.",
        causes: &[
            ("wrong-password", High, "wrong user name or password, or a space was copied with it"),
            (
                "basic-restricted",
                High,
                "the instance restricts Basic to certain users, as personal and new instances do since 2026",
            ),
            ("locked", Medium, "the user is locked out or inactive, or must set a new password"),
            ("sso-only", Medium, "the user signs in with single sign-on and has no password on the instance"),
            ("access-policy", Low, "a REST API access policy denies this user or IP address"),
        ],
        next: &[
            "Sign in to {origin} in a browser with the same user and password; if that works, ask an administrator about the role snc_basic_auth_api_access",
            "{enter}",
            "Sign in with OAuth, which the restriction does not affect: {guide_oauth}",
        ],
    },
];

/// A token that this run got, and that the API does not take.
const NEW_TOKEN_REFUSED: Symptom = Symptom {
    name: "new-token-refused",
    code: Code::BearerRefused,
    shows: is_new_token,
    message: "{host} rejected an access token that was just issued",
    why: "The token endpoint issued the token in this run, and the API returned 401 for it. The age of the token is not the cause.",
    causes: &[
        ("scope-restriction", High, SECURELY_SCOPED),
        ("access-policy", Medium, "a REST API access policy denies this client, user or IP address"),
        ("user", Medium, "the user is locked out or inactive"),
        ("other-instance", Low, "the token endpoint and the API belong to different instances"),
    ],
    next: &[
        "Ask an administrator to set the Scope Restriction of the client to \"Broadly scoped\", or to allow the client in the REST API access policy of the API",
        "Give the administrator the time{transaction}",
        "Then get a new token: {login}",
    ],
};

const SECURELY_SCOPED: &str =
    "the Scope Restriction of the client is \"Securely scoped\", the default since Zurich, which excludes this API";

fn is_new_token(response: &ClassifiedResponse<'_>) -> bool {
    response.status() == 401 && response.credential.is_token_of_age(TokenAge::New)
}

fn is_certificate_refused(response: &ClassifiedResponse<'_>) -> bool {
    response.status() == 401 && response.credential.is_secret_of("certificate")
}

/// Something in between adds a cookie, and the password was not looked at.
const COOKIE_SESSION: Symptom = Symptom {
    name: "cookie-session",
    code: Code::BasicRefused,
    shows: |response| response.is_cookie_session() && response.credential.is_secret_of("basic"),
    message: "{host} used a session cookie instead of the password",
    why: "It returned 401 and says both that a user is signed in (X-Is-Logged-In) and that the session lacks its token (X-UserToken-Response). snow sends no cookies, so a proxy must have added one.",
    causes: &[("cookie-added", High, "a proxy stores cookies and adds them to requests")],
    next: &["Test without the proxy, or ask its administrator not to add cookies", "{enter}"],
};
