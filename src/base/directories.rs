//! The directories of `snow`, by variables and the home directory.

use std::path::{Path, PathBuf};

use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files;
use crate::base::shown::shown;
use crate::base::variables::Variables;

/// What says where they are.
#[derive(Debug, Clone, Copy)]
pub struct Directories<'a> {
    pub variables: &'a Variables,
    pub home: Option<&'a Path>,
}

impl Directories<'_> {
    /// The directory of the connections file.
    pub fn config(&self) -> Result<PathBuf, Failure> {
        self.directory("SNOW_CONFIG_DIR", "XDG_CONFIG_HOME", ".config", "APPDATA", "")
    }

    /// The directory of what could be forgotten.
    pub fn state(&self) -> Result<PathBuf, Failure> {
        self.directory("SNOW_STATE_DIR", "XDG_STATE_HOME", ".local/state", "LOCALAPPDATA", "state")
    }

    /// The directory of the encrypted file of secrets.
    pub fn data(&self) -> Result<PathBuf, Failure> {
        self.directory("SNOW_DATA_DIR", "XDG_DATA_HOME", ".local/share", "LOCALAPPDATA", "")
    }

    /// The directory of the settings of another program.
    pub fn config_of(&self, program: &str) -> Option<PathBuf> {
        Some(self.base("XDG_CONFIG_HOME", ".config", "APPDATA")?.join(program))
    }

    fn base(&self, xdg: &str, under_home: &str, windows: &str) -> Option<PathBuf> {
        // The XDG specification: a relative path is to be ignored.
        let absolute = |name: &str| self.variables.path(name).filter(|path| path.is_absolute());
        if cfg!(windows) {
            return absolute(windows);
        }
        absolute(xdg).or_else(|| Some(self.home.filter(|home| home.is_absolute())?.join(under_home)))
    }

    fn directory(
        &self,
        own: &'static str,
        xdg: &str,
        under_home: &str,
        windows: &'static str,
        leaf: &str,
    ) -> Result<PathBuf, Failure> {
        let needed = if cfg!(windows) { windows } else { "HOME" };
        if let Some(path) = self.variables.path(own) {
            return Ok(files::absolute(&path));
        }
        let base = self.base(xdg, under_home, windows).ok_or_else(|| {
            Failure::new(Code::ConfigUnwritable, "no home directory for saving connections")
                .why(shown!("{} is not set to an absolute path.", needed))
                .next(shown!("Set {} or {} to a directory", needed, own))
        })?;
        let directory = base.join("snow");
        Ok(if cfg!(windows) { directory.join(leaf) } else { directory })
    }
}
