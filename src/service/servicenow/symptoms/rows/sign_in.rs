//! Answers about the credential: 401.

use crate::auth::credential::TokenAge;
use crate::base::code::Code;
use crate::base::error::Likelihood::{High, Low, Medium};
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
    message: "{host} answered without signing anybody in",
    why: "The answer has the header X-Is-Logged-In: false.{unjudged}",
    causes: &[
        ("header-removed", High, "a proxy between here and the instance removes the Authorization header"),
        ("public-api", Medium, "the table is public, so the instance did not check the sign-in"),
    ],
    next: &[
        "Test without the proxy, or ask its administrator to let the Authorization header pass",
        "Test with a table that is not public: --table NAME",
    ],
}];

pub const ROWS: &[Symptom] = &[
    Symptom {
        name: "gateway-refused",
        code: Code::GatewayRefused,
        shows: |response| response.status() == 401 && !response.is_refused_by_the_instance(),
        message: "a gateway in front of {host} rejected the request",
        why: "The answer was 401, and it does not look like one of ServiceNow{title}.{by}{unjudged}",
        causes: &[
            ("gateway", High, "a gateway requires its own key or sign-in"),
            ("wrong-address", Medium, "the address is not that of an instance"),
        ],
        next: &[
            "Ask the people who run the gateway what programs must send, and show them what it answered",
            "{add_header}",
            "Check the address: it is the one in the browser after signing in to the instance",
        ],
    },
    COOKIE_SESSION,
    Symptom {
        name: "cookie-session-with-token",
        code: Code::BearerRefused,
        shows: |response| response.is_cookie_session() && response.credential.is_access_token(),
        message: "{host} looked at a session cookie instead of the access token",
        ..COOKIE_SESSION
    },
    Symptom {
        name: "token-taken-once",
        code: Code::BearerRefused,
        shows: |response| response.status() == 401 && response.credential.is_token_of_age(TokenAge::Taken),
        message: "{host} took the access token once and refused it the next time",
        why: "Both requests were made in this run with the same token: its age is not the cause.",
        causes: &[
            (
                "one-time-token",
                High,
                "the instance or a gateway in front of it takes each access token for one request",
            ),
            ("revoked", Low, "the token ended or was revoked in between"),
        ],
        next: &[
            "Ask an administrator whether tokens of this client are good for one request, and show the time{transaction}",
        ],
    },
    Symptom {
        name: "new-client-token-refused",
        shows: |response| is_new_token(response) && response.credential.has_grant(GrantType::ClientCredentials),
        causes: &[
            (
                "no-application-user",
                High,
                "the OAuth Application User on the entry of the client is missing, inactive or locked out",
            ),
            ("guest-user", High, "the release is older than Washington DC: there the token belongs to the user guest"),
            ("scope-restriction", Medium, SECURELY_SCOPED),
            ("access-policy", Medium, "a REST API access policy refuses this client, user or address"),
            ("other-instance", Low, "the token endpoint belongs to another instance than the API"),
        ],
        next: &[
            "Ask an administrator to check the OAuth Application User on the entry of the client: {guide_client_credentials}",
            "Show the administrator the time{transaction}",
        ],
        ..NEW_TOKEN_REFUSED
    },
    NEW_TOKEN_REFUSED,
    Symptom {
        name: "bearer-refused",
        code: Code::BearerRefused,
        shows: |response| response.status() == 401 && response.credential.is_access_token(),
        message: "{host} refused the access token",
        why: "The answer was 401, although by its time the token is good.",
        causes: &[
            ("revoked", High, "the token was revoked, here or on another machine with the same user and client"),
            ("access-policy", Medium, "a REST API access policy refuses this client, user or address"),
            ("user", Medium, "the user is locked or inactive, or the client's entry was switched off"),
        ],
        next: &["{enter}", "If it stays, show an administrator the time{transaction}"],
    },
    Symptom {
        name: "api-key-refused",
        code: Code::ApiKeyRefused,
        shows: |response| response.status() == 401 && response.credential.is_secret_of("api-key"),
        message: "{host} refused the API key",
        why: "The answer was 401. A key that is wrong, has expired or may not call this API gets the same answer.",
        causes: &[
            ("wrong-key", High, "the key is wrong, or was not copied whole"),
            ("access-policy", High, "no REST API access policy lets this key call the Table API"),
            ("expired", Medium, "the key is switched off or has expired; an expired key is deleted after seven days"),
            ("other-parameter", Medium, "the instance expects the key in another header, or in the query"),
            ("user", Low, "the user of the key is locked or inactive"),
        ],
        next: &["Ask an administrator to check the key and its access policy: {guide_api_key}", "{enter}"],
    },
    Symptom {
        name: "mfa-required",
        code: Code::MfaRequired,
        shows: |response| response.status() == 401 && response.raw.headers.contains_key("x-mfa_token"),
        message: "{host} wants a second factor for {user}",
        why: "The password is right: only then does ServiceNow answer with X-MFA_TOKEN. A one-time code lives for 30 seconds and cannot be saved.",
        causes: &[("mfa", High, "multi-factor authentication is on for integrations, and the user is enrolled")],
        next: &[
            "Sign in by OAuth, where the browser asks for the second factor: {guide_oauth}",
            "Use a user without a second factor that is meant for integrations, or ask an administrator about glide.authenticate.multifactor.for_integrations",
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
        message: "{host} does not take a password for this API",
        why: "It refused with 401 and offers only BEARER, so a REST API access policy most likely excludes Basic. Whether the password is right cannot be told.",
        causes: &[
            ("access-policy", High, "a REST API access policy allows only OAuth here"),
            ("wrong-password", Low, "the password is wrong as well"),
        ],
        next: &[
            "Sign in by OAuth, which it offers: {guide_oauth}",
            "Ask an administrator to allow Basic in the REST API access policy of the Table API, or for a user that it allows",
        ],
    },
    Symptom {
        name: "basic-refused",
        code: Code::BasicRefused,
        shows: |response| response.status() == 401,
        message: "{host} refused {user}",
        why: "The answer was 401 without further evidence. From outside, these causes look the same.",
        causes: &[
            ("wrong-password", High, "user name or password is wrong, or a space came with it"),
            (
                "basic-restricted",
                High,
                "the instance restricts Basic to some users, as personal and new instances do since 2026",
            ),
            ("locked", Medium, "the user is locked out, inactive, or must set a new password"),
            ("sso-only", Medium, "the user signs in by single sign-on and has no password here"),
            ("access-policy", Low, "a REST API access policy refuses this user or address"),
        ],
        next: &[
            "Sign in to {origin} in a browser with the same user and password; if that works, ask an administrator about the role snc_basic_auth_api_access",
            "{enter}",
            "Sign in by OAuth, which that restriction leaves alone: {guide_oauth}",
        ],
    },
];

/// A token that this run got, and that the API does not take.
const NEW_TOKEN_REFUSED: Symptom = Symptom {
    name: "new-token-refused",
    code: Code::BearerRefused,
    shows: is_new_token,
    message: "{host} refused an access token that it gave a moment ago",
    why: "The token endpoint gave a new token, and the API answered 401 to it. The age of the token is not the cause.",
    causes: &[
        ("scope-restriction", High, SECURELY_SCOPED),
        ("access-policy", Medium, "a REST API access policy refuses this client, user or address"),
        ("user", Medium, "the user is locked or inactive"),
        ("other-instance", Low, "the token endpoint belongs to another instance than the API"),
    ],
    next: &[
        "Ask an administrator to set the Scope Restriction of the client to \"Broadly scoped\", or to let the client pass in the REST API access policy of the API",
        "Show the administrator the time{transaction}",
        "Then a new token is needed: {login}",
    ],
};

const SECURELY_SCOPED: &str =
    "the Scope Restriction of the client is \"Securely scoped\", the default since Zurich, and the API is outside it";

fn is_new_token(response: &ClassifiedResponse<'_>) -> bool {
    response.status() == 401 && response.credential.is_token_of_age(TokenAge::New)
}

/// Something in between adds a cookie, and the password was not looked at.
const COOKIE_SESSION: Symptom = Symptom {
    name: "cookie-session",
    code: Code::BasicRefused,
    shows: |response| response.is_cookie_session() && response.credential.is_secret_of("basic"),
    message: "{host} looked at a session cookie instead of the password",
    why: "It answered 401 and says both that somebody is signed in (X-Is-Logged-In) and that the session lacks its token (X-UserToken-Response). This program sends no cookie, so something in between adds one.",
    causes: &[("cookie-added", High, "a proxy between here and the instance keeps cookies and adds them to requests")],
    next: &["Test without the proxy, or ask its administrator not to add cookies", "{enter}"],
};
