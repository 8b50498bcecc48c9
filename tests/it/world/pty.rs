//! A terminal that a test types into.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rexpect::process::WaitStatus;
use rexpect::session::{PtySession, spawn_command};
use rustix::termios::{LocalModes, Termios, tcgetattr};

use super::canary::Canaries;
use super::process::tool;

pub use rexpect::process::Signal;

/// A command on a terminal of its own. What it says is searched for secrets.
pub struct Terminal {
    session: PtySession,
    master: File,
    before: Termios,
    screen: String,
    home: PathBuf,
}

impl Terminal {
    /// Runs `command` as the first process of the terminal.
    pub fn start(home: &Path, command: &Command) -> Self {
        Self::script(home, r#"exec "$@""#, command)
    }

    /// Runs a shell script that has `command` as its arguments.
    pub fn script(home: &Path, script: &str, command: &Command) -> Self {
        // rexpect starts with the echo off; a person's terminal does not.
        let mut shell = tool("sh");
        shell.args(["-c", &format!("stty echo\necho ready\nread -r _\n{script}"), "sh"]);
        shell.arg(command.get_program()).args(command.get_args());
        shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.env("TERM", "xterm").env("NO_COLOR", "1").current_dir(home);
        let mut session = spawn_command(shell, Some(10_000)).expect("a terminal");
        session.exp_string("ready\r\n").expect("the shell runs");
        let master = session.process().get_file_handle().expect("the master of the terminal");
        let before = tcgetattr(&master).expect("the modes of the terminal");
        assert!(before.local_modes.contains(LocalModes::ECHO));
        let mut terminal = Self { session, master, before, screen: String::new(), home: home.to_owned() };
        terminal.send("\n");
        terminal
    }

    /// Waits until `text` is on the screen.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        match self.session.exp_string(text) {
            Ok(before) => self.screen.push_str(&format!("{before}{text}")),
            Err(error) => panic!("{text:?} does not come: {error}; before it: {}", self.screen),
        }
    }

    /// Waits until `text` is on the screen; gives what follows it in its line.
    #[track_caller]
    pub fn wait_for_line(&mut self, text: &str) -> String {
        self.wait_for(text);
        let rest = self.session.read_line().expect("the line ends");
        self.screen.push_str(&format!("{rest}\n"));
        rest.trim_end().to_owned()
    }

    /// Types.
    pub fn send(&mut self, keys: &str) {
        self.session.send(keys).and_then(|_| self.session.flush()).expect("the terminal takes keys");
    }

    /// Sends a signal to the first process.
    pub fn signal(&mut self, signal: Signal) {
        self.session.process_mut().signal(signal).expect("it runs");
    }

    /// Whether what is typed now would be shown.
    pub fn shows_keys(&self) -> bool {
        self.modes().local_modes.contains(LocalModes::ECHO)
    }

    /// Waits until the modes are what they were before the command.
    #[track_caller]
    pub fn expect_modes_as_before(&self) {
        let deadline = Instant::now() + Duration::from_secs(5);
        let summary = |modes: &Termios| (modes.input_modes, modes.output_modes, modes.control_modes, modes.local_modes);
        while summary(&self.modes()) != summary(&self.before) {
            assert!(Instant::now() < deadline, "{:?} is left of {:?}", self.modes(), self.before);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for the end; gives the exit code and everything that was shown.
    #[track_caller]
    pub fn end(mut self) -> (i32, String) {
        self.screen.push_str(&self.session.exp_eof().expect("it ends"));
        self.expect_modes_as_before();
        let code = match self.session.process().wait().expect("it ends") {
            WaitStatus::Exited(_, code) => code,
            other => panic!("{other:?}: {}", self.screen),
        };
        let mut canaries = Canaries::usual();
        canaries.heard(&self.screen);
        canaries.search(&self.home);
        (code, self.screen)
    }

    fn modes(&self) -> Termios {
        tcgetattr(&self.master).expect("the modes of the terminal")
    }
}
