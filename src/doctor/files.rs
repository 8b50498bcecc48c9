//! The connections file and the state directory: can they be used, by whom
//! else, and does anything stand there that should not.

use std::path::Path;
use std::time::Duration;

use super::{Check, CheckId, Machine, secret_keys};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files::{self, Lock};
use crate::base::shown::{Shown, Step, shown};

/// A file larger than this is no connections file, which reading says.
const MAX_BYTES: u64 = 8 * 1024 * 1024;
/// So many keys are named one by one.
const NAMED: usize = 5;

pub fn config(machine: &Machine) -> Vec<Check> {
    let file = match &machine.config_file {
        Ok(file) => file,
        Err(failure) => return vec![Check::fail(CheckId::ConfigFile, failure)],
    };
    let path = &file.path;
    let shown = path.display();
    let mut checks = vec![match &machine.config {
        Err(failure) => Check::fail(CheckId::ConfigFile, failure),
        Ok(_) if !path.exists() => Check::pass(CheckId::ConfigFile, shown!("no connection is saved yet in {}", shown)),
        Ok(config) => match config.connections.len() {
            1 => Check::pass(CheckId::ConfigFile, shown!("1 connection in {}", shown)),
            count => Check::pass(CheckId::ConfigFile, shown!("{} connections in {}", count, shown)),
        },
    }];
    if path.exists() {
        checks.extend(permissions(path));
        checks.extend(secrets(path));
    }
    checks
}

/// Who else may read or change the file and its directory.
#[cfg(unix)]
fn permissions(path: &Path) -> Vec<Check> {
    use std::os::unix::fs::PermissionsExt;

    let directory = path.parent().map(|directory| (directory, "700"));
    let wrong: Vec<Check> = directory
        .into_iter()
        .chain([(path, "600")])
        .filter_map(|(path, mode)| {
            let (what, why) = match path.metadata().ok()?.permissions().mode() {
                mode if mode & 0o022 != 0 => ("changed", "They could lead your connections to another instance."),
                mode if mode & 0o077 != 0 => ("read", "It holds no secret, but says where you sign in and as whom."),
                _ => return None,
            };
            let message = shown!("{} can be {} by other users of this machine", path.display(), what);
            let check = Check::warn(CheckId::ConfigPermissions, message).why(why);
            Some(check.next(shown!("chmod {} {}", mode, Shown::outside(super::quoted(path)))))
        })
        .collect();
    if wrong.is_empty() {
        vec![Check::pass(CheckId::ConfigPermissions, "only you can read and change the file and its directory")]
    } else {
        wrong
    }
}

#[cfg(not(unix))]
fn permissions(_: &Path) -> Vec<Check> {
    vec![Check::skip(CheckId::ConfigPermissions, "file permissions are not checked on this system")]
}

fn secrets(path: &Path) -> Option<Check> {
    let bytes = files::read(path, MAX_BYTES).ok()??;
    let found = secret_keys::find(&String::from_utf8_lossy(&bytes));
    let Some(first) = found.first() else {
        return Some(Check::pass(CheckId::ConfigSecrets, "no key in it looks like a secret"));
    };
    let named: Vec<String> = found
        .iter()
        .take(NAMED)
        .map(|key| {
            let comment = if key.is_comment { ", in a comment" } else { "" };
            format!("{} in line {}{comment}", key.path, key.line)
        })
        .collect();
    let more = if found.len() > NAMED { format!(", and {} more", found.len() - NAMED) } else { String::new() };
    let place = format!("{}:{}", path.display(), first.line);
    let failure = Failure::new(Code::SecretInFile, shown!("{} seems to hold a secret", Shown::outside(&place)))
        .why(shown!(
            "{}{}. snow reads no secret from this file, and keeps it as it is.",
            Shown::outside(named.join("; ")),
            Shown::outside(&more)
        ))
        .next(
            Step::say("Delete the line, change that secret at the instance, and sign in again: ")
                .and_run("snow login NAME"),
        );
    Some(Check::fail(CheckId::ConfigSecrets, &failure))
}

pub fn state(machine: &Machine) -> Vec<Check> {
    let state = match &machine.state {
        Ok(state) => state,
        Err(failure) => return vec![Check::fail(CheckId::StateDirectory, failure)],
    };
    let directory = &state.directory;
    let shown = directory.display();
    // What is missing is made when it is needed, in what is there.
    let Some(existing) = directory.ancestors().find(|ancestor| ancestor.exists()) else {
        return vec![Check::skip(CheckId::StateDirectory, shown!("{} has no parent that exists", shown))];
    };
    let probe = tempfile::Builder::new().prefix(".snow-").suffix(".tmp").tempfile_in(existing);
    let probe = match probe {
        Ok(probe) => probe,
        Err(error) => {
            let failure = Failure::new(Code::ConfigUnwritable, shown!("{} cannot be written: {}", shown, error))
                .why("The lock for changes is there, so no connection can be changed.")
                .next("Check permissions and free space there, or set SNOW_STATE_DIR to another directory");
            return vec![Check::fail(CheckId::StateDirectory, &failure)];
        }
    };
    let mut checks = vec![if existing == directory {
        Check::pass(CheckId::StateDirectory, shown!("writable: {}", shown))
    } else {
        Check::pass(CheckId::StateDirectory, shown!("will be created when needed: {}", shown))
    }];
    checks.push(locks(probe.path()));
    if existing == directory && is_held(&state.config_lock()) {
        let held = Check::warn(CheckId::StateLocks, "another snow is changing the connections right now");
        checks.push(held.why("It holds the lock. Changes wait for it, up to 30 seconds."));
    }
    checks
}

/// Two handles to one file must not both get its lock.
fn locks(probe: &Path) -> Check {
    let first = Lock::acquire(probe, Duration::ZERO);
    let second = Lock::acquire(probe, Duration::ZERO);
    let reason = match (&first, &second) {
        (Ok(Some(_)), Ok(None)) => return Check::pass(CheckId::StateLocks, "locks work"),
        (Err(error), _) | (_, Err(error)) => error.to_string(),
        _ => "two got the same one".to_owned(),
    };
    let failure = Failure::new(
        Code::ConfigUnwritable,
        shown!("locks do not work in the state directory: {}", Shown::outside(&reason)),
    )
    .why("Two processes could change the connections, or renew a session, at the same moment.")
    .next("Set SNOW_STATE_DIR to a directory on a local disk");
    Check::fail(CheckId::StateLocks, &failure)
}

/// Whether another process holds this lock. A lock file that is not there is
/// not made for the question.
fn is_held(lock: &Path) -> bool {
    lock.exists() && matches!(Lock::acquire(lock, Duration::ZERO), Ok(None))
}
