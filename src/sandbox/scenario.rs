//! What the embedded instance can do wrong, by name, and how `snow` meets it.
//! How the instance does it stands in `faults`, and in `oauth` for what only a
//! sign-in shows.

use std::str::FromStr;

use crate::base::code::Code;

macro_rules! sign_ins {
    ($($name:ident = $word:literal, $heading:literal, $flags:literal;)*) => {
        /// How a client signs in that meets a scenario.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum SignIn { $($name,)* }

        impl SignIn {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word for it on the command line.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// For a list.
            pub fn heading(self) -> &'static str {
                match self { $(Self::$name => $heading,)* }
            }

            /// What `snow connect` needs for it.
            pub fn flags(self) -> &'static str {
                match self { $(Self::$name => $flags,)* }
            }
        }
    };
}

sign_ins! {
    Basic = "basic", "With a password", "--username beth.anglin";
    OAuth = "oauth", "With OAuth", "--client-id sandbox-public";
    ApiKey = "api-key", "With an API key", "--auth api-key";
    JwtBearer = "jwt-bearer", "With a signed assertion", "--auth jwt-bearer";
    Token = "token", "With a token of an identity provider", "--auth token";
}

macro_rules! scenarios {
    ($($name:ident = $text:literal, $auth:ident $command:literal $(=> $code:ident)?, $description:literal;)*) => {
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
        }
    };
}

/// The code of a line, if it has one.
macro_rules! code {
    () => {
        None
    };
    ($code:ident) => {
        Some(Code::$code)
    };
}
pub(super) use code;

scenarios! {
    Hibernating = "hibernating", Basic "test" => InstanceHibernating,
        "every URL returns 200 with the page of a hibernating instance";
    BasicRefused = "basic-refused", Basic "test" => BasicRefused,
        "every password gets 401, as with the Basic restriction";
    ApiKeyRefused = "api-key-refused", ApiKey "test" => ApiKeyRefused,
        "every API key gets 401, as without an access policy for it";
    BasicNotOffered = "basic-not-offered", Basic "test" => BasicNotOffered,
        "passwords get 401, and only BEARER is offered";
    MfaRequired = "mfa-required", Basic "test" => MfaRequired,
        "a correct password gets 401 without the one-time code 123456 after it";
    TableHidden = "table-hidden", Basic "test --table incident" => TableHidden,
        "incident counts its rows but returns none: access rules hide them";
    ApiAcl = "api-acl", Basic "test" => ApiAcl,
        "every user gets 403 from the Table API: Failed API level ACL Validation";
    QueryForbidden = "query-forbidden", Basic "test --table incident" => QueryForbidden,
        "every query gets 403 Insufficient rights to query records";
    AccessDenied = "access-denied", Basic "test --table incident" => AccessDenied,
        "every table returns 403 with a specific reason";
    ForbiddenPage = "forbidden-page", Basic "test" => ForbiddenPage,
        "a firewall returns a 403 page, as with restricted IP addresses";
    GatewayRefused = "gateway-refused", Basic "test" => GatewayRefused,
        "a gateway in front returns 401 to everything and requires its own key";
    AnsweredAsGuest = "answered-as-guest", Basic "test" => AnsweredAsGuest,
        "every response is for the guest user, whatever credential was sent";
    RateLimited = "rate-limited", Basic "test" => RateLimited,
        "a rate limit rule returns 429 with Retry-After and X-RateLimit headers";
    RateLimitedNode = "rate-limited-node", Basic "test" => RateLimited,
        "a busy node returns 429 without saying when to retry";
    InstanceUnavailable = "instance-unavailable", Basic "test" => InstanceUnavailable,
        "the load balancer returns 503: a restart or an upgrade";
    GatewayTimeout = "gateway-timeout", Basic "test" => GatewayTimeout,
        "the load balancer returns 504: it timed out waiting for the instance";
    TransactionCancelled = "transaction-cancelled", Basic "test" => TransactionCancelled,
        "every table returns 500 Transaction cancelled: it took too long";
    TransactionCancelledLate = "transaction-cancelled-late", Basic "test" => TransactionCancelled,
        "the same after a 200 was sent: broken JSON with the error at the end";
    TruncatedAnswer = "truncated-answer", Basic "test" => TruncatedAnswer,
        "200 with JSON that is cut off";
    InstanceError = "instance-error", Basic "test" => InstanceError,
        "every table returns 500 with a script exception";
    UnexpectedAnswer = "unexpected-answer", Basic "test" => UnexpectedAnswer,
        "every table returns 202 without a result: too many requests in one session";
    LoginPage = "login-page", Basic "test" => LoginPage,
        "every URL returns 200 with a login page";
    SsoRedirect = "sso-redirect", Basic "test" => SsoRedirect,
        "every URL redirects to single sign-on";
    Redirected = "redirected", Basic "test" => Redirected,
        "every URL redirects to another host";
    NotServiceNow = "not-servicenow", Basic "test" => NotServiceNow,
        "a captive portal answers, as on a hotel network";
    IdentityUnknown = "identity-unknown", Basic "test" => IdentityUnknown,
        "the user is unknown: no current_user, and sys_user drops the query";
    UserMismatch = "user-mismatch", Basic "test" => UserMismatch,
        "current_user returns a different user than the one that signed in";
    Slow = "slow", Basic "test --timeout 500ms" => Timeout,
        "every response takes two seconds";
    ClockSkew = "clock-skew", Basic "test" => ClockSkew,
        "the clock of the instance is ten minutes behind";
    ConnectionLost = "connection-lost", Basic "test" => ConnectionLost,
        "every connection is closed without a response";
    AnswerTooLarge = "answer-too-large", Basic "test" => AnswerTooLarge,
        "every table returns a response that is too large";
    LoginDenied = "login-denied", OAuth "connect" => LoginDenied,
        "every authorization ends with error=access_denied";
    RedirectUri = "redirect-uri", OAuth "connect --login-timeout 1s" => LoginTimeout,
        "every authorization ends on \"Invalid redirect_uri\"";
    NoSdkClient = "no-sdk-client", OAuth "connect --sdk-client" => TokenRefused,
        "ServiceNow's own client and its page are missing";
    TokenRefused = "token-refused", OAuth "connect" => TokenRefused,
        "every token request gets 401 server_error";
    TokenPage = "token-page", OAuth "connect" => LoginPage,
        "the token endpoint returns 200 with a login page";
    TokenUnavailable = "token-unavailable", OAuth "connect" => InstanceUnavailable,
        "the load balancer returns 503 for the token endpoint";
    TokenCut = "token-cut", OAuth "connect" => TruncatedAnswer,
        "the token response is cut off after the server acted";
    SlowToken = "slow-token", OAuth "connect --timeout 1s" => Timeout,
        "the token endpoint responds after two seconds";
    ExpiresString = "expires-string", OAuth "connect",
        "token responses have expires_in as a string";
    ExpiresMissing = "expires-missing", OAuth "connect",
        "token responses have no expires_in";
    LongTokens = "long-tokens", OAuth "connect",
        "access tokens are 3000 characters long, as JWTs may be";
    AnotherUser = "another-user", OAuth "connect --username beth.anglin" => UserMismatch,
        "the tokens are always for joe.employee, whichever user signs in";
    BearerRefused = "bearer-refused", OAuth "connect" => BearerRefused,
        "every access token gets 401, even a fresh one";
    ScopeRestricted = "scope-restricted", OAuth "connect" => ScopeRestricted,
        "tokens work, but the Table API returns 403";
    RefreshRefused = "refresh-refused", OAuth "refresh" => SessionExpired,
        "a sign-in returns tokens, but every refresh gets 401";
    NoRefreshToken = "no-refresh-token", OAuth "refresh" => SessionExpired,
        "token responses have no refresh token";
    RevocationUnavailable = "revocation-unavailable", OAuth "logout" => NotRevoked,
        "revoking a token returns 503";
    AssertionRefused = "assertion-refused", JwtBearer "connect" => AssertionRefused,
        "every signed assertion gets 401, as with the certificate of another key";
    AssertionOfAdmin = "assertion-of-admin", JwtBearer "connect" => AssertionRefused,
        "the user of every assertion has the role admin, which is refused";
    AssertionClock = "assertion-clock", JwtBearer "connect" => AssertionRefused,
        "the clock of the instance is two minutes behind, and it allows no skew";
    AssertionReused = "assertion-reused", JwtBearer "connect" => AssertionRefused,
        "the instance has seen the jti of every assertion before";
    KeyForTables = "key-for-tables", ApiKey "test --table incident" => IdentityUnknown,
        "an API key may call the Table API for incidents, and not learn its user";
    KeyScopeMissing = "key-scope-missing", ApiKey "test" => ScopeRestricted,
        "an API key gets 403: its auth scope does not include the Table API";
    OtherMethods = "other-methods", Basic "test --table sys_user,incident" => BasicRefused,
        "a policy for incident accepts only API keys, and passwords get 401 there";
    OneTimeToken = "one-time-token", Token "test" => BearerRefused,
        "each token of an identity provider is valid for one request";
    IdentityTokenRefused = "identity-token-refused", Token "test" => BearerRefused,
        "every token of an identity provider gets 401, as an expired one does";
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
