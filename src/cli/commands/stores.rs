//! The stores of a run: each is opened once, and how is for the store to say.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use super::app::App;
use crate::auth::method;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files::is_public;
use crate::base::secret::Secret;
use crate::base::secret_file;
use crate::base::shown::shown;
use crate::base::variables::Variables;
use crate::doctor::OpenStore;
use crate::model::command::command_text;
use crate::model::profile::{ConnectionId, InvalidValue, Profile, StoreKind, StorePlace};
use crate::store::{
    self, Access, CredentialStore, Field, ItemKey, Opener, STORES, StoreSetting, StoredItem, Surroundings,
};

/// What opens the stores of this run.
pub struct Stores(Vec<(StoreKind, Box<dyn Opener>)>);

impl Default for Stores {
    fn default() -> Self {
        Self(STORES.iter().map(|spec| (spec.kind, (spec.opener)())).collect())
    }
}

impl App {
    /// The store of a saved connection. Where it wants a key, that is taken or
    /// asked for.
    pub fn store(&mut self, place: &StorePlace) -> Result<Arc<dyn CredentialStore>, Failure> {
        self.open_store(place, Access::Saved).map(|store| store.expect("what is saved somewhere has a store"))
    }

    /// The store of a saved connection, if it is there and opens without a question.
    pub fn store_unasked(&mut self, place: &StorePlace) -> Result<Option<Arc<dyn CredentialStore>>, Failure> {
        self.open_store(place, Access::Unasked)
    }

    /// The stores of this machine that are there, and those that a connection uses, as
    /// far as they open without a question.
    pub fn stores_unasked<'p>(
        &mut self,
        profiles: impl IntoIterator<Item = &'p Profile>,
    ) -> Result<Vec<OpenStore>, Failure> {
        let chosen = self.store_of_new().ok();
        let unused = STORES.iter().filter(|spec| spec.settings.is_empty() || chosen == Some(spec.kind));
        let mut places: Vec<StorePlace> = unused.map(|spec| spec.kind.into()).collect();
        for profile in profiles {
            if !places.contains(&profile.store) {
                places.push(profile.store.clone());
            }
        }
        let opened = places.into_iter().map(|place| {
            let store = self.open_store(&place, Access::Unasked)?;
            Ok(store.map(|store| OpenStore { place, store }))
        });
        opened.filter_map(Result::transpose).collect()
    }

    /// Proves that a store will take a secret, before one is asked for. Where the
    /// store is not there yet, it is made.
    pub async fn prove_store(&mut self, place: &StorePlace, connection: ConnectionId) -> Result<(), Failure> {
        let store = self.open_store(place, Access::New)?.expect("a store that is wanted is made");
        store.prove(connection).await?;
        if let Some(remark) = store.remark() {
            self.console.note(&remark);
        }
        Ok(())
    }

    /// Where the secrets of new connections go.
    pub fn store_of_new(&self) -> Result<StoreKind, Failure> {
        match self.variables.text("SNOW_STORE") {
            None => Ok(STORES[0].kind),
            Some(name) => store::kind_of(name)
                .map_err(|error| Failure::new(Code::Usage, shown!("SNOW_STORE: {}", error)).next("Unset SNOW_STORE")),
        }
    }

    /// Where a saved secret is, to end a sentence with.
    pub fn kept_in(&self, place: &StorePlace) -> String {
        let opener = self.stores.0.iter().find(|(kind, _)| *kind == place.kind);
        opener.expect("every store has an opener").1.kept_in(place, self)
    }

    /// The variables that stores read as durations.
    pub fn check_store_variables(&self) -> Result<(), Failure> {
        let mut variables = STORES.iter().flat_map(|spec| spec.durations);
        variables.try_for_each(|variable| self.variables.duration(variable).map(drop))
    }

    fn open_store(&mut self, place: &StorePlace, access: Access) -> Result<Option<Arc<dyn CredentialStore>>, Failure> {
        // Taken out meanwhile, since it asks the program for this and that.
        let mut stores = std::mem::replace(&mut self.stores, Stores(Vec::new()));
        let opener = stores.0.iter_mut().find(|(kind, _)| *kind == place.kind);
        let opened = opener.expect("every store has an opener").1.open(place, self, access);
        self.stores = stores;
        opened
    }
}

/// Every item that a connection may have, and those that its store lists: another way to
/// sign in may have left some.
pub fn fields_of(profile: &Profile, listed: &[StoredItem]) -> Vec<Field> {
    let mut fields = method::items_of(profile);
    for key in listed.iter().filter_map(|item| ItemKey::of_account(&item.account)) {
        if key.connection == profile.id && !fields.contains(&key.field) {
            fields.push(key.field);
        }
    }
    fields
}

/// The settings of stores that were given.
#[derive(Debug, Default)]
pub struct StoreArgs(Vec<(&'static str, String)>);

impl StoreArgs {
    pub fn given(&self) -> impl Iterator<Item = (&'static StoreSetting, &str)> {
        let value = |key: &str| self.0.iter().find(|(given, _)| *given == key).map(|(_, value)| value.as_str());
        store::settings().filter_map(move |setting| Some((setting, value(setting.key)?)))
    }

    /// The store of this kind that is meant: what is not given stays as it is saved.
    pub fn place(&self, kind: StoreKind, saved: Option<&StorePlace>) -> Result<StorePlace, Failure> {
        let saved = saved.filter(|saved| saved.kind == kind);
        let mut settings = saved.map(|saved| saved.settings.clone()).unwrap_or_default();
        for (setting, value) in self.given() {
            if !store::spec_of(kind).settings.iter().any(|own| own.key == setting.key) {
                let message = shown!("--{} does not go with the store {}", setting.flag, kind.as_str());
                return Err(Failure::new(Code::Usage, message).next("Choose its store, or leave it out"));
            }
            settings.insert(setting.key, value.to_owned());
        }
        Ok(StorePlace { kind, settings })
    }
}

impl Args for StoreArgs {
    fn augment_args(command: Command) -> Command {
        let settings = STORES.iter().flat_map(|spec| spec.settings.iter().map(|setting| (spec.heading, setting)));
        settings.fold(command, |command, (heading, setting)| {
            let arg = Arg::new(setting.key).long(setting.flag).value_name(setting.value_name).help(setting.help);
            let parser = |text: &str| if setting.is_command { words(setting, text) } else { (setting.read)(text) };
            command.arg(arg.value_parser(parser).help_heading(heading))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// The words of a command, as a shell takes them apart.
fn words(setting: &StoreSetting, text: &str) -> Result<String, InvalidValue> {
    let words = shlex::split(text).ok_or_else(|| InvalidValue("a quote is not closed".to_owned()))?;
    (setting.read)(&command_text(&words))
}

impl FromArgMatches for StoreArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut given = Self::default();
        given.update_from_arg_matches(matches)?;
        Ok(given)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let value =
            |setting: &'static StoreSetting| Some((setting.key, matches.get_one::<String>(setting.key)?.clone()));
        self.0.extend(store::settings().filter_map(value));
        Ok(())
    }
}

impl Surroundings for App {
    fn variables(&self) -> &Variables {
        &self.variables
    }

    fn duration(&self, variable: &'static str) -> Result<Option<Duration>, Failure> {
        self.variables.duration(variable)
    }

    fn data_directory(&self) -> Result<PathBuf, Failure> {
        self.context.data_directory()
    }

    fn data_lock(&self) -> Result<PathBuf, Failure> {
        Ok(self.state()?.secrets_lock())
    }

    fn keyring(&self) -> Option<Arc<dyn CredentialStore>> {
        self.context.store.clone()
    }

    fn is_interactive(&self) -> bool {
        App::is_interactive(self)
    }

    fn is_quiet(&self) -> bool {
        self.console.quiet
    }

    fn ask(&mut self, question: &str) -> Result<Option<Secret>, Failure> {
        self.person().map(|person| person.secret(question)).transpose()
    }

    fn note(&mut self, text: &str) {
        self.console.note(text);
    }

    fn say(&mut self, text: &str) {
        self.console.say(text);
    }

    fn open_secret_file(&mut self, path: &Path, variable: &str) -> Result<File, Failure> {
        let (file, metadata) = secret_file::open(path, variable)?;
        if is_public(&metadata) {
            self.console.note(&shown!("note: {} can be read by other users of this machine", path.display()));
        }
        Ok(file)
    }
}
