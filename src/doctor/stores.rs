//! Where secrets live: does each store open without a question, does it
//! keep what it is given, and do its items and the connections fit together.
//!
//! Also knows every secret of this machine for [`super::bundle`], as a search
//! that never gives one out.

use uuid::Uuid;

use super::{Check, CheckId, Machine, OpenStore};
use crate::auth::gateway;
use crate::auth::method::{self, MethodSpec};
use crate::auth::setting::GivenSecrets;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::server_text::Redactor;
use crate::base::shown::{Shown, Step, shown};
use crate::check::report::Status;
use crate::config::environment;
use crate::engine::network::origins_of;
use crate::model::profile::{Profile, StorePlace};
use crate::store::record::{read_secret, read_session, secrets_in};
use crate::store::{CredentialStore, Field, ItemKey, STORES, StoreError, StoredItem, Trouble};

const PROXY_VARIABLES: [&str; 6] = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

pub async fn examine(machine: &Machine) -> Vec<Check> {
    let mut checks = Vec::new();
    for store in &machine.stores {
        checks.extend(one(machine, store).await);
    }
    checks
}

async fn one(machine: &Machine, open: &OpenStore) -> Vec<Check> {
    let OpenStore { place, store } = open;
    let store = store.as_ref();
    let kind = store.kind().as_str();
    let items = match store.inventory().await {
        Ok(items) => items,
        Err(error) => return vec![not_ready(machine, place, error)],
    };
    // Under an id that no connection has, so that nothing of theirs is touched.
    let ready = match store.prove(Uuid::new_v4()).await {
        Err(error) => return vec![not_ready(machine, place, error)],
        Ok(()) => {
            let which = store.description().map(|which| shown!(" ({})", which)).unwrap_or_default();
            Check::pass(CheckId::StoreReady, shown!("the {} opens, and reads back what is written{}", kind, which))
        }
    };
    let mut checks = vec![ready.target(kind)];
    checks.extend(items.as_deref().map(|items| orphans(machine, store, items)));
    checks.extend(missing(machine, open, items.as_deref()).await);
    checks
}

/// A failure, unless nothing here needs the store: a machine whose variables
/// describe the connection works without one.
fn not_ready(machine: &Machine, place: &StorePlace, error: StoreError) -> Check {
    let store = error.store;
    let is_locked = error.trouble == Trouble::Locked;
    // Its key may be given at a terminal, where other commands ask for it.
    let wants_key = error.trouble == Trouble::NoKey;
    let mut check = Check::fail(CheckId::StoreReady, &error.into()).target(store.as_str());
    if is_locked {
        check = check.why("It needs its password, and this command does not prompt.");
    }
    if wants_key {
        check.status = Status::Warn;
        check = check.why("Its key is in no variable, and this command does not prompt.");
    }
    if profiles(machine).any(|profile| profile.store == *place) {
        return check;
    }
    let reason = if environment::is_described(&machine.variables) {
        "Nothing here needs it: the variables describe the connection."
    } else if machine.variables.text("SNOW_STORE").is_some_and(|chosen| chosen != store.as_str()) {
        "Nothing here needs it: no connection uses it, and SNOW_STORE chooses another store."
    } else {
        return check;
    };
    check.status = Status::Warn;
    check.why(reason)
}

/// Items that no connection names.
fn orphans(machine: &Machine, store: &dyn CredentialStore, items: &[StoredItem]) -> Check {
    let kind = store.kind().as_str();
    if machine.config.is_err() {
        let message = "items without a connection: unknown while the connections file cannot be read";
        return Check::skip(CheckId::StoreItems, message).target(kind);
    }
    let is_named = |item: &&StoredItem| {
        let key = ItemKey::of_account(&item.account);
        let is_its =
            |profile: &Profile, key: &ItemKey| profile.id == key.connection && profile.store.kind == store.kind();
        key.is_some_and(|key| profiles(machine).any(|profile| is_its(profile, &key)))
    };
    let orphans: Vec<&StoredItem> = items.iter().filter(|item| !is_named(item)).collect();
    let message = match orphans.len() {
        0 => {
            let message = shown!("every item of snow in the {} belongs to a connection", kind);
            return Check::pass(CheckId::StoreItems, message).target(kind);
        }
        1 => format!("1 item in the {kind} belongs to no connection of this file"),
        count => format!("{count} items in the {kind} belong to no connection of this file"),
    };
    let check = Check::warn(CheckId::StoreItems, Shown::outside(message))
        .target(kind)
        .why("Its connection was deleted from the file by hand, or is in another file (--config, SNOW_CONFIG_DIR).");
    // Each line can be typed as it stands: our accounts need no quotes, and
    // what another program chose as one is not repeated as a command.
    orphans.iter().fold(check, |check, item| match ItemKey::of_account(&item.account) {
        Some(_) => match store.deletion_of(&item.account) {
            Some(deletion) => check.next(Step::say("To delete it: ").and(deletion)),
            None => check,
        },
        None => check.next("Look at an item of service snow that is not one of snow's, as with Seahorse"),
    })
}

/// Connections that cannot sign in with what is stored.
async fn missing(machine: &Machine, open: &OpenStore, items: Option<&[StoredItem]>) -> Vec<Check> {
    let store = open.store.as_ref();
    let used: Vec<&Profile> = profiles(machine).filter(|profile| profile.store == open.place).collect();
    let mut checks: Vec<Check> = Vec::new();
    let needed = used.iter().flat_map(|profile| required(profile).into_iter().map(move |field| (profile, field)));
    for (profile, field) in needed {
        let field = &field;
        let key = ItemKey::of(profile, field.clone());
        let listed = items.map(|items| items.iter().find(|item| item.account == key.account()));
        let is_there = match listed {
            Some(None) => Ok(false),
            // It is not unlocked, and what it was saved for cannot be seen.
            Some(Some(item)) if item.is_locked => Ok(true),
            Some(Some(_)) | None => is_usable(store, profile, field).await,
        };
        let message = match (is_there, field) {
            (Ok(true), _) => continue,
            (Err(failure), _) => {
                let check = Check::fail(CheckId::StoreSecrets, &failure).target(profile.name.as_str());
                // The others work; this one wants a sign-in.
                let is_fixed = matches!(failure.code(), Code::OriginMismatch | Code::SecretUnreadable);
                checks.push(if is_fixed { Check { status: Status::Warn, ..check } } else { check });
                continue;
            }
            (Ok(false), field) if *field == Field::SESSION => format!("not signed in to {}", profile.name),
            (Ok(false), field) => format!("no {} is saved for {}", field.label(), profile.name),
        };
        let check = Check::warn(CheckId::StoreSecrets, Shown::outside(message)).target(profile.name.as_str());
        let check = check.why("It was signed out, or the item is gone from the store.").code(Code::NoCredential);
        checks.push(check.next(Step::run(shown!("snow login {}", profile.name))));
    }
    if checks.is_empty() && !used.is_empty() {
        checks.push(Check::pass(CheckId::StoreSecrets, "every connection has what it signs in with"));
    }
    checks
}

/// The items without which a connection does not work.
pub fn required(profile: &Profile) -> Vec<Field> {
    let auth = &profile.auth;
    let spec = MethodSpec::of(auth.method);
    let mut fields = Vec::from_iter((spec.needs)(auth));
    let secrets = spec.every_secret().filter(|usage| (usage.need)(auth, &GivenSecrets::default()).is_required());
    for field in secrets.map(|usage| &usage.input.item.field) {
        if !fields.contains(field) {
            fields.push(field.clone());
        }
    }
    fields.extend(profile.headers.iter().map(|header| gateway::item(header).field));
    fields
}

/// Whether this item is stored, for what the connection is by now.
async fn is_usable(store: &dyn CredentialStore, profile: &Profile, field: &Field) -> Result<bool, Failure> {
    let origins = origins_of(profile)?;
    if let (true, Some(client)) = (*field == Field::SESSION, profile.auth.client()) {
        return Ok(read_session(store, profile, client, &origins).await?.is_some());
    }
    let own = MethodSpec::of(profile.auth.method).secrets.iter().map(|secret| secret.input.item.clone());
    let mut items = own.chain(gateway::items(profile));
    let item = items.find(|item| item.field == *field).expect("what a connection needs is one of its items");
    Ok(read_secret(store, profile, &item, &origins).await?.is_some())
}

fn profiles(machine: &Machine) -> impl Iterator<Item = &Profile> {
    machine.config.iter().flat_map(|config| config.connections.values())
}

/// The secrets of this machine, for a search.
#[derive(Default)]
pub struct Secrets {
    redactor: Redactor,
    /// How many are searched for.
    pub count: usize,
    /// What is not searched for.
    pub unchecked: Vec<Unchecked>,
}

/// Something whose secret could not be searched for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Unchecked {
    /// A connection, an item or a variable.
    pub what: String,
    pub reason: String,
}

impl Secrets {
    /// Reads every secret of every store that opens without asking, and those
    /// of the variables.
    pub async fn read(machine: &Machine) -> Self {
        let mut secrets = Self::default();
        for store in &machine.stores {
            secrets.read_store(machine, store).await;
        }
        if let Err(failure) = &machine.config {
            secrets.omit("connections that no item names", failure.message().as_str());
        }
        secrets.read_variables(machine);
        secrets
    }

    /// Whether one of them is in `text`, in any encoding.
    pub fn stand_in(&self, text: &str) -> bool {
        self.redactor.finds(text)
    }

    /// `text` with every one of them masked, fit to be shown.
    pub fn mask(&self, text: &str) -> String {
        self.redactor.server_text(text).into()
    }

    async fn read_store(&mut self, machine: &Machine, open: &OpenStore) {
        let store = open.store.as_ref();
        for secret in store.secrets().await {
            self.add(&format!("what opens the {}", store.kind().as_str()), &secret);
        }
        let used = profiles(machine).filter(|profile| profile.store == open.place);
        match store.inventory().await {
            Err(error) => {
                for profile in used {
                    self.omit(profile.name.as_str(), error.failure().message().as_str());
                }
            }
            Ok(Some(items)) => {
                for item in items {
                    self.read_item(machine, store, &item).await;
                }
            }
            Ok(None) => {
                for profile in used {
                    for field in method::items().into_iter().chain(method::items_of(profile)) {
                        self.read_key(store, profile.name.as_str(), ItemKey::of(profile, field)).await;
                    }
                }
                let reason = format!("the {} does not list its items", store.kind().as_str());
                self.omit("items that no connection names", reason);
            }
        }
    }

    async fn read_item(&mut self, machine: &Machine, store: &dyn CredentialStore, item: &StoredItem) {
        let Some(key) = ItemKey::of_account(&item.account) else {
            return self.omit("an item of service snow", "it is not one of snow's");
        };
        let name = profiles(machine).find(|profile| profile.id == key.connection).map(|profile| profile.name.as_str());
        let what = name.unwrap_or(&item.account);
        match (item.is_locked, &key.field) {
            (true, _) => self.omit(what, "its item is locked"),
            (false, field) if *field == Field::PROBE => {}
            (false, _) => self.read_key(store, what, key).await,
        }
    }

    async fn read_key(&mut self, store: &dyn CredentialStore, what: &str, key: ItemKey) {
        match store.read(key.clone()).await {
            Ok(None) => {}
            Ok(Some(record)) => {
                let label = format!("{what} ({})", key.field.label());
                secrets_in(&record).iter().for_each(|secret| self.add(&label, secret));
            }
            Err(error) => self.omit(what, error.failure().message().as_str()),
        }
    }

    fn read_variables(&mut self, machine: &Machine) {
        let secrets = environment::secrets().map(|(secret, _)| secret);
        for name in secrets.chain(STORES.iter().flat_map(|spec| spec.secret_variables).copied()) {
            let Some(text) = machine.variables.text(name) else { continue };
            match Secret::derived(text.to_owned()) {
                Ok(secret) => self.add(name, &secret),
                Err(invalid) => self.omit(name, invalid.to_string()),
            }
        }
        for name in PROXY_VARIABLES {
            let user_info = machine.variables.text(name).and_then(|text| Some(text.rsplit_once('@')?.0));
            let password = user_info.and_then(|text| Some(text.rsplit_once(':')?.1));
            if let Some(Ok(secret)) = password.map(|password| Secret::derived(password.to_owned())) {
                self.add(name, &secret);
            }
        }
        let files = environment::secrets().map(|(_, file)| file);
        let files = files.chain(STORES.iter().flat_map(|spec| spec.secret_files).copied());
        for name in files.filter(|name| machine.variables.raw(name).is_some()) {
            self.omit(name, "files that a variable names are not opened");
        }
    }

    fn add(&mut self, what: &str, secret: &Secret) {
        if Redactor::can_search_for(secret) {
            self.redactor.add(secret);
            self.count += 1;
        } else {
            self.omit(what, "it is too short to be told from other text")
        }
    }

    fn omit(&mut self, what: &str, reason: impl Into<String>) {
        let unchecked = Unchecked { what: what.to_owned(), reason: reason.into() };
        if !self.unchecked.contains(&unchecked) {
            self.unchecked.push(unchecked);
        }
    }
}

/// What is said where one of them was found.
pub fn found_in(place: &str) -> Failure {
    Failure::new(Code::SecretInFile, shown!("no bundle was written: {} contains a saved secret", Shown::outside(place)))
        .why("It is there as it is or encoded, and would be sent with the file.")
        .next(
            Step::say("Take it out there, change that secret at the instance, and sign in again: ")
                .and_run("snow login NAME"),
        )
        .evidence("place", Shown::outside(place))
}
