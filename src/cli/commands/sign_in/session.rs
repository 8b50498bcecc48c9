//! Signing in by OAuth: with a browser, or for a client itself.

use http::HeaderMap;

use super::browser::{self, Authorized, CameBy, Way};
use super::flow::Wanted;
use super::{MORE_TRIES, NewCredential, correct, paste, secret};
use crate::auth::basic::PASSWORD_ITEM;
use crate::auth::method;
use crate::auth::oauth::callback::WaitingBrowser;
use crate::auth::oauth::endpoint::TokenEndpoint;
use crate::auth::oauth::outcome::{
    MISTYPED, PASSWORD_CAUSES, SECRET_CAUSES, SECURITY_TOKEN_CAUSES, TokenOutcome, WRONG_CLIENT,
};
use crate::auth::oauth::page::Page;
use crate::auth::oauth::renewal::TokenSource;
use crate::auth::oauth::settings::{CLIENT_ID, CLIENT_SECRET, CLIENT_SECRET_ITEM};
use crate::auth::password_session::SECURITY_TOKEN_ITEM;
use crate::auth::setting::{GivenSecrets, Need, SecretUse};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::shown::{Step, shown};
use crate::cli::commands::app::App;
use crate::cli::commands::questions::sentence;
use crate::http::client::Client;
use crate::model::instance::Instance;
use crate::model::oauth_client::{GrantType, OAuthClient};
use crate::model::profile::Profile;
use crate::model::tokens::{Lifetime, SavedSession};
use crate::report::text::paragraph;
use crate::service;
use crate::store::record::{self, Origins};

/// A session that was just given.
pub struct NewSession {
    /// The connection as it signed in: a person may have corrected the client.
    pub profile: Profile,
    pub credential: NewCredential,
    pub client: Client,
    pub origins: Origins,
}

/// The secrets of a sign-in.
#[derive(Default)]
pub struct Gathered {
    secrets: GivenSecrets,
    /// What a person typed just now, and may type again.
    typed: Vec<&'static SecretUse>,
}

/// What is seen before a browser is opened: that the instance answers, and
/// that it has the page of ServiceNow's own client if that is to be used. A client
/// that signs in for itself opens none.
pub async fn look_before_browser(app: &mut App, wanted: &Wanted<'_>) -> Result<(), Failure> {
    let profile = wanted.profile;
    let oauth = client_of(profile);
    if !oauth.grant.needs_person() {
        return Ok(());
    }
    let (client, _) = wanted.client(app)?;
    if !wanted.was_probed {
        super::preflight(app, service::of(&profile.auth), &profile.instance, &client, None).await.map(drop)?;
    }
    if !service::is_lent(&profile.auth) || !oauth.redirect_uri.is_page_of_instance() {
        return Ok(());
    }
    let page = client.get(profile.instance.url(oauth.redirect_uri.as_str()), &HeaderMap::new(), app.deadline()?).await;
    if matches!(&page.result, Ok(answer) if answer.status == 404) {
        let text = "This instance has no page for ServiceNow's own client, which comes with the ServiceNow IDE. If the \
                    sign-in fails, register your own client (snow guide oauth), and give it with --client-id.";
        let text = paragraph(text, app.console.err);
        app.console.say(&text);
    }
    let text = "This uses ServiceNow's own client, \"ServiceNow SDK\", which administrators can turn off. For \
                long-term use, register your own client: snow guide oauth";
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

/// How the browser takes part, if the client needs one.
pub fn way(app: &mut App, wanted: &Wanted<'_>) -> Result<Option<Way>, Failure> {
    let oauth = client_of(wanted.profile);
    if oauth.grant.needs_person() && app.store(&wanted.profile.store)?.is_read_only() {
        return Err(Failure::new(Code::Usage, "a browser sign-in needs a store that saves its session")
            .why("The store command has no store_write. A refresh token may be good for one use, so that each refresh must be saved.")
            .next("Give --store-write, or choose another store with --store"));
    }
    if oauth.grant.needs_person() { browser::prepare(app, oauth, wanted.browser).map(Some) } else { Ok(None) }
}

/// The secrets of the sign-in: handed in, saved before, or asked for.
pub async fn secrets(app: &mut App, wanted: &Wanted<'_>) -> Result<Gathered, Failure> {
    let mut gathered = Gathered::default();
    if let Some(secrets) = secret::kept_elsewhere(app, wanted).await? {
        return Ok(Gathered { secrets, ..gathered });
    }
    for usage in wanted.spec().secrets {
        let (secret, is_typed) = secret(app, wanted, usage, &gathered.secrets).await?;
        gathered.typed.extend(is_typed.then_some(usage));
        if let Some(secret) = secret {
            gathered.secrets.put(usage.input.item, secret);
        }
    }
    Ok(gathered)
}

fn is_of_client(usage: &SecretUse) -> bool {
    usage.input.flag == CLIENT_SECRET.flag
}

/// One of them, if there is one, and whether a person typed it just now.
async fn secret(
    app: &mut App,
    wanted: &Wanted<'_>,
    usage: &SecretUse,
    before: &GivenSecrets,
) -> Result<(Option<Secret>, bool), Failure> {
    let Wanted { profile, secrets: given, is_saved, is_public, .. } = *wanted;
    let known = |secret| Ok((secret, false));
    if is_public && is_of_client(usage) {
        return known(None);
    }
    let client = client_of(profile);
    if let Some(secret) = app.handed_in(given, usage.input)? {
        return known(Some(secret));
    }
    let need = (usage.need)(&profile.auth, before);
    if need == Need::Unasked {
        return known(None);
    }
    // What locks an account is entered anew: the saved one may be why it was refused.
    if is_saved && !wanted.spec().locks_accounts {
        let (_, origins) = app.network.client_for(profile)?;
        let store = app.store(&profile.store)?;
        let saved = record::read_secret(store.as_ref(), profile, usage.input.item, &origins).await;
        match saved {
            Ok(Some(secret)) => return known(Some(secret)),
            Ok(None) if !need.is_required() => {
                // A public client, unless everything was signed out.
                let session = record::read_session(store.as_ref(), profile, client, &origins).await;
                if matches!(&session, Ok(Some(session)) if !session.has_client_secret) {
                    return known(None);
                }
            }
            Ok(None) => {}
            // To be entered anew: this is what a sign-in is for.
            Err(failure) if failure.code().is_fixed_by_signing_in() => {}
            Err(failure) => return Err(failure),
        }
    }
    if service::is_lent(&profile.auth) {
        return known(None);
    }
    secret::ask(app, &profile.auth, usage, need).map(|secret| (secret, true))
}

/// What a person may enter again after a refusal.
enum Again {
    Paste,
    Secrets(Vec<&'static SecretUse>),
}

/// Whether another one of a secret may mend this cause of a refusal.
fn mends(usage: &SecretUse, cause: &str) -> bool {
    let field = &usage.input.item.field;
    let causes: &[&str] = match field {
        field if *field == CLIENT_SECRET_ITEM.field => &SECRET_CAUSES,
        field if *field == PASSWORD_ITEM.field => &PASSWORD_CAUSES,
        field if *field == SECURITY_TOKEN_ITEM.field => &SECURITY_TOKEN_CAUSES,
        _ => &[],
    };
    causes.contains(&cause)
}

/// Gets tokens for a connection. What was typed may be typed again. Nothing is saved here.
pub async fn sign_in(
    app: &mut App,
    wanted: &Wanted<'_>,
    mut way: Option<Way>,
    Gathered { mut secrets, typed }: Gathered,
) -> Result<(NewSession, Option<WaitingBrowser>), Failure> {
    let mut profile = wanted.profile.clone();
    let (client, origins) = wanted.client(app)?;
    let mut pasted = None;
    let mut tries_left = MORE_TRIES;
    loop {
        let oauth = client_of(&profile);
        let endpoint =
            app.network.token_endpoint_of(&profile, &client, wanted.subject())?.expect("a client has a token endpoint");
        let secret = secrets.get(&CLIENT_SECRET_ITEM).cloned();
        let (outcome, by) = match oauth.grant {
            GrantType::AuthorizationCode => {
                let Authorized { grant, by } = match (pasted.take(), way.take()) {
                    (Some(authorization), _) => {
                        let grant = paste::ask(app, &profile, oauth, &authorization)?;
                        Authorized { grant, by: CameBy::Paste(authorization) }
                    }
                    (None, Some(way)) => browser::authorize(app, &profile, oauth, wanted.browser, way).await?,
                    (None, None) => {
                        let way = browser::prepare(app, oauth, wanted.browser)?;
                        browser::authorize(app, &profile, oauth, wanted.browser, way).await?
                    }
                };
                let _progress = app.console.progress("Getting the token");
                (endpoint.redeem(grant, secret.as_ref(), app.deadline()?).await.outcome, Some(by))
            }
            GrantType::ClientCredentials | GrantType::JwtBearer | GrantType::Password => {
                let _progress = app.console.progress(&format!("Signing in to {}", profile.instance));
                (endpoint.sign_in(&secrets, app.now(), app.deadline()?).await.outcome, None)
            }
        };
        let is_pasted = matches!(by, Some(CameBy::Paste(_)));
        let failure = match (tokens(outcome, &endpoint, secret.is_some(), app), by) {
            (Ok((session, instance)), by) => {
                if let Some(user) = secret::account_at_risk(&profile) {
                    let cleared = app.state()?.clear_refusals(&profile.instance, user);
                    app.mention_unwritable_state(cleared);
                }
                let (mut client, mut origins) = (client, origins);
                if let Some(instance) = instance.filter(|instance| *instance != profile.instance) {
                    match arrived(app, wanted, profile, instance) {
                        Ok(arrived) => profile = arrived,
                        Err(failure) => {
                            let secret = secrets.get(&CLIENT_SECRET_ITEM);
                            endpoint.revoke_session(&session, &wanted.profile.instance, secret, app.deadline()?).await;
                            return Err(failure);
                        }
                    }
                    (client, origins) = wanted.client_for(app, &profile)?;
                }
                let secrets = secrets.iter().map(|(item, secret)| (item.clone(), secret.clone())).collect();
                let credential = NewCredential { secrets, session: Some(session) };
                let browser = by.and_then(CameBy::browser);
                return Ok((NewSession { profile, credential, client, origins }, browser));
            }
            (Err(failure), Some(CameBy::Browser(browser))) => {
                browser.show(Page::failed(&sentence(failure.message()))).await;
                failure
            }
            (Err(failure), Some(CameBy::Paste(authorization))) => {
                pasted = Some(authorization);
                failure
            }
            (Err(failure), None) => failure,
        };
        let state = app.state()?;
        secret::count_refusal(app, &state, &profile, &failure);
        tries_left = tries_left.min(secret::before_lockout(&state, &profile));
        match again(app, &failure, is_pasted, &typed, tries_left)? {
            None => return Err(failure),
            Some(Again::Secrets(usages)) => {
                let is_of_user = usages.iter().any(|usage| usage.input.item.field == PASSWORD_ITEM.field);
                if is_of_user && !wanted.is_saved {
                    correct(app, &mut profile, "username")?;
                }
                if !is_of_user && may_be_other_client(wanted, &failure) {
                    let refused = client_of(&profile).client_id.clone();
                    correct(app, &mut profile, CLIENT_ID.key)?;
                    if client_of(&profile).client_id != refused {
                        // A code belongs to the client that it was asked for with.
                        pasted = None;
                    }
                }
                for usage in usages {
                    let need = (usage.need)(&profile.auth, &secrets);
                    secrets.take(usage.input.item);
                    if let Some(secret) = secret::ask(app, &profile.auth, usage, need)? {
                        secrets.put(usage.input.item, secret);
                    }
                }
            }
            Some(Again::Paste) => {}
        }
        if pasted.is_some() {
            app.console.say("  Open the address above again for a new code.");
        }
        tries_left -= 1;
    }
}

/// The connection at another instance, which the token answer names. A saved one stays where
/// it is.
fn arrived(app: &App, wanted: &Wanted<'_>, profile: Profile, instance: Instance) -> Result<Profile, Failure> {
    if wanted.is_saved {
        let (name, saved) = (&profile.name, profile.instance.host_and_port());
        let message = shown!("you signed in to {}, but {} is for {}", instance.host_and_port(), name, saved);
        return Err(Failure::new(Code::UserMismatch, message)
            .why("Nothing was saved.")
            .next("Sign in as a user of that instance")
            .next(Step::say("Or make another connection for it: ").and_run(shown!("snow connect {}", instance))));
    }
    let paint = app.console.err;
    app.console.note(&format!("  {}   {}", paint.dim("Signed in to"), paint.bold(instance.origin())));
    Ok(method::at_instance(profile, instance))
}

/// Whether the client of a new connection may be another than the one that was typed.
fn may_be_other_client(wanted: &Wanted<'_>, failure: &Failure) -> bool {
    let client = client_of(wanted.profile);
    let is_blamed = failure.likely_causes().iter().any(|cause| cause.code == WRONG_CLIENT);
    !wanted.is_saved && !service::is_lent(&wanted.profile.auth) && (is_blamed || !client.grant.needs_person())
}

/// What to enter again, if that may mend it and a person is there.
fn again(
    app: &mut App,
    failure: &Failure,
    is_pasted: bool,
    typed: &[&'static SecretUse],
    tries_left: u32,
) -> Result<Option<Again>, Failure> {
    let causes = failure.likely_causes();
    let may_be = |is: &dyn Fn(&str) -> bool| causes.iter().any(|cause| is(cause.code));
    let may_paste = is_pasted && may_be(&|cause| cause == MISTYPED);
    let secrets: Vec<_> = typed.iter().copied().filter(|usage| may_be(&|cause| mends(usage, cause))).collect();
    if tries_left == 0 || !app.is_interactive() || (!may_paste && secrets.is_empty()) {
        return Ok(None);
    }
    // All of them are told in the end.
    let likely = causes.first().map(|cause| format!("Perhaps {}. ", cause.text)).unwrap_or_default();
    app.complain(&format!("{}. {likely}Try again ({tries_left} left).", failure.message()));
    if !may_paste || secrets.is_empty() {
        return Ok(Some(if may_paste { Again::Paste } else { Again::Secrets(secrets) }));
    }
    let choices = ["Paste again", "Enter the client secret again, then paste"].map(str::to_owned);
    let chosen = app.choose("What do you want to enter again?", &choices)?;
    Ok(Some(if chosen == 0 { Again::Paste } else { Again::Secrets(secrets) }))
}

/// Revokes tokens that nothing will keep. The session that is saved stays: an instance
/// may give the same tokens again.
pub async fn revoke(app: &mut App, wanted: &Wanted<'_>, profile: &Profile, credential: &NewCredential) {
    let Some(session) = &credential.session else { return };
    let (Ok((client, origins)), Ok(deadline)) = (wanted.client(app), app.deadline()) else { return };
    if wanted.is_saved
        && let Ok(store) = app.store(&profile.store)
        && let Ok(Some(saved)) = record::read_session(store.as_ref(), profile, client_of(profile), &origins).await
        && has_same_tokens(&saved, session)
    {
        return;
    }
    let Ok(Some(endpoint)) = app.network.token_endpoint_of(profile, &client, wanted.subject()) else { return };
    let secret = credential.secrets.iter().find(|(item, _)| item.field == CLIENT_SECRET_ITEM.field);
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
) -> Result<(SavedSession, Option<Instance>), Failure> {
    match outcome {
        TokenOutcome::Tokens(answer) if answer.lifetime == Lifetime::Garbage => {
            let message = shown!("the token response of {} is unusable", endpoint.origin().host_and_port());
            Err(Failure::new(Code::UnexpectedAnswer, message)
                .why("Its expires_in is not a number of seconds. Nothing was saved.")
                .next("Check that the address is the token endpoint of a ServiceNow instance"))
        }
        TokenOutcome::Tokens(answer) => {
            let client_id = endpoint.client().client_id.as_str();
            let instance = answer.instance.clone();
            Ok((SavedSession::signed_in(answer, client_id, has_secret, app.now()), instance))
        }
        TokenOutcome::Refused(failure)
        | TokenOutcome::Unavailable(failure)
        | TokenOutcome::Unclear(failure)
        | TokenOutcome::Lost(failure) => Err(failure),
    }
}
