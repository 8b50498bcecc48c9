//! How a token endpoint rejects a request, and what it means: a table.
//!
//! [`REFUSALS`] is read from the top; the first that fits decides. What the endpoint
//! said counts first. ServiceNow says `access_denied` or `server_error` to almost
//! everything and keeps the reason in its own log, so then the causes are ranked by
//! what was asked for and by what is known of it.
//!
//! Texts may hold `{host}`, `{client}`, `{scope}`, `{redirect_uri}`, `{code_age}`, `{clock}`,
//! `{session_age}`, `{grant}`, `{said}` (the endpoint's own words), `{reason}` (the same,
//! or that there was none), `{kept}` (a sentence where something is saved), `{give_scope}`
//! (how to ask for another scope), `{enter_secret}` (how to enter the client secret again) and `{login}` (how to sign in again).

use std::time::Duration;

use Likelihood::{High, Low, Medium};
use chrono::{DateTime, TimeDelta, Utc};

use super::classify::ClassifiedResponse;
use super::oauth::is_sdk;
use super::symptoms::with_evidence;
use super::token::{REFRESH_TOKEN_LIFETIME, Refusal};
use crate::auth::oauth::outcome::{MISTYPED, TokenRequest};
use crate::base::code::Code;
use crate::base::duration::ago;
use crate::base::error::{Cause, CausesOfCode, Failure, Likelihood};
use crate::base::shown::{Show, Shown, Step, shown};
use crate::model::oauth_client::OAuthClient;
use crate::model::profile::Subject;
use crate::service::symptom::{kept, with_quotes};

/// How long an authorization code lives at ServiceNow.
const CODE_LIFETIME: Duration = Duration::from_secs(60);
/// An assertion is dated back by less than this, and a header says whole seconds.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(6);

/// A refusal, and what is known of the request.
pub struct Refused<'a> {
    pub response: &'a ClassifiedResponse<'a>,
    pub request: &'a TokenRequest,
    pub client: &'a OAuthClient,
    pub has_secret: bool,
    pub refusal: &'a Refusal,
}

/// One way in which a token endpoint refuses.
struct Row {
    fits: fn(&Refused<'_>) -> bool,
    code: Code,
    /// Of which request it is, where it is of one: `with client credentials`.
    when: Option<&'static str>,
    message: &'static str,
    why: &'static str,
    causes: &'static [RankedCause],
    next: &'static [&'static str],
}

/// A cause, how likely it is (`None`: it is not told), and the words for it.
type RankedCause = (&'static str, fn(&Refused<'_>) -> Option<Likelihood>, &'static str);

static REFUSALS: &[Row] = &[
    Row {
        fits: |refused| refused.is_assertion() && refused.mentions("access to admin"),
        message: "{host} issues no token for an administrator by this grant",
        why: "The token endpoint said: {said}. It refuses users with the role admin if a signed assertion asks for them.{kept}",
        causes: &[("admin-user", |_| Some(High), "the subject is a user with the role admin")],
        next: &["Use a service user without the role admin as the subject: {guide}"],
        ..ASSERTION
    },
    Row {
        fits: |refused| refused.mentions("integration user is not configured") || refused.mentions("application user"),
        code: Code::TokenRefused,
        when: CLIENT.when,
        message: "the OAuth client {client} on {host} has no user for its tokens",
        why: "The token endpoint said: {said}.{kept}",
        causes: &[("no-application-user", |_| Some(High), NO_APPLICATION_USER)],
        next: &["Ask an administrator to set the OAuth Application User of the client: {guide}"],
    },
    Row {
        fits: |refused| refused.says("invalid_client"),
        code: Code::TokenRefused,
        when: None,
        message: "{host} rejected the OAuth client {client}",
        why: "The token endpoint returned invalid_client.{kept}",
        causes: &[
            (
                "wrong-client",
                |refused| refused.has_secret.then_some(High),
                "the client id or the client secret is wrong, or the secret was changed",
            ),
            (
                "wrong-client",
                |refused| (!refused.has_secret).then_some(High),
                "the client is not registered there or is inactive, or it has a secret that was not given",
            ),
        ],
        next: &["Compare the client id and secret with the Application Registry", "{login}"],
    },
    Row {
        fits: |refused| refused.says("invalid_scope"),
        code: Code::TokenRefused,
        when: None,
        message: "{host} does not allow the scope \"{scope}\" for this client",
        why: "The token endpoint returned invalid_scope.{kept}",
        causes: &[("scope-not-allowed", |_| Some(High), "the client has a different auth scope")],
        next: &["Ask an administrator for the auth scope of the client, and set it with {give_scope}"],
    },
    Row {
        fits: |refused| {
            let words = ["unauthorized_client", "unsupported_grant_type"];
            let is_said = ["grant type", "grant_type", "not allowed"].iter().any(|words| refused.mentions(words));
            words.iter().any(|word| refused.says(word)) || is_said
        },
        code: Code::TokenRefused,
        when: None,
        message: "{host} does not allow the grant {grant} for the client {client}",
        why: "The token endpoint said: {said}.{kept}",
        causes: &[
            ("grant-not-enabled", |refused| refused.is_of_client().then_some(High), GRANT_PROPERTY),
            (
                "grant-not-enabled",
                |refused| (!refused.is_of_client()).then_some(High),
                "the grant type is not enabled for the client",
            ),
            ("no-application-user", |refused| refused.is_of_client().then_some(Medium), NO_APPLICATION_USER),
            ("other-instance", |_| Some(Low), "the client is registered on another instance"),
        ],
        next: &["Ask an administrator to allow the grant type for the client: {guide}"],
    },
    Row {
        fits: |refused| refused.is_assertion() && refused.says("invalid_grant"),
        why: "The token endpoint accepted the client but rejected the assertion {reason}.{kept}",
        causes: &[
            ("clock", |refused| refused.likelihood_of_clock(), CLOCK),
            ("subject", |_| Some(High), SUBJECT),
            ("admin-user", |_| Some(Medium), ADMIN),
            ("audience", |_| Some(Medium), AUDIENCE),
            ("key-id", |_| Some(Medium), KEY_ID),
            ("other-key", |_| Some(Medium), OTHER_KEY),
            ("reused-jti", |_| Some(Low), REUSED_JTI),
        ],
        ..ASSERTION
    },
    ASSERTION,
    Row {
        fits: |refused| {
            let is_known = refused.is_about_pkce() || refused.is_about_redirect();
            refused.says("invalid_request") && !is_known && !matches!(refused.request, TokenRequest::Refresh { .. })
        },
        code: Code::TokenRefused,
        when: None,
        message: "{host} rejected the token request as invalid",
        why: "The token endpoint said: {said}.{kept}",
        causes: &[(
            "other-endpoint",
            |_| Some(Medium),
            "the token URL belongs to another server, or a proxy changes the request",
        )],
        next: &["Check the address of the token endpoint", LOG],
    },
    Row {
        fits: |refused| refused.is_code() && refused.is_about_redirect(),
        why: "The token endpoint rejected the authorization code {reason}. A code can only be used once, so it was not sent again.",
        causes: &[("redirect-uri", |_| Some(High), NOT_REGISTERED)],
        next: &["Ask an administrator to register exactly {redirect_uri} as a redirect URL of the client: {guide}"],
        ..CODE
    },
    Row {
        fits: |refused| refused.is_pasted() && !refused.is_about_pkce(),
        when: Some("after a paste"),
        message: "{host} issued no token for the code that was pasted",
        why: "The token endpoint rejected the authorization code {reason}.",
        causes: &[
            (MISTYPED, |_| Some(High), "the code was cut off or mistyped"),
            ("code-expired", |_| Some(Medium), PASTED_LATE),
            ("wrong-secret", |refused| refused.has_secret.then_some(Medium), WRONG_SECRET),
            ("secret-missing", |refused| refused.may_lack_secret().then_some(Low), SECRET_MISSING),
            (
                "redirect-uri",
                |refused| (!refused.client.redirect_uri.is_page_of_instance()).then_some(Low),
                NOT_REGISTERED,
            ),
            ("missing-role", |_| Some(Low), MISSING_ROLE),
        ],
        next: &["{login}, and paste the whole of what the browser shows then", LOG],
        ..CODE
    },
    Row {
        fits: |refused| refused.is_code() && refused.says("invalid_grant") && !refused.is_about_pkce(),
        why: "The token endpoint accepted the client but rejected the authorization code {reason}. A code can only be used once, so it was not sent again.",
        causes: &[
            ("code-expired", |refused| Some(if refused.is_late() { High } else { Medium }), CODE_EXPIRED),
            ("redirect-uri", |_| Some(Medium), NOT_REGISTERED),
            ("code-used", |_| Some(Low), "the code was already used, or belongs to another client"),
        ],
        next: &["{login}, and finish within a minute", LOG],
        ..CODE
    },
    Row {
        fits: |refused| refused.is_code() && refused.is_late(),
        next: &["{login}, and finish within a minute", LOG],
        ..CODE
    },
    CODE,
    Row {
        fits: |refused| matches!(refused.request, TokenRequest::Refresh { .. }),
        code: Code::SessionExpired,
        when: None,
        message: "{host} refused to refresh the session",
        why: "The token endpoint rejected the refresh token. It was kept: the next command tries again.",
        causes: &[
            ("expired", |refused| refused.is_late().then_some(High), EXPIRED),
            (
                "revoked",
                |refused| Some(if refused.is_late() { Low } else { High }),
                "it was revoked or signed out; machines with the same user and client share it",
            ),
            ("cloned", |_| Some(Medium), "the instance was cloned over, or the OAuth client or its secret was changed"),
            ("user", |_| Some(Low), "the user is locked out or inactive"),
            ("expired", |refused| (!refused.is_late()).then_some(Low), EXPIRED),
        ],
        next: &["{login}", LOG],
    },
    Row {
        fits: |refused| refused.says("invalid_grant"),
        why: "The token endpoint accepted the client but issued no token for its user {reason}.{kept}",
        causes: &[
            ("no-application-user", |_| Some(High), NO_APPLICATION_USER),
            ("user", |_| Some(High), "the OAuth Application User is inactive or locked out"),
            ("grant-not-enabled", |_| Some(Medium), GRANT_PROPERTY),
        ],
        next: &["Ask an administrator to check the OAuth Application User of the client: {guide}", LOG],
        ..CLIENT
    },
    CLIENT,
];

const CODE: Row = Row {
    fits: |refused| refused.is_code(),
    code: Code::TokenRefused,
    when: Some("after a browser sign-in"),
    message: "{host} issued no token for the sign-in",
    why: "The token endpoint rejected the authorization code {reason}. A code can only be used once, so it was not sent again.",
    causes: &[
        ("code-expired", |refused| refused.is_late().then_some(High), CODE_EXPIRED),
        (
            "pkce",
            |refused| refused.is_about_pkce().then_some(High),
            "the server reports a PKCE error; an old release may not support it",
        ),
        (
            "wrong-secret",
            |refused| refused.has_secret.then_some(if refused.is_late() { Low } else { High }),
            WRONG_SECRET,
        ),
        (
            "secret-missing",
            |refused| refused.may_lack_secret().then_some(if refused.is_late() { Low } else { High }),
            SECRET_MISSING,
        ),
        ("redirect-uri", |_| Some(Medium), NOT_REGISTERED),
        ("missing-role", |_| Some(Medium), MISSING_ROLE),
        ("code-expired", |refused| (!refused.is_late()).then_some(Low), CODE_EXPIRED),
    ],
    next: &["Compare the client id, secret and redirect URI with the Application Registry", LOG],
};

/// A client that signs in for itself, and was refused.
const CLIENT: Row = Row {
    fits: |_| true,
    code: Code::TokenRefused,
    when: Some("with client credentials"),
    message: "{host} issued no token to the client {client}",
    why: "The token endpoint rejected the client credentials {reason}.",
    causes: &[
        ("wrong-secret", |_| Some(High), "the client id or the client secret is wrong, or the secret was changed"),
        ("grant-not-enabled", |_| Some(Medium), GRANT_PROPERTY),
        ("no-application-user", |_| Some(Medium), NO_APPLICATION_USER),
    ],
    next: &[
        "{enter_secret}",
        "Ask an administrator to set the property glide.oauth.inbound.client.credential.grant_type.enabled to true and to give the client an OAuth Application User: {guide}",
        LOG,
    ],
};

/// A signed assertion that was refused: what to check, in this order.
const ASSERTION: Row = Row {
    fits: |refused| refused.is_assertion(),
    code: Code::AssertionRefused,
    when: None,
    message: "{host} rejected the signed assertion of the client {client}",
    why: "The token endpoint rejected it {reason}.{kept}",
    causes: &[
        ("clock", |refused| refused.likelihood_of_clock(), CLOCK),
        ("audience", |_| Some(Medium), AUDIENCE),
        ("key-id", |_| Some(Medium), KEY_ID),
        ("other-key", |_| Some(Medium), OTHER_KEY),
        ("subject", |_| Some(Medium), SUBJECT),
        ("admin-user", |_| Some(Medium), ADMIN),
        ("reused-jti", |_| Some(Low), REUSED_JTI),
        ("wrong-secret", |refused| refused.has_secret.then_some(Low), WRONG_SECRET),
        ("secret-missing", |refused| (!refused.has_secret).then_some(Low), SECRET_MISSING),
    ],
    next: &["Compare each of these with the OAuth entry and its JWT verifier map: {guide}", LOG],
};

const CLOCK: &str = "the clocks differ: {clock}";
const AUDIENCE: &str = "the audience is not the one that the entry expects, which is its client id";
const KEY_ID: &str = "no JWT verifier map of the entry has this key id";
const OTHER_KEY: &str = "the certificate of the JWT verifier map is of another key";
const SUBJECT: &str = "the subject is not the value of the entry's User field for exactly one active user";
const ADMIN: &str = "the user has the role admin, for which this grant issues no tokens";
const REUSED_JTI: &str = "an assertion with this jti was sent before, which something between may do";
const WRONG_SECRET: &str = "the client secret is wrong or was changed";
const SECRET_MISSING: &str = "the client is confidential, but no client secret was given";
const MISSING_ROLE: &str = "the user may not get tokens: it lacks snc_internal, or has snc_read_only";
const NO_APPLICATION_USER: &str = "the client has no OAuth Application User";
const GRANT_PROPERTY: &str =
    "the property glide.oauth.inbound.client.credential.grant_type.enabled is not true or does not exist";
const NOT_REGISTERED: &str = "{redirect_uri} does not exactly match a registered redirect URL of the client";
const PASTED_LATE: &str = "the code had expired: it is valid for 60 seconds after the browser shows it, and once";
const CODE_EXPIRED: &str = "the code was {code_age} old, and it is valid for 60 s";
const EXPIRED: &str =
    "the refresh token has expired: by default it is valid for 100 days, and the sign-in was {session_age}";
const LOG: &str = "Give an administrator the server's time: the system log of the instance shows the reason as \"Exception on token flow\"";

/// What may be behind each code, in the order of the table: how likely depends on the request.
pub fn causes() -> impl Iterator<Item = CausesOfCode> {
    REFUSALS.iter().map(|row| {
        let causes = row.causes.iter().map(|(word, _, text)| (*word, Medium, *text)).collect();
        CausesOfCode { code: row.code, when: row.when, causes }
    })
}

/// What a refusal means.
pub fn refused(refused: &Refused<'_>) -> Failure {
    let row = REFUSALS.iter().find(|row| (row.fits)(refused)).expect("the last row fits everything");
    let values = refused.values();
    let fill = |text| Step::filled(text, &values);
    let causes = row.causes.iter().filter_map(|(code, likelihood, text)| {
        Some(Cause { code, likelihood: likelihood(refused)?, text: fill(text).text() })
    });
    let failure = Failure::new(row.code, fill(row.message).text()).why(fill(row.why).text());
    let mut failure = with_quotes(failure, refused.response.redactor).causes(causes);
    for next in row.next {
        failure = failure.next(fill(next));
    }
    let refusal = refused.refusal;
    with_evidence(failure, refused.response)
        .evidence("oauth_error", Some(refused.shown(&refusal.error)).filter(|text| !text.is_empty()))
        .evidence("oauth_error_description", refusal.description.as_deref().map(|text| refused.shown(text)))
}

impl Refused<'_> {
    /// Whether error or description is just this word.
    fn says(&self, word: &str) -> bool {
        self.texts().any(|text| text.eq_ignore_ascii_case(word))
    }

    /// Whether error or description hold these words.
    fn mentions(&self, words: &str) -> bool {
        self.texts().any(|text| text.to_ascii_lowercase().contains(words))
    }

    fn is_code(&self) -> bool {
        matches!(self.request, TokenRequest::Code { .. })
    }

    fn is_pasted(&self) -> bool {
        matches!(self.request, TokenRequest::Code { is_pasted: true, .. })
    }

    /// ServiceNow's own client has no secret.
    fn may_lack_secret(&self) -> bool {
        !self.has_secret && !is_sdk(self.client)
    }

    fn is_of_client(&self) -> bool {
        matches!(self.request, TokenRequest::ClientCredentials)
    }

    fn is_assertion(&self) -> bool {
        matches!(self.request, TokenRequest::JwtBearer { .. })
    }

    /// How far the clock was ahead of the instance's when the assertion was signed.
    fn clock(&self) -> Option<TimeDelta> {
        let TokenRequest::JwtBearer { signed_at } = self.request else { return None };
        let there = httpdate::parse_http_date(self.response.raw.header("date")?).ok()?;
        Some(*signed_at - DateTime::<Utc>::from(there))
    }

    /// An entry may allow no difference at all.
    fn likelihood_of_clock(&self) -> Option<Likelihood> {
        match self.clock() {
            Some(ahead) => (ahead.abs() > CLOCK_TOLERANCE).then_some(High),
            None => Some(Low),
        }
    }

    fn is_about_pkce(&self) -> bool {
        let has_pkce = matches!(self.request, TokenRequest::Code { has_pkce: true, .. });
        has_pkce && ["pkce", "verifier", "challenge"].iter().any(|words| self.mentions(words))
    }

    fn is_about_redirect(&self) -> bool {
        ["redirect_uri", "redirect uri", "redirect url"].iter().any(|words| self.mentions(words))
    }

    /// What the endpoint said of the reason: the last of its texts that is more than a no.
    fn said(&self) -> Option<Shown> {
        let is_reason = |text: &&str| !matches!(text.trim(), "" | "access_denied" | "server_error");
        self.texts().filter(is_reason).last().map(|text| self.shown(text.trim().trim_end_matches('.')))
    }

    fn shown(&self, text: &str) -> Shown {
        self.response.redactor.server_text(text)
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        [Some(self.refusal.error.as_str()), self.refusal.description.as_deref()].into_iter().flatten()
    }

    /// Whether what was sent may be at the end of its life.
    fn is_late(&self) -> bool {
        match self.request {
            TokenRequest::Code { age, .. } => *age > CODE_LIFETIME - Duration::from_secs(5),
            TokenRequest::Refresh { age } => *age > REFRESH_TOKEN_LIFETIME - TimeDelta::days(1),
            TokenRequest::ClientCredentials | TokenRequest::JwtBearer { .. } | TokenRequest::Password => false,
        }
    }

    fn values(&self) -> Vec<(&'static str, Step)> {
        let (code_age, session_age) = match self.request {
            TokenRequest::Code { age, .. } => (shown!("{} s", age.as_secs()), Shown::default()),
            TokenRequest::Refresh { age } => (Shown::default(), Shown::outside(ago(*age))),
            TokenRequest::ClientCredentials | TokenRequest::JwtBearer { .. } | TokenRequest::Password => {
                (Shown::default(), Shown::default())
            }
        };
        let clock = self.clock().map_or("the instance did not say its time".into(), |ahead| {
            let side = if ahead > TimeDelta::zero() { "ahead of" } else { "behind" };
            shown!("this machine is {} s {} the instance", ahead.num_seconds().abs(), side)
        });
        let enter_again = "Check the client id, and enter the client secret again";
        let (login, give_scope, enter_secret) = match self.response.subject {
            Subject::Saved(name) => (
                Step::run(shown!("snow login {}", name)),
                Step::run(shown!("snow edit {} --set scope=SCOPE", name)).and_say(", then sign in again"),
                Step::say("Enter the client secret again: ").and_run(shown!("snow login {}", name)),
            ),
            Subject::Environment(variable) => {
                let correct = Step::say(shown!("Correct SNOW_CLIENT_ID and {}", *variable));
                (correct.clone(), "SNOW_SCOPE".into(), correct)
            }
            Subject::New => ("Run the command again".into(), "--scope".into(), enter_again.into()),
        };
        let (grant, guide) = match self.request {
            TokenRequest::Code { .. } => ("authorization_code", Step::run("snow guide oauth")),
            TokenRequest::Refresh { .. } => ("refresh_token", Step::run("snow guide oauth")),
            TokenRequest::ClientCredentials => ("client_credentials", Step::run("snow guide client-credentials")),
            TokenRequest::JwtBearer { .. } => ("jwt-bearer", Step::run("snow guide jwt-bearer")),
            TokenRequest::Password => ("password", Step::run("snow guide basic")),
        };
        let said = self.said();
        let reason = said.as_ref().map_or("without a reason".into(), |said| shown!("and said: {}", said));
        vec![
            ("{host}", self.response.instance.host_and_port().into()),
            ("{client}", self.client.client_id.show().into()),
            ("{scope}", Shown::outside(self.client.scope.as_str()).into()),
            ("{redirect_uri}", self.client.redirect_uri.show().into()),
            ("{code_age}", code_age.into()),
            ("{clock}", clock.into()),
            ("{session_age}", session_age.into()),
            ("{login}", login),
            ("{give_scope}", give_scope),
            ("{enter_secret}", enter_secret),
            ("{grant}", grant.into()),
            ("{guide}", guide),
            ("{said}", said.unwrap_or_else(|| "nothing".into()).into()),
            ("{reason}", reason.into()),
            ("{kept}", kept(self.response.subject).into()),
        ]
    }
}
