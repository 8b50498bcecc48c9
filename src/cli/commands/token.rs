//! `snow token` and `snow refresh`: a credential that is valid now.

use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCandidates;
use http::{HeaderName, HeaderValue};

use super::app::App;
use super::environment;
use super::list::show_profile;
use super::select::{self, Selected};
use crate::auth::credential::{Credential, Token};
use crate::auth::method::MethodSpec;
use crate::auth::oauth::session::Session;
use crate::base::code::Code;
use crate::base::duration::duration;
use crate::base::error::Failure;
use crate::base::shown::{Shown, Step, shown};
use crate::base::time::timestamp;
use crate::cli::args::NameArg;
use crate::cli::completion;
use crate::config::environment as variables;
use crate::model::header::OwnHeader;
use crate::model::profile::{ConnectionName, Profile, any_of};
use crate::report::json::session;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow token --format header | curl -H @- https://acme.service-now.com/api/now/table/incident
  snow token acme --min-ttl 10m
  snow token acme --json | jq -r .access_token")]
pub struct TokenArgs {
    /// The connection [default: the selected one]
    #[arg(add = ArgValueCandidates::new(completion::connection_names))]
    pub name: Option<ConnectionName>,
    /// Print the token alone, a whole header line, or JSON [default: raw]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<TokenFormat>,
    /// Fail unless it is valid for at least this long
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub min_ttl: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TokenFormat {
    Raw,
    Header,
    Json,
}

/// What is printed.
struct HandedOut {
    /// The header that signs a request.
    header: (HeaderName, HeaderValue),
    /// What is in it, if it is an access token.
    token: Option<Token>,
    /// As in "acme signs in with a password".
    phrase: &'static str,
}

pub async fn token(app: &mut App, arguments: TokenArgs) -> Result<u8, Failure> {
    let min_ttl = arguments.min_ttl.unwrap_or_default();
    let selection = select::select_one(app, arguments.name.as_ref(), Code::UnknownConnection)?;
    let (name, credential) = match selection.selected {
        Selected::Saved(profile) => {
            let reached = app.network.client_for(&profile)?;
            let store = app.store(profile.store)?;
            let credential = app.open(store, &profile, reached).await?.credential;
            mention_headers(app, &profile);
            let spec = MethodSpec::of(profile.auth.method);
            (profile.name.to_string(), hand_out(app, credential.as_ref(), spec, min_ttl).await?)
        }
        Selected::Environment => {
            let described = variables::read(&app.variables)?;
            let spec = MethodSpec::of(described.auth.method);
            let connection = environment::connection(app, described).await?;
            (variables::NAME.to_owned(), hand_out(app, connection.credential(), spec, min_ttl).await?)
        }
    };
    let format = match arguments.format {
        _ if app.console.json => TokenFormat::Json,
        Some(format) => format,
        None => TokenFormat::Raw,
    };
    print(app, &name, &credential, format)?;
    Ok(0)
}

pub async fn refresh(app: &mut App, arguments: NameArg) -> Result<u8, Failure> {
    let profile = select::select_saved(app, arguments.name.as_ref())?;
    let spec = MethodSpec::of(profile.auth.method);
    if !spec.has_session() {
        return Err(Failure::new(Code::Usage, shown!("{} signs in with {}", profile.name, spec.phrase))
            .why("There is no session to renew.")
            .next(Step::say("To see whether it works: ").and_run(shown!("snow test {}", profile.name))));
    }
    let reached = app.network.client_for(&profile)?;
    let store = app.store(profile.store)?;
    let credential = app.open(store, &profile, reached).await?.credential;
    let mut session = credential.session().await.expect("a way to sign in with sessions gives one");
    let deadline = app.deadline()?;
    {
        let _progress = app.console.progress(&format!("Renewing the session of {}", profile.name));
        session.refresh(deadline).await?;
    }
    if let Some(failure) = session.last_renewal().and_then(|renewal| renewal.failure.clone()) {
        return Err(failure);
    }
    if app.console.json {
        show_profile(app, &profile)?;
        return Ok(0);
    }
    let expires_at = session.saved().and_then(|saved| saved.expires_at);
    let until = expires_at.map_or_else(
        || "its end was not said".to_owned(),
        |at| format!("good for {}", crate::report::text::until(app.now(), at)),
    );
    let same = session.saved().is_some_and(|saved| saved.not_lengthened);
    let verb = if same { "the instance gave the same token, which is" } else { "renewed," };
    let line = format!("{} {}: {verb} {until}", app.console.out.tick(), profile.name);
    app.console.text(&line);
    Ok(0)
}

/// Says what a token cannot carry.
fn mention_headers(app: &mut App, profile: &Profile) {
    if profile.read_only {
        app.console.note(&format!("note: {} is read-only to snow api, and its token is not", profile.name));
    }
    if !profile.headers.is_empty() {
        let headers: Vec<_> = profile.headers.iter().map(OwnHeader::as_str).collect();
        let text = format!("note: a request to {} also needs the header {}", profile.name, any_of(&headers));
        app.console.note(&text.replace(" or ", " and "));
    }
}

async fn hand_out(
    app: &mut App,
    credential: &dyn Credential,
    spec: &MethodSpec,
    min_ttl: Duration,
) -> Result<HandedOut, Failure> {
    let deadline = app.deadline()?;
    {
        let _progress = spec.has_session().then(|| app.console.progress("Renewing the session"));
        credential.ensure_fresh(min_ttl, deadline).await?;
    }
    // A token that is nowhere saved is not handed out: the next would be lost.
    if let Some(session) = credential.session().await {
        refuse_unsaved(&session)?;
    }
    let token = credential.token().await;
    if let Some(Token { life, .. }) = &token
        && !life.lasts(app.now(), min_ttl)
    {
        return Err(too_short(life.expires_at, app.now(), min_ttl));
    }
    let mut headers = credential.sign().await.headers.into_iter();
    let (name, value) = headers.next().expect("a fresh credential signs");
    Ok(HandedOut { header: (name.expect("the first header has a name"), value), token, phrase: spec.phrase })
}

fn refuse_unsaved(session: &Session) -> Result<(), Failure> {
    match session.last_renewal().and_then(|renewal| renewal.failure.as_ref()) {
        Some(failure) if failure.code() == Code::SessionNotSaved => Err(failure.clone()),
        _ => Ok(()),
    }
}

fn too_short(expires_at: Option<DateTime<Utc>>, now: DateTime<Utc>, min_ttl: Duration) -> Failure {
    let wanted = format!("{} s", min_ttl.as_secs_f64());
    let failure = Failure::new(
        Code::LifetimeTooShort,
        shown!("the access token is not sure to be good for {}", Shown::outside(&wanted)),
    );
    let failure = match expires_at {
        Some(at) => failure
            .why(shown!(
                "It is good for {} more. An instance gives out the same token until it ends.",
                Shown::outside(crate::report::text::until(now, at))
            ))
            .evidence("expires_at", Shown::outside(timestamp(at))),
        None => failure.why("The server did not say how long it is good."),
    };
    failure.next("Ask for less with --min-ttl, or have the client's Access Token Lifespan made longer")
}

fn print(app: &mut App, name: &str, handed_out: &HandedOut, format: TokenFormat) -> Result<(), Failure> {
    let (header, value) = &handed_out.header;
    // Our own headers are UTF-8 throughout.
    let value = std::str::from_utf8(value.as_bytes()).unwrap_or_default();
    let line = format!("{}: {value}", canonical(header));
    let token = handed_out.token.as_ref();
    if token.is_none() && format == TokenFormat::Raw {
        let name = Shown::outside(name);
        return Err(Failure::new(
            Code::Usage,
            shown!("{} signs in with {}, and has no token", &name, handed_out.phrase),
        )
        .next(Step::say("For the header line: ").and_run(shown!("snow token {} --format header", &name)))
        .next("To have tokens: connect with --client-id"));
    }
    mask_in_action_logs(
        app,
        token.map_or_else(|| value.trim_start_matches("Basic "), |token| token.access_token.expose()),
    );
    match (format, token) {
        (TokenFormat::Raw, Some(token)) => app.console.secret(token.access_token.expose()),
        (TokenFormat::Header | TokenFormat::Raw, _) => app.console.secret(&line),
        (TokenFormat::Json, None) => app.console.document(&session::Token::header(line)),
        (TokenFormat::Json, Some(token)) => {
            app.console.document(&session::Token::bearer(&token.access_token, token.life.expires_at));
        }
    }
    Ok(())
}

/// A header name as people write it.
fn canonical(name: &HeaderName) -> &str {
    if *name == http::header::AUTHORIZATION { "Authorization" } else { name.as_str() }
}

/// A secret that is printed on purpose is masked in the log of a GitHub
/// workflow, wherever it turns up from here on.
fn mask_in_action_logs(app: &mut App, secret: &str) {
    if app.variables.is_on("GITHUB_ACTIONS") {
        app.console.secret_command(&format!("::add-mask::{secret}"));
    }
}
