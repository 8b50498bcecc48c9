//! `snow login`: sign in again, with a new password or a new session.

use std::time::Instant;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use super::app::App;
use super::list::show_profile;
use super::sign_in::NewCredential;
use super::sign_in::args::{BrowserArgs, HeaderArgs, SecretArgs};
use super::sign_in::flow::{self, SignedIn, Wanted};
use super::test::Options;
use super::{select, sign_in, test};
use crate::auth::gateway::GatewayAccess;
use crate::auth::method::{self, MethodSpec};
use crate::base::code::{Class, Code};
use crate::base::error::Failure;
use crate::base::shown::{Step, shown};
use crate::check::report::Report;
use crate::check::runner::StartedTest;
use crate::cli::completion;
use crate::model::profile::{ConnectionName, Profile};
use crate::model::user_name::UserName;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow login
  snow login acme --password-file pw")]
pub struct LoginArgs {
    /// The connection [default: the selected one]
    #[arg(add = ArgValueCandidates::new(completion::connection_names))]
    pub name: Option<ConnectionName>,
    #[command(flatten)]
    pub secrets: SecretArgs,
    /// Accept a sign-in by another user
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub browser: BrowserArgs,
    #[command(flatten)]
    pub headers: HeaderArgs,
}

pub async fn run(app: &mut App, arguments: LoginArgs) -> Result<u8, Failure> {
    app.mention_ignored_variables();
    let profile = select::select_to_change(app, arguments.name.as_ref(), "login")?;
    refuse_other_flags(&profile, &arguments)?;
    // Before a sign-in, whatever keeps its result from being settled.
    settle(app, &profile, None)?;
    app.prove_store(&profile.store, profile.id).await?;
    let (secrets, browser) = (&arguments.secrets, &arguments.browser);
    let spec = MethodSpec::of(profile.auth.method);
    let signs_in = secrets.is_any_given(spec) || browser.manual || browser.no_browser;
    let access = sign_in::gateway::given(app, &arguments.headers)?;
    if !signs_in && (!access.headers.is_empty() || secrets.given().next().is_some()) {
        let access = sign_in::gateway::with_certificate(app, &profile, secrets, access).await?;
        return replace_access(app, &profile, &access).await;
    }
    let access = sign_in::gateway::with_headers(app, &profile, access).await?;
    let access = sign_in::gateway::with_certificate(app, &profile, secrets, access).await?;
    let is_typed = !spec.has_session() && !secrets.is_any_given(spec);
    if is_typed && app.is_interactive() {
        let paint = app.console.err;
        let line = format!("  {}   {}", paint.dim("Instance"), paint.bold(profile.instance.origin()));
        app.console.note(&line);
    }
    let wanted = Wanted {
        profile: &profile,
        secrets: &arguments.secrets,
        browser: &arguments.browser,
        access: &access,
        force: arguments.force,
        is_saved: true,
        is_public: false,
        was_probed: false,
        is_tested: true,
    };
    let mut signed_in = flow::earn(app, &wanted).await.map_err(|not_signed_in| not_signed_in.failure)?;
    let started = signed_in.started;
    let save = async |app: &mut App, user: Option<UserName>, signed_in: &SignedIn| {
        let profile = settle(app, &profile, user)?;
        app.changes.are(shown!("The new sign-in of {} may be saved already.", profile.name));
        sign_in::save(app, &profile, &signed_in.origins, &signed_in.credential).await?;
        app.changes.are(shown!("The new sign-in of {} is saved, and was not tested.", profile.name));
        Ok((profile, ()))
    };
    let (profile, ()) = flow::conclude(app, &wanted, &mut signed_in, save).await?;
    let started_test = signed_in.test(app, &profile).await?.expect("a login is tested");
    finish(app, &profile, started_test, started).await
}

/// Replaces what the gateway wants alone, and tests.
async fn replace_access(app: &mut App, profile: &Profile, access: &GatewayAccess) -> Result<u8, Failure> {
    let (_, origins) = app.network.client_for(profile)?;
    let credential = NewCredential { secrets: access.secrets().collect(), session: None };
    sign_in::save(app, profile, &origins, &credential).await?;
    let tested = test::test_saved(app, profile, &Options::default()).await?;
    match tested.failure() {
        Some(failure) => Err(failure.clone()),
        None => done(app, profile, &tested),
    }
}

/// Refuses a flag of another way to sign in, or of a header that the connection does
/// not have.
fn refuse_other_flags(profile: &Profile, arguments: &LoginArgs) -> Result<(), Failure> {
    let spec = MethodSpec::of(profile.auth.method);
    let (secrets, browser) = (&arguments.secrets, &arguments.browser);
    if let Some((header, _)) = arguments.headers.given().find(|(header, _)| !profile.headers.contains(header)) {
        return Err(Failure::new(Code::Usage, shown!("{} has no header {}", profile.name, header))
            .next(Step::say("To add it: ").and_run(shown!("snow connect {} --header {}", profile.name, header))));
    }
    sign_in::gateway::refuse_passphrase(profile, secrets)?;
    let wrong = match secrets.given().find(|input| spec.secret(input).is_none()) {
        Some(input) => input.phrase,
        None if spec.grant.is_none() && (browser.manual || browser.no_browser) => "a browser flag",
        None => return Ok(()),
    };
    let method = profile.auth.as_str();
    Err(Failure::new(Code::Usage, shown!("{} does not apply: {} signs in by {}", wrong, profile.name, method))
        .next("Leave it out")
        .next(
            Step::say(shown!("To change how {} signs in: ", profile.name))
                .and_run(shown!("snow connect {} --force", profile.name)),
        ))
}

/// The entry as it is saved: an id that a person left out is settled in the file
/// before it is used, and so is the user that replaces the former one.
fn settle(app: &App, profile: &Profile, user: Option<UserName>) -> Result<Profile, Failure> {
    let now = app.now();
    app.config_file()?.change(|change| {
        let current = select::find(change.config(), &profile.name)?.clone();
        Ok(match user {
            Some(user) => change.put(method::belonging_to(current, Some(user)), now),
            None => profile.clone(),
        })
    })
}

async fn finish(app: &mut App, profile: &Profile, started_test: StartedTest, sent: Instant) -> Result<u8, Failure> {
    let refused = started_test.not_signed_in().cloned();
    let test = sign_in::report(app, profile, started_test.finish().await, sent.elapsed());
    test::remember(app, profile, &test)?;
    // Who is signed in and may not read a table is signed in.
    match refused.or_else(|| test.failure().filter(|failure| failure.class() == Class::Auth).cloned()) {
        Some(failure) => Err(failure),
        None => done(app, profile, &test),
    }
}

fn done(app: &mut App, profile: &Profile, test: &Report) -> Result<u8, Failure> {
    if app.console.json {
        show_profile(app, profile)?
    } else {
        let user = test.identity.as_ref().map(|identity| format!(" as {}", identity.user_name)).unwrap_or_default();
        let line = format!("{} {}: signed in{user}", app.console.out.tick(), profile.name);
        app.console.text(&line);
    }
    Ok(0)
}
