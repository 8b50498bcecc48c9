//! The system that the program runs on: this one, Windows as wine plays it, or
//! an empty root.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// Where the program runs. A story does not ask; what differs is here.
pub enum System {
    /// This one, unless it is Windows.
    Unix,
    /// A directory that is the root of the program: no libc, no certificates.
    EmptyRoot { root: PathBuf },
    /// Windows. `launcher` starts the program there: what it sets, wine does not
    /// change, and it presses keys. `wine` is what starts the launcher.
    Windows { wine: Option<OsString>, launcher: PathBuf },
}

/// A key that a person presses at a running program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-Break, or Ctrl-\ on Unix.
    Break,
}

impl System {
    /// As the variables of `tests/windows` and `tests/static` say.
    pub fn of_this_run() -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        match (variable("SNOW_STORIES_ROOT"), variable("SNOW_STORIES_LAUNCHER")) {
            (Some(root), None) => Self::EmptyRoot { root: root.into() },
            (None, Some(launcher)) => Self::Windows { wine: variable("SNOW_STORIES_WINE"), launcher: launcher.into() },
            (None, None) if cfg!(unix) => Self::Unix,
            _ => panic!("on Windows, SNOW_STORIES_LAUNCHER names what starts the program: see tests/windows"),
        }
    }

    pub fn is_windows(&self) -> bool {
        matches!(self, Self::Windows { .. })
    }

    /// Whether a certificate can be checked there. Wine cannot.
    pub fn checks_certificates(&self) -> bool {
        !matches!(self, Self::Windows { wine: Some(_), .. })
    }

    /// Whether the system has certificate authorities.
    pub fn has_authorities(&self) -> bool {
        !matches!(self, Self::EmptyRoot { .. } | Self::Windows { wine: Some(_), .. })
    }

    /// The directory in which a home is made.
    pub fn homes(&self) -> PathBuf {
        match self {
            Self::EmptyRoot { root } => root.join("home"),
            _ => std::env::temp_dir(),
        }
    }

    /// A path as the program sees it.
    pub fn seen(&self, path: &Path) -> String {
        let path = path.to_str().expect("a path of a test is text");
        match self {
            Self::EmptyRoot { root } => path.strip_prefix(root.to_str().unwrap()).expect("below the root").to_owned(),
            Self::Windows { wine: Some(_), .. } => format!("Z:{}", path.replace('/', "\\")),
            _ => path.to_owned(),
        }
    }

    /// The directories that a person has there, by the variables that say so.
    pub fn directories(&self, home: &Path) -> Vec<(&'static str, String)> {
        let below = |leaf: &str| self.seen(&home.join(leaf));
        if self.is_windows() {
            vec![
                ("APPDATA", below("AppData/Roaming")),
                ("LOCALAPPDATA", below("AppData/Local")),
                ("USERPROFILE", self.seen(home)),
                // As Git Bash has it. It changes nothing.
                ("HOME", "/c/Users/elsewhere".to_owned()),
            ]
        } else {
            vec![("HOME", self.seen(home))]
        }
    }

    /// Where the connections are, below the home.
    pub fn config(&self, home: &Path) -> PathBuf {
        home.join(if self.is_windows() { "AppData/Roaming/snow/config.toml" } else { ".config/snow/config.toml" })
    }

    /// Where what could be forgotten is, below the home.
    pub fn state(&self, home: &Path) -> PathBuf {
        home.join(if self.is_windows() { "AppData/Local/snow/state" } else { ".local/state/snow" })
    }

    /// A command of `program` with these variables and no others, in `home`.
    /// `keys` is a file for [`System::press`].
    pub fn command(&self, program: &Path, variables: &[(String, String)], home: &Path, keys: Option<&Path>) -> Command {
        let mut command = match self {
            Self::Unix => Command::new(program),
            Self::EmptyRoot { root } => {
                let mut command = Command::new("unshare");
                // In a namespace of users, so that nobody has to be root for it.
                command.args(["--map-current-user", "--root"]).arg(root);
                command.args(["--wd", &self.seen(home), "/snow"]);
                command
            }
            Self::Windows { wine, launcher } => {
                let mut words =
                    wine.iter().chain([launcher.as_os_str().to_owned()].iter()).cloned().collect::<Vec<_>>();
                let mut command = Command::new(words.remove(0));
                command.args(words);
                command
            }
        };
        command.current_dir(home).env_clear();
        // What the system itself needs of its variables.
        for name in ["PATH", "WINEPREFIX", "WINEDEBUG", "WINEDLLOVERRIDES", "SYSTEMROOT", "LANG"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if self.is_windows() {
            // It sets them itself, once wine has set those that it thinks right.
            command.args(variables.iter().map(|(name, value)| format!("{name}={value}")));
            command.args(keys.map(|keys| format!("STORY_KEYS={}", self.seen(keys))));
            command.arg("--").arg(self.seen(program));
        } else {
            command.envs(variables.iter().cloned());
        }
        command
    }

    /// Presses a key at a program that was started with this file for it.
    pub fn press(&self, key: Key, program: &Child, keys: &Path) {
        if self.is_windows() {
            std::fs::write(keys, if key == Key::Interrupt { "c" } else { "b" }).unwrap();
        } else {
            let signal = if key == Key::Interrupt { "-INT" } else { "-QUIT" };
            let sent = Command::new("kill").args([signal, &program.id().to_string()]).status().unwrap();
            assert!(sent.success());
        }
    }
}
