//! Why a sign-in with a browser gave no code, in words.

use std::time::Duration;

use Likelihood::{High, Medium};

use crate::auth::oauth::authorize::{AuthorizationCode, Callback};
use crate::base::code::Code;
use crate::base::error::{Cause, CauseRow, CausesOfCode, Failure, Likelihood};
use crate::base::server_text::Redactor;
use crate::base::shown::{Show, Shown, Step, shown};
use crate::model::oauth_client::OAuthClient;
use crate::model::profile::Profile;

/// One way in which a browser comes back without a code. Texts may hold `{host}`,
/// `{client}`, `{scope}`, `{redirect_uri}`, `{said}`, `{guide_oauth}`, `{edit_scope}`, `{edit_pkce_on}` and
/// `{edit_pkce_off}`.
struct Row {
    fits: fn(&Denied<'_>) -> bool,
    why: &'static str,
    causes: &'static [CauseRow],
    next: &'static [&'static str],
}

/// What the browser brought instead of a code (RFC 6749 §4.1.2.1).
struct Denied<'a> {
    error: &'a str,
    description: Option<&'a str>,
    has_pkce: bool,
}

/// Read from the top; the first that fits decides.
static DENIALS: &[Row] = &[
    Row {
        fits: |denied| denied.is("access_denied"),
        why: "The user denied it, or the instance does not let this user allow it. Nothing was saved.",
        causes: &[
            ("denied", High, "the user pressed Deny on the page that asks for consent"),
            ("user", Medium, "a rule of the instance does not let this user use the client"),
        ],
        next: &["Run the command again, and allow the access"],
    },
    Row {
        fits: |denied| denied.is("invalid_scope"),
        why: "It does not allow the scope \"{scope}\" for this client. Nothing was saved.",
        causes: &[("scope-not-allowed", High, "the entry of the client has another auth scope")],
        next: &[
            "Ask an administrator for the auth scope of the client, and run the command again with --scope",
            "For a saved connection: {edit_scope}",
        ],
    },
    // A server that complains about PKCE wants the opposite of what it was given.
    Row {
        fits: |denied| denied.is_about_pkce() && denied.has_pkce,
        why: "It rejects PKCE, which an old release may not support. Nothing was saved.",
        causes: &[("pkce", High, "the release does not support PKCE")],
        next: &["Run the command again with --no-pkce", "For a saved connection: {edit_pkce_off}"],
    },
    Row {
        fits: |denied| denied.is_about_pkce(),
        why: "It requires PKCE, which this sign-in did not use. Nothing was saved.",
        causes: &[("pkce-required", High, "PKCE is required on the entry of the client")],
        next: &["Run the command again without --no-pkce", "For a saved connection: {edit_pkce_on}"],
    },
    Row {
        fits: |denied| denied.mentions("redirect_uri") || denied.mentions("redirect uri"),
        why: "It does not accept the redirect URI {redirect_uri}. Nothing was saved.",
        causes: &[NOT_REGISTERED],
        next: &["Ask an administrator to register exactly {redirect_uri} on the entry of the client: {guide_oauth}"],
    },
    Row {
        fits: |denied| denied.is("unauthorized_client") || denied.is("invalid_client"),
        why: "It does not accept the client {client}: it said {said}. Nothing was saved.",
        causes: &[
            ("wrong-client", High, "the client is not registered on {host}: a client belongs to one instance"),
            ("client-off", Medium, "the entry of the client is switched off"),
            ("grant-not-enabled", Medium, "the entry of the client does not allow the grant authorization_code"),
        ],
        next: &[
            "Compare the client id {client} with the Application Registry of {host}",
            "How a client is registered: {guide_oauth}",
        ],
    },
    Row {
        fits: |denied| denied.is("unsupported_response_type"),
        why: "It gives no code to the client {client}: it said {said}. Nothing was saved.",
        causes: &[("grant-not-enabled", High, "the entry of the client does not allow the grant authorization_code")],
        next: &["Ask an administrator to allow the grant on the entry of the client: {guide_oauth}"],
    },
    Row {
        fits: |denied| denied.is("invalid_request"),
        why: "It did not understand the request: it said {said}. Nothing was saved.",
        causes: &[
            ("other-endpoint", Medium, "the authorization URL is that of another server"),
            (NOT_REGISTERED.0, Medium, NOT_REGISTERED.2),
        ],
        next: &["Show an administrator the error, and the entry of the client: {guide_oauth}"],
    },
    Row {
        fits: |denied| denied.is("server_error") || denied.is("temporarily_unavailable"),
        why: "The instance failed, not the sign-in: it said {said}. Nothing was saved.",
        causes: &[("instance", Medium, "the instance could not answer at that moment")],
        next: &["Run the command again", "If it happens again, show an administrator the error and the time"],
    },
    Row {
        fits: |_| true,
        why: "It came back with an error instead of a code: {said}. Nothing was saved.",
        causes: &[],
        next: &["Show an administrator the error, and the entry of the client"],
    },
];

impl Denied<'_> {
    fn is(&self, word: &str) -> bool {
        self.error.eq_ignore_ascii_case(word)
    }

    /// Whether error or description hold these words.
    fn mentions(&self, words: &str) -> bool {
        let mut texts = [Some(self.error), self.description].into_iter().flatten();
        texts.any(|text| text.to_ascii_lowercase().contains(words))
    }

    fn is_about_pkce(&self) -> bool {
        self.mentions("code_challenge") || self.mentions("pkce")
    }
}

const NOT_REGISTERED: CauseRow =
    ("redirect-uri", High, "{redirect_uri} does not exactly match a registered redirect URL of the client");
const TIMED_OUT: &[CauseRow] =
    &[NOT_REGISTERED, ("not-signed-in", Medium, "the sign-in in the browser was not finished")];

/// What may be behind each code of a sign-in with a browser. The texts hold
/// `{redirect_uri}` and `{host}`.
pub fn causes() -> impl Iterator<Item = CausesOfCode> {
    let denied = DENIALS.iter().map(|row| CausesOfCode::new(Code::LoginDenied, row.causes));
    denied.chain([CausesOfCode::new(Code::LoginTimeout, TIMED_OUT)])
}

/// The code of a sign-in that was granted.
pub fn judge(profile: &Profile, oauth: &OAuthClient, callback: Callback) -> Result<AuthorizationCode, Failure> {
    let host = profile.instance.host_and_port();
    let redactor = Redactor::default();
    match callback {
        Callback::Code(code) => Ok(code),
        Callback::WrongIssuer(issuer) => Err(Failure::new(
            Code::UnexpectedAnswer,
            "the answer comes from another server than the one that was asked",
        )
        .why("It names an issuer that is not the authorization endpoint's. The code was not sent anywhere.")
        .next("Check --authorization-url, and sign in again from a fresh browser window")
        .evidence("issuer", redactor.server_text(&issuer))),
        Callback::UnusableCode => Err(Failure::new(Code::UnexpectedAnswer, shown!("{} sent an unusable code", host))
            .why("It is too long, or has characters that no code has. It was not sent anywhere.")
            .next("Run the command again")),
        Callback::Denied { error, description } => {
            let denied = Denied { error: &error, description: description.as_deref(), has_pkce: oauth.pkce };
            Err(denied_sign_in(profile, oauth, &denied))
        }
    }
}

fn denied_sign_in(profile: &Profile, oauth: &OAuthClient, denied: &Denied<'_>) -> Failure {
    let (host, redactor) = (profile.instance.host_and_port(), Redactor::default());
    let shown = |text: &str| redactor.server_text(text);
    let description = denied.description.filter(|text| !text.trim().is_empty());
    let said = shown(description.unwrap_or(denied.error).trim().trim_end_matches('.'));
    let values = [
        ("{host}", host.clone().into()),
        ("{client}", oauth.client_id.show().into()),
        ("{scope}", Shown::outside(oauth.scope.as_str()).into()),
        ("{redirect_uri}", oauth.redirect_uri.show().into()),
        ("{said}", shown!("\"{}\"", said).into()),
        ("{edit_scope}", Step::run(shown!("snow edit {} --set scope=SCOPE", &profile.name))),
        ("{edit_pkce_off}", Step::run(shown!("snow edit {} --set pkce=false", &profile.name))),
        ("{edit_pkce_on}", Step::run(shown!("snow edit {} --set pkce=true", &profile.name))),
        ("{guide_oauth}", Step::run("snow guide oauth")),
    ];
    let row = DENIALS.iter().find(|row| (row.fits)(denied)).expect("the last row fits everything");
    let failure = Failure::new(Code::LoginDenied, shown!("{} did not grant the sign-in", host))
        .why(Step::filled(row.why, &values).text())
        .causes(Cause::filled(row.causes, &values))
        .evidence("oauth_error", shown(denied.error))
        .evidence("oauth_error_description", denied.description.map(shown));
    row.next.iter().fold(failure, |failure, next| failure.next(Step::filled(next, &values)))
}

pub fn timed_out(oauth: &OAuthClient, timeout: Duration) -> Failure {
    let uri = &oauth.redirect_uri;
    Failure::new(Code::LoginTimeout, shown!("timed out waiting for the browser ({} s)", timeout.as_secs()))
        .why("An instance that does not know the redirect URL says so in the browser, which then does not come back. Nothing was saved.")
        .causes(Cause::filled(TIMED_OUT, &[("{redirect_uri}", uri.show().into())]))
        .next(shown!("Make sure that the redirect URL of the client is exactly {}, then run the command again", uri))
        .next("If the browser is on another machine, add --manual")
        .evidence("redirect_uri", uri)
}

pub fn cannot_paste(oauth: &OAuthClient) -> Failure {
    let failure = Failure::new(Code::NoTerminal, "this sign-in needs a terminal to paste the answer");
    match oauth.redirect_uri.loopback() {
        Some(_) => failure
            .why("With --manual you paste what the browser shows.")
            .next("Leave --manual out, and the browser comes back by itself"),
        None => failure
            .why(shown!("The browser does not come back to this machine from the redirect URI {}.", oauth.redirect_uri))
            .next("Run the command in a terminal, or use a client whose redirect URI is on 127.0.0.1"),
    }
}
