//! Answers about the credential: refused sign-ins, sessions and tokens.

use crate::base::code::Code;
use crate::base::error::Likelihood::{High, Low, Medium};
use crate::service::salesforce::classify::RequestKind;
use crate::service::salesforce::symptoms::Symptom;

/// What does not need a password.
const OAUTH: &str = "Sign in with OAuth instead, which needs no password: {guide}";

pub const ROWS: &[Symptom] = &[
    PASSWORD_EXPIRED,
    Symptom {
        name: "security-token",
        code: Code::SecurityTokenMissing,
        shows: |response| response.is(&["LOGIN_MUST_USE_SECURITY_TOKEN"]),
        message: "{host} requires the security token of {user}",
        why: "It said LOGIN_MUST_USE_SECURITY_TOKEN: this machine is in no IP range that the organization trusts.",
        causes: &[
            ("token-missing", High, "no security token was sent behind the password"),
            ("token-old", High, "the token was replaced, as every change of the password does"),
            ("new-address", Medium, "the address of this machine was taken from the trusted IP ranges"),
        ],
        next: &[
            "As the user, reset the security token in Salesforce (Settings, Reset My Security Token), then: {login}",
            "Ask an administrator to trust the address of this machine (Setup, Network Access)",
        ],
    },
    Symptom {
        name: "login-disabled",
        code: Code::BasicNotOffered,
        shows: |response| response.is_with("INVALID_OPERATION", &["login() is disabled"]),
        message: "{host} accepts no password from programs",
        why: "It said: {said}. Whether the password is right is unknown.",
        causes: &[("login-disabled", High, "SOAP API login() is off in the organization, as in all new ones")],
        next: &[
            OAUTH,
            "An administrator can turn it on (Setup, User Interface, Enable SOAP API login()), until Salesforce ends it in Summer '27",
        ],
    },
    Symptom {
        name: "login-not-in-version",
        code: Code::BasicNotOffered,
        shows: |response| response.is_with("INVALID_OPERATION", &["login operation is not available"]),
        message: "{host} accepts no password from programs any more",
        why: "It said: {said}. Whether the password is right is unknown.",
        causes: &[
            ("login-ended", High, "Salesforce has ended sign-ins with a password (SOAP login) for this organization"),
            ("version", Low, "the token_url of the connection names version 65.0 or a later one, which have none"),
        ],
        next: &[OAUTH],
    },
    Symptom {
        name: "login-version",
        code: Code::UnexpectedAnswer,
        shows: |response| matches!(response.request, RequestKind::Login) && response.is(&["UNSUPPORTED_API_VERSION"]),
        message: "{host} does not have the version of the API by which a password signs in",
        why: "It said: {said}. Whether the password is right is unknown.",
        causes: &[
            ("login-ended", Medium, "the organization has no version any more that takes a password"),
            ("version", Medium, "the token_url of the connection names a version that the organization does not have"),
        ],
        next: &[OAUTH],
    },
    Symptom {
        name: "delegated-authentication",
        code: Code::BasicNotOffered,
        shows: |response| response.is(&["INVALID_SSO_GATEWAY_URL"]),
        message: "{host} does not check passwords of {user} itself",
        why: "It said: {said}. The gateway that is to check them is not set, or cannot be reached.",
        causes: &[(
            "single-sign-on",
            High,
            "the profile of the user has Is Single Sign-On Enabled (delegated authentication)",
        )],
        next: &[OAUTH, "Ask an administrator about the permission Is Single Sign-On Enabled of the user"],
    },
    Symptom {
        name: "any-api-auth",
        code: Code::AccessDenied,
        shows: |response| matches!(response.request, RequestKind::Login) && response.is(&["INSUFFICIENT_ACCESS"]),
        message: "{user} may not sign in to {host} with a password",
        why: "It said: {said}.",
        causes: &[(
            "any-api-auth",
            High,
            "the user lacks the permission Use Any API Auth, which password sign-ins need",
        )],
        next: &["Ask an administrator for the permission Use Any API Auth", OAUTH],
    },
    Symptom {
        name: "login-hours",
        code: Code::LoginHours,
        shows: |response| response.is(&["LOGIN_DURING_RESTRICTED_TIME"]),
        message: "{user} may not sign in to {host} at this time",
        why: "It said: {said}. The password itself is not the cause.",
        causes: &[("login-hours", High, "the login hours of the user's profile exclude this time")],
        next: &["Try again within the login hours, or ask an administrator to change those of the profile"],
    },
    Symptom {
        name: "ip-range",
        code: Code::AccessDenied,
        shows: |response| response.is(&["LOGIN_DURING_RESTRICTED_DOMAIN"]),
        message: "{user} may not sign in to {host} from this network",
        why: "It said: {said}. The password itself is not the cause.",
        causes: &[("ip-restriction", High, "the login IP ranges of the user's profile exclude this machine")],
        next: &["Ask an administrator to add the address of this machine to the Login IP Ranges of the profile"],
    },
    Symptom {
        name: "client-not-allowed",
        code: Code::AccessDenied,
        shows: |response| response.is(&["INVALID_CLIENT", "UNSUPPORTED_CLIENT", "CLIENT_NOT_ACCESSIBLE_FOR_USER"]),
        message: "{host} does not allow this client for {user}",
        why: "It said: {said}.",
        causes: &[("client-restricted", High, "the organization restricts which clients may use its API")],
        next: &["Ask an administrator which clients the API Access Control of the organization allows"],
    },
    Symptom {
        name: "mutual-authentication",
        code: Code::CertificateRefused,
        shows: |response| response.is(&["MUTUAL_AUTHENTICATION_FAILED"]),
        message: "{host} requires a client certificate of {user}",
        why: "It said: {said}.",
        causes: &[("mutual-authentication", High, "the user has the permission Enforce SSL/TLS Mutual Authentication")],
        next: &[
            "Ask an administrator to remove the permission, or for a certificate and the port of mutual authentication",
        ],
    },
    Symptom {
        name: "login-challenge",
        code: Code::MfaRequired,
        shows: |response| response.is(&["LOGIN_CHALLENGE_ISSUED", "LOGIN_CHALLENGE_PENDING"]),
        message: "{host} requires a second factor for {user}",
        why: "It said: {said}. A saved password alone does not work.",
        causes: &[("mfa", High, "the user has the permission Multi-Factor Authentication for API Logins")],
        next: &[OAUTH, "Ask an administrator to remove the permission from this user"],
    },
    Symptom {
        name: "app-for-agents",
        code: Code::ScopeRestricted,
        shows: |response| response.is_session_not_allowed() && response.says(&["attached to agent"]),
        message: "signed in, but the app may use this API for an agent alone",
        why: "Salesforce said: {said}. A new session would be refused, too, so none was asked for.",
        causes: &[("agent", High, "the app was made for agents (Agentforce), and is attached to none")],
        next: &["Ask an administrator to attach the app to its agent, or sign in with another app"],
    },
    Symptom {
        name: "session-not-for-the-api",
        code: Code::ScopeRestricted,
        shows: |response| response.is_session_not_allowed() && !response.says(&["blacktab"]),
        message: "signed in, but the session may not use this API",
        why: "Salesforce said: {said}. A new session would be refused, too, so none was asked for.",
        causes: &[
            ("scope", High, "the scopes of the connected app do not include api"),
            ("api-enabled", High, "the user lacks the permission API Enabled"),
            ("session-level", Medium, "a policy requires a high-assurance session"),
            ("api-access-control", Medium, "API Access Control does not allow this app"),
        ],
        next: &[
            "Ask an administrator to give the app the scope \"Manage user data via APIs (api)\" and the user API Enabled, then: {login}",
        ],
    },
    Symptom {
        name: "user-without-api",
        code: Code::ApiDisabled,
        shows: |response| response.is_session_not_allowed(),
        message: "signed in, but {user} is of a kind that may not use the API",
        why: "Salesforce said: {said}. A new session would be refused, too.",
        causes: &[("kind-of-user", Low, "the user is an internal one of Salesforce")],
        next: &["Sign in as another user"],
    },
    Symptom {
        name: "token-scopes",
        code: Code::ScopeRestricted,
        shows: |response| response.is_with("INVALID_AUTH_HEADER", &["invalid_scopes"]),
        message: "signed in, but the token lacks a scope that this API requires",
        why: "Salesforce said: {said}.",
        causes: &[("scope", High, "the scopes of the connected app do not include api")],
        next: &["Ask an administrator to add the scope api to the app, then: {login}"],
    },
    Symptom {
        name: "header-type",
        code: Code::BearerRefused,
        shows: |response| response.is_with("INVALID_AUTH_HEADER", &["invalid_header_type"]),
        message: "{host} does not accept this form of the access token",
        why: "It said: {said}.",
        causes: &[
            ("token-format", High, "the token is a JWT where an opaque one is expected, or the reverse"),
            ("middlebox", Low, "a proxy changes the Authorization header"),
        ],
        next: &["Ask an administrator about the token format of the app", "{enter}"],
    },
    Symptom {
        name: "new-session-refused",
        code: Code::BearerRefused,
        shows: |response| response.is_session_refused() && response.is_token_of_this_run(),
        message: "{host} rejected a session that was just opened",
        why: "It said: {said}. The session was opened in this run, so its age is not the cause.",
        causes: &[
            ("other-organization", High, "the session is of another organization than the address"),
            ("locked-to-ip", Medium, "sessions are locked to the IP address that opened them, and a proxy changes it"),
            ("user", Low, "the user was frozen or deactivated meanwhile"),
        ],
        next: &["Compare the address with the My Domain in Setup", "{enter}"],
    },
    Symptom {
        name: "session-expired",
        code: Code::SessionExpired,
        shows: |response| response.is_session_refused(),
        message: "{host} does not accept the session any more",
        why: "It said: {said}.",
        causes: &[
            ("expired", High, "the session was not used for longer than the session timeout allows"),
            ("revoked", Medium, "it was signed out or revoked, here or on another machine"),
            ("user", Low, "the user was frozen or deactivated, or their password was changed"),
        ],
        next: &["{enter}"],
    },
    Symptom {
        name: "token-removed",
        code: Code::BearerRefused,
        shows: |response| response.is_word("Missing_OAuth_Token"),
        message: "{host} got no access token",
        why: "It said: {said}, although a token was sent.",
        causes: &[("header-removed", High, "a proxy removes the Authorization header")],
        next: &["Test without the proxy, or ask its administrator to pass on the Authorization header"],
    },
    Symptom {
        name: "locked-out",
        code: Code::BasicRefused,
        shows: |response| response.is(&["PASSWORD_LOCKOUT"]),
        message: "{user} is locked out of {host}",
        why: "It said: {said}. While that lasts, the right password is refused, too.",
        causes: &[("locked-out", High, "too many sign-ins with a wrong password, here or elsewhere")],
        next: &[
            "Ask an administrator to unlock the user (Setup, Users, Unlock), or wait as long as the password policy says",
        ],
    },
    Symptom {
        name: "login-refused",
        code: Code::BasicRefused,
        shows: |response| {
            let is_refused =
                response.status() == 401 && response.is_salesforce() && !response.credential.is_access_token();
            response.is(&["INVALID_LOGIN"]) || is_refused
        },
        message: "{host} rejected the sign-in of {user}",
        why: "It said: {said}. These causes look the same from outside.",
        causes: &[
            ("wrong-password", High, "wrong user name or password; the user name has the form of a mail address"),
            ("token-old", High, "the security token is missing, or was replaced when the password changed"),
            ("locked", Medium, "the user is locked out, frozen or inactive"),
            ("wrong-host", Medium, "the user is of another organization: sandboxes sign in at their own My Domain"),
        ],
        next: &[
            "Sign in to {origin} in a browser with the same user and password",
            "{enter}",
            "Do not try many times: refused sign-ins lock the user",
        ],
    },
    Symptom {
        name: "token-refused",
        code: Code::BearerRefused,
        shows: |response| response.status() == 401 && response.is_salesforce(),
        message: "{host} rejected the access token",
        why: "It said: {said}.",
        causes: &[
            ("revoked", High, "the token has expired, or was revoked"),
            ("other-organization", Medium, "the token is of another organization than the address"),
        ],
        next: &["{enter}"],
    },
    Symptom {
        name: "gateway-refused",
        code: Code::GatewayRefused,
        shows: |response| response.status() == 401,
        message: "a gateway in front of {host} denied the request",
        why: "The response was 401, but it does not look like one from Salesforce{title}.{unjudged}",
        causes: &[
            ("gateway", High, "the gateway requires its own key or sign-in"),
            ("wrong-address", Medium, "the address is not that of an organization"),
        ],
        next: &[
            "Ask the people who run the gateway what clients must send, and show them its response",
            "{add_header}",
            "Compare the address with the My Domain in Setup",
        ],
    },
];

/// A good answer to a sign-in may say it, too.
pub const PASSWORD_EXPIRED: Symptom = Symptom {
    name: "password-expired",
    code: Code::PasswordExpired,
    shows: |response| response.is(&["INVALID_OPERATION_WITH_EXPIRED_PASSWORD"]),
    message: "the password of {user} at {host} has expired",
    why: "The password is right, but Salesforce accepts it for nothing but setting a new one.",
    causes: &[(
        "password-policy",
        High,
        "the password is older than the password policy allows, or an administrator expired it",
    )],
    next: &[
        "Sign in to {origin} in a browser, set a new password, then enter it here with the new security token: {login}",
        "For a user of integrations, ask an administrator for the permission Password Never Expires",
    ],
};
