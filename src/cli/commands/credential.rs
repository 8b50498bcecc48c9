//! `snow credential get`: the credential helper of Bazel and uv, for any program that
//! speaks its protocol. One JSON object in, one out.

use std::io::Read;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use super::app::App;
use super::handover;
use super::select;
use crate::auth::gateway::GatewayAccess;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, Step, shown};
use crate::base::time::timestamp;
use crate::config::check_enabled;
use crate::model::profile::Profile;

/// The longest request that is read.
const MAX_BYTES: u64 = 64 * 1024;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow credential get < request.json    {\"uri\":\"https://acme.service-now.com/\"}

The protocol is that of Bazel's --credential_helper. The answer has the headers for a request to \
this address, of the saved connection with exactly its origin, and when they end. If there is none, \
the answer is {\"headers\":{}}. If there are several, it is the one of --connection, SNOW_CONNECTION \
or the default.")]
pub struct CredentialArgs {
    #[command(subcommand)]
    pub action: Action,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub enum Action {
    /// Read a JSON object with "uri" and print the headers for it
    Get,
}

/// The request. Other members are for other versions.
#[derive(Deserialize)]
struct Request {
    uri: String,
}

pub async fn run(app: &mut App, arguments: CredentialArgs) -> Result<u8, Failure> {
    let Action::Get = arguments.action;
    let uri = read(app)?;
    let origin = uri.origin().ascii_serialization();
    let config = app.config_file()?.load()?;
    let of_origin: Vec<&Profile> =
        config.connections.values().filter(|profile| profile.instance.origin() == origin).collect();
    let chosen = match of_origin.as_slice() {
        [] => None,
        [profile] => Some(*profile),
        several => Some(one_of(app, several, &origin)?),
    };
    let answer = match chosen.cloned() {
        None => json!({"headers": {}}),
        Some(profile) => {
            check_enabled(&profile)?;
            headers(app, &profile).await?
        }
    };
    app.console.data(&answer.to_string());
    Ok(0)
}

fn read(app: &mut App) -> Result<Url, Failure> {
    let invalid = |why: Shown| {
        Failure::new(Code::Usage, "standard input is not a request of a credential helper")
            .why(why)
            .next(r#"Pipe in {"uri":"https://INSTANCE/"}"#)
    };
    if app.is_stdin_terminal() {
        return Err(invalid("It is the terminal.".into()));
    }
    let mut text = Vec::new();
    let stdin = app.stdin();
    stdin.take(MAX_BYTES + 1).read_to_end(&mut text).map_err(|error| invalid(shown!("{}.", error)))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(invalid("It is larger than 64 KiB.".into()));
    }
    let request: Request =
        serde_json::from_slice(&text).map_err(|_| invalid("It is not a JSON object with \"uri\".".into()))?;
    let uri = Url::parse(&request.uri).ok().filter(Url::has_host);
    uri.ok_or_else(|| invalid("\"uri\" is not an absolute URI.".into()))
}

/// The selected one of several, else the only one that is enabled. A directory does not choose for another program.
fn one_of<'a>(app: &mut App, several: &[&'a Profile], origin: &str) -> Result<&'a Profile, Failure> {
    let selected = select::named_or_default(app)?;
    let found = several.iter().find(|profile| Some(&profile.name) == selected.as_ref());
    let enabled: Vec<_> = several.iter().filter(|profile| profile.is_enabled()).collect();
    let only = if let [one] = enabled[..] { Some(one) } else { None };
    found.or(only).copied().ok_or_else(|| {
        let names: Vec<_> = several.iter().map(|profile| profile.name.as_str()).collect();
        let names = Shown::outside(names.join(", "));
        let message = shown!("several connections are for {}: {}", Shown::outside(origin), names);
        Failure::new(Code::UnknownConnection, message)
            .why("None of them is selected.")
            .next(Step::say("Make one the default: ").and_run("snow use NAME"))
            .next("Name one in SNOW_CONNECTION")
    })
}

async fn headers(app: &mut App, profile: &Profile) -> Result<Value, Failure> {
    let (_, origins) = app.network.client_for(profile)?;
    let store = app.store(&profile.store)?;
    let own = GatewayAccess::read(store.as_ref(), profile, &origins, app.now()).await?;
    let handed_over = handover::of_saved(app, profile, Duration::ZERO).await?;
    let (name, value) = handed_over.header();
    let mut headers = Map::from_iter([(name.to_owned(), json!([value]))]);
    headers.extend(own.headers.iter().map(|(name, value)| (name.as_str().to_owned(), json!([value.expose()]))));
    let mut answer = Map::from_iter([("headers".to_owned(), headers.into())]);
    if let Some(at) = handed_over.token.as_ref().and_then(|token| token.life.expires_at) {
        answer.insert("expires".to_owned(), timestamp(at).into());
    }
    Ok(answer.into())
}
