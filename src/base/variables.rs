//! The environment variables of a process, as a value.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::code::Code;
use crate::base::duration::duration;
use crate::base::error::Failure;
use crate::base::files;
use crate::base::shown::{Shown, shown, without_value};

/// The environment variables at the start. Some hold secrets, so only their
/// names can be formatted.
#[derive(Clone, Default)]
pub struct Variables {
    values: BTreeMap<OsString, OsString>,
    /// What `~` means in a path.
    home: Option<PathBuf>,
}

impl std::fmt::Debug for Variables {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.values.keys()).finish()
    }
}

/// A name as it is kept. Windows does not tell `Path` from `PATH`.
fn key(name: &OsStr) -> OsString {
    if cfg!(windows) { name.to_ascii_uppercase() } else { name.to_owned() }
}

impl Variables {
    pub fn new<K: Into<OsString>, V: Into<OsString>>(variables: impl IntoIterator<Item = (K, V)>) -> Self {
        let values = variables.into_iter().map(|(name, value)| (key(&name.into()), value.into())).collect();
        let mut variables = Self { values, home: None };
        variables.home = variables.path(if cfg!(windows) { "USERPROFILE" } else { "HOME" });
        variables
    }

    /// The same for a user whose home no variable names.
    pub fn with_home(self, home: Option<PathBuf>) -> Self {
        Self { home: self.home.or(home), ..self }
    }

    /// What `~` means in a path.
    pub fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// The value as it is, also when empty.
    pub fn raw(&self, name: &str) -> Option<&OsStr> {
        self.values.get(&key(OsStr::new(name))).map(OsString::as_os_str)
    }

    /// The value as text; nothing where it is unset, empty or not UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.raw(name).and_then(OsStr::to_str).filter(|text| !text.is_empty())
    }

    /// What is set, by its name.
    pub fn all(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.values.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// A switch: set, not empty, and neither `0` nor `false`.
    pub fn is_on(&self, name: &str) -> bool {
        self.raw(name).is_some_and(|value| !value.is_empty() && value != "0" && !value.eq_ignore_ascii_case("false"))
    }

    /// The value as a path, with the home for `~`; nothing where it is unset or empty.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        let value = self.raw(name).filter(|value| !value.is_empty())?;
        Some(files::at_home(Path::new(value), self.home.as_deref()))
    }

    /// The value as a duration; nothing where it is unset or empty.
    pub fn duration(&self, name: &'static str) -> Result<Option<Duration>, Failure> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        duration(text).map(Some).map_err(|reason| {
            Failure::new(Code::Usage, shown!("{}: {}", name, Shown::outside(without_value(&reason))))
                .next(shown!("Correct or unset {}", name))
        })
    }

    /// Whether windows can be shown here.
    pub fn has_display(&self) -> bool {
        self.text("DISPLAY").is_some() || self.text("WAYLAND_DISPLAY").is_some()
    }
}
