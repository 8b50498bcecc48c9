//! Signing in by OAuth: with a browser, or for a client itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Earned;
use super::args::{BrowserArgs, ClientSecretArgs};
use crate::auth::oauth::authorize::{Authorization, AuthorizationCode, Callback, Stray};
use crate::auth::oauth::browser::{self, Circumstances, Way};
use crate::auth::oauth::callback::{Listener, WaitingBrowser};
use crate::auth::oauth::endpoint::TokenEndpoint;
use crate::auth::oauth::page::Page;
use crate::base::error::{Cause, Code, Failure, Likelihood};
use crate::base::secret::Secret;
use crate::base::server_text::Redactor;
use crate::check::inquiry::Plan;
use crate::check::ladder::{self, Begun};
use crate::cli::commands::app::App;
use crate::engine::Connection;
use crate::http::client::Client;
use crate::model::oauth_client::{Grant, Loopback, OAuthClient};
use crate::model::profile::Profile;
use crate::model::tokens::{Lifetime, SavedSession};
use crate::report::text::paragraph;
use crate::service::servicenow::seen::Subject;
use crate::service::servicenow::token::Judgement;
use crate::store::record::{self, Origins};

/// When a person who waits in vain is told what must be registered.
const HINT_AFTER: Duration = Duration::from_secs(15);
const MAX_PASTES: u32 = 5;

/// A sign-in that gave tokens.
pub struct SignedIn {
    pub earned: Earned,
    pub access_token: Secret,
    pub client: Client,
    pub origins: Origins,
    /// Where a page about how it ended is waited for.
    pub browser: Option<WaitingBrowser>,
    pub started: Instant,
}

impl SignedIn {
    /// The first request with the new token, which is fresh: no renewal.
    pub async fn begin(&self, app: &mut App, profile: &Profile, subject: Subject) -> Result<Begun, Failure> {
        let expires_at = match &self.earned {
            Earned::Session { session, .. } => session.expires_at,
            Earned::Password(_) => None,
        };
        let connection = Connection::bearer(
            profile.instance.clone(),
            profile.api_version,
            self.client.clone(),
            profile.username().cloned(),
            &self.access_token,
            expires_at,
        );
        let plan = Plan::new(profile.tables.clone(), subject, app.deadline()?, app.clock());
        let _progress = app.console.progress(&format!("Testing {}", profile.name));
        Ok(ladder::begin(Arc::new(connection), plan).await)
    }
}

/// What is seen before a browser is opened: that the instance answers, and
/// that it has the page of ServiceNow's own client where that is to be used.
pub async fn look_before_browser(
    app: &mut App,
    profile: &Profile,
    oauth: &OAuthClient,
    has_knocked: bool,
) -> Result<(), Failure> {
    let (client, _) = app.client_for(profile)?;
    if !has_knocked {
        super::knock(app, &profile.instance, &client, None).await?;
    }
    if !oauth.is_sdk() {
        return Ok(());
    }
    let page = client.get(profile.instance.url(oauth.redirect_uri.as_str()), None, app.deadline()?).await;
    if matches!(&page.result, Ok(answer) if answer.status == 404) {
        let text = "This instance has no page for ServiceNow's own client: it comes with the ServiceNow IDE. If the \
                    sign-in fails, have a client of your own registered (snow guide oauth), and give it with \
                    --client-id.";
        let text = paragraph(text, app.console.err);
        app.console.say(&text);
    }
    let text = "The client is borrowed: it is ServiceNow's own, \"ServiceNow SDK\", which administrators may switch \
                off. For the long run have your own registered: snow guide oauth";
    let text = paragraph(text, app.console.err);
    app.console.note(&text);
    Ok(())
}

/// The secret of the client: handed in, saved before, or asked for.
pub fn client_secret(
    app: &mut App,
    profile: &Profile,
    client: &OAuthClient,
    arguments: &ClientSecretArgs,
    is_saved: bool,
) -> Result<Option<Secret>, Failure> {
    if let Some(secret) = app.client_secret_handed_in(arguments)? {
        return Ok(Some(secret));
    }
    if is_saved {
        let (_, origins) = app.client_for(profile)?;
        let saved = record::read_client_secret(app.store(profile.store)?.as_ref(), profile, client, &origins);
        match saved {
            Ok(Some(secret)) => return Ok(Some(secret)),
            Ok(None) if client.grant == Grant::AuthorizationCode => {
                // A public client, unless everything was signed out.
                let session = record::read_session(app.store(profile.store)?.as_ref(), profile, client, &origins);
                if matches!(&session, Ok(Some(session)) if !session.has_client_secret) {
                    return Ok(None);
                }
            }
            Ok(None) => {}
            // To be entered anew: this is what a sign-in is for.
            Err(failure) if matches!(failure.code(), Code::OriginMismatch | Code::SecretUnreadable) => {}
            Err(failure) => return Err(failure),
        }
    }
    if client.is_sdk() {
        return Ok(None);
    }
    let is_needed = client.grant == Grant::ClientCredentials;
    match (app.person(), is_needed) {
        (Some(person), true) => person.secret(&format!("Client secret of {}", client.client_id)).map(Some),
        (Some(person), false) => person.optional_secret("Client secret (Enter for a public client)"),
        (None, false) => Ok(None),
        (None, true) => {
            Err(Failure::new(Code::NoTerminal, format!("the client secret of {} is missing", client.client_id))
                .why("There is no terminal to ask at, or asking was forbidden.")
                .next("Hand it in with --client-secret-stdin or --client-secret-file FILE"))
        }
    }
}

/// Gets tokens for a connection. Nothing is saved here.
pub async fn sign_in(
    app: &mut App,
    profile: &Profile,
    oauth: &OAuthClient,
    client_secret: Option<Secret>,
    arguments: &BrowserArgs,
    subject: Subject,
) -> Result<SignedIn, Failure> {
    let started = Instant::now();
    let (client, origins) = app.client_for(profile)?;
    let endpoint = app.token_endpoint(profile, oauth, &client, subject)?;
    let secret = client_secret.as_ref();
    let (judgement, browser) = match (oauth.grant, secret) {
        (Grant::AuthorizationCode, secret) => {
            let authorized = authorize(app, profile, oauth, arguments).await?;
            let _progress = app.console.progress("Getting the token");
            let answered = endpoint.redeem(authorized.grant, secret, app.deadline()?).await;
            (answered.judgement, authorized.browser)
        }
        (Grant::ClientCredentials, Some(secret)) => {
            let _progress = app.console.progress(&format!("Signing in to {}", profile.instance));
            (endpoint.client_credentials(secret, app.deadline()?).await.judgement, None)
        }
        (Grant::ClientCredentials, None) => unreachable!("a client that signs in for itself has a secret"),
    };
    match tokens(judgement, &endpoint, secret.is_some(), app) {
        Ok(session) => {
            let access_token = session.access_token.clone();
            let earned = Earned::Session { session, client_secret };
            Ok(SignedIn { earned, access_token, client, origins, browser, started })
        }
        Err(failure) => {
            if let Some(browser) = browser {
                browser.show(Page::failed(&sentence(failure.message()))).await;
            }
            Err(failure)
        }
    }
}

fn tokens(
    judgement: Judgement,
    endpoint: &TokenEndpoint,
    has_secret: bool,
    app: &App,
) -> Result<SavedSession, Failure> {
    match judgement {
        Judgement::Tokens(answer) if answer.lifetime == Lifetime::Garbage => {
            let message = format!("the token answer of {} cannot be used", endpoint.origin().host_and_port());
            Err(Failure::new(Code::UnexpectedAnswer, message)
                .why("Its expires_in is not a number of seconds. Nothing was saved.")
                .next("Check that the address is the token endpoint of a ServiceNow instance"))
        }
        Judgement::Tokens(answer) => {
            let client_id = endpoint.client().client_id.as_str();
            Ok(SavedSession::signed_in(answer, client_id, has_secret, app.now()))
        }
        Judgement::Refused(failure)
        | Judgement::Unavailable(failure)
        | Judgement::Unclear(failure)
        | Judgement::Lost(failure) => Err(failure),
    }
}

/// A code, and the browser that brought it.
struct Authorized {
    grant: crate::auth::oauth::authorize::Grant,
    browser: Option<WaitingBrowser>,
}

async fn authorize(
    app: &mut App,
    profile: &Profile,
    oauth: &OAuthClient,
    arguments: &BrowserArgs,
) -> Result<Authorized, Failure> {
    let loopback = oauth.redirect_uri.loopback().filter(|_| !arguments.manual);
    let way = Way::choose(circumstances(app, oauth, arguments), &app.variables);
    // Bound before the address is shown, or the answer could go to another.
    let listener = match (&loopback, way) {
        (Some(loopback), Way::Open | Way::Print) => Some(listen(oauth, loopback)?),
        _ if app.is_interactive() => None,
        _ => return Err(nobody_to_paste(oauth)),
    };
    let authorization = Authorization::new(oauth, &profile.instance);
    app.console.say(&format!("\n  {}\n\n  {}\n", invitation(way), authorization.url()));
    let Some(listener) = listener else {
        return paste(app, profile, oauth, authorization);
    };
    if let Some(tunnel) = loopback.as_ref().and_then(|loopback| browser::tunnel(loopback.port, &app.variables)) {
        app.console.note(&format!("  From another machine, first:   {tunnel}\n"));
    }
    if way == Way::Open
        && let Err(error) = app.open_browser(authorization.url().as_str())
    {
        app.console.note(&format!("  No browser could be started ({error}): open the address yourself.\n"));
    }
    let patience = arguments.login_timeout.unwrap_or(Duration::from_secs(300));
    let waiting = listener.wait(|query| authorization.judge(query));
    let Some((callback, browser)) = wait(app, oauth, patience, waiting).await else {
        return Err(nobody_came(oauth, patience));
    };
    match judge(profile, oauth, callback) {
        Ok(code) => Ok(Authorized { grant: authorization.grant(code), browser: Some(browser) }),
        Err(failure) => {
            let page = match failure.code() {
                Code::LoginDenied => Page::denied(&profile.instance.host_and_port()),
                _ => Page::failed(&sentence(failure.message())),
            };
            browser.show(page).await;
            Err(failure)
        }
    }
}

/// Whether a sign-in would open a browser by itself, which needs no terminal.
pub fn opens_browser(app: &App, profile: &Profile, arguments: &BrowserArgs) -> bool {
    let oauth = profile.auth.client().filter(|client| client.grant == Grant::AuthorizationCode);
    oauth.is_some_and(|oauth| Way::choose(circumstances(app, oauth, arguments), &app.variables) == Way::Open)
}

fn circumstances(app: &App, oauth: &OAuthClient, arguments: &BrowserArgs) -> Circumstances {
    Circumstances {
        must_paste: arguments.manual || oauth.redirect_uri.loopback().is_none(),
        forbidden: arguments.no_browser || app.is_input_forbidden(),
        interactive: app.is_interactive(),
    }
}

fn invitation(way: Way) -> &'static str {
    match way {
        Way::Open => "Open this address in a browser, if it does not open by itself:",
        Way::Print => "Open this address in a browser on this machine:",
        Way::Paste => "Open this address in a browser, and sign in:",
    }
}

fn listen(oauth: &OAuthClient, loopback: &Loopback) -> Result<Listener, Failure> {
    Listener::bind(loopback).map_err(|error| {
        let port = loopback.port;
        let failure = Failure::new(Code::PortInUse, format!("port {port} of this machine cannot be listened on"));
        let failure = match error.kind() {
            std::io::ErrorKind::AddrInUse => failure
                .why("Another program uses it, perhaps another sign-in of snow that is still waiting.")
                .next(format!("End that program, or wait for it; see who it is: {}", who_listens(port))),
            std::io::ErrorKind::PermissionDenied => {
                failure.why("This user may not listen on it; below 1024 that takes more rights.")
            }
            _ => failure.why(format!("{error}.")),
        };
        failure
            .next("Sign in by paste: --manual")
            .next("Register another redirect URI with the client, and give it with --redirect-uri")
            .evidence("redirect_uri", oauth.redirect_uri.as_str())
    })
}

/// The command that names the program behind a port.
fn who_listens(port: u16) -> String {
    match () {
        () if cfg!(target_os = "linux") => format!("ss -ltnp 'sport = :{port}'"),
        () if cfg!(windows) => format!("netstat -ano | findstr :{port}"),
        () => format!("lsof -nP -iTCP:{port} -sTCP:LISTEN"),
    }
}

/// Waits for the browser, and tells a person how long.
async fn wait<T>(
    app: &mut App,
    oauth: &OAuthClient,
    patience: Duration,
    waiting: impl Future<Output = T>,
) -> Option<T> {
    let started = Instant::now();
    let progress = app.console.waiting(&left(patience));
    if !app.console.err.is_terminal {
        app.console.note("  Waiting for the sign-in.");
    }
    let mut is_told = false;
    let mut waiting = std::pin::pin!(waiting);
    loop {
        let passed = started.elapsed();
        if passed >= patience {
            return None;
        }
        let tick = Duration::from_secs(1).min(patience - passed);
        tokio::select! {
            result = &mut waiting => return Some(result),
            () = tokio::time::sleep(tick) => {}
        }
        progress.say(&left(patience.saturating_sub(started.elapsed())));
        if !is_told && started.elapsed() >= HINT_AFTER {
            is_told = true;
            let hint = format!(
                "  Nothing happens after the sign-in? The redirect URL of the client must be\n  exactly   {}",
                oauth.redirect_uri
            );
            progress.above(|| app.console.say(&hint));
        }
    }
}

fn left(left: Duration) -> String {
    let seconds = left.as_secs();
    format!("Waiting for you to sign in ({}:{:02} left, Ctrl-C to stop)", seconds / 60, seconds % 60)
}

/// A person brings the answer.
fn paste(
    app: &mut App,
    profile: &Profile,
    oauth: &OAuthClient,
    authorization: Authorization,
) -> Result<Authorized, Failure> {
    let what = match (oauth.redirect_uri.is_page_of_instance(), oauth.pkce) {
        (true, _) => "Then a page shows a code. Copy it, and paste it here within 60 seconds.".to_owned(),
        (false, has_pkce) => format!(
            "Then the browser may say that the site can't be reached. That is as it should be: copy the whole \
             address from its address bar{}, and paste it here within 60 seconds.",
            if has_pkce { "" } else { " (the code alone is not enough without PKCE)" }
        ),
    };
    let paint = app.console.err;
    app.console.say(&format!("{}\n", paragraph(&what, paint)));
    if !oauth.redirect_uri.is_page_of_instance() {
        let uri = &oauth.redirect_uri;
        app.console.say(&format!("  The redirect URL of the client must be\n  exactly   {uri}\n"));
        if let Some(loopback) = uri.loopback()
            && let Some(tunnel) = browser::tunnel(loopback.port, &app.variables)
        {
            app.console.note(&format!(
                "  Or without pasting: come here from your own machine with\n  {tunnel}\n  and run the command again with --no-browser.\n"
            ));
        }
    }
    let question = if oauth.redirect_uri.is_page_of_instance() { "Code" } else { "Address" };
    let mut hint = String::new();
    for _ in 0..MAX_PASTES {
        let Some(person) = app.person() else { break };
        let typed = person.text(question, None, &hint)?;
        match authorization.judge_pasted(&typed) {
            Ok(callback) => {
                let code = judge(profile, oauth, callback)?;
                return Ok(Authorized { grant: authorization.grant(code), browser: None });
            }
            Err(Stray::OtherState) => hint = "this is the answer to another attempt; open the address above".to_owned(),
            Err(stray) => hint = stray.to_string(),
        }
    }
    Err(Failure::new(Code::LoginDenied, "what was pasted is not the answer to this sign-in")
        .why("Nothing was sent, and nothing saved.")
        .next("Run the command again, and paste what the browser shows after the sign-in"))
}

/// The code of a sign-in that was granted.
fn judge(profile: &Profile, oauth: &OAuthClient, callback: Callback) -> Result<AuthorizationCode, Failure> {
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
            Err(Failure::new(Code::UnexpectedAnswer, format!("{host} sent a code that cannot be one"))
                .why("It is too long, or holds characters that no code has. It was not sent anywhere.")
                .next("Run the command again"))
        }
        Callback::Denied { error, description } => {
            let said = |word: &str| {
                error.eq_ignore_ascii_case(word) || description.as_deref().is_some_and(|text| text.contains(word))
            };
            let failure = Failure::new(Code::LoginDenied, format!("{host} did not grant the sign-in"));
            let failure = match error.as_str() {
                "access_denied" => failure
                    .why("Somebody chose to deny, or the instance does not let this user grant it. Nothing was saved.")
                    .next("Run the command again, and allow the access"),
                "invalid_scope" => failure
                    .why(format!("It does not give the scope \"{}\" to this client.", oauth.scope.as_str()))
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
    let cause = |code, text: &str| Cause { code, likelihood: Likelihood::High, text: text.to_owned() };
    let name = &profile.name;
    match oauth.pkce {
        true => failure
            .why("It complains about PKCE; an old release may not know it. Nothing was saved.")
            .causes([cause("pkce", "the release does not know PKCE")])
            .next("Run the command again with --no-pkce")
            .next(format!("Where the connection is saved: snow edit {name} --set pkce=false")),
        false => failure
            .why("It wants PKCE, and this sign-in went without. Nothing was saved.")
            .causes([cause("pkce-required", "PKCE is required on the entry of the client")])
            .next("Run the command again without --no-pkce")
            .next(format!("Where the connection is saved: snow edit {name} --set pkce=true")),
    }
}

fn nobody_came(oauth: &OAuthClient, patience: Duration) -> Failure {
    let uri = &oauth.redirect_uri;
    let cause = |code, likelihood, text: String| Cause { code, likelihood, text };
    Failure::new(Code::LoginTimeout, format!("nobody came back from the sign-in within {} s", patience.as_secs()))
        .why("An instance that does not know the redirect URL says so in the browser, and sends nobody back. Nothing was saved.")
        .causes([
            cause("redirect-uri", Likelihood::High, format!("{uri} is not registered with the client in just these letters")),
            cause("not-signed-in", Likelihood::Medium, "the sign-in in the browser was not finished".to_owned()),
        ])
        .next(format!("See that the redirect URL of the client is exactly {uri}, then run the command again"))
        .next("If the browser is on another machine: --manual")
        .evidence("redirect_uri", uri.as_str())
}

fn nobody_to_paste(oauth: &OAuthClient) -> Failure {
    let failure = Failure::new(Code::NoTerminal, "there is no terminal to paste the answer at");
    match oauth.redirect_uri.loopback() {
        Some(_) => failure
            .why("With --manual a person brings the answer of the browser.")
            .next("Leave --manual out: the browser then comes back by itself"),
        None => failure
            .why(format!("The redirect URI {} leads to no listener on this machine.", oauth.redirect_uri))
            .next("Run the command at a terminal, or use a client whose redirect URI is on 127.0.0.1"),
    }
}

/// With a capital letter, for a page.
pub fn sentence(message: &str) -> String {
    let mut characters = message.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
