//! Signing in with a browser: it comes back to a port of this machine, or a
//! person pastes where it ended.

use std::time::{Duration, Instant};

use super::args::BrowserArgs;
use super::paste;
use super::refusals::{cannot_paste, judge, timed_out};
use tokio::sync::mpsc;

use crate::auth::oauth::authorize::{Authorization, CodeGrant};
use crate::auth::oauth::browser::{self, BrowserMode, BrowserPolicy};
use crate::auth::oauth::callback::{Listener, TurnedAway, Users, WaitingBrowser};
use crate::auth::oauth::page::Page;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, Step, shown};
use crate::cli::commands::app::App;
use crate::cli::commands::questions::sentence;
use crate::model::oauth_client::{GrantType, Loopback, OAuthClient};
use crate::model::profile::Profile;
use crate::report::text::paragraph;

/// When a sign-in that gets no answer shows which redirect URL must be registered.
const HINT_AFTER: Duration = Duration::from_secs(15);

fn why_turned_away(why: TurnedAway) -> &'static str {
    match why {
        TurnedAway::TooLarge => {
            "  The browser sent more than 64 KiB of cookies for this machine, which are not read.\n  \
             Open the address in a private window."
        }
        TurnedAway::OtherUser => "  A browser of another user of this machine came back, and was turned away.",
    }
}

/// How the browser takes part, settled before a secret is asked for.
pub struct Way {
    /// Where the browser comes back to. Without it a person pastes.
    listener: Option<Listener>,
    opens: bool,
}

/// A code, and how it came.
pub struct Authorized {
    pub grant: CodeGrant,
    pub by: CameBy,
}

pub enum CameBy {
    /// It waits for the final page.
    Browser(WaitingBrowser),
    /// The attempt that was pasted for, which may be pasted for again.
    Paste(Authorization),
}

impl CameBy {
    /// The browser, if it waits for the final page.
    pub fn browser(self) -> Option<WaitingBrowser> {
        match self {
            Self::Browser(browser) => Some(browser),
            Self::Paste(_) => None,
        }
    }
}

/// Settles the way: the port of the redirect URI is taken now, or its answer could go to
/// another program. If it is busy, a person may paste instead.
pub fn prepare(app: &mut App, oauth: &OAuthClient, arguments: &BrowserArgs) -> Result<Way, Failure> {
    let policy = policy(app, oauth, arguments);
    let mode = BrowserMode::choose(policy, &app.variables);
    let pasted = |app: &App| Way { listener: None, opens: browser::opens(policy, &app.variables) };
    let loopback = oauth.redirect_uri.loopback().filter(|_| mode != BrowserMode::Paste);
    let Some(loopback) = loopback else {
        return if app.is_interactive() { Ok(pasted(app)) } else { Err(cannot_paste(oauth)) };
    };
    loop {
        let failure = match listen(oauth, &loopback) {
            Ok(listener) => return Ok(Way { listener: Some(listener), opens: mode == BrowserMode::Open }),
            Err(failure) => failure,
        };
        if !app.is_interactive() {
            return Err(failure);
        }
        let reason = failure.reason().map(Shown::as_str).unwrap_or_default();
        app.complain(&format!("{}. {reason}", failure.message()));
        let choices = ["Paste the address that the browser ends on", "Try the port again"].map(str::to_owned);
        if app.choose("How do you want to go on?", &choices)? == 0 {
            return Ok(pasted(app));
        }
    }
}

pub async fn authorize(
    app: &mut App,
    profile: &Profile,
    oauth: &OAuthClient,
    arguments: &BrowserArgs,
    way: Way,
) -> Result<Authorized, Failure> {
    let authorization = Authorization::new(oauth, &profile.instance);
    app.console.say(&format!("\n{}\n", paragraph(invitation(&way), app.console.err)));
    app.console.address(authorization.url().as_str());
    app.console.say("");
    if way.listener.is_some()
        && let Some(loopback) = oauth.redirect_uri.loopback()
        && let Some(tunnel) = browser::tunnel(loopback.port, &app.variables)
    {
        app.console.note(&format!("  From another machine, first run:\n\n  {tunnel}\n"));
    }
    if way.opens {
        open(app, authorization.url().as_str());
    }
    let Some(listener) = way.listener else {
        paste::explain(app, oauth);
        let grant = paste::ask(app, profile, oauth, &authorization)?;
        return Ok(Authorized { grant, by: CameBy::Paste(authorization) });
    };
    let timeout = arguments.login_timeout.unwrap_or(Duration::from_secs(300));
    let sudo_user = app.variables.text("SUDO_UID").and_then(|uid| uid.parse().ok());
    let (tell, told) = mpsc::unbounded_channel();
    let turned_away = |why| {
        let _ = tell.send(why);
    };
    let waiting = listener.wait(Users { sudo_user }, |query| authorization.judge(query), turned_away);
    let Some((callback, browser)) = wait(app, oauth, timeout, waiting, told).await else {
        return Err(timed_out(profile, oauth, timeout));
    };
    match judge(profile, oauth, callback) {
        Ok(code) => Ok(Authorized { grant: authorization.grant(code), by: CameBy::Browser(browser) }),
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

/// Opens the address. A person who sees no browser has it on the screen.
fn open(app: &App, address: &str) {
    let Err(error) = app.open_browser(address) else { return };
    let what = match browser::variable(&app.variables) {
        Some(variable) => {
            let command = app.variables.text(variable).unwrap_or_default();
            format!("the browser \"{command}\" of {variable}")
        }
        None => "a browser".to_owned(),
    };
    let text = format!("Could not start {what} ({error}). Open the address yourself.");
    app.console.note(&format!("{}\n", paragraph(&text, app.console.err)));
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

fn invitation(way: &Way) -> &'static str {
    match (way.opens, &way.listener) {
        (true, _) => "Open this address in a browser, if it does not open by itself:",
        (false, Some(_)) => "Open this address in a browser on this machine:",
        (false, None) => "Open this address in a browser, and sign in:",
    }
}

fn listen(oauth: &OAuthClient, loopback: &Loopback) -> Result<Listener, Failure> {
    Listener::bind(loopback).map_err(|error| {
        let port = loopback.port;
        let cannot = || Failure::new(Code::PortInUse, shown!("port {} cannot be used", port));
        let failure = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                let find = Step::say("Find the program that uses it: ").and_run(Shown::outside(who_listens(port)));
                Failure::new(Code::PortInUse, shown!("port {} is already in use", port))
                    .why("Another sign-in of snow may still be waiting there.")
                    .next(find)
            }
            std::io::ErrorKind::PermissionDenied => {
                cannot().why("This user may not listen on it; ports below 1024 need more rights.")
            }
            _ => cannot().why(shown!("{}.", error)),
        };
        failure
            .next("Paste the answer instead, with --manual")
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
    format!("Waiting for you to sign in ({}:{:02} left, Ctrl-C to cancel)", seconds / 60, seconds % 60)
}
