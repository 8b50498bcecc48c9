//! Signing in by OAuth: with a browser, or for a client itself.

use http::HeaderMap;

use super::args::SecretArgs;
use super::browser::authorize;
use super::flow::Wanted;
use super::{NewCredential, secret};
use crate::auth::method::MethodSpec;
use crate::auth::oauth::callback::WaitingBrowser;
use crate::auth::oauth::endpoint::TokenEndpoint;
use crate::auth::oauth::outcome::TokenOutcome;
use crate::auth::oauth::page::Page;
use crate::auth::oauth::renewal::TokenSource;
use crate::auth::oauth::settings::CLIENT_SECRET;
use crate::auth::setting::SecretUse;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::shown::shown;
use crate::cli::commands::app::App;
use crate::http::client::Client;
use crate::model::oauth_client::{GrantType, OAuthClient};
use crate::model::profile::Profile;
use crate::model::tokens::{Lifetime, SavedSession};
use crate::report::text::paragraph;
use crate::service::servicenow::oauth::is_sdk;
use crate::store::record::{self, Origins};

/// A session that was just given.
pub struct NewSession {
    pub credential: NewCredential,
    pub client: Client,
    pub origins: Origins,
}

/// What is seen before a browser is opened: that the instance answers, and
/// that it has the page of ServiceNow's own client where that is to be used. A client
/// that signs in for itself opens none.
pub async fn look_before_browser(app: &mut App, wanted: &Wanted<'_>) -> Result<(), Failure> {
    let profile = wanted.profile;
    let oauth = client_of(profile);
    if oauth.grant != GrantType::AuthorizationCode {
        return Ok(());
    }
    let (client, _) = wanted.client(app)?;
    if !wanted.was_probed {
        super::preflight(app, &profile.instance, &client, None).await?;
    }
    if !is_sdk(oauth) {
        return Ok(());
    }
    let page = client.get(profile.instance.url(oauth.redirect_uri.as_str()), &HeaderMap::new(), app.deadline()?).await;
    if matches!(&page.result, Ok(answer) if answer.status == 404) {
        let text = "This instance has no page for ServiceNow's own client: it comes with the ServiceNow IDE. If the \
                    sign-in fails, have a client of your own registered (snow guide oauth), and give it with \
                    --client-id.";
        let text = paragraph(text, app.console.err);
        app.console.say(&text);
    }
    let text = "The client is borrowed: it is ServiceNow's own, \"ServiceNow SDK\", which administrators may switch \
                off. For long-term use, register your own client: snow guide oauth";
    let text = paragraph(text, app.console.err);
    app.console.note(&text);
    Ok(())
}

/// Where codes, client secrets and refresh tokens go, if not to the instance: to be seen
/// before any is typed or a browser is opened, as the instance is.
pub fn show_token_endpoint(app: &App, profile: &Profile) {
    let token_origin = client_of(profile).token_origin(&profile.instance);
    if *token_origin != profile.instance {
        let paint = app.console.err;
        app.console.note(&format!("  {}   {}", paint.dim("Token endpoint"), paint.bold(token_origin.origin())));
    }
}

fn client_of(profile: &Profile) -> &OAuthClient {
    profile.auth.client().expect("a session belongs to a client")
}

/// How the way to sign in uses the secret of its client.
fn secret_use(profile: &Profile) -> &'static SecretUse {
    MethodSpec::of(profile.auth.method).secret(&CLIENT_SECRET).expect("a client may have a secret")
}

/// The secret of the client: handed in, saved before, or asked for.
pub async fn client_secret(
    app: &mut App,
    profile: &Profile,
    given: &SecretArgs,
    is_saved: bool,
) -> Result<Option<Secret>, Failure> {
    let (client, usage) = (client_of(profile), secret_use(profile));
    if let Some(secret) = app.handed_in(given, usage.input)? {
        return Ok(Some(secret));
    }
    if is_saved {
        let (_, origins) = app.network.client_for(profile)?;
        let store = app.store(profile.store)?;
        let saved = record::read_secret(store.as_ref(), profile, usage.input.item, &origins).await;
        match saved {
            Ok(Some(secret)) => return Ok(Some(secret)),
            Ok(None) if !usage.is_required => {
                // A public client, unless everything was signed out.
                let session = record::read_session(store.as_ref(), profile, client, &origins).await;
                if matches!(&session, Ok(Some(session)) if !session.has_client_secret) {
                    return Ok(None);
                }
            }
            Ok(None) => {}
            // To be entered anew: this is what a sign-in is for.
            Err(failure) if failure.code().is_fixed_by_signing_in() => {}
            Err(failure) => return Err(failure),
        }
    }
    if is_sdk(client) {
        return Ok(None);
    }
    let question = (usage.question)(&profile.auth);
    match (app.person(), usage.is_required) {
        (Some(person), true) => person.secret(&question).map(Some),
        (Some(person), false) => person.optional_secret(&question),
        (None, false) => Ok(None),
        (None, true) => Err(secret::missing(&profile.auth, usage)),
    }
}

/// Gets tokens for a connection. Nothing is saved here.
pub async fn sign_in(
    app: &mut App,
    wanted: &Wanted<'_>,
    client_secret: Option<Secret>,
) -> Result<(NewSession, Option<WaitingBrowser>), Failure> {
    let profile = wanted.profile;
    let (client, origins) = wanted.client(app)?;
    let oauth = client_of(profile);
    let endpoint =
        app.network.token_endpoint_of(profile, &client, wanted.subject())?.expect("a client has a token endpoint");
    let secret = client_secret.as_ref();
    let (outcome, browser) = match (oauth.grant, secret) {
        (GrantType::AuthorizationCode, secret) => {
            let authorized = authorize(app, profile, oauth, wanted.browser).await?;
            let _progress = app.console.progress("Getting the token");
            let answered = endpoint.redeem(authorized.grant, secret, app.deadline()?).await;
            (answered.outcome, authorized.browser)
        }
        (GrantType::ClientCredentials, Some(secret)) => {
            let _progress = app.console.progress(&format!("Signing in to {}", profile.instance));
            (endpoint.client_credentials(secret, app.deadline()?).await.outcome, None)
        }
        (GrantType::ClientCredentials, None) => unreachable!("a client that signs in for itself has a secret"),
    };
    match tokens(outcome, &endpoint, secret.is_some(), app) {
        Ok(session) => {
            let secrets =
                client_secret.map(|secret| (secret_use(profile).input.item.clone(), secret)).into_iter().collect();
            let credential = NewCredential { secrets, session: Some(session) };
            Ok((NewSession { credential, client, origins }, browser))
        }
        Err(failure) => {
            if let Some(browser) = browser {
                browser.show(Page::failed(&sentence(failure.message()))).await;
            }
            Err(failure)
        }
    }
}

/// Revokes tokens that nothing will keep. The session that is saved stays: an instance
/// may give the same tokens again.
pub async fn revoke(app: &mut App, wanted: &Wanted<'_>, credential: &NewCredential) {
    let Some(session) = &credential.session else { return };
    let profile = wanted.profile;
    let (Ok((client, origins)), Ok(deadline)) = (wanted.client(app), app.deadline()) else { return };
    if wanted.is_saved
        && let Ok(store) = app.store(profile.store)
        && let Ok(Some(saved)) = record::read_session(store.as_ref(), profile, client_of(profile), &origins).await
        && has_same_tokens(&saved, session)
    {
        return;
    }
    let Ok(Some(endpoint)) = app.network.token_endpoint_of(profile, &client, wanted.subject()) else { return };
    let secret = credential.secrets.iter().find(|(item, _)| item.field == secret_use(profile).input.item.field);
    let _progress = app.console.progress("Revoking the tokens, which could not be saved");
    let secret = secret.map(|(_, secret)| secret);
    let failures = endpoint.revoke_session(session, &profile.instance, secret, deadline).await;
    for (failure, _) in failures.into_iter().flatten() {
        tracing::info!("not revoked: {}", failure.message());
    }
}

fn has_same_tokens(one: &SavedSession, other: &SavedSession) -> bool {
    let tokens = |session: &SavedSession| {
        [session.refresh_token.as_ref(), Some(&session.access_token)].map(|token| token.map(|t| t.expose().to_owned()))
    };
    tokens(one).iter().zip(&tokens(other)).any(|(one, other)| one.is_some() && one == other)
}

fn tokens(
    outcome: TokenOutcome,
    endpoint: &TokenEndpoint,
    has_secret: bool,
    app: &App,
) -> Result<SavedSession, Failure> {
    match outcome {
        TokenOutcome::Tokens(answer) if answer.lifetime == Lifetime::Garbage => {
            let message = shown!("the token answer of {} cannot be used", endpoint.origin().host_and_port());
            Err(Failure::new(Code::UnexpectedAnswer, message)
                .why("Its expires_in is not a number of seconds. Nothing was saved.")
                .next("Check that the address is the token endpoint of a ServiceNow instance"))
        }
        TokenOutcome::Tokens(answer) => {
            let client_id = endpoint.client().client_id.as_str();
            Ok(SavedSession::signed_in(answer, client_id, has_secret, app.now()))
        }
        TokenOutcome::Refused(failure)
        | TokenOutcome::Unavailable(failure)
        | TokenOutcome::Unclear(failure)
        | TokenOutcome::Lost(failure) => Err(failure),
    }
}

/// With a capital letter, for a page.
pub fn sentence(message: &str) -> String {
    let mut characters = message.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
