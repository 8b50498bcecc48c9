//! What changes how other programs use a connection: `~/.netrc`, and variables of theirs.
//! Names are shown, and no value.

use std::path::Path;

use super::{Check, CheckId, Machine};
use crate::base::files;
use crate::base::shown::{Shown, Step, shown};
use crate::model::profile::Profile;
use crate::service::tools;

/// A longer one is not read.
const MAX_BYTES: u64 = 1024 * 1024;

pub fn examine(machine: &Machine) -> Vec<Check> {
    let mut checks: Vec<Check> = netrc(machine).into_iter().collect();
    checks.extend(variables(machine));
    checks
}

/// The file of machines and passwords, where curl and Python look for it.
fn netrc(machine: &Machine) -> Option<Check> {
    let variable = machine.variables.path("NETRC");
    let usual = |name: &str| machine.home.as_ref().map(|home| home.join(name));
    let places = variable.into_iter().chain(usual(".netrc")).chain(usual("_netrc"));
    let (path, text) = places.into_iter().find_map(|path| Some((path.clone(), read(&path)?)))?;
    let hosts = hosts(&text);
    let is_named = |profile: &&Profile| hosts.iter().any(|host| host.eq_ignore_ascii_case(profile.instance.host()));
    let names: Vec<&str> =
        machine.config.as_ref().ok()?.connections.values().filter(is_named).map(|it| it.name.as_str()).collect();
    if names.is_empty() {
        return None;
    }
    let message = shown!("{} has an entry for the instance of {}", path.display(), Shown::outside(names.join(", ")));
    let check = Check::warn(CheckId::FilesNetrc, message)
        .why("Python requests uses it instead of the token that a program sets, and curl -n uses it too.")
        .next("Remove the entry, or set NETRC to an empty file for that program");
    Some(check)
}

fn read(path: &Path) -> Option<String> {
    let bytes = files::read(path, MAX_BYTES).ok()??;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The machines of a netrc file. Words are between spaces and line ends; comments begin
/// with `#`.
fn hosts(text: &str) -> Vec<&str> {
    let lines = text.lines().map(|line| line.split_once(" #").map_or(line, |(line, _)| line));
    let mut words = lines.filter(|line| !line.trim_start().starts_with('#')).flat_map(str::split_whitespace);
    let mut hosts = Vec::new();
    while let Some(word) = words.next() {
        if word == "machine" {
            hosts.extend(words.next());
        }
    }
    hosts
}

/// What other tools would read instead of a connection. Our own are looked at elsewhere.
fn variables(machine: &Machine) -> Vec<Check> {
    let is_theirs = |name: &str| name != "NETRC" && !name.starts_with("SNOW_");
    let mut checks = Vec::new();
    for tool in tools::all() {
        let names = machine.variables.all().map(|(name, _)| name.to_string_lossy());
        let mut set: Vec<String> =
            names.filter(|name| is_theirs(name) && tool.minds(name)).map(|name| name.into_owned()).collect();
        if set.is_empty() {
            continue;
        }
        set.sort();
        let (verb, what, why) = match set.len() {
            1 => ("is", "it", "It overrides what the tool itself has saved."),
            _ => ("are", "them", "They override what the tool itself has saved."),
        };
        let set = Shown::outside(set.join(", "));
        let message = shown!("{} {} set, and {} reads {}", set, verb, tool.name, what);
        let run = shown!("snow exec NAME --for {} -- CMD", tool.name);
        checks.push(
            Check::warn(CheckId::EnvironmentTools, message)
                .why(why)
                .next(Step::say("Run it with a connection of snow instead: ").and_run(run)),
        );
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::hosts;

    #[test]
    fn the_machines_of_a_netrc_are_found_in_every_layout() {
        let text = "# machine no\nmachine a.example login x password y\n\nmachine\n  b.example\nlogin machine-like\n\
                    default login z password machine # machine c.example\n";
        assert_eq!(hosts(text), ["a.example", "b.example"]);
    }
}
