//! `snow login`: sign in again, with a new password or a new session.

use std::time::Instant;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use super::app::App;
use super::list::show_profile;
use super::sign_in::password::{self, Attempt};
use super::sign_in::{self, NewCredential, session};
use super::{select, test};
use crate::auth::oauth::page::Page;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Step, shown};
use crate::check::runner::StartedTest;
use crate::cli::commands::sign_in::args::{BrowserArgs, ClientSecretArgs, PasswordArgs};
use crate::cli::completion;
use crate::model::oauth_client::{GrantType, OAuthClient};
use crate::model::profile::Subject;
use crate::model::profile::{Auth, ConnectionName, Profile};
use crate::model::user_name::UserName;

#[derive(Debug, Args)]
pub struct LoginArgs {
    /// The connection [default: the selected one]
    #[arg(add = ArgValueCandidates::new(completion::connection_names))]
    pub name: Option<ConnectionName>,
    #[command(flatten)]
    pub password: PasswordArgs,
    /// Accept that another user signs in
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub client_secret: ClientSecretArgs,
    #[command(flatten)]
    pub browser: BrowserArgs,
}

pub async fn run(app: &mut App, arguments: LoginArgs) -> Result<u8, Failure> {
    app.mention_ignored_variables();
    let profile = select::select_to_change(app, arguments.name.as_ref())?;
    refuse_other_flags(&profile, &arguments)?;
    app.prove_store(profile.store, profile.id).await?;
    match profile.auth.clone() {
        Auth::Basic { username } => with_password(app, profile, &username, &arguments).await,
        Auth::OAuth { client, .. } => with_session(app, profile, &client, &arguments).await,
    }
}

/// A flag of another way to sign in is a mistake, not to be passed over.
fn refuse_other_flags(profile: &Profile, arguments: &LoginArgs) -> Result<(), Failure> {
    let wrong = match &profile.auth {
        Auth::Basic { .. } if arguments.client_secret.is_given() => "a client secret",
        Auth::Basic { .. } if arguments.browser.manual || arguments.browser.no_browser => "a browser flag",
        Auth::OAuth { .. } if arguments.password.is_given() => "a password",
        _ => return Ok(()),
    };
    let method = profile.auth.as_str();
    Err(Failure::new(Code::Usage, shown!("{} was given, and {} signs in by {}", wrong, profile.name, method))
        .next("Leave it out")
        .next(
            Step::say(shown!("To change how {} signs in: ", profile.name))
                .and_run(shown!("snow connect {} --force", profile.name)),
        ))
}

async fn with_password(
    app: &mut App,
    profile: Profile,
    username: &UserName,
    arguments: &LoginArgs,
) -> Result<u8, Failure> {
    let may_retype = !arguments.password.is_given();
    if may_retype && app.is_interactive() {
        let paint = app.console.err;
        let line = format!("  {}   {}", paint.dim("Instance"), paint.bold(profile.instance.origin()));
        app.console.note(&line);
    }
    let password = password::new_password(app, username, &arguments.password)?;
    let subject = Subject::Saved(profile.name.clone());
    let Attempt { password, mut started_test, origins, sent } =
        password::sign_in(app, &profile, username, password, may_retype, subject).await?;
    if let Some(failure) = started_test.not_signed_in() {
        return Err(failure.clone());
    }
    sign_in::confirm_identity(app, &profile, &mut started_test, arguments.force).await?;
    settle_id(app, &profile)?;
    sign_in::save(app, &profile, &origins, &NewCredential::Password(password)).await?;
    finish(app, &profile, started_test, sent).await
}

async fn with_session(
    app: &mut App,
    profile: Profile,
    client: &OAuthClient,
    arguments: &LoginArgs,
) -> Result<u8, Failure> {
    if client.grant == GrantType::AuthorizationCode {
        session::look_before_browser(app, &profile, client, false).await?;
    }
    let secret = session::client_secret(app, &profile, client, &arguments.client_secret, true).await?;
    let subject = Subject::Saved(profile.name.clone());
    let mut signed_in = session::sign_in(app, &profile, client, secret, &arguments.browser, subject.clone()).await?;
    let browser = signed_in.browser.take();
    let result = async {
        let mut started_test = signed_in.begin(app, &profile, subject).await?;
        let user = sign_in::confirm_identity(app, &profile, &mut started_test, arguments.force).await?;
        let profile = match user {
            Some(user) => change_user(app, &profile, user)?,
            None => {
                settle_id(app, &profile)?;
                profile
            }
        };
        sign_in::save(app, &profile, &signed_in.origins, &signed_in.credential).await?;
        Ok::<_, Failure>((profile, started_test))
    }
    .await;
    if let Some(browser) = browser {
        let page = match &result {
            Ok((profile, _)) => Page::signed_in(profile.name.as_str(), &profile.instance.host_and_port()),
            Err(failure) => Page::failed(&session::sentence(failure.message())),
        };
        browser.show(page).await;
    }
    let (profile, started_test) = result?;
    finish(app, &profile, started_test, signed_in.started).await
}

/// An id that a person left out is settled in the file before it is used.
fn settle_id(app: &App, profile: &Profile) -> Result<(), Failure> {
    app.config_file()?.change(|change| select::find(change.config(), &profile.name).map(drop))
}

fn change_user(app: &App, profile: &Profile, user: UserName) -> Result<Profile, Failure> {
    app.config_file()?.change(|change| {
        let current = select::find(change.config(), &profile.name)?.clone();
        Ok(change.put(current.belonging_to(Some(user))))
    })
}

async fn finish(app: &mut App, profile: &Profile, started_test: StartedTest, sent: Instant) -> Result<u8, Failure> {
    let test = sign_in::report(app, profile, started_test.finish().await, sent.elapsed());
    test::remember(app, profile, &test)?;
    if app.console.json {
        show_profile(app, profile)?
    } else {
        let user = test.identity.as_ref().map_or(profile.identity(), |identity| &identity.user_name);
        let line = format!("{} {}: signed in as {user}", app.console.out.tick(), profile.name);
        app.console.data(&line);
    }
    Ok(0)
}
