//! Opening the browser of a person, and whether that makes sense here.

use std::ffi::OsString;
use std::io;
use std::process::{Command, Stdio};

use crate::base::variables::Variables;
use crate::http::proxy;

/// Opens an address for a person.
pub trait Browser {
    /// Starts the browser and does not wait for it.
    fn open(&self, url: &str, variables: &Variables) -> io::Result<()>;
}

/// How the address of a sign-in gets to a browser, and its answer back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrowserMode {
    /// A browser is opened, and comes back to the listener.
    Open,
    /// The address is printed; a browser that opens it comes back to the listener.
    Print,
    /// A person opens the address and pastes what the browser shows then.
    Paste,
}

/// What decided about the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    RedirectUri,
    Forbidden,
    /// `SNOW_BROWSER` or `BROWSER`.
    Variable(&'static str),
    Desktop,
    /// A machine elsewhere whose browser is here, by the variable that says so.
    Workspace(&'static str),
    RemoteShell,
    NoDisplay,
}

/// What decides about the way.
#[derive(Debug, Clone, Copy)]
pub struct BrowserPolicy {
    /// `--manual`, or a redirect URI that leads to no listener.
    pub must_paste: bool,
    /// `--no-browser`, `--no-input` or `CI`.
    pub forbidden: bool,
    /// Whether a person can be asked.
    pub interactive: bool,
}

impl BrowserMode {
    pub fn choose(policy: BrowserPolicy, variables: &Variables) -> Self {
        Self::explained(policy, variables).0
    }

    /// The way, and what decided about it.
    pub fn explained(policy: BrowserPolicy, variables: &Variables) -> (Self, Reason) {
        let BrowserPolicy { must_paste, forbidden, interactive } = policy;
        let without_browser = if interactive { Self::Paste } else { Self::Print };
        if must_paste {
            return (Self::Paste, Reason::RedirectUri);
        }
        if forbidden {
            return (Self::Print, Reason::Forbidden);
        }
        let chosen = variable(variables).filter(|_| !commands_in(variables).is_empty());
        if let Some(workspace) = workspace(variables).filter(|_| chosen != Some(OWN)) {
            return (without_browser, Reason::Workspace(workspace));
        }
        if let Some(variable) = chosen {
            return (Self::Open, Reason::Variable(variable));
        }
        // Whether a browser opened here would be seen by the person.
        match (is_remote(variables), has_desktop(variables)) {
            (true, _) => (without_browser, Reason::RemoteShell),
            (false, true) => (Self::Open, Reason::Desktop),
            (false, false) => (without_browser, Reason::NoDisplay),
        }
    }
}

/// Whether a browser is opened, even if its answer is pasted.
pub fn opens(policy: BrowserPolicy, variables: &Variables) -> bool {
    let way = BrowserMode::explained(BrowserPolicy { must_paste: false, ..policy }, variables);
    // A workspace opens a tab on the machine of the person.
    matches!(way, (BrowserMode::Open, _) | (_, Reason::Workspace(_)))
}

/// The programs that opening tries, in their order.
pub fn programs(variables: &Variables) -> Vec<OsString> {
    let given = commands_in(variables);
    if given.is_empty() {
        open::commands("http://localhost/").iter().map(|command| command.get_program().to_owned()).collect()
    } else {
        given.iter().map(|command| command_of(command, "").get_program().to_owned()).collect()
    }
}

fn has_desktop(variables: &Variables) -> bool {
    let is_set = |name: &str| variables.text(name).is_some();
    cfg!(any(windows, target_os = "macos")) || ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"].into_iter().any(is_set)
}

/// GitHub Codespaces, dev containers, Gitpod and Google Cloud Shell set BROWSER to what
/// opens a tab on the machine of the person, which cannot come back to a port here.
fn workspace(variables: &Variables) -> Option<&'static str> {
    let names = ["CODESPACES", "REMOTE_CONTAINERS", "GITPOD_WORKSPACE_ID", "CLOUD_SHELL"];
    names.into_iter().find(|name| variables.is_on(name))
}

fn is_remote(variables: &Variables) -> bool {
    ["SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"].into_iter().any(|name| variables.text(name).is_some())
}

/// The command that forwards a port of the person's machine to this one over SSH; `None`
/// if this is no remote shell.
pub fn tunnel(port: u16, variables: &Variables) -> Option<String> {
    let connection = variables.text("SSH_CONNECTION")?;
    let fields: Vec<&str> = connection.split_ascii_whitespace().collect();
    let [_, _, server, server_port] = fields.as_slice() else { return None };
    let server: std::net::IpAddr = server.parse().ok()?;
    let server_port: u16 = server_port.parse().ok()?;
    let user = variables.text("USER").or_else(|| variables.text("LOGNAME")).unwrap_or("");
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let user = if !user.is_empty() && user.chars().all(fits) { format!("{user}@") } else { String::new() };
    let at_port = if server_port == 22 { String::new() } else { format!("-p {server_port} ") };
    Some(format!("ssh {at_port}-L {port}:127.0.0.1:{port} {user}{server}"))
}

/// `SNOW_BROWSER`, else `BROWSER`: commands separated by colons, as xdg-open
/// reads them. The address stands for `%s`, or comes last.
fn commands_in(variables: &Variables) -> Vec<String> {
    let text = variable(variables).and_then(|name| variables.text(name)).unwrap_or("");
    let separator = if cfg!(windows) { ';' } else { ':' };
    text.split(separator).map(str::trim).filter(|command| !command.is_empty()).map(str::to_owned).collect()
}

/// The variable that names the browser.
pub fn variable(variables: &Variables) -> Option<&'static str> {
    [OWN, "BROWSER"].into_iter().find(|name| variables.text(name).is_some())
}

/// The variable that is for this program alone.
const OWN: &str = "SNOW_BROWSER";

/// The browser of this system.
pub struct SystemBrowser;

impl Browser for SystemBrowser {
    fn open(&self, url: &str, variables: &Variables) -> io::Result<()> {
        let given = commands_in(variables);
        let commands = if given.is_empty() {
            open::commands(url)
        } else {
            given.iter().map(|command| command_of(command, url)).collect()
        };
        let mut failure = io::Error::from(io::ErrorKind::NotFound);
        for mut command in commands {
            match start(&mut command, variables) {
                Ok(()) => return Ok(()),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }
}

fn command_of(text: &str, url: &str) -> Command {
    let mut words = words_of(text).into_iter();
    let mut command = Command::new(words.next().unwrap_or_default());
    let mut is_given = false;
    for word in words {
        is_given |= word.contains("%s");
        command.arg(word.replace("%s", url));
    }
    if !is_given {
        command.arg(url);
    }
    command
}

/// The words of a command. Blanks between double quotes are part of a word, as in
/// `"C:\Program Files\Mozilla Firefox\firefox.exe" %s`.
fn words_of(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in text.split('"').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_ascii_whitespace().map(str::to_owned));
        }
    }
    words
}

/// Starts a command that neither hears nor says anything here, knows none of
/// our variables nor the password of a proxy, and outlives a Ctrl-C.
fn start(command: &mut Command, variables: &Variables) -> io::Result<()> {
    for (name, value) in variables.all() {
        // Windows takes no notice of case.
        let known = name.to_string_lossy().to_ascii_uppercase();
        if known.starts_with("SNOW_") {
            command.env_remove(name);
        } else if known.ends_with("_PROXY") && known != "NO_PROXY" && value.to_string_lossy().contains('@') {
            match proxy::without_login(value) {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        command.process_group(0);
    }
    command.spawn().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: BrowserPolicy = BrowserPolicy { must_paste: false, forbidden: false, interactive: true };

    fn mode(policy: BrowserPolicy, variables: &[(&str, &str)]) -> BrowserMode {
        BrowserMode::choose(policy, &Variables::new(variables.iter().copied()))
    }

    #[test]
    fn the_way_follows_what_is_said_and_then_what_is_seen() {
        let display = ("DISPLAY", ":0");
        let ssh = ("SSH_CONNECTION", "10.0.0.1 5000 10.0.0.2 22");
        let alone = BrowserPolicy { interactive: false, ..PLAIN };
        let forbidden = BrowserPolicy { forbidden: true, ..PLAIN };
        assert_eq!(mode(BrowserPolicy { must_paste: true, ..forbidden }, &[display]), BrowserMode::Paste);
        assert_eq!(mode(forbidden, &[display, ("BROWSER", "x")]), BrowserMode::Print);
        for variable in ["CODESPACES", "REMOTE_CONTAINERS", "GITPOD_WORKSPACE_ID", "CLOUD_SHELL"] {
            assert_eq!(mode(PLAIN, &[display, ("BROWSER", "x"), (variable, "true")]), BrowserMode::Paste);
            assert_eq!(mode(alone, &[("BROWSER", "x"), (variable, "true")]), BrowserMode::Print);
            assert_eq!(mode(PLAIN, &[("SNOW_BROWSER", "x"), (variable, "true")]), BrowserMode::Open);
        }
        assert_eq!(mode(PLAIN, &[("BROWSER", "x"), ("CODESPACES", "false")]), BrowserMode::Open);
        assert_eq!(mode(PLAIN, &[ssh, ("SNOW_BROWSER", "x")]), BrowserMode::Open);
        assert_eq!(mode(alone, &[display]), BrowserMode::Open);
        assert_eq!(mode(PLAIN, &[display, ssh]), BrowserMode::Paste);
        assert_eq!(mode(alone, &[display, ssh]), BrowserMode::Print);
        if cfg!(target_os = "linux") {
            assert_eq!(mode(PLAIN, &[]), BrowserMode::Paste);
            assert_eq!(mode(alone, &[]), BrowserMode::Print);
            assert_eq!(mode(PLAIN, &[("WSL_DISTRO_NAME", "Debian")]), BrowserMode::Open);
        }
    }

    #[test]
    fn a_browser_is_opened_for_a_paste_too_if_it_may_be() {
        let opens = |policy, variables: &[(&str, &str)]| opens(policy, &Variables::new(variables.iter().copied()));
        let paste = BrowserPolicy { must_paste: true, ..PLAIN };
        let (display, ssh) = (("DISPLAY", ":0"), ("SSH_CONNECTION", "10.0.0.1 5000 10.0.0.2 22"));
        assert!(opens(paste, &[("BROWSER", "x")]) && opens(paste, &[ssh, ("SNOW_BROWSER", "x")]));
        assert!(opens(paste, &[("CODESPACES", "true"), ("BROWSER", "x")]));
        assert!(!opens(paste, &[ssh, display]));
        assert!(!opens(BrowserPolicy { forbidden: true, ..paste }, &[display, ("BROWSER", "x")]));
        if cfg!(target_os = "linux") {
            assert!(opens(paste, &[display]) && !opens(paste, &[]));
        }
    }

    #[test]
    fn the_tunnel_is_the_line_to_type() {
        let line = |variables: &[(&str, &str)]| tunnel(8914, &Variables::new(variables.iter().copied()));
        let ssh = ("SSH_CONNECTION", "10.0.0.1 5000 10.0.0.2 22");
        assert_eq!(line(&[ssh, ("USER", "beth")]).unwrap(), "ssh -L 8914:127.0.0.1:8914 beth@10.0.0.2");
        let other = ("SSH_CONNECTION", "10.0.0.1 5000 fd00::2 2222");
        assert_eq!(line(&[other]).unwrap(), "ssh -p 2222 -L 8914:127.0.0.1:8914 fd00::2");
        assert_eq!(line(&[("SSH_CONNECTION", "x; rm -rf / 1 $(x) 22")]), None);
        assert_eq!(line(&[ssh, ("USER", "$(x)")]).unwrap(), "ssh -L 8914:127.0.0.1:8914 10.0.0.2");
    }

    #[test]
    fn the_address_stands_for_its_place_or_comes_last() {
        let words = |text: &str| {
            let command = command_of(text, "https://x/?a=b c");
            command.get_args().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(words("firefox --new-tab"), ["--new-tab", "https://x/?a=b c"]);
        assert_eq!(words("chrome --app=%s -x"), ["--app=https://x/?a=b c", "-x"]);
        let quoted = command_of(r#""C:\Program Files\Firefox\firefox.exe" %s"#, "https://x/");
        assert_eq!(quoted.get_program(), r"C:\Program Files\Firefox\firefox.exe");
        assert_eq!(quoted.get_args().collect::<Vec<_>>(), ["https://x/"]);
    }
}
