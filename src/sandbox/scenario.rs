//! What the embedded instance can do wrong, by name. How it does it stands in
//! `faults`.

use std::str::FromStr;

use crate::error::Code;

macro_rules! scenarios {
    ($($name:ident = $text:literal, $code:ident, $flags:literal, $description:literal;)*) => {
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

            /// What `snow test` says of it: the code of a failure or of a warning.
            pub fn code(self) -> Code {
                match self { $(Self::$name => Code::$code,)* }
            }

            /// The flags that `snow test` needs to meet it.
            pub fn test_flags(self) -> &'static str {
                match self { $(Self::$name => $flags,)* }
            }
        }
    };
}

scenarios! {
    Hibernating = "hibernating", InstanceHibernating, "",
        "every address answers 200 with the page of a sleeping personal instance";
    BasicRefused = "basic-refused", BasicRefused, "",
        "every password is refused with 401, as under the Basic restriction";
    TableHidden = "table-hidden", TableHidden, "--table incident",
        "incident counts its rows and returns none: access rules hide them";
    ApiAcl = "api-acl", ApiAcl, "",
        "the Table API is closed to every user: 403 Failed API level ACL Validation";
    QueryForbidden = "query-forbidden", QueryForbidden, "--table incident",
        "every query is refused with 403 Insufficient rights to query records";
    AccessDenied = "access-denied", AccessDenied, "--table incident",
        "every table answers 403 with a reason of its own";
    ForbiddenPage = "forbidden-page", ForbiddenPage, "",
        "something in front answers 403 with a page, as where addresses are restricted";
    RateLimited = "rate-limited", RateLimited, "",
        "a rule answers 429 with Retry-After and X-RateLimit headers";
    RateLimitedNode = "rate-limited-node", RateLimited, "",
        "a busy node answers 429 without a word on when to come back";
    InstanceUnavailable = "instance-unavailable", InstanceUnavailable, "",
        "the front end answers 503: a restart or an upgrade";
    GatewayTimeout = "gateway-timeout", GatewayTimeout, "",
        "the front end answers 504: it waited in vain";
    TransactionCancelled = "transaction-cancelled", TransactionCancelled, "",
        "every table answers 500 Transaction cancelled: maximum execution time exceeded";
    TransactionCancelledLate = "transaction-cancelled-late", TransactionCancelled, "",
        "the same, after an answer of 200 had begun: broken JSON with the error at its end";
    TruncatedAnswer = "truncated-answer", TruncatedAnswer, "",
        "200 with JSON that stops in the middle";
    InstanceError = "instance-error", InstanceError, "",
        "every table answers 500 with an exception of a script";
    UnexpectedAnswer = "unexpected-answer", UnexpectedAnswer, "",
        "every table answers 202 without a result: too many calls in one session";
    LoginPage = "login-page", LoginPage, "",
        "every address answers 200 with a login page";
    SsoRedirect = "sso-redirect", SsoRedirect, "",
        "every address redirects to single sign-on";
    Redirected = "redirected", Redirected, "",
        "every address redirects to another host";
    NotServiceNow = "not-servicenow", NotServiceNow, "",
        "something else answers, as in the network of a hotel";
    IdentityUnknown = "identity-unknown", IdentityUnknown, "",
        "nobody tells who is signed in: no current_user, and sys_user drops the query";
    UserMismatch = "user-mismatch", UserMismatch, "",
        "current_user names another user than the one that signed in";
    Slow = "slow", Timeout, "--timeout 500ms",
        "every answer takes two seconds";
    ClockSkew = "clock-skew", ClockSkew, "",
        "the clock of the instance is ten minutes behind";
    ConnectionLost = "connection-lost", ConnectionLost, "",
        "every connection is closed without an answer";
    AnswerTooLarge = "answer-too-large", AnswerTooLarge, "",
        "every table answers with more than anybody asked for";
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
