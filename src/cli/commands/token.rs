//! `snow token` and `snow refresh`: a credential that is valid now.

use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCandidates;

use super::app::App;
use super::handover::{self, HandedOver};
use super::list::show_profile;
use super::select;
use crate::auth::method::MethodSpec;
use crate::base::code::Code;
use crate::base::duration::duration;
use crate::base::error::Failure;
use crate::base::shown::{Shown, Step, shown};
use crate::cli::args::NameArg;
use crate::cli::completion;
use crate::model::profile::{ConnectionName, Profile};
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

pub async fn token(app: &mut App, arguments: TokenArgs) -> Result<u8, Failure> {
    let min_ttl = arguments.min_ttl.unwrap_or_default();
    let selection = select::select_one(app, arguments.name.as_ref(), Code::UnknownConnection)?;
    let handed_out = handover::open(app, selection, min_ttl).await?;
    let format = match arguments.format {
        _ if app.console.json => TokenFormat::Json,
        Some(format) => format,
        None => TokenFormat::Raw,
    };
    print(app, &handed_out, format)?;
    Ok(0)
}

pub async fn refresh(app: &mut App, arguments: NameArg) -> Result<u8, Failure> {
    let profile = select::select_saved(app, arguments.name.as_ref())?;
    let spec = MethodSpec::of(profile.auth.method);
    let nothing = || {
        Failure::new(Code::Usage, shown!("{} signs in with {}", profile.name, spec.phrase))
            .why("There is no session to renew.")
            .next(Step::say("To see whether it works: ").and_run(shown!("snow test {}", profile.name)))
    };
    if !spec.has_session() && (spec.needs)(&profile.auth).is_some() {
        return Err(nothing());
    }
    let reached = app.network.client_for(&profile)?;
    let store = app.store(&profile.store)?;
    let credential = app.open(store, &profile, reached).await?.credential;
    let deadline = app.deadline()?;
    let Some(mut session) = credential.session().await else {
        let renewed = {
            let _progress = app.console.progress(&format!("Getting an access token for {}", profile.name));
            credential.renew(deadline).await
        };
        renewed.ok_or_else(nothing)??;
        let expires_at = credential.token().await.and_then(|token| token.life.expires_at);
        return renewed_until(app, &profile, "renewed,", expires_at);
    };
    {
        let _progress = app.console.progress(&format!("Renewing the session of {}", profile.name));
        session.refresh(deadline).await?;
    }
    if let Some(failure) = session.last_renewal().and_then(|renewal| renewal.failure.clone()) {
        return Err(failure);
    }
    let expires_at = session.saved().and_then(|saved| saved.expires_at);
    let same = session.saved().is_some_and(|saved| saved.not_lengthened);
    let verb = if same { "the instance gave the same token, which is" } else { "renewed," };
    renewed_until(app, &profile, verb, expires_at)
}

/// Says until when the new token is good.
fn renewed_until(
    app: &mut App,
    profile: &Profile,
    verb: &str,
    expires_at: Option<DateTime<Utc>>,
) -> Result<u8, Failure> {
    if app.console.json {
        show_profile(app, profile)?;
        return Ok(0);
    }
    let until = expires_at.map_or_else(
        || "its end was not said".to_owned(),
        |at| format!("good for {}", crate::report::text::until(app.now(), at)),
    );
    let line = format!("{} {}: {verb} {until}", app.console.out.tick(), profile.name);
    app.console.text(&line);
    Ok(0)
}

fn print(app: &mut App, handed_out: &HandedOver, format: TokenFormat) -> Result<(), Failure> {
    let (header, value) = handed_out.header();
    let line = format!("{header}: {value}");
    let token = handed_out.token.as_ref();
    if token.is_none() && format == TokenFormat::Raw {
        let name = Shown::outside(&handed_out.name);
        return Err(Failure::new(
            Code::Usage,
            shown!("{} signs in with {}, and has no token", &name, handed_out.spec.phrase),
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

/// A secret that is printed on purpose is masked in the log of a GitHub
/// workflow, wherever it turns up from here on.
pub fn mask_in_action_logs(app: &mut App, secret: &str) {
    if app.variables.is_on("GITHUB_ACTIONS") {
        app.console.secret_command(&format!("::add-mask::{secret}"));
    }
}
