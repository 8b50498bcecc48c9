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
    OAuth = "oauth", "By OAuth", "--client-id sandbox-public";
    ApiKey = "api-key", "With an API key", "--auth api-key";
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

macro_rules! code {
    () => {
        None
    };
    ($code:ident) => {
        Some(Code::$code)
    };
}

scenarios! {
    Hibernating = "hibernating", Basic "test" => InstanceHibernating,
        "every address answers 200 with the page of a sleeping instance";
    BasicRefused = "basic-refused", Basic "test" => BasicRefused,
        "every password is refused with 401, as under the Basic restriction";
    ApiKeyRefused = "api-key-refused", ApiKey "test" => ApiKeyRefused,
        "every API key gets 401, as without an access policy for it";
    BasicNotOffered = "basic-not-offered", Basic "test" => BasicNotOffered,
        "passwords get 401, and only BEARER is offered";
    MfaRequired = "mfa-required", Basic "test" => MfaRequired,
        "a right password gets 401: the second factor is missing";
    TableHidden = "table-hidden", Basic "test --table incident" => TableHidden,
        "incident counts its rows and returns none: access rules hide them";
    ApiAcl = "api-acl", Basic "test" => ApiAcl,
        "the Table API is closed to every user: Failed API level ACL Validation";
    QueryForbidden = "query-forbidden", Basic "test --table incident" => QueryForbidden,
        "every query is refused with 403 Insufficient rights to query records";
    AccessDenied = "access-denied", Basic "test --table incident" => AccessDenied,
        "every table answers 403 with a reason of its own";
    ForbiddenPage = "forbidden-page", Basic "test" => ForbiddenPage,
        "a page with 403 from in front, as where addresses are restricted";
    GatewayRefused = "gateway-refused", Basic "test" => GatewayRefused,
        "a gateway in front answers 401 to everything and wants its own key";
    AnsweredAsGuest = "answered-as-guest", Basic "test" => AnsweredAsGuest,
        "every answer is a guest's, whatever was sent to sign in";
    RateLimited = "rate-limited", Basic "test" => RateLimited,
        "a rule answers 429 with Retry-After and X-RateLimit headers";
    RateLimitedNode = "rate-limited-node", Basic "test" => RateLimited,
        "a busy node answers 429 without a word on when to come back";
    InstanceUnavailable = "instance-unavailable", Basic "test" => InstanceUnavailable,
        "the front end answers 503: a restart or an upgrade";
    GatewayTimeout = "gateway-timeout", Basic "test" => GatewayTimeout,
        "the front end answers 504: it waited in vain";
    TransactionCancelled = "transaction-cancelled", Basic "test" => TransactionCancelled,
        "every table answers 500 Transaction cancelled: it took too long";
    TransactionCancelledLate = "transaction-cancelled-late", Basic "test" => TransactionCancelled,
        "the same after 200 was sent: broken JSON with the error at its end";
    TruncatedAnswer = "truncated-answer", Basic "test" => TruncatedAnswer,
        "200 with JSON that stops in the middle";
    InstanceError = "instance-error", Basic "test" => InstanceError,
        "every table answers 500 with an exception of a script";
    UnexpectedAnswer = "unexpected-answer", Basic "test" => UnexpectedAnswer,
        "every table answers 202 without a result: too many calls in one session";
    LoginPage = "login-page", Basic "test" => LoginPage,
        "every address answers 200 with a login page";
    SsoRedirect = "sso-redirect", Basic "test" => SsoRedirect,
        "every address redirects to single sign-on";
    Redirected = "redirected", Basic "test" => Redirected,
        "every address redirects to another host";
    NotServiceNow = "not-servicenow", Basic "test" => NotServiceNow,
        "something else answers, as in the network of a hotel";
    IdentityUnknown = "identity-unknown", Basic "test" => IdentityUnknown,
        "nobody tells who is signed in: no current_user, sys_user drops the query";
    UserMismatch = "user-mismatch", Basic "test" => UserMismatch,
        "current_user names another user than the one that signed in";
    Slow = "slow", Basic "test --timeout 500ms" => Timeout,
        "every answer takes two seconds";
    ClockSkew = "clock-skew", Basic "test" => ClockSkew,
        "the clock of the instance is ten minutes behind";
    ConnectionLost = "connection-lost", Basic "test" => ConnectionLost,
        "every connection is closed without an answer";
    AnswerTooLarge = "answer-too-large", Basic "test" => AnswerTooLarge,
        "every table answers with more than anybody asked for";
    LoginDenied = "login-denied", OAuth "connect" => LoginDenied,
        "each authorization ends with error=access_denied";
    RedirectUri = "redirect-uri", OAuth "connect --login-timeout 1s" => LoginTimeout,
        "each authorization ends on \"Invalid redirect_uri\"";
    NoSdkClient = "no-sdk-client", OAuth "connect --sdk-client" => TokenRefused,
        "ServiceNow's own client and its page are missing";
    TokenRefused = "token-refused", OAuth "connect" => TokenRefused,
        "every token request gets 401 server_error";
    TokenPage = "token-page", OAuth "connect" => LoginPage,
        "the token endpoint answers 200 with a login page";
    TokenUnavailable = "token-unavailable", OAuth "connect" => InstanceUnavailable,
        "the token endpoint answers 503 from the load balancer";
    TokenCut = "token-cut", OAuth "connect" => TruncatedAnswer,
        "the token answer breaks off after the server acted";
    SlowToken = "slow-token", OAuth "connect --timeout 1s" => Timeout,
        "the token endpoint answers after two seconds";
    ExpiresString = "expires-string", OAuth "connect",
        "token answers give expires_in as a string";
    ExpiresMissing = "expires-missing", OAuth "connect",
        "token answers give no expires_in";
    LongTokens = "long-tokens", OAuth "connect",
        "access tokens are 3000 characters long, as signed ones may be";
    AnotherUser = "another-user", OAuth "connect --username beth.anglin" => UserMismatch,
        "whoever signs in, the tokens are for joe.employee";
    BearerRefused = "bearer-refused", OAuth "connect" => BearerRefused,
        "every access token gets 401, also a fresh one";
    ScopeRestricted = "scope-restricted", OAuth "connect" => ScopeRestricted,
        "tokens work, but the Table API answers them 403";
    RefreshRefused = "refresh-refused", OAuth "refresh" => SessionExpired,
        "a sign-in gives tokens, but every refresh gets 401";
    NoRefreshToken = "no-refresh-token", OAuth "refresh" => SessionExpired,
        "token answers carry no refresh token";
    RevocationUnavailable = "revocation-unavailable", OAuth "logout" => NotRevoked,
        "revoking a token answers 503";
}

impl FromStr for Scenario {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|scenario| scenario.as_str() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|scenario| scenario.as_str()).collect();
            format!("there is no such scenario; there are {}", names.join(", "))
        })
    }
}
