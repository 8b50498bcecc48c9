//! The sign-in that `connect` and `login` share.
//!
//! [`earn`] gets a new credential with the method of the connection. [`conclude`]
//! checks whose it is, has the command save it, and tells a waiting browser how it
//! ended.

use std::sync::Arc;
use std::time::Instant;

use super::args::{BrowserArgs, SecretArgs};
use super::secret::{self, Attempt};
use super::session::{self, NewSession};
use super::{NewCredential, confirm_identity, no_token};
use crate::auth::access_token::AccessToken;
use crate::auth::gateway::GatewayAccess;
use crate::auth::method::MethodSpec;
use crate::auth::oauth::callback::WaitingBrowser;
use crate::auth::oauth::page::Page;
use crate::auth::setting::GivenSecrets;
use crate::base::error::Failure;
use crate::check::context::Plan;
use crate::check::report::CheckResults;
use crate::check::runner::{self, StartedTest};
use crate::cli::commands::app::App;
use crate::cli::commands::questions::sentence;
use crate::engine::Connection;
use crate::http::client::Client;
use crate::model::profile::{Profile, Subject};
use crate::model::user_name::UserName;
use crate::store::record::Origins;

/// The sign-in to do.
pub struct Wanted<'a> {
    pub profile: &'a Profile,
    pub secrets: &'a SecretArgs,
    pub browser: &'a BrowserArgs,
    /// For the gateway in front of the instance.
    pub access: &'a GatewayAccess,
    /// Whether a different user than the connection's is accepted.
    pub force: bool,
    pub is_saved: bool,
    /// Whether its client is known to have no secret.
    pub is_public: bool,
    /// Whether the instance was probed just before.
    pub was_probed: bool,
    /// False with `--no-test`.
    pub is_tested: bool,
}

/// A credential the instance accepted or, with `--no-test`, one that was not checked.
pub struct SignedIn {
    /// The connection as it signed in: a person may have corrected the user or the client.
    pub profile: Profile,
    pub credential: NewCredential,
    /// The origins its secrets are bound to.
    pub origins: Origins,
    /// When it was sent.
    pub started: Instant,
    first_request: FirstRequest,
    /// A browser that waits for the final page.
    browser: Option<WaitingBrowser>,
}

/// The first request of the test with a new credential.
enum FirstRequest {
    /// It judged the credential.
    Made(Box<StartedTest>),
    /// The token endpoint judged it; this client can send the request.
    Possible(Client),
    /// None is made.
    None,
}

/// A sign-in that was refused or failed.
pub struct NotSignedIn {
    pub failure: Failure,
    /// If anything was sent: the results so far, and when it began.
    pub seen: Option<(CheckResults, Instant)>,
}

impl From<Failure> for NotSignedIn {
    fn from(failure: Failure) -> Self {
        Self { failure, seen: None }
    }
}

impl Wanted<'_> {
    pub fn subject(&self) -> Subject {
        if self.is_saved { Subject::Saved(self.profile.name.clone()) } else { Subject::New }
    }

    /// A client for the instance, and where the secrets may go.
    pub fn client(&self, app: &App) -> Result<(Client, Origins), Failure> {
        self.client_for(app, self.profile)
    }

    /// The same for where the sign-in led to.
    pub fn client_for(&self, app: &App, profile: &Profile) -> Result<(Client, Origins), Failure> {
        let (client, origins) = app.network.client_for(profile)?;
        Ok((self.access.added_to(client, &profile.instance), origins))
    }

    pub fn spec(&self) -> &'static MethodSpec {
        MethodSpec::of(self.profile.auth.method)
    }

    /// Whether to compare the signed-in user with the connection's. The password of a
    /// new connection was typed for its user.
    fn is_confirmed(&self) -> bool {
        let is_typed_for_user = !self.is_saved && !self.spec().learns_user();
        self.is_tested && self.profile.username().is_some() && !is_typed_for_user
    }
}

/// Gets a new credential with the method of the connection.
pub async fn earn(app: &mut App, wanted: &Wanted<'_>) -> Result<SignedIn, NotSignedIn> {
    if wanted.spec().has_session() { earn_session(app, wanted).await } else { earn_secret(app, wanted).await }
}

/// The instance judges the secrets, with the first request.
async fn earn_secret(app: &mut App, wanted: &Wanted<'_>) -> Result<SignedIn, NotSignedIn> {
    let new_credential = |secrets: &GivenSecrets| {
        let own = secrets.iter().map(|(item, secret)| (item.clone(), secret.clone()));
        NewCredential { secrets: wanted.access.secrets().chain(own).collect(), session: None }
    };
    let secrets = match secret::kept_elsewhere(app, wanted).await? {
        Some(secrets) => secrets,
        None => secret::new_secrets(app, &wanted.profile.auth, wanted.secrets)?,
    };
    if !wanted.is_tested {
        let (_, origins) = wanted.client(app)?;
        let credential = new_credential(&secrets);
        let first_request = FirstRequest::None;
        let profile = wanted.profile.clone();
        return Ok(SignedIn { profile, credential, origins, started: Instant::now(), first_request, browser: None });
    }
    let Attempt { profile, secrets, started_test, origins, sent } = secret::sign_in(app, wanted, secrets).await?;
    if let Some(failure) = started_test.not_signed_in().cloned() {
        return Err(NotSignedIn { failure, seen: Some((started_test.finish().await, sent)) });
    }
    let first_request = FirstRequest::Made(Box::new(started_test));
    let credential = new_credential(&secrets);
    Ok(SignedIn { profile, credential, origins, started: sent, first_request, browser: None })
}

/// The token endpoint judges the sign-in.
async fn earn_session(app: &mut App, wanted: &Wanted<'_>) -> Result<SignedIn, NotSignedIn> {
    session::look_before_browser(app, wanted).await?;
    session::show_token_endpoint(app, wanted.profile);
    // A port that is taken is known before a secret is asked for.
    let way = session::way(app, wanted)?;
    let secret = session::secrets(app, wanted).await?;
    let started = Instant::now();
    let signed_in = session::sign_in(app, wanted, way, secret).await;
    let (NewSession { profile, mut credential, client, origins }, browser) = signed_in.map_err(|failure| {
        let seen = Some((no_token(wanted.profile.auth.defaults, &failure), started));
        NotSignedIn { failure, seen }
    })?;
    credential.secrets.extend(wanted.access.secrets());
    let first_request = if wanted.is_tested { FirstRequest::Possible(client) } else { FirstRequest::None };
    Ok(SignedIn { profile, credential, origins, started, first_request, browser })
}

/// Checks the user, saves, and tells the browser. If a different user signed in and
/// was accepted, `save` gets that user. Tokens that are not saved are revoked.
pub async fn conclude<T>(
    app: &mut App,
    wanted: &Wanted<'_>,
    signed_in: &mut SignedIn,
    save: impl AsyncFnOnce(&mut App, Option<UserName>, &SignedIn) -> Result<(Profile, T), Failure>,
) -> Result<(Profile, T), Failure> {
    let browser = signed_in.browser.take();
    let result = async {
        let user = if wanted.is_confirmed() {
            signed_in.make_first_request(app, wanted.profile, wanted.subject()).await?;
            match &mut signed_in.first_request {
                FirstRequest::Made(test) => confirm_identity(app, wanted.profile, test, wanted.force).await?,
                FirstRequest::Possible(_) | FirstRequest::None => None,
            }
        } else {
            None
        };
        save(app, user, signed_in).await
    }
    .await;
    if let Some(browser) = browser {
        let page = match &result {
            Ok((profile, _)) => Page::signed_in(profile.name.as_str(), &profile.instance.host_and_port()),
            Err(failure) => Page::failed(&sentence(failure.message())),
        };
        browser.show(page).await;
    }
    if result.is_err() {
        session::revoke(app, wanted, &signed_in.profile, &signed_in.credential).await;
    }
    result
}

impl SignedIn {
    /// The test of the saved connection, after its first request. `None` with
    /// `--no-test`.
    pub async fn test(mut self, app: &mut App, profile: &Profile) -> Result<Option<StartedTest>, Failure> {
        self.make_first_request(app, profile, Subject::Saved(profile.name.clone())).await?;
        Ok(match self.first_request {
            FirstRequest::Made(test) => Some(*test),
            FirstRequest::Possible(_) | FirstRequest::None => None,
        })
    }

    /// Makes the first request with a new token, unless it was made.
    async fn make_first_request(&mut self, app: &mut App, profile: &Profile, subject: Subject) -> Result<(), Failure> {
        let (FirstRequest::Possible(client), Some(session)) = (&self.first_request, &self.credential.session) else {
            return Ok(());
        };
        let spec = MethodSpec::of(profile.auth.method);
        let credential = AccessToken::new(spec, session.access_token.clone(), session.expires_at);
        let connection = Connection::of(profile, client.clone(), Box::new(credential)).await;
        let plan = Plan::new(profile.tables.clone(), subject, app.deadline()?, app.clock());
        let test = {
            let _progress = app.console.progress(&format!("Testing {}", profile.name));
            runner::begin(Arc::new(connection), plan).await
        };
        self.first_request = FirstRequest::Made(Box::new(test));
        Ok(())
    }
}
