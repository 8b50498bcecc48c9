//! What an org can do wrong, by name: each with what it answers, where, how a client signs
//! in that meets it, and what `snow` says of it. What takes more than an answer is a [`Fault::Quirk`],
//! and the file of that answer asks for it.

use std::str::FromStr;

use super::fault::Fault::{self, Authorize, Data, Door, Login, Quirk, Token};
use super::fault::Grant::{Any, AuthorizationCode, ClientCredentials, JwtBearer, Refresh};
use super::fault::SignIn;
use crate::base::code::Code;
use crate::sandbox::scenario::code;

macro_rules! scenarios {
    ($(
        $name:ident = $text:literal, $auth:ident $command:literal $(=> $code:ident)?
            [$($fault:expr),+], $description:literal;
    )*) => {
        /// One way to break.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Scenario { $($name,)* }

        impl Scenario {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What happens then, for people.
            pub fn description(self) -> &'static str {
                match self { $(Self::$name => $description,)* }
            }

            /// The way to sign in that meets it.
            pub fn auth(self) -> SignIn {
                match self { $(Self::$name => SignIn::$auth,)* }
            }

            /// The first `snow` command that meets it, with the flags that it
            /// needs for that.
            pub fn command(self) -> &'static str {
                match self { $(Self::$name => $command,)* }
            }

            /// What that command says: the code of a failure or of a warning.
            /// Nothing where `snow` gets along with it.
            pub fn code(self) -> Option<Code> {
                match self { $(Self::$name => code!($($code)?),)* }
            }

            /// What it answers in place of the right answers.
            pub fn faults(self) -> &'static [Fault] {
                match self { $(Self::$name => &[$($fault),+],)* }
            }
        }
    };
}

const HTML: &str = "text/html;charset=UTF-8";
const JSON: &str = "application/json;charset=UTF-8";
const PAGE: &str = "<!DOCTYPE html><html><head><title>Salesforce</title></head><body>";
const REFUSED: &str = "Invalid username, password, security token; or user locked out.";
const LOCKED_OUT_OF_REST: &str = "This session is not valid for use with the REST API";

scenarios! {
    InvalidLogin = "invalid-login", Basic "connect" => BasicRefused [Login("INVALID_LOGIN", REFUSED)],
        "every password is refused, for one of four reasons that look the same";
    FaultWithoutPrefix = "fault-without-prefix", Basic "connect" => BasicRefused [Login("INVALID_LOGIN", REFUSED)],
        "the same, and the faultcode has no prefix";
    SecurityTokenMissing = "security-token-missing", Basic "connect" => SecurityTokenMissing [
        Login("LOGIN_MUST_USE_SECURITY_TOKEN",
        "Invalid username, password, security token; or user locked out. Are you at a new location? When accessing \
         Salesforce--either via a desktop client or the API--from outside of your company's trusted networks, you \
         must add a security token to your password to log in.")],
        "this address is not trusted, and the security token is missing or old";
    SoapLoginDisabled = "soap-login-disabled", Basic "connect" => BasicNotOffered [Login("INVALID_OPERATION",
        "SOAP API login() is disabled by default in this org. Contact the org administrator to enable SOAP API \
         login().")],
        "the setting Enable SOAP API login() is off, as in every new org";
    SoapVersionRetired = "soap-version-retired", Basic "connect" => BasicNotOffered [Login("INVALID_OPERATION",
        "The SOAP Login operation is not available in the API version specified (65.0). Refer to the documentation \
         for supported versions.")],
        "login() is gone from every API version";
    SoapVersionUnknown = "soap-version-unknown", Basic "connect" => UnexpectedAnswer [
        Login("UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL")],
        "the org knows no API version that it is asked for";
    UseAnyApiAuth = "use-any-api-auth", Basic "connect" => AccessDenied [Login("INSUFFICIENT_ACCESS",
        "insufficient access rights: the permission Use Any API Auth is required")],
        "the user lacks the permission Use Any API Auth";
    SsoGateway = "sso-gateway", Basic "connect" => BasicNotOffered [
        Login("INVALID_SSO_GATEWAY_URL", "Invalid Single Sign-On gateway URL")],
        "the profile has single sign-on for passwords, and its gateway is not set";
    LoginHours = "login-hours", Basic "connect" => LoginHours [
        Login("LOGIN_DURING_RESTRICTED_TIME", "Login attempt during restricted time")],
        "the profile may not log in at this hour";
    LoginIp = "login-ip", Basic "connect" => AccessDenied [
        Login("LOGIN_DURING_RESTRICTED_DOMAIN", "Login attempt outside allowed IP ranges")],
        "the profile may not log in from this address";
    ApiDisabled = "api-disabled", Basic "connect" => ApiDisabled [
        Login("API_DISABLED_FOR_ORG", "API is not enabled for this Organization or Partner"),
        Data(403, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.")],
        "the edition of the org has no API, or the profile lacks API Enabled";
    ApiCurrentlyDisabled = "api-currently-disabled", Basic "connect" => InstanceUnavailable [
        Login("API_CURRENTLY_DISABLED", "API is currently disabled for this Organization"),
        Data(403, "API_CURRENTLY_DISABLED", "API is currently disabled for this Organization")],
        "the org is being upgraded or moved";
    OrgLocked = "org-locked", Basic "connect" => OrgLocked [Login("ORG_LOCKED", "This organization is locked"),
        Token(Any, "inactive_org", "organization is locked, closed, or suspended")],
        "the org is locked";
    TrialExpired = "trial-expired", Basic "connect" => OrgLocked [
        Login("TRIAL_EXPIRED", "The trial of this organization has expired")],
        "the trial of the org has expired";
    PasswordLockout = "password-lockout", Basic "connect" => BasicRefused [
        Login("PASSWORD_LOCKOUT", "The user is locked out")],
        "the user is locked out after too many wrong passwords";
    LoginChallenge = "login-challenge", Basic "connect" => MfaRequired [Login("LOGIN_CHALLENGE_ISSUED",
        "A login challenge was issued: verify your identity")],
        "login() wants the user to prove who they are in another way";
    MutualAuthentication = "mutual-authentication", Basic "connect" => CertificateRefused [
        Login("MUTUAL_AUTHENTICATION_FAILED", "Mutual authentication failed")],
        "login() wants a client certificate";
    ClientNotAccessible = "client-not-accessible", Basic "connect" => AccessDenied [
        Login("CLIENT_NOT_ACCESSIBLE_FOR_USER",
        "This client is not accessible for this user")],
        "the user may not use this client";
    InvalidClientOfLogin = "login-client-invalid", Basic "connect" => AccessDenied [
        Login("INVALID_CLIENT", "This client is invalid")],
        "login() does not take this client";
    UnsupportedClient = "unsupported-client", Basic "connect" => AccessDenied [
        Login("UNSUPPORTED_CLIENT", "This client is not supported")],
        "the org does not take this client any more";
    LoginUnavailable = "login-unavailable", Basic "connect" => InstanceUnavailable [
        Login("SERVER_UNAVAILABLE", "Server unavailable")],
        "login() is unavailable for now";
    LoginTooLong = "login-too-long", Basic "connect" => TransactionCancelled [
        Login("REQUEST_RUNNING_TOO_LONG", "Your request was running for too long")],
        "login() took too long";
    UnknownFault = "unknown-fault", Basic "connect" => UnexpectedAnswer [
        Login("LOGIN_ON_THE_MOON", "Login is only possible on the moon")],
        "login() answers with a code that no list has";
    PasswordExpired = "password-expired", Basic "connect" => PasswordExpired [
        Quirk("200 passwordExpired=true, then 403")],
        "login() succeeds, with a session that may only change the password";
    TwoSessions = "two-sessions", Basic "connect" => UnexpectedAnswer [Quirk("200 with two sessionIds")],
        "the answer to login() has two session ids";
    BillionLaughs = "billion-laughs", Basic "connect" => UnexpectedAnswer [Quirk("200 with entities within entities")],
        "the answer to login() grows without end for a reader that expands entities";
    ExternalEntity = "external-entity", Basic "connect" => UnexpectedAnswer [Quirk("200 with an external entity")],
        "the answer to login() names a file of the reader's machine";

    LoginDenied = "login-denied", OAuth "connect" => LoginDenied [
        Authorize("access_denied", "end-user denied authorization")],
        "every authorization ends with error=access_denied";
    InstallOnCallback = "install-on-callback", OAuth "connect" => LoginDenied [
        Authorize("invalid_client", "app must be installed into org")],
        "the app is not installed in the org, and the redirect URI is told";
    RedirectUri = "redirect-uri", OAuth "connect --login-timeout 1s" => LoginTimeout [
        Quirk("400 redirect_uri_mismatch in plain text")],
        "no redirect URI is registered, and the sign-in ends on a line of text";
    AppBlocked = "app-blocked", OAuth "connect --login-timeout 1s" => LoginTimeout [
        Quirk("200 OAUTH_APPROVAL_ERROR_GENERIC on a page")],
        "the app is not installed in the org, and the sign-in ends on a page";
    CodeExpired = "code-expired", OAuth "connect" => TokenRefused [
        Token(AuthorizationCode, "invalid_grant", "expired authorization code")],
        "every code has expired when it is redeemed";
    InvalidScope = "invalid-scope", OAuth "connect" => LoginDenied [
        Authorize("invalid_scope", "the requested scope is invalid, unknown, or malformed")],
        "the app may not ask for the scope";
    RefreshTokenDead = "refresh-token-dead", OAuth "refresh" => SessionExpired [
        Token(Refresh, "invalid_grant", "expired access/refresh token")],
        "a sign-in gives tokens, and every refresh is refused";
    TokenValidityExpired = "token-validity-expired", OAuth "refresh" => SessionExpired [
        Token(Refresh, "invalid_grant", "token validity expired")],
        "the same in other words";
    Rotate = "rotate", OAuth "refresh" [Quirk("200 with a new refresh_token")],
        "each refresh gives a new refresh token and ends the former one";
    NoRefreshToken = "no-refresh-token", OAuth "refresh" => SessionExpired [Quirk("200 without refresh_token")],
        "token responses have no refresh token";
    OtherInstance = "other-instance", OAuth "connect" => UnexpectedAnswer [Quirk("200 with a foreign instance_url")],
        "token responses name another site as instance_url";
    OtherIdHost = "other-id-host", OAuth "connect" => UnexpectedAnswer [Quirk("200 with a foreign id")],
        "token responses name another site as id";
    IntrospectionOff = "introspection-off", OAuth "token --min-ttl 10m" => LifetimeTooShort [
        Quirk("401 invalid_client at introspect")],
        "no client may ask what a token is worth";
    UserinfoRefused = "userinfo-refused", OAuth "connect" => IdentityUnknown [Quirk("403 Bad_OAuth_Token at userinfo")],
        "no token is good enough for userinfo, as without the scope id";
    RevocationRefused = "revocation-refused", OAuth "logout" => NotRevoked [
        Quirk("400 error=unsupported_token_type in a form")],
        "a token cannot be revoked, and the refusal is no JSON";
    RateLimit = "rate-limit", OAuth "connect" => RateLimited [Token(Any, "rate_limit_exceeded", "login rate exceeded")],
        "the token endpoint was asked too often";
    TokenError = "token-error", OAuth "connect" => InstanceUnavailable [
        Token(Any, "unknown_error", "retry your request")],
        "the token endpoint asks for another try";

    DomainNotSupported = "domain-not-supported", ClientCredentials "connect" => InvalidInstance [
        Token(ClientCredentials, "invalid_grant", "request not supported on this domain")],
        "client credentials at the login host instead of the My Domain";
    NoRunAs = "no-run-as", ClientCredentials "connect" => TokenRefused [
        Token(ClientCredentials, "invalid_grant", "no client credentials user enabled")],
        "the app has no Run As user";
    FlowOff = "flow-off", ClientCredentials "connect" => TokenRefused [
        Token(ClientCredentials, "invalid_grant", "client credentials flow not enabled")],
        "the app does not enable client credentials";
    GrantNotSupported = "grant-not-supported", ClientCredentials "connect" => TokenRefused [
        Token(Any, "unsupported_grant_type", "grant type not supported")],
        "the app does not enable the grant";
    NoValidScopes = "no-valid-scopes", ClientCredentials "connect" => TokenRefused [
        Token(ClientCredentials, "invalid_grant", "no valid scopes defined")],
        "the app has no scope that client credentials may have";
    NotAdminApproved = "not-admin-approved", ClientCredentials "connect" => AccessDenied [
        Token(Any, "invalid_app_access", "user is not admin approved to access this app")],
        "the user has no permission set for the app";
    InvalidClientId = "invalid-client-id", ClientCredentials "connect" => TokenRefused [
        Token(Any, "invalid_client_id", "client identifier invalid")],
        "no client id is known, as with an app of less than ten minutes";
    InvalidClient = "invalid-client", ClientCredentials "connect" => TokenRefused [
        Token(Any, "invalid_client", "invalid client credentials")],
        "every client secret is refused";
    IpRestricted = "ip-restricted", ClientCredentials "connect" => AccessDenied [
        Token(Any, "invalid_grant", "ip restricted")],
        "the app or the profile does not allow this address";
    InactiveUser = "inactive-user", ClientCredentials "connect" => TokenRefused [
        Token(Any, "invalid_grant", "inactive user")],
        "the user of the sign-in was deactivated";
    InactiveOrg = "inactive-org", ClientCredentials "connect" => OrgLocked [
        Token(Any, "inactive_org", "organization is locked, closed, or suspended")],
        "the org is locked, closed or suspended";
    AuthenticationFailure = "authentication-failure", ClientCredentials "connect" => TokenRefused [
        Token(Any, "invalid_grant", "authentication failure")],
        "the sign-in is refused without a reason";

    NotApproved = "not-approved", JwtBearer "connect" => TokenRefused [
        Token(JwtBearer, "invalid_grant", "user hasn't approved this consumer")],
        "the user is not pre-authorized for the app";
    Audience = "audience", JwtBearer "connect" => AssertionRefused [
        Token(JwtBearer, "invalid_grant", "audience is invalid")],
        "no audience is the org's";
    InvalidAssertion = "invalid-assertion", JwtBearer "connect" => AssertionRefused [
        Token(JwtBearer, "invalid_grant", "invalid assertion")],
        "no assertion verifies, as with the certificate of another key";
    AppNotInstalled = "app-not-installed", JwtBearer "connect" => TokenRefused [
        Token(Any, "OAUTH_EC_APP_NOT_FOUND", "External client app is not installed in this org")],
        "the app is not installed in the org, or this is not the login host";
    AppNotFound = "app-not-found", JwtBearer "connect" => TokenRefused [
        Token(Any, "app_not_found", "External client app is not installed in this org")],
        "the same under its other name";

    SessionExpired = "session-expired", ClientCredentials "test" [
        Quirk("401 INVALID_SESSION_ID to the first token alone")],
        "the first token has expired when it is used, and the next works";
    SessionAlwaysInvalid = "session-always-invalid", ClientCredentials "test" => BearerRefused [
        Data(401, "INVALID_SESSION_ID", "Session expired or invalid")],
        "every session gets 401, even a fresh one";
    SessionNotForRest = "session-not-for-rest", ClientCredentials "test" => ScopeRestricted [
        Data(401, "INVALID_SESSION_ID", LOCKED_OUT_OF_REST)],
        "every session gets 401, which a refresh cannot help: no permission";
    NotAttachedToAgent = "not-attached-to-agent", ClientCredentials "test" => ScopeRestricted [
        Data(401, "INVALID_SESSION_ID", "Connected app is not attached to Agent")],
        "every session gets 401: the app may only act for an agent";
    TokenFormat = "token-format", ClientCredentials "test" => BearerRefused [
        Data(401, "INVALID_AUTH_HEADER", "INVALID_JWT_FORMAT")],
        "a token in JWT format has expired";
    TokenHeader = "token-header", ClientCredentials "test" => BearerRefused [
        Data(401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE")],
        "a token in JWT format has a header that the org does not take";
    TokenScopes = "token-scopes", ClientCredentials "test" => ScopeRestricted [
        Data(401, "INVALID_AUTH_HEADER", "INVALID_SCOPES")],
        "a token in JWT format has no scope for the API";
    SessionFault = "session-fault", ClientCredentials "test" => BearerRefused [
        Quirk("500 INVALID_SESSION_ID as a SOAP fault")],
        "a dead session is told in XML";
    InsufficientAccess = "insufficient-access", ClientCredentials "test --table case" => AccessDenied [
        Data(403, "INSUFFICIENT_ACCESS", "insufficient access rights on cross-reference id")],
        "the user may sign in and do nothing else";
    FunctionalityNotEnabled = "functionality-not-enabled", ClientCredentials "test" => ApiDisabled [
        Data(403, "FUNCTIONALITY_NOT_ENABLED", "This feature is not currently enabled for this user")],
        "the org does not have the feature";
    TransactionPolicy = "transaction-policy", ClientCredentials "test --table case" => AccessDenied [
        Data(400, "TXN_SECURITY_METERING_ERROR", "A transaction security policy blocked this request")],
        "a transaction security policy blocks the user";
    Quota = "quota", ClientCredentials "test" => QuotaExceeded [
        Data(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
        Login("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")],
        "the requests of the last 24 hours are used up";
    QuotaNear = "quota-near", ClientCredentials "test" => QuotaLow [Quirk("200 with api-usage=14990/15000")],
        "the requests of the last 24 hours are almost used up";
    CaseHidden = "case-hidden", ClientCredentials "test --table case" => TableHidden [
        Quirk("400 INVALID_TYPE for Case")],
        "the user may not read Case, which looks as if it did not exist";
    FieldHidden = "field-hidden", ClientCredentials "query case --fields Id,Subject" => FieldHidden [
        Quirk("400 INVALID_FIELD for Subject")],
        "the user may not read Subject, which looks as if it did not exist";
    NoCases = "no-cases", ClientCredentials "test --table case" => TableHidden [Quirk("200 with no records")],
        "the user sees no row of any object";
    VersionTooNew = "version-too-new", ClientCredentials "test" => UnexpectedAnswer [
        Data(400, "UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL")],
        "the org has none of the API versions that it lists";
    UnknownException = "unknown-exception", ClientCredentials "test" => InstanceError [Data(500, "UNKNOWN_EXCEPTION",
        "An unexpected error occurred. Please include this ErrorId if you contact support: 1234567890-12345 \
         (-1234567890)")],
        "every request gets 500 with an ErrorId";
    ServerUnavailable = "server-unavailable", ClientCredentials "test" => InstanceUnavailable [Door(503, JSON,
        "[{\"message\":\"Server is temporarily unavailable, please try again later.\",\
         \"errorCode\":\"SERVER_UNAVAILABLE\"}]")],
        "every URL returns 503 in JSON";
    Maintenance = "maintenance", ClientCredentials "test" => InstanceUnavailable [Door(503, HTML,
        "<!DOCTYPE html><html><head><title>Scheduled Maintenance</title></head><body>We are down for \
         maintenance.</body></html>")],
        "every URL returns 503 with a page";
    SettingUp = "setting-up", ClientCredentials "test" => InstanceUnavailable [Door(420, HTML,
        "<!DOCTYPE html><html><head><title>Salesforce</title></head><body>We are setting things up. This process can \
         take a few minutes.</body></html>")],
        "every URL returns 420: the host of the org is not set up yet";
    SettingUpEmpty = "setting-up-empty", ClientCredentials "test" => InstanceUnavailable [Door(406, HTML, "")],
        "every URL returns 406 with nothing";
    BadGateway = "bad-gateway", ClientCredentials "test" => InstanceUnavailable [Door(502, HTML, PAGE)],
        "every URL returns 502: the edge does not reach the org";
    Html200 = "html-200", ClientCredentials "connect" => LoginPage [Door(200, HTML,
        "<!DOCTYPE html><html><head><title>Login | Salesforce</title></head><body><form></form></body></html>")],
        "every URL returns 200 with a login page";
}

impl Scenario {
    /// What its answers show, as `403 REQUEST_LIMIT_EXCEEDED`: the first of them.
    pub fn answer(self) -> String {
        match self.faults().first() {
            Some(Door(status, ..)) => format!("{status} to everything"),
            Some(Login(code, _)) => format!("500 {code}"),
            // The one error of many causes.
            Some(Token(_, "invalid_grant", description)) => format!("400 invalid_grant: {description}"),
            Some(Token(_, error, _)) => format!("400 {error}"),
            Some(Authorize(error, _)) => format!("302 {error}"),
            Some(Data(status, code, _)) => format!("{status} {code}"),
            Some(Quirk(words)) => (*words).to_owned(),
            None => String::new(),
        }
    }
}

impl FromStr for Scenario {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|scenario| scenario.as_str() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|scenario| scenario.as_str()).collect();
            format!("unknown scenario: use one of {}", names.join(", "))
        })
    }
}
