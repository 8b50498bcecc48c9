//! `snow app create`: registers a client on the instance, and connects with it.
//!
//! In order: what can be read is judged; a person says yes; the entry of the new connection
//! and its secret are saved, so that none is ever lost; the client is registered; a token
//! proves it. A failure deletes all of it again, and names what could not be deleted.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCandidates;
use uuid::Uuid;

use super::undo;
use crate::auth::certificate;
use crate::auth::gateway::GatewayAccess;
use crate::auth::jwt_bearer::key::first_certificate;
use crate::auth::jwt_bearer::{self, assertion};
use crate::auth::method::MethodSpec;
use crate::auth::oauth::settings::CLIENT_SECRET;
use crate::auth::oauth::{AUTHORIZATION_CODE, CLIENT_CREDENTIALS};
use crate::auth::setting::{GivenSecrets, Need};
use crate::base::code::Code;
use crate::base::error::{Failure, internal};
use crate::base::schemas;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, shown};
use crate::cli::args::path;
use crate::cli::commands::app::App;
use crate::cli::commands::connect::args::store_help;
use crate::cli::commands::sign_in::args::{BrowserArgs, SecretArgs};
use crate::cli::commands::sign_in::flow::{self, SignedIn, Wanted};
use crate::cli::commands::sign_in::{self, NewCredential, browser, secret};
use crate::cli::commands::test::{self, Options};
use crate::cli::commands::{select, using};
use crate::cli::completion;
use crate::client::{Client, apps};
use crate::config::ConfigFile;
use crate::model::oauth_client::{GrantType, RedirectUri};
use crate::model::profile::{Auth, ConnectionName, Profile, StoreKind};
use crate::model::user_name::UserName;
use crate::report::json::apps as json;
use crate::service::servicenow::oauth::DEFAULTS;
use crate::service::servicenow::oauth_entity::{NewEntity, Verifier};
use crate::store::kind_of;

/// How many random bytes a secret has.
const SECRET_BYTES: usize = 32;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow app create --grant client-credentials --user svc.ci --name acme-ci --dry-run
  snow app create --grant client-credentials --user svc.ci --name acme-ci --yes
  snow app create --grant authorization-code --public --name acme-people --dry-run
  snow app create --grant jwt-bearer --user svc.ci --private-key key.pem \\
      --certificate cert.pem --name acme-jwt --dry-run

Registers a client with the connection of an administrator, saves a connection
for it, and proves it with a token. Its secret is made here and goes to the
store and to the instance alone; a private key stays in its file. If it does not work, all of it is deleted
again. Who may not register clients sends the guide to an administrator:
snow guide oauth")]
pub struct CreateArgs {
    /// Who signs in with the client: people with a browser, or a machine
    #[arg(long, value_name = "GRANT")]
    pub grant: Grant,
    /// Name the new connection [default: the administrator's name with -oauth or -ci]
    #[arg(long, value_name = "NAME")]
    pub name: Option<ConnectionName>,
    /// Name the client on the instance [default: snow and the name of the connection]
    #[arg(long, value_name = "TEXT")]
    pub app_name: Option<String>,
    /// For people: the redirect URI [default: http://127.0.0.1:8914/callback]
    #[arg(long, value_name = "URI")]
    pub redirect_uri: Option<RedirectUri>,
    /// For people: without a secret, with PKCE
    #[arg(long)]
    pub public: bool,
    /// For a machine: the user that it acts as
    #[arg(long, value_name = "USER")]
    pub user: Option<UserName>,
    /// For a machine that signs assertions: its private key (PEM), which stays in place
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub private_key: Option<PathBuf>,
    /// For a machine that signs assertions: the certificate of that key (PEM)
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub certificate: Option<PathBuf>,
    #[arg(long, value_parser = kind_of, help = store_help(), add = ArgValueCandidates::new(completion::stores))]
    pub store: Option<StoreKind>,
    /// Show what would be registered, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Grant {
    AuthorizationCode,
    ClientCredentials,
    JwtBearer,
}

impl Grant {
    fn spec(self) -> &'static MethodSpec {
        match self {
            Self::AuthorizationCode => &AUTHORIZATION_CODE,
            Self::ClientCredentials => &CLIENT_CREDENTIALS,
            Self::JwtBearer => &jwt_bearer::SPEC,
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "oauth",
            Self::ClientCredentials => "ci",
            Self::JwtBearer => "jwt",
        }
    }
}

pub async fn run(app: &mut App, arguments: CreateArgs) -> Result<u8, Failure> {
    check(&arguments)?;
    let chosen = using::choose(app)?;
    let administrator = chosen.profile().cloned();
    if !arguments.dry_run {
        chosen.check_writes("registering a client writes")?;
    }
    let client = using::open(app, chosen, false).await?;
    let profile = profile(app, &arguments, administrator.as_ref(), &client)?;
    let file = app.config_file()?;
    if file.load()?.connections.contains_key(&profile.name) {
        let name = &profile.name;
        return Err(Failure::new(Code::ConnectionExists, shown!("there is already a connection called {}", name))
            .why("Nothing was registered.")
            .next("Choose another name with --name"));
    }
    let key = Key::read(app, &profile.auth)?;
    let title = arguments.app_name.clone().unwrap_or_else(|| format!("snow {}", profile.name));
    let user_id = {
        let _progress = app.console.progress("Looking at the instance");
        let grant = profile.auth.client().expect("each grant has a client").grant;
        apps::ready(&client, &title, grant, arguments.user.as_ref()).await?
    };
    let oauth = profile.auth.client().expect("each grant has a client");
    let entity = NewEntity {
        name: &title,
        client_id: oauth.client_id.as_str(),
        grant: oauth.grant,
        redirect_uri: oauth.redirect_uri.as_str(),
        is_public: arguments.public,
        // With assertions, they name the user.
        user: user_id.as_deref().filter(|_| key.is_none()),
        verifier: key.as_ref().map(|key| Verifier { certificate: &key.certificate, key_id: &key.key_id }),
    };
    if arguments.dry_run {
        report(app, &arguments, &profile, &title, None, false);
        return Ok(0);
    }
    app.console.say(&format!("  {}", told(&arguments, &profile, &title)));
    app.confirm(shown!("registering a client on {}", profile.instance.host_and_port()), "Register it?")?;
    let secret = if arguments.public { None } else { Some(Secret::random(SECRET_BYTES)) };
    let access = match &administrator {
        Some(administrator) => access_of(app, administrator).await?,
        None => GatewayAccess::default(),
    };
    let mut secrets = key.as_ref().map(|key| key.secrets.clone()).unwrap_or_default();
    if let Some(secret) = &secret {
        secrets.put(CLIENT_SECRET.item, secret.clone());
    }
    save(app, &file, &profile, &secrets, &access).await?;
    let registered = apps::register(&client, &entity, secret.as_ref()).await;
    let sys_id = match registered {
        Ok(sys_id) => sys_id,
        Err(failure) => return Err(undo::after(app, &file, &client, &profile, failure).await),
    };
    app.changes.are(shown!("The client is registered, and {} is saved. Nothing was tested.", profile.name));
    let proven = match prove(app, &profile, &access, arguments.public).await {
        Ok(proven) => proven,
        Err(failure) => return Err(undo::after(app, &file, &client, &profile, failure).await),
    };
    report(app, &arguments, &profile, &title, Some(&sys_id), proven);
    Ok(0)
}

/// What the gateway wants of the connection of an administrator.
async fn access_of(app: &mut App, administrator: &Profile) -> Result<GatewayAccess, Failure> {
    let access = sign_in::gateway::with_headers(app, administrator, GatewayAccess::default()).await?;
    sign_in::gateway::with_certificate(app, administrator, &SecretArgs::default(), access).await
}

/// Whether the flags fit the grant.
fn check(arguments: &CreateArgs) -> Result<(), Failure> {
    let usage = |message: &'static str, next: &'static str| Err(Failure::new(Code::Usage, message).next(next));
    match arguments.grant {
        Grant::JwtBearer if arguments.private_key.is_none() => {
            usage("the private key that signs the assertions is missing", "Give its file with --private-key FILE")
        }
        Grant::JwtBearer if arguments.certificate.is_none() => {
            usage("the certificate of the private key is missing", "Give its file with --certificate FILE")
        }
        Grant::AuthorizationCode | Grant::ClientCredentials
            if arguments.private_key.is_some() || arguments.certificate.is_some() =>
        {
            usage("only assertions are signed with a key", "Leave out --private-key and --certificate")
        }
        Grant::ClientCredentials | Grant::JwtBearer if arguments.user.is_none() => {
            usage("the user that the machine acts as is missing", "Give it with --user USER")
        }
        Grant::ClientCredentials if arguments.public => usage("a machine has a secret", "Leave out --public"),
        Grant::ClientCredentials | Grant::JwtBearer if arguments.redirect_uri.is_some() => {
            usage("a machine opens no browser", "Leave out --redirect-uri")
        }
        Grant::AuthorizationCode if arguments.user.is_some() => {
            usage("people sign in as themselves", "Leave out --user")
        }
        _ => Ok(()),
    }
}

/// The connection for the new client, whose id is made here.
fn profile(
    app: &App,
    arguments: &CreateArgs,
    administrator: Option<&Profile>,
    client: &Client,
) -> Result<Profile, Failure> {
    let instance = client.connection().instance().clone();
    let name = match (&arguments.name, administrator) {
        (Some(name), _) => name.clone(),
        (None, Some(profile)) => {
            let name = format!("{}-{}", profile.name, arguments.grant.suffix());
            name.parse()
                .map_err(|_| Failure::new(Code::Usage, "the name is too long").next("Choose one with --name"))?
        }
        (None, None) => {
            return Err(Failure::new(Code::Usage, "the new connection needs a name").next("Choose one with --name"));
        }
    };
    let client_id = Uuid::new_v4().simple().to_string();
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let auth = arguments.grant.spec().read(&DEFAULTS, &instance, |setting| match setting.key {
        "client_id" => Some(client_id.clone()),
        "redirect_uri" => arguments.redirect_uri.as_ref().map(ToString::to_string),
        jwt_bearer::SUBJECT_KEY => arguments.user.as_ref().map(ToString::to_string),
        jwt_bearer::KEY_ID_KEY => Some(Uuid::new_v4().simple().to_string()),
        jwt_bearer::PRIVATE_KEY_KEY => path(&arguments.private_key),
        jwt_bearer::CERTIFICATE_KEY => path(&arguments.certificate),
        // The new connection goes through the same gateway.
        key => administrator.and_then(|profile| certificate::path_beside(&profile.auth, key)),
    });
    let auth: Auth = auth.map_err(|_| internal("a new client does not fit its own connection"))?;
    let store = arguments.store.map_or_else(|| app.store_of_new(), Ok)?;
    Ok(Profile {
        api_version: administrator.and_then(|profile| profile.api_version),
        ca_cert: administrator.and_then(|profile| profile.ca_cert.clone()),
        proxy: administrator.and_then(|profile| profile.proxy.clone()),
        headers: administrator.map(|profile| profile.headers.clone()).unwrap_or_default(),
        ..Profile::new(name, instance, auth, store)
    })
}

/// The key of a client that signs assertions.
struct Key {
    key_id: String,
    /// In PEM.
    certificate: String,
    /// The passphrase, if it has one.
    secrets: GivenSecrets,
}

impl Key {
    /// Reads the files of a client that signs, and shows that they belong together by
    /// signing something. None for other clients.
    fn read(app: &mut App, auth: &Auth) -> Result<Option<Self>, Failure> {
        let setting = |key: &str| auth.settings.get(key).cloned();
        let (Some(key_id), Some(path)) = (setting(jwt_bearer::KEY_ID_KEY), setting(jwt_bearer::CERTIFICATE_KEY)) else {
            return Ok(None);
        };
        let mut secrets = GivenSecrets::default();
        for usage in MethodSpec::of(auth.method).secrets {
            if (usage.need)(auth, &secrets).is_required()
                && let Some(secret) = secret::ask(app, auth, usage, Need::Required)?
            {
                secrets.put(usage.input.item, secret);
            }
        }
        assertion::examine(auth, &secrets, app.now())?;
        let text = assertion::read(Path::new(&path), "certificate")?;
        let certificate = first_certificate(&text).expect("what was signed with has a certificate");
        Ok(Some(Self { key_id, certificate, secrets }))
    }
}

/// The entry, then the secrets: before the instance has them.
async fn save(
    app: &mut App,
    file: &ConfigFile,
    profile: &Profile,
    secrets: &GivenSecrets,
    access: &GatewayAccess,
) -> Result<(), Failure> {
    app.prove_store(&profile.store, profile.id).await?;
    let now = app.now();
    file.change(|change| {
        change.put(profile.clone(), now);
        Ok::<_, Failure>(())
    })?;
    app.changes.are(shown!("{} is saved, and its client may not be registered.", profile.name));
    let own = secrets.iter().map(|(item, secret)| (item.clone(), secret.clone()));
    let secrets: Vec<_> = own.chain(access.secrets()).collect();
    if secrets.is_empty() {
        return Ok(());
    }
    let (_, origins) = app.network.client_for(profile)?;
    let credential = NewCredential { secrets, session: None };
    if let Err(failure) = sign_in::save(app, profile, &origins, &credential).await {
        undo::local(app, file, profile).await;
        return Err(failure);
    }
    Ok(())
}

/// Gets a token, and reads a row with it. False if that takes a browser, and none can be
/// opened here.
async fn prove(app: &mut App, profile: &Profile, access: &GatewayAccess, is_public: bool) -> Result<bool, Failure> {
    let client = profile.auth.client().expect("each grant has a client");
    if client.grant != GrantType::AuthorizationCode {
        let tested = test::test_saved(app, profile, &Options::default()).await?;
        return tested.failure().map_or(Ok(true), |failure| Err(failure.clone()));
    }
    let arguments = BrowserArgs::default();
    if !browser::opens_browser(app, profile, &arguments) && !app.is_interactive() {
        return Ok(false);
    }
    let wanted = Wanted {
        profile,
        secrets: &SecretArgs::default(),
        browser: &arguments,
        access,
        force: false,
        is_saved: true,
        is_public,
        was_probed: true,
        is_tested: true,
    };
    let mut signed_in = flow::earn(app, &wanted).await.map_err(|not_signed_in| not_signed_in.failure)?;
    let started = signed_in.started;
    let save = async |app: &mut App, _: Option<UserName>, signed_in: &SignedIn| {
        sign_in::save(app, profile, &signed_in.origins, &signed_in.credential).await?;
        Ok((profile.clone(), ()))
    };
    flow::conclude(app, &wanted, &mut signed_in, save).await?;
    let Some(test) = signed_in.test(app, profile).await? else { return Ok(false) };
    let test = sign_in::report(app, profile, test.finish().await, started.elapsed());
    test::remember(app, profile, &test)?;
    test.failure().map_or(Ok(true), |failure| Err(failure.clone()))
}

/// What is registered, in a sentence.
fn told(arguments: &CreateArgs, profile: &Profile, title: &str) -> Shown {
    let title = Shown::outside(title);
    let host = profile.instance.host_and_port();
    match (&arguments.user, arguments.public) {
        (Some(user), is_public) if arguments.grant == Grant::JwtBearer => shown!(
            "\"{}\" on {}: JWT bearer, {}, signs in {}",
            title,
            host,
            if is_public { "public" } else { "with a secret" },
            user
        ),
        (Some(user), _) => shown!("\"{}\" on {}: client credentials, acts as {}", title, host, user),
        (None, is_public) => shown!(
            "\"{}\" on {}: authorization code, {}, comes back to {}",
            title,
            host,
            if is_public { "public with PKCE" } else { "with a secret" },
            profile.auth.client().expect("each grant has a client").redirect_uri
        ),
    }
}

fn report(app: &App, arguments: &CreateArgs, profile: &Profile, title: &str, sys_id: Option<&str>, proven: bool) {
    let client = profile.auth.client().expect("each grant has a client");
    if app.console.json {
        let is_browser = client.grant == GrantType::AuthorizationCode;
        app.console.document(&json::AppCreate {
            schema: schemas::AppCreate,
            dry_run: arguments.dry_run,
            instance: profile.instance.origin(),
            connection: profile.name.as_str(),
            client: json::NewClient {
                name: title,
                client_id: (!arguments.dry_run).then_some(client.client_id.as_str()),
                sys_id,
                grant: profile.auth.as_str(),
                redirect_uri: is_browser.then_some(client.redirect_uri.as_str()),
                public: arguments.public,
                user: arguments.user.as_ref().map(|user| user.as_str()),
            },
            proven,
        });
        return;
    }
    let what = told(arguments, profile, title);
    if arguments.dry_run {
        app.console.text(&format!("{} would register {what}", app.console.out.dash()));
        app.console.text(&format!("  and save it as {}", profile.name));
        return;
    }
    app.console.text(&format!("{} registered {what}", app.console.out.tick()));
    app.console.text(&format!("  Saved as {}. Client id: {}", profile.name, client.client_id));
    let is_selected = select::selected_name(app).as_ref() == Some(&profile.name);
    let test = if is_selected { "snow test".to_owned() } else { format!("snow test {}", profile.name) };
    let next = if proven { format!("Try: {test}") } else { format!("Sign in: snow login {}", profile.name) };
    app.console.note(&next);
}
