//! `snow token` and `snow refresh`: a credential that is valid now.

use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCandidates;
use serde_json::json;

use super::app::App;
use super::environment;
use super::list::show_profile;
use super::select::{self, Selected};
use crate::auth::basic::BasicCredential;
use crate::auth::oauth::session::Session;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, Step, shown};
use crate::base::time::timestamp;
use crate::cli::args::NameArg;
use crate::cli::completion;
use crate::cli::duration::duration;
use crate::config::environment as variables;
use crate::engine::{Connection, bearer_header};
use crate::model::profile::{Auth, ConnectionName, Profile};
use crate::store::record;

#[derive(Debug, Args)]
#[command(before_help = "\
Examples:
  curl -H \"$(snow token --format header)\" https://acme.service-now.com/api/now/table/incident
  snow token acme --min-ttl 10m
  snow token acme --json | jq -r .access_token")]
pub struct TokenArgs {
    /// The connection [default: the selected one]
    #[arg(add = ArgValueCandidates::new(completion::connection_names))]
    pub name: Option<ConnectionName>,
    /// What to print: the token, or a whole header line
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<TokenFormat>,
    /// Fail unless it is good for this long
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
enum Credential {
    /// The value of the `Authorization` header for a password.
    Basic(http::HeaderValue),
    Bearer {
        access_token: Secret,
        expires_at: Option<DateTime<Utc>>,
    },
}

pub async fn token(app: &mut App, arguments: TokenArgs) -> Result<u8, Failure> {
    let min_ttl = arguments.min_ttl.unwrap_or_default();
    let selection = select::select_one(app, arguments.name.as_ref(), Code::UnknownConnection)?;
    let (name, credential) = match selection.selected {
        Selected::Saved(profile) => (profile.name.to_string(), saved(app, &profile, min_ttl).await?),
        Selected::Environment => (variables::NAME.to_owned(), described(app, min_ttl).await?),
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
    let Some(oauth) = profile.auth.client().cloned() else {
        return Err(Failure::new(Code::Usage, shown!("{} signs in with a password", profile.name))
            .why("There is no session to renew.")
            .next(Step::say("To see whether it works: ").and_run(shown!("snow test {}", profile.name))));
    };
    let (client, origins) = app.network.client_for(&profile)?;
    let store = app.store(profile.store)?;
    let mut session = app.open_session(store, &profile, &oauth, &client, origins).await?;
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
    app.console.data(&line);
    Ok(0)
}

async fn saved(app: &mut App, profile: &Profile, min_ttl: Duration) -> Result<Credential, Failure> {
    let (client, origins) = app.network.client_for(profile)?;
    match &profile.auth {
        Auth::Basic { username } => {
            let password =
                record::read_password(app.store(profile.store)?.as_ref(), profile, username, &origins).await?;
            Ok(Credential::Basic(BasicCredential::new(username.clone(), password).header()))
        }
        Auth::OAuth { client: oauth, .. } => {
            let store = app.store(profile.store)?;
            let mut session = app.open_session(store, profile, oauth, &client, origins).await?;
            let deadline = app.deadline()?;
            let _progress = app.console.progress(&format!("Renewing the session of {}", profile.name));
            session.ensure_fresh(min_ttl, deadline).await?;
            access_token(app, &session, min_ttl)
        }
    }
}

async fn described(app: &mut App, min_ttl: Duration) -> Result<Credential, Failure> {
    let described = variables::read(&app.variables)?;
    let connection: Connection = environment::connection(app, described)?;
    let deadline = app.deadline()?;
    connection.ensure_fresh(min_ttl, deadline).await?;
    if let Some(session) = connection.session().await {
        return access_token(app, &session, min_ttl);
    }
    match connection.given_token() {
        Some(_) if !min_ttl.is_zero() => Err(too_short(None, app.now(), min_ttl)),
        Some(access_token) => Ok(Credential::Bearer { access_token: access_token.clone(), expires_at: None }),
        None => Ok(Credential::Basic(connection.header().await.expect("a password makes a header"))),
    }
}

fn access_token(app: &App, session: &Session, min_ttl: Duration) -> Result<Credential, Failure> {
    // A token that is nowhere saved is not handed out: the next would be lost.
    refuse_unsaved(session)?;
    let saved = session.saved().expect("a session that is fresh has a token");
    if saved.lasts(app.now(), min_ttl) {
        Ok(Credential::Bearer { access_token: saved.access_token.clone(), expires_at: saved.expires_at })
    } else {
        Err(too_short(saved.expires_at, app.now(), min_ttl))
    }
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

fn print(app: &mut App, name: &str, credential: &Credential, format: TokenFormat) -> Result<(), Failure> {
    let header = match credential {
        Credential::Basic(header) => header.clone(),
        Credential::Bearer { access_token, .. } => bearer_header(access_token),
    };
    // Our own headers are UTF-8 throughout.
    let value = std::str::from_utf8(header.as_bytes()).unwrap_or_default();
    if let (TokenFormat::Raw, Credential::Basic(_)) = (format, credential) {
        return Err(Failure::new(
            Code::Usage,
            shown!("{} signs in with a password, and has no token", Shown::outside(name)),
        )
        .next(Step::say("For the header line: ").and_run(shown!("snow token {} --format header", Shown::outside(name))))
        .next("To have tokens: connect with --client-id"));
    }
    mask_in_action_logs(app, credential, value);
    match (format, credential) {
        (TokenFormat::Raw, Credential::Bearer { access_token, .. }) => app.console.secret(access_token.expose()),
        (TokenFormat::Header | TokenFormat::Raw, _) => app.console.secret(&format!("Authorization: {value}")),
        (TokenFormat::Json, Credential::Basic(_)) => {
            app.console.document(&json!({ "schema": "snow.token/1", "header": format!("Authorization: {value}") }));
        }
        (TokenFormat::Json, Credential::Bearer { access_token, expires_at }) => {
            app.console.document(&json!({
                "schema": "snow.token/1",
                "access_token": access_token.expose(),
                "token_type": "Bearer",
                "expires_at": expires_at.map(timestamp),
            }));
        }
    }
    Ok(())
}

/// A secret that is printed on purpose is masked in the log of a GitHub
/// workflow, wherever it turns up from here on.
fn mask_in_action_logs(app: &mut App, credential: &Credential, header: &str) {
    if !app.variables.is_on("GITHUB_ACTIONS") {
        return;
    }
    let secret = match credential {
        Credential::Basic(_) => header.trim_start_matches("Basic "),
        Credential::Bearer { access_token, .. } => access_token.expose(),
    };
    app.console.secret_command(&format!("::add-mask::{secret}"));
}
