//! `snow login`: sign in again with a new password.

use super::app::App;
use super::list::show_profile;
use super::select;
use super::sign_in::{self, Attempt};
use super::test::{self, Found};
use crate::cli::LoginArgs;
use crate::error::Failure;
use crate::servicenow::seen::Subject;

pub async fn run(app: &mut App, arguments: LoginArgs) -> Result<u8, Failure> {
    app.mention_ignored_variables();
    let profile = select::select_to_change(app, arguments.name.as_ref())?;
    app.prove_store(profile.store, profile.id)?;
    let may_retype = !arguments.password.is_given();
    if may_retype && app.is_interactive() {
        let paint = app.console.err;
        let line = format!("  {}   {}", paint.dim("Instance"), paint.bold(profile.instance.origin()));
        app.console.note(&line);
    }
    let password = sign_in::new_password(app, &profile, &arguments.password)?;
    let subject = Subject::Saved(profile.name.clone());
    let Attempt { password, mut begun, origins, sent } =
        sign_in::sign_in(app, &profile, password, may_retype, subject).await?;
    if let Some(failure) = begun.not_signed_in() {
        return Err(failure.clone());
    }
    sign_in::confirm_identity(app, &profile, &mut begun, arguments.force).await?;
    // An id that a person left out is settled in the file before it is used.
    app.config_file()?.change(|change| select::find(change.config(), &profile.name).map(drop))?;
    sign_in::save_password(app, &profile, &origins, &password)?;
    let test = test::report_of(&profile, Found::just_entered(begun.finish().await), sent.elapsed());
    test::remember(app, &profile, &test)?;
    match app.console.json {
        true => show_profile(app, &profile)?,
        false => {
            let user = test.identity.as_ref().map_or(profile.username.as_str(), |identity| &identity.user_name);
            let line = format!("{} {}: signed in as {user}", app.console.out.tick(), profile.name);
            app.console.data(&line);
        }
    }
    Ok(0)
}
