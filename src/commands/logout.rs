//! `snow logout` and `snow remove`: forget.
//!
//! The secret goes first and the entry after it, so that the store never holds
//! a secret that no entry names. What failed can be repeated.

use serde_json::{Value, json};

use super::app::App;
use super::select;
use crate::cli::{LogoutArgs, RemoveArgs};
use crate::connection::profile::{Profile, StoreKind};
use crate::credentials::{Field, ItemKey};
use crate::error::{Code, Failure, exit_code_of};
use crate::output;
use crate::state::LastTest;
use crate::terminal::interrupted;

pub fn logout(app: &mut App, arguments: LogoutArgs) -> Result<u8, Failure> {
    let profiles = if arguments.all {
        let profiles: Vec<Profile> = app.config_file()?.load()?.connections.into_values().collect();
        if profiles.is_empty() {
            return Err(
                Failure::new(Code::UnknownConnection, "there is no connection yet").next("snow connect INSTANCE")
            );
        }
        profiles
    } else if arguments.names.is_empty() {
        vec![select::select_to_change(app, None)?]
    } else {
        select::find_all(&app.config_file()?.load()?, &arguments.names)?
    };
    if arguments.all {
        confirm(app, "Forget the passwords of all connections?")?;
    }
    let mut outcomes = Vec::new();
    for profile in profiles {
        let error = unless_stopped(forget_secret(app, &profile))?;
        if error.is_none() {
            let signed_out = LastTest::of(app.now(), Some(Code::NoCredential));
            let remembered = app.state()?.record_test(profile.id, signed_out);
            app.mention_unwritable_state(remembered);
        }
        outcomes.push((profile, error));
    }
    Ok(report(app, "snow.logout/1", "signed out; the connection is kept", outcomes))
}

pub fn remove(app: &mut App, arguments: RemoveArgs) -> Result<u8, Failure> {
    let profiles = select::find_all(&app.config_file()?.load()?, &arguments.names)?;
    let names: Vec<&str> = profiles.iter().map(|profile| profile.name.as_str()).collect();
    confirm(app, &format!("Forget {} and its password?", names.join(", ")))?;
    let mut outcomes = Vec::new();
    for profile in profiles {
        let error = unless_stopped(forget(app, &profile))?;
        outcomes.push((profile, error));
    }
    let default_is_gone =
        outcomes.iter().any(|(_, error)| error.is_none()) && app.config_file()?.load()?.default.is_none();
    let code = report(app, "snow.remove/1", "removed, with its password", outcomes);
    if default_is_gone && !app.config_file()?.load()?.connections.is_empty() {
        app.console.note("There is no default connection now. Choose one: snow use NAME");
    }
    Ok(code)
}

/// Asks a person, unless `--yes` was given; a script has decided already.
fn confirm(app: &mut App, question: &str) -> Result<(), Failure> {
    if !app.global.yes
        && let Some(person) = app.person()
        && !person.confirm(question)?
    {
        return Err(interrupted().why("Nothing was removed."));
    }
    Ok(())
}

/// What went wrong with one connection; a person who stops means all of them.
fn unless_stopped(result: Result<(), Failure>) -> Result<Option<Failure>, Failure> {
    match result {
        Err(failure) if failure.code() == Code::Interrupted => Err(failure),
        result => Ok(result.err()),
    }
}

fn forget(app: &mut App, profile: &Profile) -> Result<(), Failure> {
    forget_secret(app, profile)?;
    app.config_file()?.change(|change| {
        // By its id: it may have been renamed, or the name taken since.
        let current = change.config().connections.values().find(|current| current.id == profile.id);
        if let Some(name) = current.map(|current| current.name.clone()) {
            change.remove(&name);
        }
        Ok::<_, Failure>(())
    })?;
    // Another snow may have signed in until the entry was gone.
    forget_secret(app, profile)?;
    let forgotten = app.state()?.forget(profile.id);
    app.mention_unwritable_state(forgotten);
    Ok(())
}

fn forget_secret(app: &mut App, profile: &Profile) -> Result<(), Failure> {
    let key = ItemKey { connection: profile.id, field: Field::Password };
    let place = profile.store.place();
    let deleted = app.store(profile.store).and_then(|store| Ok(store.delete(key)?));
    deleted.map_err(|failure| {
        if failure.code() == Code::Interrupted {
            return failure;
        }
        let message = format!("the password of {} is still in {place}: {}", profile.name, failure.message());
        let still_there =
            Failure::new(failure.code(), message).why(failure.reason().unwrap_or("It could not be deleted."));
        let steps = failure.steps().iter().filter(|_| profile.store == StoreKind::File);
        steps
            .fold(still_there, Failure::next)
            .next(format!("Run the command again when {place} can be used; nothing else was changed"))
    })
}

/// One document for all; each connection with what went wrong.
fn report(app: &mut App, schema: &str, done: &str, outcomes: Vec<(Profile, Option<Failure>)>) -> u8 {
    let exit_code = exit_code_of(outcomes.iter().filter_map(|(_, error)| error.as_ref()));
    if app.console.json {
        let connections: Vec<Value> = outcomes
            .iter()
            .map(|(profile, error)| {
                // With Basic there is nothing at the instance to revoke.
                json!({ "name": profile.name, "id": profile.id, "revoked": null, "error": error })
            })
            .collect();
        app.console.document(&json!({ "schema": schema, "connections": connections, "exit_code": exit_code }));
        return exit_code;
    }
    for (profile, error) in outcomes {
        match error {
            None => {
                let line = format!("{} {}: {done}", app.console.out.tick(), profile.name);
                app.console.data(&line);
            }
            Some(error) => {
                let text = output::text::error(&error, app.console.err);
                app.console.say(&text);
            }
        }
    }
    exit_code
}
