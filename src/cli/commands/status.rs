//! `snow status`, and `snow` alone: the active connection and its health, and with
//! `--all` what expires when. Offline, and no store is opened, save one that several
//! machines share: what this machine remembers is not the whole there.

use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use super::app::App;
use super::expiry::Expiry;
use super::select::{self, Selected, Selection};
use crate::auth::method::MethodSpec;
use crate::base::code::Code;
use crate::base::duration::long_duration;
use crate::base::error::Failure;
use crate::base::schemas;
use crate::base::shown::{Step, shown};
use crate::base::time::Timestamp;
use crate::cli::completion;
use crate::config::{Config, environment};
use crate::engine::network::origins_of;
use crate::history::json::Connection;
use crate::history::state::SessionNote;
use crate::model::profile::{ConnectionName, Profile};
use crate::model::tokens::{Lease, SavedSession};
use crate::report;
use crate::report::json::connection::{Environment, LeaseInJson, Selected as SelectedInJson, Session, Status};
use crate::report::text::{LastTested, StatusOf};
use crate::store::record;

/// How long a store that machines share is waited for: what is known here is shown anyway.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug, Default, Args)]
#[command(after_help = "\
Examples:
  snow status
  snow status --all                  what expires when, the soonest first
  snow status --all --within 14d     exit 11 if you must act within 14 days")]
pub struct StatusArgs {
    /// The connection [default: the selected one]
    #[arg(add = ArgValueCandidates::new(completion::connection_names))]
    pub name: Option<ConnectionName>,
    /// Show when the tokens and certificates of all connections expire
    #[arg(long, conflicts_with = "name")]
    pub all: bool,
    /// Fail if something expires within this time and is not renewed automatically
    #[arg(long, value_name = "DURATION", value_parser = long_duration)]
    pub within: Option<Duration>,
}

pub async fn run(app: &mut App, arguments: StatusArgs) -> Result<u8, Failure> {
    let quiet = std::mem::replace(&mut app.console.quiet, true);
    // What chose the connection is part of the answer here, not a remark.
    let selection = select::select(app, arguments.name.as_ref());
    app.console.quiet = quiet;
    // A selection that leads nowhere is no matter where all are looked at.
    let selection = if arguments.all { selection.unwrap_or(None) } else { selection? };
    let config = match &selection {
        // Variables need no file.
        Some(Selection { selected: Selected::Environment, .. }) if !arguments.all => Config::default(),
        _ => app.config_file()?.load()?,
    };
    if arguments.all || arguments.within.is_some() {
        return expiry(app, &config, selection, &arguments);
    }
    let shared = match &selection {
        Some(Selection { selected: Selected::Saved(profile), .. }) => shared(app, profile).await,
        _ => None,
    };
    if app.console.json {
        app.console.document(&document(app, &config, selection.as_ref(), shared.as_ref())?);
        return Ok(0);
    }
    let text = match &selection {
        Some(Selection { selected: Selected::Saved(profile), by }) => {
            let state = app.state()?;
            let (tests, session) = (state.last_tests(), session(app, profile, shared.as_ref())?);
            let status = StatusOf {
                profile,
                selected_by: by.as_str(),
                session: session.as_ref(),
                lease: shared.as_ref().and_then(Shared::lease),
                is_kept_back: state.stored().is_outdated(profile) || state.sessions().is_outdated(profile),
                last_test: LastTested::of(tests.of(profile), tests.is_outdated(profile)),
            };
            report::text::status(&status, app.now(), app.console.out)
        }
        Some(Selection { selected: Selected::Environment, .. }) => {
            let described = environment::read(&app.variables)?;
            let paint = app.console.out;
            let who = described.auth.identity().map_or_else(String::new, |who| format!(" as {who}"));
            let (name, dot) = (paint.bold(environment::NAME), paint.dot());
            format!("{name}  {}{who} {dot} described by variables, not saved", described.instance)
        }
        None => nothing(app, &config),
    };
    app.console.text(&text);
    Ok(0)
}

/// What expires when, of all connections or of the selected one.
fn expiry(app: &App, config: &Config, selection: Option<Selection>, arguments: &StatusArgs) -> Result<u8, Failure> {
    let selected = selection.as_ref().and_then(|selection| match &selection.selected {
        Selected::Saved(profile) => Some(profile.as_ref()),
        Selected::Environment => None,
    });
    let expiry = match (arguments.all, selected) {
        (true, _) => Expiry::of(app, select::all_enabled(app, config), arguments.within)?,
        (false, Some(profile)) => Expiry::of(app, [profile], arguments.within)?,
        (false, None) => {
            return Err(Failure::new(Code::UnknownConnection, "no saved connection is selected")
                .next(Step::say("Name one, or look at all of them: ").and_run("snow status --all")));
        }
    };
    let now = app.now();
    let failure = expiry.failure();
    if app.console.json {
        let expiry = expiry.json(now, failure.as_ref());
        app.console.document(&Status { expiry: Some(expiry), ..document(app, config, selection.as_ref(), None)? });
    } else {
        let unknown: Vec<&str> = expiry.unknown.iter().map(|profile| profile.name.as_str()).collect();
        let asked = expiry.asked.as_ref().map(|asked| (asked, failure.as_ref()));
        app.console.data(&report::text::expiry::text(&expiry.items, &unknown, asked, now, app.console.out));
    }
    Ok(failure.as_ref().map_or(0, Failure::exit_code))
}

fn document<'a>(
    app: &App,
    config: &Config,
    selection: Option<&'a Selection>,
    shared: Option<&'a Shared>,
) -> Result<Status<'a>, Failure> {
    let document = Status {
        schema: schemas::Status,
        selected: None,
        selected_by: selection.map(|selection| selection.by.as_str()),
        session: None,
        last_test: None,
        connection: None,
        expiry: None,
    };
    match selection.map(|selection| &selection.selected) {
        None => Ok(document),
        Some(Selected::Environment) => {
            let described = environment::read(&app.variables)?;
            let connection = Environment {
                name: environment::NAME,
                instance: described.instance.to_string(),
                auth: described.auth.as_str(),
                username: described.auth.identity().map(str::to_owned),
            };
            let connection = Some(SelectedInJson::Environment(connection));
            Ok(Status { selected: Some(environment::NAME), connection, ..document })
        }
        Some(Selected::Saved(profile)) => {
            let last_test = app.state()?.last_test(profile);
            let is_default = config.default.as_ref() == Some(&profile.name);
            let connection = Connection::of(profile, is_default, last_test.as_ref());
            let lease = shared.and_then(Shared::lease).map(|(lease, left)| LeaseInJson {
                holder: lease.holder.as_deref(),
                seconds_left: left.as_secs().min(lease.seconds),
            });
            let session = session(app, profile, shared)?.map(|session| Session {
                lease,
                health: session.health(app.now()),
                expires_at: session.expires_at.map(Timestamp),
                refreshed_at: session.refreshed_at.map(Timestamp),
                signed_in_at: session.signed_in_at.map(Timestamp),
            });
            Ok(Status {
                selected: Some(profile.name.as_str()),
                session,
                last_test: connection.last_test.clone(),
                connection: Some(SelectedInJson::Saved(Box::new(connection))),
                ..document
            })
        }
    }
}

/// The session in a store that several machines share, and how old its version is.
struct Shared {
    session: Option<SavedSession>,
    age: Duration,
}

impl Shared {
    fn lease(&self) -> Option<(&Lease, Duration)> {
        let lease = self.session.as_ref()?.lease.as_ref()?;
        Some((lease, lease.left(self.age)?))
    }
}

/// The session where another machine may have changed it since. A store that does not
/// answer is mentioned, and what is known here is shown.
async fn shared(app: &mut App, profile: &Profile) -> Option<Shared> {
    let client = profile.auth.client().filter(|_| profile.is_enabled())?;
    let store = app.store_unasked(&profile.store).ok().flatten().filter(|store| store.is_shared())?;
    let read = async {
        let origins = origins_of(profile)?;
        let read = record::read_session_version(store.as_ref(), profile, client.client_id.as_str(), &origins);
        match tokio::time::timeout(STORE_TIMEOUT, read).await {
            Ok(found) => found.map(|found| Shared { session: found.session, age: found.age.unwrap_or_default() }),
            Err(_) => Err(Failure::new(
                Code::StoreBusy,
                shown!("{} did not answer within {} s", store.kind().place(), STORE_TIMEOUT.as_secs()),
            )),
        }
    };
    let read = read.await;
    if let Err(failure) = &read {
        app.console.note(&shown!("note: this is what this machine knows: {}", failure.message()));
    }
    read.ok()
}

/// What is known of the session, or of a token that has an end; nothing where a password
/// signs in.
fn session(app: &App, profile: &Profile, shared: Option<&Shared>) -> Result<Option<SessionNote>, Failure> {
    if let Some(shared) = shared {
        let session = shared.session.as_ref();
        let note = session.map(|session| SessionNote::of(session, profile.auth.method));
        return Ok(Some(note.unwrap_or_default()));
    }
    let known = app.state()?.session(profile);
    Ok(if MethodSpec::of(profile.auth.method).has_session() { Some(known.unwrap_or_default()) } else { known })
}

fn nothing(app: &App, config: &Config) -> String {
    let paint = app.console.out;
    match config.connections.len() {
        0 => format!(
            "No connection yet.\n\n  {}   see it work, without an account\n  {}   connect to your instance",
            paint.command("snow demo            "),
            paint.command("snow connect dev12345"),
        ),
        saved => format!("No default connection ({saved} saved). Run: {}", paint.command("snow use NAME"),),
    }
}
