//! Opening the store of a command: nothing is run yet.

use std::sync::{Arc, Mutex};

use super::settings::{SETTINGS, commands, rows};
use super::{CommandStore, Commands, KIND};
use crate::base::error::Failure;
use crate::model::profile::StorePlace;
use crate::store::{Access, CredentialStore, Opener, StoreSpec, Surroundings};

pub static SPEC: StoreSpec = StoreSpec {
    kind: KIND,
    heading: "Other programs that keep secrets",
    is_shared: false,
    secret_variables: &[],
    secret_files: &[],
    durations: &[],
    settings: &SETTINGS,
    shown: |place, _| rows(place),
    opener: || Box::<CommandOpener>::default(),
    causes: Vec::new,
};

/// The stores of this run.
#[derive(Default)]
struct CommandOpener(Vec<(StorePlace, Arc<CommandStore>)>);

impl Opener for CommandOpener {
    fn open(
        &mut self,
        place: &StorePlace,
        surroundings: &mut dyn Surroundings,
        _: Access,
    ) -> Result<Option<Arc<dyn CredentialStore>>, Failure> {
        if let Some((_, store)) = self.0.iter().find(|(other, _)| other == place) {
            return Ok(Some(store.clone()));
        }
        let own = surroundings.variables().all().map(|(name, _)| name);
        let hidden = own.filter(|name| name.to_string_lossy().starts_with("SNOW_")).map(ToOwned::to_owned).collect();
        let store = Arc::new(CommandStore { commands: commands(place)?, hidden, doubtful: Mutex::default() });
        self.0.push((place.clone(), store.clone()));
        Ok(Some(store))
    }

    fn kept_in(&self, place: &StorePlace, _: &dyn Surroundings) -> String {
        match commands(place) {
            Ok(Commands::Helper(helper)) => format!("with {}", helper.program()),
            Ok(Commands::Own { read, write: None, .. }) => format!("where {} reads it", read[0]),
            Ok(Commands::Own { write: Some(write), .. }) => format!("by {}", write[0]),
            Err(_) => "nowhere".to_owned(),
        }
    }
}
