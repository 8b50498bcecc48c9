//! Where connections come from.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::connection::{Connection, Source};
use super::surroundings::Unattended;
use crate::auth::method::{self, InvalidSetting};
use crate::auth::setting::{GivenSecrets, SecretUse};
use crate::base::code::Code;
use crate::base::directories::Directories;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, shown};
use crate::base::time::{SystemTime, Time};
use crate::base::variables::Variables;
use crate::config::environment;
use crate::config::{Config, ConfigFile};
use crate::engine::Described;
use crate::engine::network::Network;
use crate::engine::saved::{self, Opened};
use crate::history::state::State;
use crate::http::client::{Client, Deadline, TIMEOUT};
use crate::model::profile::{ConnectionName, InvalidValue, Profile, StoreKind, StorePlace, Subject};
use crate::service::{self, Address};
use crate::store::record::Origins;
use crate::store::{Access, CredentialStore, Opener, STORES};

/// Finds connections: those that `snow connect` saved, the one that variables describe,
/// and what a program describes itself.
///
/// It reads the same files and variables as `snow`, and never prompts. Clones share open
/// stores.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

/// What the connections of an engine share.
pub struct Inner {
    pub variables: Variables,
    home: Option<PathBuf>,
    pub clock: fn() -> DateTime<Utc>,
    /// The store instead of the system's keyring.
    pub keyring: Option<Arc<dyn CredentialStore>>,
    pub network: Network,
    /// How long a request, a renewal or a test may take.
    pub timeout: Duration,
    openers: Mutex<Vec<(StoreKind, Box<dyn Opener>)>>,
}

impl Engine {
    /// An engine with the surroundings of this process: its variables (`SNOW_CONFIG_DIR`,
    /// `SNOW_STATE_DIR`, `SNOW_DATA_DIR`, `SNOW_TIMEOUT`, `HTTPS_PROXY` and all others
    /// that `snow` reads), home directory and clock. Nothing is opened yet.
    ///
    /// # Errors
    ///
    /// Class `usage` if the duration in a variable cannot be read.
    pub fn from_environment() -> Result<Self, Failure> {
        let home = std::env::home_dir();
        Self::of(Variables::new(std::env::vars_os()).with_home(home.clone()), home, Utc::now, None)
    }

    /// With a store in memory instead of the keyring, and nothing of this process.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    pub fn testing(
        variables: Variables,
        home: Option<PathBuf>,
        keyring: Option<Arc<dyn CredentialStore>>,
    ) -> Result<Self, Failure> {
        Self::of(variables, home, Utc::now, keyring)
    }

    fn of(
        variables: Variables,
        home: Option<PathBuf>,
        clock: fn() -> DateTime<Utc>,
        keyring: Option<Arc<dyn CredentialStore>>,
    ) -> Result<Self, Failure> {
        let timeout = variables.duration("SNOW_TIMEOUT")?.unwrap_or(TIMEOUT);
        let mut durations = STORES.iter().flat_map(|spec| spec.durations);
        durations.try_for_each(|variable| variables.duration(variable).map(drop))?;
        let network = Network::new(None, None, &variables);
        let openers = Mutex::new(STORES.iter().map(|spec| (spec.kind, (spec.opener)())).collect());
        Ok(Self(Arc::new(Inner { variables, home, clock, keyring, network, timeout, openers })))
    }

    /// The saved connection of this name, as `snow list` shows it. Reads the connections
    /// file; neither the store nor the instance is asked.
    ///
    /// # Errors
    ///
    /// Code `unknown-connection` if there is none, `connection-disabled` if it is not to be
    /// used, and class `config` if the file cannot be read.
    pub fn connection(&self, name: &str) -> Result<Connection, Failure> {
        let name: ConnectionName = name.parse().map_err(|invalid: InvalidValue| {
            Failure::new(Code::UnknownConnection, shown!("{}", invalid)).next("Use the name of a saved connection")
        })?;
        let profile = self.0.config()?.find_enabled(&name)?.clone();
        Ok(Connection::new(self.0.clone(), Source::Saved(Box::new(profile))))
    }

    /// The connection that variables describe: `SNOW_INSTANCE`, and `SNOW_USERNAME` with
    /// `SNOW_PASSWORD`, or those of another way to sign in. Reads the file of the secret
    /// if a variable names one.
    ///
    /// # Errors
    ///
    /// Code `environment-incomplete`, with the variable that is wrong or missing.
    pub fn described(&self) -> Result<Connection, Failure> {
        let described = environment::read(&self.0.variables)?;
        let described = Described::by_variables(described, &mut Unattended(&self.0))?;
        Ok(Connection::new(self.0.clone(), Source::of_variables(described)))
    }

    /// A connection that is saved nowhere. `instance` is a name such as `dev12345`, a host
    /// or a URL; `method` and the keys of `settings` are those of `snow connect --auth`
    /// and of the connections file. The methods that need no person are `basic`,
    /// `client-credentials`, `api-key`, `token`, `jwt-bearer` and `certificate`, whose secret
    /// is the passphrase of its key, or empty.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), snow_connect::Failure> {
    /// # let password = String::new();
    /// let engine = snow_connect::Engine::from_environment()?;
    /// let connection = engine.describe("dev12345", "basic", &[("username", "svc.ci")], &password)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Class `usage` or `config`, with what is wrong or missing. The secret is never in it.
    pub fn describe(
        &self,
        instance: &str,
        method: &str,
        settings: &[(&str, &str)],
        secret: &str,
    ) -> Result<Connection, Failure> {
        let service = service::usual();
        let Address { instance, api_version, .. } = service.address(instance)?;
        let spec = method::unattended(service.methods(), method)
            .map_err(|invalid| Failure::new(Code::Usage, shown!("{}", invalid)).next("Use one of these methods"))?;
        if let Some((key, _)) = settings.iter().find(|(key, _)| spec.setting(key).is_none()) {
            let keys: Vec<_> = spec.settings().map(|setting| setting.key).collect();
            let failure = Failure::new(Code::Usage, shown!("{} has no setting {}", spec.phrase, Shown::outside(key)));
            return Err(if keys.is_empty() {
                failure.next("Leave out the settings")
            } else {
                failure.next(shown!("Available settings: {}", Shown::list(keys, ", ")))
            });
        }
        let value = |key| settings.iter().find(|(given, _)| *given == key).map(|(_, value)| (*value).to_owned());
        let auth =
            spec.read(service.defaults(), &instance, |setting| value(setting.key)).map_err(
                |invalid| match invalid {
                    InvalidSetting::Missing(setting) => {
                        Failure::new(Code::Usage, shown!("missing setting {}", setting.key))
                            .next(shown!("Add it to the settings: {}", setting.label))
                    }
                    InvalidSetting::Invalid(setting, error) => {
                        Failure::new(Code::Usage, shown!("{}: {}", setting.key, error))
                            .next(shown!("Correct the setting {}", setting.key))
                    }
                },
            )?;
        let mut secrets = GivenSecrets::default();
        let is_required =
            |usage: &&SecretUse| !secret.is_empty() || (usage.need)(&auth, &GivenSecrets::default()).is_required();
        if let Some(usage) = spec.secrets.first().filter(is_required) {
            let secret = Secret::new(secret.to_owned()).map_err(|invalid| {
                let label = usage.input.item.field.label();
                Failure::new(Code::InvalidSecret, shown!("invalid {}: {}", Shown::outside(label), invalid))
                    .next("Pass only the secret, on one line")
            })?;
            secrets.put(usage.input.item, secret);
        }
        let described = Described { instance, api_version, auth, secrets, subject: Subject::New };
        Ok(Connection::new(self.0.clone(), Source::of_program(described)))
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Inner {
    pub fn directories(&self) -> Directories<'_> {
        Directories { variables: &self.variables, home: self.home.as_deref() }
    }

    pub fn state(&self) -> Result<State, Failure> {
        Ok(State { directory: self.directories().state()? })
    }

    pub fn time(&self) -> Arc<dyn Time> {
        Arc::new(SystemTime::new(self.clock))
    }

    /// A new deadline for one request or one test.
    pub fn deadline(&self) -> Deadline {
        Deadline::after(self.timeout)
    }

    fn config(&self) -> Result<Config, Failure> {
        let path = self.directories().config()?.join("config.toml");
        Ok(ConfigFile { path, lock: self.state()?.config_lock(), home: self.home.clone() }.load()?)
    }

    /// A saved connection with what its store has. No request is made.
    pub async fn open(&self, profile: &Profile, reached: (Client, Origins)) -> Result<Opened, Failure> {
        let store = self.store(&profile.store)?;
        saved::open(&self.network, self.state()?, self.time(), store, profile, reached, false).await
    }

    fn store(&self, place: &StorePlace) -> Result<Arc<dyn CredentialStore>, Failure> {
        let mut openers = self.openers.lock().unwrap_or_else(PoisonError::into_inner);
        let opener = openers.iter_mut().find(|(kind, _)| *kind == place.kind);
        let opener = &mut opener.expect("every store has an opener").1;
        let store = opener.open(place, &mut Unattended(self), Access::Saved)?;
        Ok(store.expect("what is saved somewhere has a store"))
    }
}
