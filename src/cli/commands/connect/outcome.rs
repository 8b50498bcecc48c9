//! What `snow connect` says in the end.

use super::Request;
use super::save::Saved;
use crate::auth::method::{MethodSpec, Renewal};
use crate::base::schemas;
use crate::check::report::Report;
use crate::cli::commands::app::App;
use crate::cli::commands::select;
use crate::history::json::Connection;
use crate::model::profile::Profile;
use crate::report;
use crate::report::json::connection::Connect;
use crate::report::text::{auth_label, paragraph, took, until};
use crate::service;

/// Prints the result, `snow.connect/1`, and gives the exit code.
pub fn report(app: &mut App, request: &Request, profile: &Profile, how: Saved, test: Option<Report>) -> u8 {
    let exit_code = test.as_ref().map_or(0, Report::exit_code);
    let default = request.file.load().ok().and_then(|config| config.default);
    let is_default = default.as_ref() == Some(&profile.name);
    if app.console.json {
        let last_test = app.state().ok().and_then(|state| state.last_test(profile));
        app.console.document(&Connect {
            schema: schemas::Connect,
            saved: how.as_str(),
            connection: Connection::of(profile, is_default, last_test.as_ref()),
            test: test.as_ref().map(Into::into),
            exit_code,
        });
        return exit_code;
    }
    let paint = app.console.out;
    let is_kept = format!("is {}", app.kept_in(&profile.store));
    let needed = (MethodSpec::of(profile.auth.method).needs)(&profile.auth);
    let secret = |how: &str| needed.as_ref().map(|field| format!(" The {} {how}.", field.label())).unwrap_or_default();
    let saved_as = match (how, is_default) {
        (Saved::Unchanged, _) => None,
        (Saved::Changed, _) => Some(format!("  The change is saved.{}", secret("stays the same"))),
        (_, true) => Some(format!("  Saved as \"{}\", the default.{}", profile.name, secret(&is_kept))),
        (_, false) => Some(format!("  Saved as \"{}\".{}", profile.name, secret(&is_kept))),
    };
    let lines = match &test {
        None => vec![match how {
            Saved::Unchanged => format!("{} {}: unchanged, not tested", paint.tick(), profile.name),
            Saved::Changed => format!("{} {}: changed, not tested", paint.tick(), profile.name),
            Saved::New | Saved::Updated => format!("{} {}: saved, not tested", paint.tick(), profile.name),
        }],
        Some(test) if test.failure().is_some() => {
            let report = report::text::report(test, paint);
            [Some(report), saved_as.map(|line| format!("\n{line}"))].into_iter().flatten().collect()
        }
        Some(test) => {
            let mut lines = connected(app, request, profile, how, test, saved_as);
            lines.extend(report::text::warnings(test, paint));
            lines
        }
    };
    app.console.text(&lines.join("\n"));
    exit_code
}

/// How long a session is good.
fn session(app: &App, profile: &Profile, test: &Report) -> Option<String> {
    let left = until(app.now(), test.token?.expires_at?);
    let is_renewable = app.state().ok()?.session(profile)?.renewable;
    let text = match (is_renewable, MethodSpec::of(profile.auth.method).renewal) {
        (false, _) => format!("Access token valid for {left}. It cannot be refreshed: run snow login after that."),
        (true, Renewal::RefreshToken) => {
            let days = service::of(&profile.auth).refresh_token_lifetime().map(|lifetime| lifetime.num_days());
            let ends = days.map_or_else(String::new, |days| format!(" for about {days} days"));
            format!("Access token valid for {left}, refreshed automatically{ends}.")
        }
        (true, _) => format!("Access token valid for {left}, refreshed automatically."),
    };
    Some(paragraph(&text, app.console.out))
}

/// At a terminal a few lines, else one.
fn connected(
    app: &App,
    request: &Request,
    profile: &Profile,
    how: Saved,
    test: &Report,
    saved_as: Option<String>,
) -> Vec<String> {
    let paint = app.console.out;
    let user = test.identity.as_ref().map(|identity| identity.user_name.as_str());
    if !(app.is_interactive() && paint.is_terminal) {
        let verb = if how == Saved::Unchanged { "still connected" } else { "connected" };
        let (auth, spent) = (profile.auth.as_str(), took(request.started.elapsed()));
        let user = user.map(|user| format!(" as {user}")).unwrap_or_default();
        return vec![format!("{} {}: {verb}{user} ({auth}) in {spent}", paint.tick(), profile.name)];
    }
    let verb = if how == Saved::Unchanged { "Still connected" } else { "Connected" };
    let auth = auth_label(profile.auth.as_str());
    let mut lines = vec![format!(
        "\n{} {verb} to {}{}   {}",
        paint.tick(),
        paint.bold(profile.name.as_str()),
        user.map(|user| format!(" as {}", paint.bold(user))).unwrap_or_default(),
        paint.dim(&format!("{auth} {} {}", paint.dot(), took(test.duration)))
    )];
    lines.extend(saved_as);
    lines.extend(session(app, profile, test));
    // Without a name it is a test of the selected connection, which may be another one.
    let is_selected = select::selected_name(app).as_ref() == Some(&profile.name);
    let test = if is_selected { "snow test".to_owned() } else { format!("snow test {}", profile.name) };
    lines.push(format!("\n  {}   {}     {}", paint.dim("Try"), paint.command(&test), paint.command("snow list")));
    lines
}
