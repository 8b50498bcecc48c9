//! The commands of a connection, as its keys have them.

use super::Commands;
use super::helper::Helper;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, shown};
use crate::model::command::{command_of, command_text};
use crate::model::profile::StorePlace;
use crate::store::StoreSetting;

const READ: &str = "store_read";
const WRITE: &str = "store_write";
const DELETE: &str = "store_delete";
const HELPER: &str = "store_helper";

const fn command(key: &'static str, flag: &'static str, help: &'static str) -> StoreSetting {
    StoreSetting {
        key,
        flag,
        value_name: "COMMAND",
        help,
        is_command: true,
        read: |text| Ok(command_text(&command_of(text)?)),
    }
}

pub static SETTINGS: [StoreSetting; 4] = [
    command(READ, "store-read", "What prints a secret, as in 'pass show snow/{id}/{field}'"),
    command(WRITE, "store-write", "What is given a secret to save, on its standard input"),
    command(DELETE, "store-delete", "What deletes a secret"),
    StoreSetting {
        key: HELPER,
        flag: "store-helper",
        value_name: "NAME",
        help: "A credential helper of Docker instead: docker-credential-NAME",
        is_command: false,
        read: |text| command_of(&command_text(&[text.to_owned()])).map(|_| text.to_owned()),
    },
];

/// The commands of a connection, if they make a store.
pub fn commands(place: &StorePlace) -> Result<Commands, Failure> {
    let command = |key: &str| {
        let text = place.settings.get(key)?;
        Some(command_of(text).expect("it was checked where it came in"))
    };
    let invalid = |message: Shown| {
        Err(Failure::new(Code::ConfigInvalid, message)
            .next("Give what reads with --store-read 'COMMAND', or a helper with --store-helper NAME"))
    };
    match (place.settings.get(HELPER), command(READ)) {
        (Some(_), _) if [READ, WRITE, DELETE].iter().any(|key| place.settings.contains_key(key)) => {
            invalid(shown!("the store has {} and other commands: only one of them can be used", HELPER))
        }
        (Some(name), _) => Ok(Commands::Helper(Helper::new(name))),
        (None, Some(read)) => Ok(Commands::Own { read, write: command(WRITE), delete: command(DELETE) }),
        (None, None) => invalid(shown!("the store command has no {}", READ)),
    }
}

/// The rows of a table.
pub fn rows(place: &StorePlace) -> Vec<(&'static str, Shown)> {
    let rows =
        SETTINGS.iter().filter_map(|setting| Some((setting.key, Shown::outside(place.settings.get(setting.key)?))));
    let has_own = place.settings.contains_key(READ);
    rows.chain(has_own.then(|| ("origins", super::UNBOUND.into()))).collect()
}
