//! Why a sign-in with a browser gave no code, in words.

use std::time::Duration;

use crate::auth::oauth::authorize::{AuthorizationCode, Callback};
use crate::base::code::Code;
use crate::base::error::{Cause, CauseRow, CausesOfCode, Failure, Likelihood};
use crate::base::server_text::Redactor;
use crate::base::shown::{Show, Shown, Step, shown};
use crate::model::oauth_client::OAuthClient;
use crate::model::profile::Profile;

const DENIED: &[CauseRow] = &[
    ("denied", Likelihood::High, "somebody pressed Deny on the page that asks for consent"),
    ("user", Likelihood::Medium, "a rule of the instance does not let this user use the client"),
];
const PKCE_UNKNOWN: &[CauseRow] = &[("pkce", Likelihood::High, "the release does not know PKCE")];
const PKCE_REQUIRED: &[CauseRow] =
    &[("pkce-required", Likelihood::High, "PKCE is required on the entry of the client")];
const NOBODY_CAME: &[CauseRow] = &[
    ("redirect-uri", Likelihood::High, "{redirect_uri} is not registered with the client in just these letters"),
    ("not-signed-in", Likelihood::Medium, "the sign-in in the browser was not finished"),
];

/// What may be behind each code of a sign-in with a browser. The texts hold
/// `{redirect_uri}`.
pub fn causes() -> impl Iterator<Item = CausesOfCode> {
    let denied =
        [DENIED, PKCE_UNKNOWN, PKCE_REQUIRED].into_iter().map(|rows| CausesOfCode::new(Code::LoginDenied, rows));
    denied.chain([CausesOfCode::new(Code::LoginTimeout, NOBODY_CAME)])
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
        Callback::UnusableCode => {
            Err(Failure::new(Code::UnexpectedAnswer, shown!("{} sent a code that cannot be one", host))
                .why("It is too long, or holds characters that no code has. It was not sent anywhere.")
                .next("Run the command again"))
        }
        Callback::Denied { error, description } => {
            let said = |word: &str| {
                error.eq_ignore_ascii_case(word) || description.as_deref().is_some_and(|text| text.contains(word))
            };
            let failure = Failure::new(Code::LoginDenied, shown!("{} did not grant the sign-in", host));
            let failure = match error.as_str() {
                "access_denied" => failure
                    .why("Somebody chose to deny, or the instance does not let this user grant it. Nothing was saved.")
                    .causes(DENIED)
                    .next("Run the command again, and allow the access"),
                "invalid_scope" => failure
                    .why(shown!(
                        "It does not give the scope \"{}\" to this client.",
                        Shown::outside(oauth.scope.as_str())
                    ))
                    .next("Ask an administrator for the auth scope of the client, and give it with --scope"),
                _ if said("code_challenge") || said("PKCE") => about_pkce(failure, profile, oauth),
                _ => failure
                    .why("It came back with an error instead of a code. Nothing was saved.")
                    .next("Show an administrator the error, and the entry of the client"),
            };
            Err(failure
                .evidence("oauth_error", redactor.server_text(&error))
                .evidence("oauth_error_description", description.map(|text| redactor.server_text(&text))))
        }
    }
}

/// A server that complains about PKCE wants the opposite of what it was given.
fn about_pkce(failure: Failure, profile: &Profile, oauth: &OAuthClient) -> Failure {
    let name = &profile.name;
    if oauth.pkce {
        failure
            .why("It complains about PKCE; an old release may not know it. Nothing was saved.")
            .causes(PKCE_UNKNOWN)
            .next("Run the command again with --no-pkce")
            .next(Step::say("Where the connection is saved: ").and_run(shown!("snow edit {} --set pkce=false", name)))
    } else {
        failure
            .why("It wants PKCE, and this sign-in went without. Nothing was saved.")
            .causes(PKCE_REQUIRED)
            .next("Run the command again without --no-pkce")
            .next(Step::say("Where the connection is saved: ").and_run(shown!("snow edit {} --set pkce=true", name)))
    }
}

pub fn nobody_came(oauth: &OAuthClient, timeout: Duration) -> Failure {
    let uri = &oauth.redirect_uri;
    Failure::new(Code::LoginTimeout, shown!("nobody came back from the sign-in within {} s", timeout.as_secs()))
        .why("An instance that does not know the redirect URL says so in the browser, and sends nobody back. Nothing was saved.")
        .causes(Cause::filled(NOBODY_CAME, &[("{redirect_uri}", uri.show().into())]))
        .next(shown!("See that the redirect URL of the client is exactly {}, then run the command again", uri))
        .next("If the browser is on another machine: --manual")
        .evidence("redirect_uri", uri)
}

pub fn nobody_to_paste(oauth: &OAuthClient) -> Failure {
    let failure = Failure::new(Code::NoTerminal, "there is no terminal to paste the answer at");
    match oauth.redirect_uri.loopback() {
        Some(_) => failure
            .why("With --manual a person brings the answer of the browser.")
            .next("Leave --manual out: the browser then comes back by itself"),
        None => failure
            .why(shown!("The redirect URI {} leads to no listener on this machine.", oauth.redirect_uri))
            .next("Run the command at a terminal, or use a client whose redirect URI is on 127.0.0.1"),
    }
}
