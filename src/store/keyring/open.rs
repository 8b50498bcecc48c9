//! Opening the keyring, once a run.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use super::{Desktop, KIND, KeyringStore, Notice};
use crate::base::error::Failure;
use crate::model::profile::StorePlace;
use crate::store::{Access, CredentialStore, Opener, StoreSpec, Surroundings};

/// How long a call may take.
const TIMEOUT: &str = "SNOW_KEYRING_TIMEOUT";
/// The same by default: with a person who may have to unlock it, and
/// without one.
const TIMEOUTS: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(10));

pub static SPEC: StoreSpec = StoreSpec {
    kind: KIND,
    heading: "Keyring",
    is_shared: false,
    secret_variables: &[],
    secret_files: &[],
    durations: &[TIMEOUT],
    settings: &[],
    shown: |_, _| Vec::new(),
    opener: || Box::new(KeyringOpener(None)),
    causes: || super::error::causes(),
};

struct KeyringOpener(Option<Arc<dyn CredentialStore>>);

impl Opener for KeyringOpener {
    fn open(
        &mut self,
        _: &StorePlace,
        surroundings: &mut dyn Surroundings,
        _: Access,
    ) -> Result<Option<Arc<dyn CredentialStore>>, Failure> {
        if let Some(store) = &self.0 {
            return Ok(Some(store.clone()));
        }
        let (with_person, without) = TIMEOUTS;
        let usual = if surroundings.is_interactive() { with_person } else { without };
        let timeout = surroundings.duration(TIMEOUT)?.unwrap_or(usual);
        let notice = surroundings.is_interactive() && !surroundings.is_quiet();
        let notice = notice.then(|| Box::new(say_it_is_slow) as Notice);
        let desktop = Desktop::of(surroundings.variables());
        let store = match surroundings.keyring() {
            Some(store) => store,
            None => Arc::new(KeyringStore::new(timeout, desktop, notice)),
        };
        Ok(Some(self.0.insert(store).clone()))
    }

    fn kept_in(&self, _: &StorePlace, _: &dyn Surroundings) -> String {
        "in your keyring".to_owned()
    }
}

/// Said while the keyring holds everything up, so past the console.
fn say_it_is_slow() {
    let _ = writeln!(std::io::stderr(), "Waiting for the keyring. It may prompt for its password in a window.");
}
