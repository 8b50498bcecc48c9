//! Signing in with a browser: it comes back to a port of this machine, or a
//! person pastes where it ended.

use std::time::{Duration, Instant};

use super::args::BrowserArgs;
use super::refusals::{judge, nobody_came, nobody_to_paste};
use super::session::sentence;
use tokio::sync::mpsc;

use crate::auth::oauth::authorize::{self, Authorization, Stray};
use crate::auth::oauth::browser::{self, BrowserMode, BrowserPolicy, Reason};
use crate::auth::oauth::callback::{Listener, TurnedAway, Users, WaitingBrowser};
use crate::auth::oauth::page::Page;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, shown};
use crate::cli::commands::app::App;
use crate::model::oauth_client::{GrantType, Loopback, OAuthClient};
use crate::model::profile::Profile;
use crate::report::text::paragraph;

/// When a sign-in that gets no answer shows which redirect URL must be registered.
const HINT_AFTER: Duration = Duration::from_secs(15);

const MAX_PASTES: u32 = 5;

fn why_turned_away(why: TurnedAway) -> &'static str {
    match why {
        TurnedAway::TooLarge => {
            "  The browser sent more than 64 KiB of cookies for this machine, which are not read.\n  \
             Open the address in a private window."
        }
        TurnedAway::OtherUser => "  A browser of another user of this machine came back, and was turned away.",
    }
}

/// A code, and the browser that brought it.
pub struct Authorized {
    pub grant: authorize::CodeGrant,
    pub browser: Option<WaitingBrowser>,
}

pub async fn authorize(
    app: &mut App,
    profile: &Profile,
    oauth: &OAuthClient,
    arguments: &BrowserArgs,
) -> Result<Authorized, Failure> {
    let loopback = oauth.redirect_uri.loopback().filter(|_| !arguments.manual);
    let (mode, reason) = BrowserMode::explained(policy(app, oauth, arguments), &app.variables);
    // Bound before the address is shown, or the answer could go to another.
    let listener = match (&loopback, mode) {
        (Some(loopback), BrowserMode::Open | BrowserMode::Print) => Some(listen(oauth, loopback)?),
        _ if app.is_interactive() => None,
        _ => return Err(nobody_to_paste(oauth)),
    };
    let authorization = Authorization::new(oauth, &profile.instance);
    app.console.say(&format!("\n  {}\n\n  {}\n", invitation(mode), authorization.url()));
    let Some(listener) = listener else {
        if matches!(reason, Reason::Workspace(_)) {
            // The address is on the screen, if no tab opens.
            let _ = app.open_browser(authorization.url().as_str());
        }
        return paste(app, profile, oauth, authorization);
    };
    if let Some(tunnel) = loopback.as_ref().and_then(|loopback| browser::tunnel(loopback.port, &app.variables)) {
        app.console.note(&format!("  From another machine, first:   {tunnel}\n"));
    }
    if mode == BrowserMode::Open
        && let Err(error) = app.open_browser(authorization.url().as_str())
    {
        let what = match browser::variable(&app.variables) {
            Some(variable) => format!("Could not start the browser in {variable}"),
            None => "Could not start a browser".to_owned(),
        };
        app.console.note(&format!("  {what} ({error}): open the address yourself.\n"));
    }
    let timeout = arguments.login_timeout.unwrap_or(Duration::from_secs(300));
    let sudo_user = app.variables.text("SUDO_UID").and_then(|uid| uid.parse().ok());
    let (tell, told) = mpsc::unbounded_channel();
    let turned_away = |why| {
        let _ = tell.send(why);
    };
    let waiting = listener.wait(Users { sudo_user }, |query| authorization.judge(query), turned_away);
    let Some((callback, browser)) = wait(app, oauth, timeout, waiting, told).await else {
        return Err(nobody_came(oauth, timeout));
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
    let oauth = profile.auth.client().filter(|client| client.grant == GrantType::AuthorizationCode);
    oauth.is_some_and(|oauth| BrowserMode::choose(policy(app, oauth, arguments), &app.variables) == BrowserMode::Open)
}

fn policy(app: &App, oauth: &OAuthClient, arguments: &BrowserArgs) -> BrowserPolicy {
    BrowserPolicy {
        must_paste: arguments.manual || oauth.redirect_uri.loopback().is_none(),
        forbidden: arguments.no_browser || app.is_input_forbidden(),
        interactive: app.is_interactive(),
    }
}

fn invitation(mode: BrowserMode) -> &'static str {
    match mode {
        BrowserMode::Open => "Open this address in a browser, if it does not open by itself:",
        BrowserMode::Print => "Open this address in a browser on this machine:",
        BrowserMode::Paste => "Open this address in a browser, and sign in:",
    }
}

fn listen(oauth: &OAuthClient, loopback: &Loopback) -> Result<Listener, Failure> {
    Listener::bind(loopback).map_err(|error| {
        let port = loopback.port;
        let failure = Failure::new(Code::PortInUse, shown!("cannot listen on port {} of this machine", port));
        let failure = match error.kind() {
            std::io::ErrorKind::AddrInUse => failure
                .why("Another program uses it, perhaps another sign-in of snow that is still waiting.")
                .next(shown!("End that program, or wait for it; see who it is: {}", Shown::outside(who_listens(port)))),
            std::io::ErrorKind::PermissionDenied => {
                failure.why("This user may not listen on it; below 1024 that takes more rights.")
            }
            _ => failure.why(shown!("{}.", error)),
        };
        failure
            .next("Sign in by paste: --manual")
            .next("Register another redirect URI with the client, and give it with --redirect-uri")
            .evidence("redirect_uri", &oauth.redirect_uri)
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
    timeout: Duration,
    waiting: impl Future<Output = T>,
    mut turned_away: mpsc::UnboundedReceiver<TurnedAway>,
) -> Option<T> {
    let started = Instant::now();
    let progress = app.console.waiting(&left(timeout));
    if !app.console.err.is_terminal {
        app.console.note("  Waiting for the sign-in.");
    }
    let mut is_told = false;
    let mut waiting = std::pin::pin!(waiting);
    loop {
        let passed = started.elapsed();
        if passed >= timeout {
            return None;
        }
        let tick = Duration::from_secs(1).min(timeout - passed);
        tokio::select! {
            result = &mut waiting => return Some(result),
            Some(why) = turned_away.recv() => progress.above(|| app.console.say(why_turned_away(why))),
            () = tokio::time::sleep(tick) => {}
        }
        progress.say(&left(timeout.saturating_sub(started.elapsed())));
        if !is_told && started.elapsed() >= HINT_AFTER {
            is_told = true;
            let hint = format!(
                "  Nothing happens after the sign-in? The redirect URL of the client must be\n  exactly   {}\n  \
                 If your browser is on another machine, run the command again with --manual.",
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
