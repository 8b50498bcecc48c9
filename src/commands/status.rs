//! `snow status`, and `snow` alone: where one stands. Offline, and no store is
//! opened.

use serde_json::{Value, json};

use super::app::App;
use super::select::{self, Selected, Selection};
use crate::cli::NameArg;
use crate::connection::profile::AuthMethod;
use crate::credentials::environment;
use crate::error::Failure;
use crate::output;

pub fn run(app: &mut App, arguments: NameArg) -> Result<u8, Failure> {
    let quiet = std::mem::replace(&mut app.console.quiet, true);
    // What chose the connection is part of the answer here, not a remark.
    let selection = select::select(app, arguments.name.as_ref());
    app.console.quiet = quiet;
    match selection? {
        Some(Selection { selected: Selected::Saved(profile), by }) => {
            let last_test = app.state()?.last_tests().remove(&profile.id);
            let session = match profile.auth.method() {
                AuthMethod::Basic => None,
                AuthMethod::OAuth | AuthMethod::ClientCredentials => {
                    Some(app.state()?.session(profile.id).unwrap_or_default())
                }
            };
            let is_default = app.config_file()?.load()?.default.as_ref() == Some(&profile.name);
            if app.console.json {
                let connection = output::json::connection(&profile, is_default, last_test.as_ref());
                let session = session.as_ref().map_or(Value::Null, |session| {
                    json!({
                        "health": session.health(app.now()).as_str(),
                        "expires_at": session.expires_at.map(output::json::time),
                        "refreshed_at": session.refreshed_at.map(output::json::time),
                        "signed_in_at": session.signed_in_at.map(output::json::time),
                    })
                });
                let last_test = connection["last_test"].clone();
                app.console.document(&json!({
                    "schema": "snow.status/1",
                    "selected": profile.name,
                    "selected_by": by.as_str(),
                    "session": session,
                    "last_test": last_test,
                    "connection": connection,
                }));
            } else {
                let text = output::text::status(
                    &profile,
                    by.as_str(),
                    session.as_ref(),
                    last_test.as_ref(),
                    app.now(),
                    app.console.out,
                );
                app.console.data(&text);
            }
        }
        Some(Selection { selected: Selected::Environment, by }) => {
            let described = environment::read(&app.variables)?;
            if app.console.json {
                app.console.document(&json!({
                    "schema": "snow.status/1",
                    "selected": environment::NAME,
                    "selected_by": by.as_str(),
                    "session": null,
                    "last_test": null,
                    "connection": { "name": environment::NAME, "instance": described.instance, "auth": described.sign_in.as_str(), "username": described.sign_in.identity() },
                }));
            } else {
                let paint = app.console.out;
                let who = described.sign_in.identity().map_or_else(String::new, |who| format!(" as {who}"));
                app.console.data(&format!(
                    "{}  {}{who} {} described by variables, not saved",
                    paint.bold(environment::NAME),
                    described.instance,
                    paint.dot()
                ));
            }
        }
        None => nothing(app)?,
    }
    Ok(0)
}

fn nothing(app: &mut App) -> Result<(), Failure> {
    let saved = app.config_file()?.load()?.connections.len();
    if app.console.json {
        app.console.document(&json!({
            "schema": "snow.status/1",
            "selected": Value::Null,
            "selected_by": Value::Null,
            "session": Value::Null,
            "last_test": Value::Null,
            "connection": Value::Null,
        }));
        return Ok(());
    }
    let paint = app.console.out;
    let text = match saved {
        0 => format!(
            "No connection yet.\n\n  {}   see it work, without an account\n  {}   connect to your instance",
            paint.command("snow demo            "),
            paint.command("snow connect dev12345"),
        ),
        _ => format!(
            "None of {saved} connections is selected.\n\n  {}   what there is\n  {}   choose the default",
            paint.command("snow list    "),
            paint.command("snow use NAME"),
        ),
    };
    app.console.data(&text);
    Ok(())
}
