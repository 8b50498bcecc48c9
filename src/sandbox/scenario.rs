//! What the embedded instance can do wrong.

use std::str::FromStr;

/// One way to break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    Hibernating,
    BasicRefused,
    TableHidden,
    TokenRefused,
    RefreshRefused,
    NoRefreshToken,
    ExpiresString,
    ExpiresMissing,
    TokenPage,
    TokenUnavailable,
    TokenCut,
    SlowToken,
    BearerRefused,
    ScopeRestricted,
    AnotherUser,
    LoginDenied,
    RedirectUri,
    NoSdkClient,
    MfaRequired,
    BasicNotOffered,
    RevocationUnavailable,
}

impl Scenario {
    pub const ALL: &'static [Self] = &[
        Self::Hibernating,
        Self::BasicRefused,
        Self::TableHidden,
        Self::TokenRefused,
        Self::RefreshRefused,
        Self::NoRefreshToken,
        Self::ExpiresString,
        Self::ExpiresMissing,
        Self::TokenPage,
        Self::TokenUnavailable,
        Self::TokenCut,
        Self::SlowToken,
        Self::BearerRefused,
        Self::ScopeRestricted,
        Self::AnotherUser,
        Self::LoginDenied,
        Self::RedirectUri,
        Self::NoSdkClient,
        Self::MfaRequired,
        Self::BasicNotOffered,
        Self::RevocationUnavailable,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hibernating => "hibernating",
            Self::BasicRefused => "basic-refused",
            Self::TableHidden => "table-hidden",
            Self::TokenRefused => "token-refused",
            Self::RefreshRefused => "refresh-refused",
            Self::NoRefreshToken => "no-refresh-token",
            Self::ExpiresString => "expires-string",
            Self::ExpiresMissing => "expires-missing",
            Self::TokenPage => "token-page",
            Self::TokenUnavailable => "token-unavailable",
            Self::TokenCut => "token-cut",
            Self::SlowToken => "slow-token",
            Self::BearerRefused => "bearer-refused",
            Self::ScopeRestricted => "scope-restricted",
            Self::AnotherUser => "another-user",
            Self::LoginDenied => "login-denied",
            Self::RedirectUri => "redirect-uri",
            Self::NoSdkClient => "no-sdk-client",
            Self::MfaRequired => "mfa-required",
            Self::BasicNotOffered => "basic-not-offered",
            Self::RevocationUnavailable => "revocation-unavailable",
        }
    }

    /// What happens then, for people.
    pub fn description(self) -> &'static str {
        match self {
            Self::Hibernating => "every address shows the page of a sleeping instance",
            Self::BasicRefused => "passwords get 401, as under the Basic restriction",
            Self::TableHidden => "incident counts its rows, but access rules hide them",
            Self::TokenRefused => "every token request gets 401 server_error",
            Self::RefreshRefused => "a sign-in gives tokens, but every refresh gets 401",
            Self::NoRefreshToken => "token answers carry no refresh token",
            Self::ExpiresString => "token answers give expires_in as a string",
            Self::ExpiresMissing => "token answers give no expires_in",
            Self::TokenPage => "the token endpoint answers 200 with a login page",
            Self::TokenUnavailable => "the token endpoint answers 503 from the load balancer",
            Self::TokenCut => "the token answer breaks off after the server acted",
            Self::SlowToken => "the token endpoint answers after two seconds",
            Self::BearerRefused => "every access token gets 401, also a fresh one",
            Self::ScopeRestricted => "tokens work, but the Table API answers them 403",
            Self::AnotherUser => "whoever signs in, the tokens are for joe.employee",
            Self::LoginDenied => "each authorization ends with error=access_denied",
            Self::RedirectUri => "each authorization ends on \"Invalid redirect_uri\"",
            Self::NoSdkClient => "ServiceNow's own client and its page are missing",
            Self::MfaRequired => "a right password gets 401: the second factor is missing",
            Self::BasicNotOffered => "passwords get 401, and only BEARER is offered",
            Self::RevocationUnavailable => "revoking a token answers 503",
        }
    }
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
