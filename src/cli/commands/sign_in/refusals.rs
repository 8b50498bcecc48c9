//! Why a sign-in with a browser gave no code, in words.

use std::time::Duration;

use crate::auth::oauth::authorize::{AuthorizationCode, Callback};
use crate::base::code::Code;
use crate::base::error::{Cause, Failure};
use crate::base::server_text::Redactor;
use crate::base::shown::{Show, Shown, Step, shown};
use crate::model::oauth_client::OAuthClient;
use crate::model::profile::Profile;
use crate::service::denial::Denied;
use crate::service::{self, Service};

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
    let service = service::of(&profile.auth);
    let values = [
        ("{host}", host.clone().into()),
        ("{client}", oauth.client_id.show().into()),
        ("{scope}", Shown::outside(oauth.scope.as_str()).into()),
        ("{redirect_uri}", oauth.redirect_uri.show().into()),
        ("{said}", shown!("\"{}\"", said).into()),
        ("{edit_scope}", Step::run(shown!("snow edit {} --set scope=SCOPE", &profile.name))),
        ("{edit_pkce_off}", Step::run(shown!("snow edit {} --set pkce=false", &profile.name))),
        ("{edit_pkce_on}", Step::run(shown!("snow edit {} --set pkce=true", &profile.name))),
        ("{guide_oauth}", guide_oauth(service)),
    ];
    let rows = service.denials().rows;
    let row = rows.iter().find(|row| (row.fits)(denied)).expect("the last row fits everything");
    let failure = Failure::new(Code::LoginDenied, shown!("{} did not grant the sign-in", host))
        .why(Step::filled(row.why, &values).text())
        .causes(Cause::filled(row.causes, &values))
        .evidence("oauth_error", shown(denied.error))
        .evidence("oauth_error_description", denied.description.map(shown));
    row.next.iter().fold(failure, |failure, next| failure.next(Step::filled(next, &values)))
}

/// The command that shows how a client for people is registered.
fn guide_oauth(service: &dyn Service) -> Step {
    let spec = service.defaults().spec;
    match service::usual().defaults().spec {
        usual if usual == spec => Step::run("snow guide oauth"),
        _ => Step::run(shown!("snow guide oauth --spec {}", Shown::outside(spec))),
    }
}

pub fn timed_out(profile: &Profile, oauth: &OAuthClient, timeout: Duration) -> Failure {
    let denials = service::of(&profile.auth).denials();
    let values = [("{redirect_uri}", oauth.redirect_uri.show().into())];
    let message = shown!("timed out waiting for the browser ({} s)", timeout.as_secs());
    let failure = Failure::new(Code::LoginTimeout, message)
        .why("An instance that does not know the redirect URL says so in the browser, which then does not come back. Nothing was saved.")
        .causes(Cause::filled(denials.timed_out, &values));
    let steps = denials.after_time.iter().map(|text| Step::filled(text, &values));
    steps
        .fold(failure, Failure::next)
        .next("If the browser is on another machine, add --manual")
        .evidence("redirect_uri", &oauth.redirect_uri)
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
