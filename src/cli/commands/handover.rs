//! A credential on its way to another program: valid now, and saved.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue};

use super::app::App;
use super::environment;
use super::select::{Selected, Selection};
use crate::auth::certificate;
use crate::auth::credential::{Credential, Token};
use crate::auth::method::MethodSpec;
use crate::auth::oauth::session::Session;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, Step, shown};
use crate::base::time::timestamp;
use crate::config::environment as variables;
use crate::model::header::OwnHeader;
use crate::model::instance::Instance;
use crate::model::profile::{Auth, Profile, any_of};

/// What another program is given of a connection.
pub struct HandedOver {
    /// The name of the connection.
    pub name: String,
    pub instance: Instance,
    pub auth: Auth,
    pub spec: &'static MethodSpec,
    /// The header that signs a request.
    header: (HeaderName, HeaderValue),
    /// What is in it, if it is an access token.
    pub token: Option<Token>,
    /// The password, the key or the access token.
    pub secret: Option<Secret>,
}

impl HandedOver {
    /// The name of the header that signs a request, as people write it, and its value.
    pub fn header(&self) -> (&str, &str) {
        let (name, value) = &self.header;
        let name = if *name == http::header::AUTHORIZATION { "Authorization" } else { name.as_str() };
        // Our own headers are UTF-8 throughout.
        (name, std::str::from_utf8(value.as_bytes()).unwrap_or_default())
    }
}

/// Opens the connection and makes sure that its credential is valid for `min_ttl`.
pub async fn open(app: &mut App, selection: Selection, min_ttl: Duration) -> Result<HandedOver, Failure> {
    match selection.selected {
        Selected::Saved(profile) => of_saved(app, &profile, min_ttl).await,
        Selected::Environment => {
            let described = variables::read(&app.variables)?;
            let (instance, auth) = (described.instance.clone(), described.auth.clone());
            let connection = environment::connection(app, described).await?;
            hand_over(app, variables::NAME.to_owned(), instance, auth, connection.credential(), min_ttl).await
        }
    }
}

/// The same, of a saved connection.
pub async fn of_saved(app: &mut App, profile: &Profile, min_ttl: Duration) -> Result<HandedOver, Failure> {
    let reached = app.network.client_for(profile)?;
    let store = app.store(&profile.store)?;
    let credential = app.open(store, profile, reached).await?.credential;
    mention_limits(app, profile);
    let (instance, auth) = (profile.instance.clone(), profile.auth.clone());
    hand_over(app, profile.name.to_string(), instance, auth, credential.as_ref(), min_ttl).await
}

async fn hand_over(
    app: &mut App,
    name: String,
    instance: Instance,
    auth: Auth,
    credential: &dyn Credential,
    min_ttl: Duration,
) -> Result<HandedOver, Failure> {
    let spec = MethodSpec::of(auth.method);
    let deadline = app.deadline()?;
    {
        let _progress = spec.has_session().then(|| app.console.progress("Renewing the session"));
        credential.ensure_fresh(min_ttl, deadline).await?;
    }
    // A token that is nowhere saved is not handed out: the next would be lost.
    if let Some(session) = credential.session().await {
        refuse_unsaved(&session)?;
    }
    let token = credential.token().await;
    if let Some(Token { life, .. }) = &token
        && !life.lasts(app.now(), min_ttl)
    {
        return Err(too_short(life.expires_at, app.now(), min_ttl));
    }
    let secret = credential.given().await;
    let mut headers = credential.sign().await.headers.into_iter();
    let (header, value) = headers.next().ok_or_else(|| stays_here(&name, spec))?;
    let header = (header.expect("the first header has a name"), value);
    Ok(HandedOver { name, instance, auth, spec, header, token, secret })
}

fn refuse_unsaved(session: &Session) -> Result<(), Failure> {
    match session.last_renewal().and_then(|renewal| renewal.failure.as_ref()) {
        Some(failure) if failure.code() == Code::SessionNotSaved => Err(failure.clone()),
        _ => Ok(()),
    }
}

/// A handshake signs in, and no header that another program could send.
fn stays_here(name: &str, spec: &MethodSpec) -> Failure {
    let name = Shown::outside(name);
    let argument = if *name == *variables::NAME { Shown::default() } else { shown!(" {}", &name) };
    Failure::new(Code::Usage, shown!("{} signs in with {}, which cannot be handed on", &name, spec.phrase))
        .why("It is part of the TLS handshake, not of a request.")
        .next(Step::say("Use the gateway instead: ").and_run(shown!("snow proxy{}", &argument)))
        .next(Step::say("For curl: ").and_run(shown!("snow env{} --for curl", &argument)))
}

fn too_short(expires_at: Option<DateTime<Utc>>, now: DateTime<Utc>, min_ttl: Duration) -> Failure {
    let wanted = format!("{} s", min_ttl.as_secs_f64());
    let failure = Failure::new(
        Code::LifetimeTooShort,
        shown!("the access token is not sure to be good for {}", Shown::outside(&wanted)),
    );
    match expires_at {
        Some(at) => failure
            .why(shown!(
                "It is good for {} more. An instance gives out the same token until it ends.",
                Shown::outside(crate::report::text::until(now, at))
            ))
            .next("Ask for less with --min-ttl, or ask an administrator to let tokens of the client last longer")
            .evidence("expires_at", Shown::outside(timestamp(at))),
        None => failure
            .why("The server did not say how long it is good.")
            .next("Leave out --min-ttl, and renew the token when it is refused"),
    }
}

/// Says what a credential cannot carry.
fn mention_limits(app: &mut App, profile: &Profile) {
    if profile.read_only {
        app.console.note(&format!("note: {} is read-only to snow api, and its credential is not", profile.name));
    }
    if !profile.headers.is_empty() {
        let headers: Vec<_> = profile.headers.iter().map(OwnHeader::as_str).collect();
        let text = format!("note: a request to {} also needs the header {}", profile.name, any_of(&headers));
        app.console.note(&text.replace(" or ", " and "));
    }
    if certificate::beside(&profile.auth).is_some() {
        app.console.note(&format!("note: a request to {} also needs its client certificate", profile.name));
    }
}
