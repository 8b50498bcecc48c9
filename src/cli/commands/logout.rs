//! `snow logout` and `snow remove`: sign out and forget.
//!
//! Tokens are revoked on the instance first; whatever it says, the secrets here are
//! deleted. They go before the entry, so that the store never holds a secret that
//! no entry names. What failed can be repeated.

use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use serde::Serialize;

use super::app::App;
use super::select::{self, all_disabled};
use super::sign_in;
use super::stores::fields_of;
use crate::auth::gateway::GatewayAccess;
use crate::auth::method::MethodSpec;
use crate::auth::oauth::settings::CLIENT_SECRET_ITEM;
use crate::auth::setting::Setting;
use crate::base::code::Code;
use crate::base::error::{Failure, exit_code_of};
use crate::base::schemas;
use crate::base::shown::{Shown, Step, shown};
use crate::cli::completion;
use crate::history::last_test::{LastTest, TestOutcome};
use crate::model::oauth_client::OAuthClient;
use crate::model::profile::Subject;
use crate::model::profile::{ConnectionName, Profile, StorePlace};
use crate::report;
use crate::report::json::session::{Ended, SignedOut};
use crate::service;
use crate::store::{Field, ItemKey, record};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow logout acme
  snow logout --all --yes")]
pub struct LogoutArgs {
    /// The connections [default: the selected one]
    #[arg(value_name = "NAME", add = ArgValueCandidates::new(completion::connection_names))]
    pub names: Vec<ConnectionName>,
    /// Sign out of every saved connection
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
    /// Delete the secrets here without revoking the tokens on the instance
    #[arg(long)]
    pub local: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow remove acme
  snow remove acme acme-test --yes")]
pub struct RemoveArgs {
    /// The connections
    #[arg(required = true, value_name = "NAME", add = ArgValueCandidates::new(completion::connection_names))]
    pub names: Vec<ConnectionName>,
    /// Delete the secrets here without revoking the tokens on the instance
    #[arg(long)]
    pub local: bool,
}

pub async fn logout(app: &mut App, arguments: LogoutArgs) -> Result<u8, Failure> {
    let profiles = if arguments.all {
        let config = app.config_file()?.load()?;
        if config.connections.is_empty() {
            return Err(Failure::new(Code::UnknownConnection, "no connection is saved yet")
                .next(Step::run("snow connect INSTANCE")));
        }
        let profiles: Vec<Profile> = select::all_enabled(app, &config).into_iter().cloned().collect();
        if profiles.is_empty() {
            return Err(all_disabled(Code::ConnectionDisabled));
        }
        profiles
    } else if arguments.names.is_empty() {
        vec![select::select_to_change(app, None, "logout")?]
    } else {
        select::find_all_enabled(&app.config_file()?.load()?, &arguments.names)?
    };
    let names = if arguments.all { "all connections".to_owned() } else { names_of(&profiles) };
    let whose = if profiles.len() == 1 { "its" } else { "their" };
    app.confirm(
        shown!("signing out of {}", Shown::outside(&names)),
        &format!("Sign out of {names} and delete {whose} secrets?"),
    )?;
    let mut outcomes: Vec<(Profile, Outcome)> = Vec::new();
    for profile in profiles {
        let outcome = unless_cancelled(sign_out(app, &profile, arguments.local).await)?;
        if outcome.is_forgotten() {
            let remembered = remember_sign_out(app, &profile)?;
            app.mention_unwritable_state(remembered);
            let forgotten = app.state()?.forget_session(profile.id);
            app.mention_unwritable_state(forgotten);
        }
        outcomes.push((profile, outcome));
        app.changes.are(shown!("Signed out of {}.", forgotten(&outcomes)));
    }
    let forgotten = outcomes.iter().filter(|(_, outcome)| outcome.is_forgotten());
    let signed_out: Vec<Profile> = forgotten.map(|(profile, _)| profile.clone()).collect();
    let code = report(app, schemas::Logout, "signed out; the connection is kept", outcomes);
    signed_out.iter().for_each(|profile| mention_what_still_signs_in(app, profile));
    Ok(code)
}

/// Says so where nothing was saved that a sign-in needs, as with the path of a private key.
fn mention_what_still_signs_in(app: &App, profile: &Profile) {
    let (name, spec) = (&profile.name, MethodSpec::of(profile.auth.method));
    if (spec.needs)(&profile.auth).is_some() {
        return;
    }
    let is_given = |setting: &&Setting| setting.is_path && (setting.get)(&profile.auth).is_some();
    let with = spec.settings().find(is_given).map_or(spec.secret_label, |setting| setting.key);
    app.console.note(&format!(
        "note: the {with} of {name} is not kept by snow, and the next command signs in with it again. To prevent \
         that: snow edit {name} --set state=disabled"
    ));
}

pub async fn remove(app: &mut App, arguments: RemoveArgs) -> Result<u8, Failure> {
    let profiles = select::find_all(&app.config_file()?.load()?, &arguments.names)?;
    let names = names_of(&profiles);
    let whose = if profiles.len() == 1 { "its" } else { "their" };
    app.confirm(shown!("removing {}", Shown::outside(&names)), &format!("Remove {names} and {whose} secrets?"))?;
    let mut outcomes: Vec<(Profile, Outcome)> = Vec::new();
    for profile in profiles {
        let outcome = unless_cancelled(forget(app, &profile, arguments.local).await)?;
        outcomes.push((profile, outcome));
        app.changes.are(shown!("Removed {}.", forgotten(&outcomes)));
    }
    let is_changed = outcomes.iter().any(|(_, outcome)| outcome.is_forgotten());
    // They are removed, whether the file can be read once more or not.
    let left = app.config_file()?.load().ok().filter(|_| is_changed);
    let code = report(app, schemas::Remove, "removed, with its secrets", outcomes);
    if left.is_some_and(|config| config.default.is_none() && !config.connections.is_empty()) {
        app.console.note("No default connection is left. Choose one: snow use NAME");
    }
    Ok(code)
}

/// Until it is tested again it has no credential, which the next test does not report
/// as a change.
fn remember_sign_out(app: &App, profile: &Profile) -> Result<std::io::Result<()>, Failure> {
    let state = app.state()?;
    let outcome =
        TestOutcome { at: app.now(), failure: Some(Code::NoCredential), latency: None, certificate_ends: None };
    let signed_out = LastTest::following(state.last_test(profile).as_ref(), outcome);
    Ok(state.record_tests([(profile, LastTest { changes: Vec::new(), ..signed_out })]))
}

fn names_of(profiles: &[Profile]) -> String {
    profiles.iter().map(|profile| profile.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// How signing out of one connection went.
struct Outcome {
    /// `None` if there was nothing to revoke, or it was not to be.
    revoked: Option<bool>,
    /// Why the instance did not revoke everything; the secrets here are gone.
    not_revoked: Option<Failure>,
    /// Why something is still here.
    not_forgotten: Option<Failure>,
}

impl Outcome {
    fn is_forgotten(&self) -> bool {
        self.not_forgotten.is_none()
    }

    fn error(&self) -> Option<&Failure> {
        self.not_forgotten.as_ref().or(self.not_revoked.as_ref())
    }
}

/// The names of those whose secrets are gone.
fn forgotten(outcomes: &[(Profile, Outcome)]) -> Shown {
    let gone = outcomes.iter().filter(|(_, outcome)| outcome.is_forgotten());
    Shown::list(gone.map(|(profile, _)| &profile.name), ", ")
}

/// A person who cancels means all of them.
fn unless_cancelled(outcome: Outcome) -> Result<Outcome, Failure> {
    match outcome.not_forgotten {
        Some(failure) if failure.code() == Code::Interrupted => Err(failure),
        _ => Ok(outcome),
    }
}

async fn forget(app: &mut App, profile: &Profile, local: bool) -> Outcome {
    let outcome = sign_out(app, profile, local).await;
    if !outcome.is_forgotten() {
        return outcome;
    }
    let forgotten = forget_entry(app, profile).await;
    Outcome { not_forgotten: forgotten.err(), ..outcome }
}

async fn forget_entry(app: &mut App, profile: &Profile) -> Result<(), Failure> {
    let name = &profile.name;
    let changed = app.config_file()?.change(|change| {
        // By its id: it may have been renamed, or the name taken since.
        let current = change.config().connections.values().find(|current| current.id == profile.id).cloned();
        if let Some(current) = &current {
            change.remove(&current.name);
        }
        Ok::<_, Failure>(current)
    });
    let removed =
        changed.map_err(|failure| failure.why(shown!("The secrets of {} are deleted, and its entry is not.", name)))?;
    // Another snow may have signed in, or moved the secrets, until the entry was gone.
    let _lock = sign_in::lock(app, profile).await.map_err(|failure| may_be_left(profile, failure))?;
    let place = removed.map_or_else(|| profile.store.clone(), |removed| removed.store);
    let moved = Profile { store: place, ..profile.clone() };
    delete_secrets(app, &moved).await.map_err(|(_, failure)| may_be_left(&moved, failure))?;
    let forgotten = app.state()?.forget(profile.id);
    app.mention_unwritable_state(forgotten);
    Ok(())
}

/// The connection is gone, and its store cannot be asked once more.
fn may_be_left(profile: &Profile, failure: Failure) -> Failure {
    if failure.code() == Code::Interrupted {
        return failure;
    }
    let (place, message) = (profile.store.place(), failure.message());
    let message = shown!("{} is removed, but what was saved meanwhile may be in {}: {}", profile.name, place, message);
    let left = Failure::new(failure.code(), message).why("Another snow may have signed in until the entry was gone.");
    failure.steps().iter().cloned().fold(left, Failure::next)
}

/// Revokes and forgets, while no renewal is under way.
async fn sign_out(app: &mut App, profile: &Profile, local: bool) -> Outcome {
    let locked = match sign_in::lock(app, profile).await {
        Ok(lock) => sign_in::place_now(app, profile).map(|store| (lock, Profile { store, ..profile.clone() })),
        Err(failure) => Err(failure),
    };
    let profile = match &locked {
        Ok((_, profile)) => profile,
        Err(failure) => return Outcome { revoked: None, not_revoked: None, not_forgotten: Some(failure.clone()) },
    };
    let revocation = match (profile.auth.client(), local) {
        (Some(oauth), false) => revoke(app, profile, oauth).await,
        _ => Ok(None),
    };
    let not_forgotten = forget_secrets(app, profile).await.err();
    drop(locked);
    match revocation {
        Ok(revoked) => Outcome { revoked, not_revoked: None, not_forgotten },
        Err(failure) => Outcome { revoked: Some(false), not_revoked: Some(failure), not_forgotten },
    }
}

/// Revokes the tokens that are saved, the refresh token first (RFC 7009).
async fn revoke(app: &mut App, profile: &Profile, oauth: &OAuthClient) -> Result<Option<bool>, Failure> {
    let name = &profile.name;
    let not_revoked = |failure: &Failure, kept: &'static str| {
        let message = shown!("signed out of {} here, but the instance did not revoke {}", name, kept);
        let failure = Failure::new(Code::NotRevoked, message)
            .why(shown!("{}.", failure.message()))
            .evidence("reason", failure.code().as_str());
        service::of(&profile.auth).not_revoked().iter().fold(failure, |failure, step| failure.next(*step))
    };
    let read = async {
        let (client, origins) = app.network.client_for(profile)?;
        let store = app.store(&profile.store)?;
        let access = GatewayAccess::read(store.as_ref(), profile, &origins, app.now()).await?;
        let client = access.added_to(client, &profile.instance);
        let Some(session) = record::read_session(store.as_ref(), profile, oauth, &origins).await? else {
            return Ok(None);
        };
        let secret = record::read_secret(store.as_ref(), profile, &CLIENT_SECRET_ITEM, &origins).await?;
        let endpoint = app.network.token_endpoint_of(profile, &client, Subject::Saved(name.clone()))?;
        Ok::<_, Failure>(endpoint.map(|endpoint| (session, secret, endpoint)))
    };
    let (session, secret, endpoint) = match read.await {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(None),
        Err(failure) => return Err(not_revoked(&failure, "anything, since the session could not be used")),
    };
    let deadline = app.deadline()?;
    has_begun(app, profile);
    let _progress = app.console.progress(&format!("Signing out of {}", profile.instance));
    let revoked = endpoint.revoke_session(&session, &profile.instance, secret.as_ref(), deadline).await;
    let Some(failures) = revoked else { return Ok(None) };
    match failures.as_slice() {
        [] => Ok(Some(true)),
        [(failure, words)] => Err(not_revoked(failure, words)),
        [(failure, _), ..] => Err(not_revoked(failure, "its tokens")),
    }
}

/// From here on a part of it may be done.
fn has_begun(app: &App, profile: &Profile) {
    app.changes.are(shown!("Signing out of {} has begun. Run the command again to finish it.", profile.name));
}

async fn forget_secrets(app: &mut App, profile: &Profile) -> Result<(), Failure> {
    delete_secrets(app, profile).await.map_err(|(field, failure)| {
        if failure.code() == Code::Interrupted {
            return failure;
        }
        let (what, place) = (Shown::outside(field.label()), profile.store.place());
        let message = shown!("the {} of {} is still in {}: {}", what, profile.name, place, failure.message());
        let still_there = Failure::new(failure.code(), message)
            .why(failure.reason().cloned().unwrap_or("It could not be deleted.".into()));
        let steps = failure.steps().iter().cloned();
        steps
            .fold(still_there, Failure::next)
            .next(shown!("Run the command again when {} works; nothing else was changed", place))
    })
}

/// A failure comes with what could not be deleted.
async fn delete_secrets(app: &mut App, profile: &Profile) -> Result<(), (Field, Failure)> {
    let items = stored_items(app, profile).await;
    has_begun(app, profile);
    for field in items {
        let key = ItemKey::of(profile, field.clone());
        delete(app, &profile.store, key).await.map_err(|failure| (field, failure))?;
    }
    if let Some(remark) = app.store(&profile.store).ok().and_then(|store| store.remark()) {
        app.console.say(&remark);
    }
    Ok(())
}

/// What the store has of a connection, and what it may have.
async fn stored_items(app: &mut App, profile: &Profile) -> Vec<Field> {
    let listed = match app.store(&profile.store) {
        Ok(store) => store.items_of(profile.id).await.ok().flatten().unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    fields_of(profile, &listed)
}

async fn delete(app: &mut App, store: &StorePlace, key: ItemKey) -> Result<(), Failure> {
    Ok(app.store(store)?.delete(key).await?)
}

/// One document for all; each connection with what went wrong.
fn report(app: &mut App, schema: impl Serialize, done: &str, outcomes: Vec<(Profile, Outcome)>) -> u8 {
    let exit_code = exit_code_of(outcomes.iter().filter_map(|(_, outcome)| outcome.error()));
    if app.console.json {
        let connections = outcomes.iter().map(|(profile, outcome)| SignedOut {
            name: profile.name.as_str(),
            id: profile.id,
            revoked: outcome.revoked,
            error: outcome.error().map(Into::into),
        });
        app.console.document(&Ended { schema, connections: connections.collect(), exit_code });
        return exit_code;
    }
    let any_revoked = outcomes.iter().any(|(_, outcome)| outcome.revoked == Some(true));
    for (profile, outcome) in outcomes {
        if outcome.is_forgotten() {
            let line = format!("{} {}: {done}", app.console.out.tick(), profile.name);
            app.console.text(&line);
        }
        if let Some(error) = outcome.error() {
            let text = report::text::error(error, app.console.err);
            app.console.say(&text);
        }
    }
    if any_revoked {
        app.console.note("This also signs out other machines that use this user and client.");
    }
    exit_code
}
