//! Root, by `sudo`, with the home of the user who typed it.
//!
//! What root makes there locks that user out, of `~/.config` too if it is the first.
//! Ownership alone says nothing: a container may run as root in a home of another user.

use std::path::Path;

use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files;
use crate::base::shown::shown;
use crate::base::variables::Variables;

/// Refuses a path that belongs to the user who called for root.
pub fn refuse(variables: &Variables, path: &Path) -> Result<(), Failure> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let caller = ["SUDO_UID", "PKEXEC_UID"].iter().find_map(|name| variables.text(name)?.parse::<u32>().ok());
    let is_of_caller = |owner: u32| match caller {
        Some(caller) => owner == caller,
        None => variables.text("DOAS_USER").is_some(),
    };
    if !files::owner(path).is_some_and(|owner| owner != 0 && is_of_caller(owner)) {
        return Ok(());
    }
    let message = shown!("snow runs as root, by sudo, and {} is not root's", path.display());
    Err(Failure::new(Code::ConfigUnwritable, message)
        .why("Files that root makes there lock out the user it belongs to. Nothing was changed.")
        .next("Run the command again without sudo")
        .next("For connections of root itself, give root its own home: sudo -H"))
}
