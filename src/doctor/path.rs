//! Which program the word `snow` starts. Snowflake's command-line tool has the
//! same name. Programs are looked at, and never started.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{Check, CheckId, Machine, quoted};
use crate::base::shown::{Shown, shown};

/// A start script says what it starts within its first lines.
const HEAD_BYTES: u64 = 8 * 1024;

pub fn examine(machine: &Machine) -> Vec<Check> {
    let name = if cfg!(windows) { "snow.exe" } else { "snow" };
    let canonical = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let own = machine.program.as_deref().map(canonical);
    let found: Vec<PathBuf> = find(machine, OsStr::new(name)).collect();
    let mut others: Vec<(usize, &PathBuf)> = Vec::new();
    for (place, path) in found.iter().enumerate() {
        let is_own = Some(canonical(path)) == own;
        let is_twin = others.iter().any(|(_, other)| canonical(other) == canonical(path));
        if !is_own && !is_twin {
            others.push((place, path));
        }
    }
    let own_place = found.iter().position(|path| Some(canonical(path)) == own);
    if others.is_empty() {
        return vec![match own_place {
            Some(place) => Check::pass(CheckId::PathSnow, shown!("snow is {}", found[place].display())),
            None => Check::pass(CheckId::PathSnow, "snow is not on the PATH"),
        }];
    }
    others
        .into_iter()
        .map(|(place, path)| {
            let what = describe(path);
            let shown = path.display();
            if own_place.is_some_and(|own| own < place) {
                return Check::pass(
                    CheckId::PathSnow,
                    shown!("another snow comes later on the PATH: {}{}", shown, what),
                );
            }
            let alias = machine.program.as_deref().map_or_else(|| "FILE".to_owned(), quoted);
            Check::warn(CheckId::PathSnow, shown!("snow starts another program: {}{}", shown, what))
                .why("It comes first on the PATH. The commands in the messages of this program would go to it.")
                .next(shown!("Give this one another name: alias sncon={}", Shown::outside(&alias)))
                .next("Put the directory of this one first on the PATH")
        })
        .map(|check| check.target("snow"))
        .collect()
}

/// The programs of this name, as a shell would find them.
pub fn find<'a>(machine: &'a Machine, name: &'a OsStr) -> impl Iterator<Item = PathBuf> + 'a {
    let directories = machine.variables.raw("PATH").map(std::env::split_paths).into_iter().flatten();
    directories
        .filter(|directory| directory.is_absolute())
        .map(move |directory| directory.join(name))
        .filter(is_program)
}

#[cfg(unix)]
pub(super) fn is_program(path: &PathBuf) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
pub(super) fn is_program(path: &PathBuf) -> bool {
    path.is_file() || path.with_extension("exe").is_file()
}

/// What a program says of itself without being started: its place and, where
/// it is a script, its first lines.
fn describe(path: &Path) -> &'static str {
    let mut head = Vec::new();
    if let Ok(file) = std::fs::File::open(path) {
        let _ = file.take(HEAD_BYTES).read_to_end(&mut head);
    }
    let target = path.canonicalize().unwrap_or_default().to_string_lossy().to_lowercase();
    let is_script = head.starts_with(b"#!");
    let says_snowflake = is_script && String::from_utf8_lossy(&head).to_lowercase().contains("snowflake");
    if says_snowflake || target.contains("snowflake") { " (Snowflake's command-line tool)" } else { "" }
}
