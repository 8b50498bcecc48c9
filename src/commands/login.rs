//! `snow login`: sign in again with a new password.

use super::app::App;
use super::list::show_profile;
use super::select;
use super::sign_in::{self, SignedIn};
use crate::cli::LoginArgs;
use crate::credentials::record;
use crate::error::Failure;
use crate::servicenow::seen::Subject;

pub async fn run(app: &mut App, arguments: LoginArgs) -> Result<u8, Failure> {
    app.mention_ignored_variables();
    let profile = select::select_to_change(app, arguments.name.as_ref())?;
    let store = app.store()?;
    store.prove(profile.id)?;
    let typed = !arguments.password.password_stdin && arguments.password.password_file.is_none();
    if typed && app.is_interactive() {
        let paint = app.console.err;
        let line = format!("  {}   {}", paint.dim("Instance"), paint.bold(profile.instance.origin()));
        app.console.note(&line);
    }
    let password = sign_in::new_password(app, &profile, &arguments.password)?;
    let subject = Subject::Saved(profile.name.clone());
    let SignedIn { password, begun } = sign_in::sign_in(app, &profile, password, typed, subject).await?;
    sign_in::confirm_identity(app, &profile, &begun, arguments.force).await?;
    // An id that was missing from the file is settled before it is used.
    app.config_file()?.change(|change| {
        let profile = profile.clone();
        match change.config().connections.contains_key(&profile.name) {
            true => Ok(()),
            false => select::find(change.config(), &profile.name).map(drop),
        }
    })?;
    record::write_password(store.as_ref(), &profile, &password)?;
    match app.console.json {
        true => show_profile(app, &profile)?,
        false => {
            let line = format!("{} {}: signed in as {}", app.console.out.tick(), profile.name, profile.username);
            app.console.data(&line);
        }
    }
    Ok(0)
}
