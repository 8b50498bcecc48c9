//! A real D-Bus session with a real keyring daemon, in a home of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Outcome;
use super::canary::Canaries;
use super::process::{Guard, finish, signal, snow, tool};

/// A database that gives the Secret Service its one group.
const KEEPASSXC_DATABASE: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>
<KeePassFile><Meta><Generator>KeePassXC</Generator><DatabaseName>test</DatabaseName><CustomData><Item>
<Key>FDO_SECRETS_EXPOSED_GROUP</Key><Value>{00112233-4455-6677-8899-aabbccddeeff}</Value>
</Item></CustomData></Meta><Root><Group>
<UUID>ABEiM0RVZneImaq7zN3u/w==</UUID><Name>Root</Name></Group></Root></KeePassFile>";

/// It is the Secret Service, and shows no window.
const KEEPASSXC_SETTINGS: &str = "[General]
ConfigVersion=2
SingleInstance=false
UpdateCheckMessageShown=true
[GUI]
CheckForUpdates=false
[FdoSecrets]
Enabled=true
ShowNotification=false
ConfirmDeleteItem=false
ConfirmAccessItem=false
";

/// A session bus, perhaps with a keyring on it, and a home.
pub struct Session {
    home: tempfile::TempDir,
    address: String,
    bus: Guard,
    daemon: Option<Guard>,
    variables: Vec<(String, String)>,
    canaries: Canaries,
}

impl Session {
    /// A bus that nothing is on, and that starts nothing by itself.
    pub fn without_keyring() -> Self {
        Self::on_bus(tempfile::tempdir().expect("a temporary home"))
    }

    /// A bus that starts an unlocked gnome-keyring when it is asked for it, as
    /// a desktop does.
    pub fn with_activation() -> Self {
        let _ = tool("gnome-keyring-daemon");
        let home = tempfile::tempdir().expect("a temporary home");
        let place = home.path().display();
        let script = format!(
            "export HOME={place} XDG_RUNTIME_DIR={place}\necho $$ >{place}/daemon\n\
             printf keyring-password >{place}/unlock\n\
             exec gnome-keyring-daemon --foreground --unlock --components=secrets <{place}/unlock >{place}/log 2>&1\n"
        );
        std::fs::write(home.path().join("start"), script).unwrap();
        let service = format!("[D-BUS Service]\nName=org.freedesktop.secrets\nExec=/bin/sh {place}/start\n");
        std::fs::create_dir(home.path().join("services")).unwrap();
        std::fs::write(home.path().join("services/org.freedesktop.secrets.service"), service).unwrap();
        Self::on_bus(home)
    }

    /// Kills the daemon that the bus started.
    pub fn kill_activated(&self) {
        let process = std::fs::read_to_string(self.home().join("daemon")).expect("the bus started one");
        let mut kill = Command::new("kill");
        kill.args(["-9", process.trim()]);
        finish(kill, b"");
    }

    /// Kills the bus itself.
    pub fn stop_bus(&mut self) {
        let _ = self.bus.0.kill();
        let _ = self.bus.0.wait();
    }

    fn on_bus(home: tempfile::TempDir) -> Self {
        let config = home.path().join("bus.conf");
        std::fs::write(
            &config,
            format!(
                "<busconfig><type>session</type><listen>unix:path={0}/bus</listen>\
             <servicedir>{0}/services</servicedir><policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>\
             <allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>",
                home.path().display()
            ),
        )
        .unwrap();
        let mut bus = tool("dbus-daemon");
        bus.arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--print-address"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut bus = Guard(bus.spawn().expect("dbus-daemon starts"));
        let mut address = String::new();
        let stdout = bus.0.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut address).expect("dbus-daemon prints its address");
        Self {
            home,
            address: address.trim().to_owned(),
            bus,
            daemon: None,
            variables: Vec::new(),
            canaries: Canaries::usual(),
        }
    }

    /// A bus with an unlocked gnome-keyring.
    pub fn new() -> Self {
        let mut session = Self::without_keyring();
        session.start_keyring();
        session
    }

    /// Starts the daemon (again) and waits until it owns its name.
    pub fn start_keyring(&mut self) {
        let mut command = tool("gnome-keyring-daemon");
        self.environment(&mut command);
        command
            .args(["--foreground", "--unlock", "--components=secrets"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut daemon = command.spawn().expect("gnome-keyring-daemon starts");
        daemon.stdin.take().expect("piped").write_all(b"keyring-password").unwrap();
        self.daemon = Some(Guard(daemon));
        self.wait_for_secrets();
    }

    /// Starts a daemon whose keyring nobody unlocked.
    pub fn start_locked_keyring(&mut self) {
        self.stop_keyring();
        let mut command = tool("gnome-keyring-daemon");
        self.environment(&mut command);
        command
            .args(["--foreground", "--components=secrets"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.daemon = Some(Guard(command.spawn().expect("gnome-keyring-daemon starts")));
        self.wait_for_secrets();
    }

    /// A bus with KeePassXC, whose database is open.
    pub fn with_keepassxc() -> Self {
        let mut session = Self::without_keyring();
        let database = session.home().join("database.xml");
        std::fs::write(&database, KEEPASSXC_DATABASE).unwrap();
        std::fs::write(session.home().join("keepassxc.ini"), KEEPASSXC_SETTINGS).unwrap();
        let mut import = session.keepassxc("keepassxc-cli");
        import.args(["import", "-p", "database.xml", "database.kdbx"]);
        finish(import, b"database-password\ndatabase-password\n").expect(0);
        session.start_keepassxc(Some("database-password"));
        session
    }

    /// Starts it (again), and opens its database with this password.
    pub fn start_keepassxc(&mut self, password: Option<&str>) {
        if let Some(mut program) = self.daemon.take() {
            // It writes its file a moment after a change, and when it is asked to end.
            signal(&program.0, "TERM");
            program.0.wait().expect("KeePassXC ends");
        }
        let mut command = self.keepassxc("keepassxc");
        command.args(["--pw-stdin", "--config", "keepassxc.ini", "--localconfig", "local.ini", "database.kdbx"]);
        let mut program = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut stdin = program.stdin.take().expect("piped");
        writeln!(stdin, "{}", password.unwrap_or("another-password")).unwrap();
        self.daemon = Some(Guard(program));
        self.wait_for_secrets();
        // It has the name before its database is open.
        let deadline = Instant::now() + Duration::from_secs(20);
        while password.is_some() && !self.is_unlocked() {
            assert!(Instant::now() < deadline, "the database of KeePassXC does not open");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn is_unlocked(&self) -> bool {
        let mut command = tool("dbus-send");
        self.environment(&mut command);
        command.args(["--session", "--print-reply", "--dest=org.freedesktop.secrets"]);
        command.args(["/org/freedesktop/secrets/aliases/default", "org.freedesktop.DBus.Properties.Get"]);
        command.args(["string:org.freedesktop.Secret.Collection", "string:Locked"]);
        finish(command, b"").stdout.contains("boolean false")
    }

    /// A program of it, without a display.
    fn keepassxc(&self, program: &str) -> Command {
        let mut command = tool(program);
        self.environment(&mut command);
        command.env("QT_QPA_PLATFORM", "offscreen").current_dir(self.home());
        command
    }

    /// Kills the daemon.
    pub fn stop_keyring(&mut self) {
        self.daemon = None;
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.has_secrets() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// A variable for all later commands.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The connections file as it is.
    pub fn config(&self) -> String {
        std::fs::read_to_string(self.home().join(".config/snow/config.toml")).unwrap_or_default()
    }

    pub fn guard(&mut self, secret: &str) {
        self.canaries.guard(secret);
    }

    /// `snow` on this bus.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = snow(self.home());
        self.environment(&mut command);
        command.envs(self.variables.clone()).args(words);
        command
    }

    /// Runs `snow` on this bus to its end.
    pub fn run(&mut self, line: &str, stdin: &str) -> Outcome {
        let words: Vec<&str> = line.split_whitespace().collect();
        let outcome = finish(self.command(&words), stdin.as_bytes());
        self.canaries.heard(&outcome.stdout);
        self.canaries.heard(&outcome.stderr);
        outcome
    }

    /// `secret-tool` on this bus.
    pub fn secret_tool(&self, words: &[&str], stdin: &str) -> Outcome {
        let mut command = tool("secret-tool");
        self.environment(&mut command);
        command.args(words);
        finish(command, stdin.as_bytes())
    }

    pub fn environment(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.home())
            .env("XDG_RUNTIME_DIR", self.home())
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address);
    }

    fn wait_for_secrets(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !self.has_secrets() {
            assert!(Instant::now() < deadline, "the keyring did not come up");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether somebody owns the name of the Secret Service.
    pub fn has_secrets(&self) -> bool {
        let mut command = tool("dbus-send");
        self.environment(&mut command);
        command.args([
            "--session",
            "--print-reply",
            "--dest=org.freedesktop.DBus",
            "/",
            "org.freedesktop.DBus.NameHasOwner",
            "string:org.freedesktop.secrets",
        ]);
        finish(command, b"").stdout.contains("true")
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.daemon = None;
        let _ = self.bus.0.kill();
        if !std::thread::panicking() {
            self.canaries.search(self.home.path());
        }
    }
}
