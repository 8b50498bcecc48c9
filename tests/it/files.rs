//! The connections file and the state directory, whatever they are like.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, Utc};
use snow_connect::base::files::Lock;
use snow_connect::config::{ConfigError, ConfigFile};
use snow_connect::sandbox::Sandbox;

use crate::world::keyring::Session;
use crate::world::process::{Guard, finish, program, snow, tool};
use crate::world::{Outcome, World, reach};

/// One good connection, as a person might have written it.
const ONE: &str = "\
# My connections.
version = 1
default = \"acme\" # the one

[connections.acme] # about acme
id = \"0f4c2f0e-7a58-4a51-9a3c-0d7b5f1f2f11\"
revision = 3
instance = \"https://acme.service-now.com\"
auth = \"basic\" # for now
username = \"beth.anglin\"
store = \"keyring\"
lineage = { from = \"a later version\" }

[plugins.other] # not ours
key = [1, 2]
# The end.
";

// ---- F3: what is wrong with the file is said, and the file stays ----

#[test]
fn a_file_that_cannot_be_used_is_refused_with_its_line_and_left_as_it_is() {
    let entry = "instance = \"https://acme.service-now.com\"\nauth = \"basic\"\nusername = \"u\"\n";
    let id = "id = \"0f4c2f0e-7a58-4a51-9a3c-0d7b5f1f2f11\"\n";
    let good = |name: &str, more: &str| format!("[connections.{name}]\n{entry}{more}");
    let cases: Vec<(&str, Vec<u8>, usize, &str)> = vec![
        ("truncated", ONE.as_bytes()[..ONE.find("2]").unwrap()].to_vec(), 15, ""),
        ("torn in a text", ONE.as_bytes()[..ONE.find("tps://").unwrap()].to_vec(), 8, ""),
        ("UTF-16", b"\xff\xfev\0e\0r\0".to_vec(), 1, "byte-order mark"),
        ("invalid UTF-8", [ONE.as_bytes(), b"x = \"\xff\""].concat(), 17, "not valid UTF-8"),
        ("NUL bytes", vec![0; 4096], 1, ""),
        ("NUL bytes at the end", [ONE.as_bytes(), &[0; 64]].concat(), 17, ""),
        ("duplicate keys", format!("{}{id}{id}", good("a", "")).into(), 6, "duplicate key"),
        ("duplicate tables", format!("{}{}", good("a", ""), good("a", "")).into(), 5, "duplicate key"),
        ("duplicate ids", format!("{}{}", good("a", id), good("b", id)).into(), 10, "the same id as a"),
        ("case twins", format!("{}{}", good("Dev", ""), good("dev", "")).into(), 5, "two connections are named dev"),
        ("no UUID", good("a", "id = \"1\"\n").into(), 5, "not a UUID"),
        ("unknown version", b"version = 0\n".to_vec(), 1, "unknown version"),
        ("a version that is text", b"\nversion = \"1\"\n".to_vec(), 2, ""),
        (
            "not an instance",
            b"[connections.a]\nusername = \"u\"\ninstance = \"ftp://x\"\nauth = \"basic\"\n".to_vec(),
            3,
            "",
        ),
        (
            "no instance",
            b"version = 1\n\n[connections.a]\nauth = \"basic\"\nusername = \"u\"\n".to_vec(),
            3,
            "instance",
        ),
        ("no user name", b"\n[connections.a]\nauth = \"basic\"\ninstance = \"a\"\n".to_vec(), 2, "no username"),
        ("connections that are no table", b"version = 1\nconnections = 3\n".to_vec(), 2, ""),
        ("a hostile name", good("\"../x\"", "").into(), 1, "is not a valid connection name"),
        ("a proxy with a password", good("a", "proxy = \"http://u:p@proxy:1\"\n").into(), 5, ""),
        ("too many brackets", format!("\na = {}", "[".repeat(100_000)).into(), 2, ""),
        ("too many dots", format!("a{} = 1", ".a".repeat(100_000)).into(), 1, ""),
    ];
    let mut world = World::new();
    for (what, content, line, reason) in cases {
        world.write_config(&content);
        for command in COMMANDS {
            let outcome = world.stdin("sandbox-beth").run(&format!("{command} --json")).expect(3);
            assert_eq!(outcome.error_code(), "config-invalid", "{what}, {command}: {}", outcome.stdout);
            let message = outcome.json()["error"]["message"].as_str().unwrap().to_owned();
            let place = format!("{}:{line}: ", world.config_path().display());
            assert!(message.starts_with(&place) && message.contains(reason), "{what}, {command}: {message}");
            assert_eq!(fs::read(world.config_path()).unwrap(), content, "{what}, {command}");
        }
    }
}

/// One that reads, two that write.
const COMMANDS: [&str; 3] =
    ["list", "connect https://new.service-now.com --username u --password-stdin --no-test", "remove acme --yes"];

// F13
#[test]
fn a_file_of_a_newer_version_is_refused_politely_and_left_as_it_is() {
    let mut world = World::new();
    let known = ONE.replace("version = 1", "version = 2");
    let unknown = "version = 7\nconnections = [\"another\", \"shape\"]\n".to_owned();
    for content in [known, unknown] {
        world.write_config(&content);
        for command in COMMANDS {
            let outcome = world.stdin("sandbox-beth").run(&format!("{command} --json")).expect(3);
            assert_eq!(outcome.error_code(), "config-newer", "{command}");
            outcome.says(&["newer snow", world.config_path().to_str().unwrap()]);
            assert_eq!(world.config(), content, "{command}");
        }
    }
}

#[test]
fn an_escape_sequence_in_the_file_does_not_reach_the_terminal() {
    let mut world = World::new();
    world.write_config("[connections.a]\nid = \"\\u001b[31mred\\u202e\"\ninstance = \"a\"\nauth = \"basic\"\n");
    let outcome = world.run("list").expect(3);
    assert!(!outcome.stderr.contains(['\u{1b}', '\u{202e}']), "{:?}", outcome.stderr);
}

/// A name of a directory that would command a terminal and turn text around.
const HOSTILE: &str = "x\u{1b}]0;PWNED\u{7}\u{1b}[31m\u{1b}[8m\u{9b}2J\r\u{202e}y";

#[test]
fn the_name_of_a_directory_acts_on_no_terminal() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    world.directory = world.home().join(HOSTILE);
    fs::create_dir(&world.directory).unwrap();
    let bundle = world.directory.join("bundle").display().to_string();
    for colour in ["never", "always"] {
        for words in [
            &["use", "acme", "--here"][..],
            &["status"],
            &["show"],
            &["test"],
            &["status", "--json"],
            &["doctor", "--yes", "--bundle", &bundle],
            &["doctor", "--yes", "--json", "--bundle", &bundle],
        ] {
            let outcome = world.run_words(&[words, &["--color", colour]].concat());
            let said = format!("{}{}", outcome.stdout, outcome.stderr);
            assert!(said.contains("PWNED") && !acts(&said), "{words:?} {colour}: {said:?}");
        }
    }
}

#[test]
fn what_another_wrote_into_the_last_tests_acts_on_no_terminal() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    let path = world.home().join(".local/state/snow/tests.json");
    for colour in ["never", "always"] {
        let text = fs::read_to_string(&path).unwrap();
        let mut tests: serde_json::Value = serde_json::from_str(&text).unwrap();
        for test in tests["tests"].as_object_mut().unwrap().values_mut() {
            test["ok"] = false.into();
            test["code"] = HOSTILE.into();
            test["class"] = HOSTILE.into();
            test["changes"] =
                serde_json::json!([{"what": "recovered", "before": HOSTILE, "since": "2026-11-21T21:04:00Z"}]);
        }
        fs::write(&path, tests.to_string()).unwrap();
        for line in ["list", "show acme", "status acme", "list --json", "show acme --json", "test acme"] {
            let outcome = world.run(&format!("{line} --color {colour}"));
            let said = format!("{}{}", outcome.stdout, outcome.stderr);
            assert!(!said.contains("PWNED") && !acts(&said), "{line} {colour}: {said:?}");
        }
    }
}

/// Whether anything but our own colours is in it that acts on a terminal.
fn acts(said: &str) -> bool {
    let mut said = said.to_owned();
    for colour in ["0", "1", "2", "31", "32", "35"] {
        said = said.replace(&format!("\u{1b}[{colour}m"), "");
    }
    said.contains(['\u{1b}', '\u{7}', '\u{9b}', '\r', '\u{202e}'])
}

// F6
#[test]
fn what_is_no_regular_file_is_refused_without_waiting_for_it() {
    let mut world = World::new();
    let (path, home) = (world.config_path(), world.home().to_owned());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let refused = |world: &mut World, what: &str, reason: &str| {
        for command in COMMANDS {
            let started = Instant::now();
            let outcome = world.stdin("sandbox-beth").run(&format!("{command} --json")).expect(3);
            assert_eq!(outcome.error_code(), "config-invalid", "{what}, {command}");
            outcome.says(&[path.to_str().unwrap(), reason]);
            assert!(started.elapsed() < Duration::from_secs(5), "{what}, {command}");
        }
    };

    fs::create_dir(&path).unwrap();
    refused(&mut world, "directory", "not a regular file");
    assert!(path.is_dir());
    fs::remove_dir(&path).unwrap();

    assert!(tool("mkfifo").arg(&path).status().unwrap().success());
    refused(&mut world, "FIFO", "not a regular file");
    assert!(!fs::symlink_metadata(&path).unwrap().is_file());
    fs::remove_file(&path).unwrap();

    symlink("/dev/zero", &path).unwrap();
    refused(&mut world, "device", "not a regular file");
    fs::remove_file(&path).unwrap();

    symlink(home.join("nowhere"), &path).unwrap();
    refused(&mut world, "dangling link", "a link to a file that does not exist");
    assert_eq!(fs::read_link(&path).unwrap(), home.join("nowhere"));
    assert!(!home.join("nowhere").exists());
    fs::remove_file(&path).unwrap();

    symlink(&path, &path).unwrap();
    refused(&mut world, "a link to itself", "");
    fs::remove_file(&path).unwrap();

    let large = File::create(&path).unwrap();
    large.set_len(10 * 1024 * 1024).unwrap();
    refused(&mut world, "10 MB", "larger than 8 MiB");
    assert_eq!(large.metadata().unwrap().len(), 10 * 1024 * 1024);
    fs::remove_file(&path).unwrap();
}

// ---- F3: what a person wrote stays ----

fn noon() -> DateTime<Utc> {
    "2026-11-28T12:00:00Z".parse().unwrap()
}

#[test]
fn comments_and_unknown_keys_survive_every_change() {
    let mut world = World::new();
    world.clock = noon;
    world.write_config(ONE);
    world.run("connect acme --no-test --description words --table incident").expect(0);
    let changed = world.config();
    let expected = ONE.replace("revision = 3", "revision = 4").replace(
        "\n\n[plugins",
        "\ntables = [\"incident\"]\ndescription = \"words\"\nupdated_at = \"2026-11-28T12:00:00Z\"\n\n[plugins",
    );
    assert_eq!(changed, expected);
    connect_untested(&mut world, "other");
    world.run("remove other --yes").expect(0);
    assert_eq!(world.config(), changed);
}

#[test]
fn a_file_with_windows_line_ends_keeps_them() {
    let mut world = World::new();
    world.clock = noon;
    let crlf = ONE.replace('\n', "\r\n").replace("[1, 2]", "\"\"\"two\r\nlines\"\"\"");
    world.write_config(&crlf);
    world.run("connect acme --no-test").expect(0);
    assert_eq!(world.config(), crlf);
    world.run("connect acme --no-test --description words").expect(0);
    let changed = world.config();
    assert_eq!(
        changed,
        crlf.replace("revision = 3", "revision = 4").replace(
            "\r\n\r\n[plugins",
            "\r\ndescription = \"words\"\r\nupdated_at = \"2026-11-28T12:00:00Z\"\r\n\r\n[plugins"
        )
    );
    connect_untested(&mut world, "other");
    world.run("remove other --yes").expect(0);
    assert_eq!(world.config(), changed);
}

#[test]
fn an_entry_in_capitals_and_in_any_form_of_toml_is_the_same_connection() {
    let fields = "instance = \"https://acme.service-now.com\", auth = \"basic\", username = \"u\"";
    for content in [
        format!("[connections.Acme]\n{}\n", fields.replace(", ", "\n")),
        format!("[connections]\nACME = {{ {fields} }}\n"),
        format!("connections = {{ Acme = {{ {fields} }} }}\n"),
        format!("connections.Acme.{}\n", fields.replace(", ", "\nconnections.Acme.")),
    ] {
        let mut world = World::new();
        world.write_config(&content);
        world.run("connect acme --no-test --description words --label a=b").expect(0);
        let outcome = world.run("show ACME --json").expect(0);
        assert_eq!(outcome.json()["connection"]["description"], "words", "{content}");
        let listed = world.run("list --json").expect(0).json();
        assert_eq!(listed["connections"].as_array().unwrap().len(), 1, "{}", world.config());
        world.run("remove acme --yes").expect(0);
        assert_eq!(world.run("list --json").expect(0).json()["connections"].as_array().unwrap().len(), 0);
    }
}

#[test]
fn an_entry_without_an_id_gets_one_at_the_next_save_and_keeps_it() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    let entry = |name: &str| {
        format!("[connections.{name}]\ninstance = \"{}\"\nauth = \"basic\"\nusername = \"admin\"\n", sandbox.origin())
    };
    world.write_config(entry("one") + &entry("two"));
    let id = |world: &mut World, name: &str| {
        world.run(&format!("show {name} --json")).expect(0).json()["connection"]["id"].as_str().unwrap().to_owned()
    };
    let (one, two) = (id(&mut world, "one"), id(&mut world, "two"));
    assert_ne!(one, two);
    assert!(!world.config().contains("id = "), "reading writes nothing");

    world.stdin("sandbox-admin").run("login one --password-stdin").expect(0);
    assert!(world.config().contains(&one) && world.config().contains(&two), "{}", world.config());
    // The id belongs to the entry from here on, whatever its name is.
    world.write_config(world.config().replace("connections.one", "connections.three"));
    assert_eq!(id(&mut world, "three"), one);
    world.run("test three").expect(0);
}

// ---- F5 ----

#[test]
fn a_linked_file_stays_a_link_and_its_target_is_replaced() {
    let mut world = World::new();
    let (path, dotfiles) = (world.config_path(), world.home().join("dotfiles"));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::create_dir(&dotfiles).unwrap();
    fs::write(dotfiles.join("real.toml"), ONE).unwrap();
    symlink("real.toml", dotfiles.join("snow.toml")).unwrap();
    symlink("../../dotfiles/snow.toml", &path).unwrap();

    world.run("connect acme --no-test --description words").expect(0);
    assert_eq!(fs::read_link(&path).unwrap(), Path::new("../../dotfiles/snow.toml"));
    assert_eq!(fs::read_link(dotfiles.join("snow.toml")).unwrap(), Path::new("real.toml"));
    assert!(fs::read_to_string(dotfiles.join("real.toml")).unwrap().contains("description = \"words\""));
    assert_eq!(names_in(&dotfiles), ["real.toml", "snow.toml"]);
    assert_eq!(names_in(path.parent().unwrap()), ["config.toml"]);
}

// ---- F6: the surroundings ----

#[test]
fn without_a_usable_home_the_command_says_what_to_set() {
    for home in ["", "relative/home"] {
        let mut world = World::new();
        world.set_home((!home.is_empty()).then(|| PathBuf::from(home)));
        for command in COMMANDS {
            let outcome = world.stdin("sandbox-beth").run(&format!("{command} --json")).expect(3);
            assert_eq!(outcome.error_code(), "config-unwritable");
            outcome.says(&["HOME", "SNOW_CONFIG_DIR"]);
        }
        // Directories of our own are enough.
        let (config, state) = (world.home().join("c"), world.home().join("s"));
        world.set("SNOW_CONFIG_DIR", config.to_str().unwrap()).set("SNOW_STATE_DIR", state.to_str().unwrap());
        connect_untested(&mut world, "acme");
        assert!(config.join("config.toml").is_file());
        assert!(!Path::new("relative").exists());
    }
}

#[test]
fn a_relative_xdg_directory_is_ignored_and_an_absolute_one_is_used() {
    let mut world = World::new();
    world.set("XDG_CONFIG_HOME", "relative").set("XDG_STATE_HOME", "./relative");
    connect_untested(&mut world, "acme");
    assert!(world.config().contains("[connections.acme]"));
    assert!(world.home().join(".local/state/snow/locks/config.lock").is_file());
    assert!(!Path::new("relative").exists());

    let elsewhere = world.home().join("elsewhere");
    world.set("XDG_CONFIG_HOME", elsewhere.to_str().unwrap());
    connect_untested(&mut world, "other");
    assert!(fs::read_to_string(elsewhere.join("snow/config.toml")).unwrap().contains("[connections.other]"));
    assert!(!world.config().contains("other"));
}

#[test]
fn a_home_that_takes_no_files_is_named_and_nothing_is_left_in_the_store() {
    let mut world = World::new();
    let home = world.home().join("occupied");
    fs::write(&home, "a file").unwrap();
    world.set_home(Some(home.clone()));
    assert_eq!(world.run("list --json").expect(3).error_code(), "config-invalid");
    let config = world.home().join("config.toml");
    fs::write(&config, ONE).unwrap();
    let line = format!("connect acme --no-test --description words --config {} --json", config.display());
    let outcome = world.run(&line).expect(3);
    assert_eq!(outcome.error_code(), "config-unwritable");
    outcome.says(&[&format!("{} is not a directory", home.display())]);
    assert_eq!(fs::read_to_string(&config).unwrap(), ONE);
}

#[cfg(target_os = "linux")]
#[test]
fn a_single_file_that_is_mounted_is_changed_in_place() {
    let world = World::new();
    world.write_config(ONE);
    let config = world.config_path();
    // In a user namespace, in which everybody may mount.
    let mounted = |options: &str, line: &str| {
        let mut command = tool("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-ec"]);
        command.arg(format!("mount --bind $FILE $FILE; {options} exec \"$@\"")).arg("sh").arg(program());
        command.args(line.split(' ')).env_clear().env("FILE", &config).env("HOME", world.home());
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").current_dir(world.home());
        finish(command, b"")
    };
    mounted("", "connect acme --no-test --description words").expect(0);
    assert!(world.config().contains("description = \"words\""), "{}", world.config());
    assert!(names_in(config.parent().unwrap()).iter().all(|name| name == "config.toml"));
    let read_only = "mount -o remount,bind,ro $FILE;";
    let outcome = mounted(read_only, "connect https://new.service-now.com --username u --password-stdin --json");
    // Before a keyring was looked for: nothing is asked or sent.
    assert!(["config-unwritable", "keyring-unavailable"].contains(&outcome.error_code().as_str()));
    assert_eq!(mounted(read_only, "edit acme --set description=x --json").expect(3).error_code(), "config-unwritable");
    mounted("", "edit acme --set description=x").expect(0);
    assert!(world.config().contains("description = \"x\""), "{}", world.config());
}

#[cfg(unix)]
#[test]
fn under_sudo_nothing_is_made_in_the_home_of_the_user_who_typed_it() {
    let home = tempfile::tempdir().unwrap();
    let is_root = rustix::process::geteuid().is_root();
    let mut command = if is_root {
        snow(home.path())
    } else {
        let mut unshare = tool("unshare");
        unshare.args(["--user", "--map-root-user"]).arg(program());
        unshare
    };
    // In a namespace without it, root itself is 65534.
    let place = if is_root { home.path().join(".config") } else { PathBuf::from("/usr") };
    if is_root {
        std::os::unix::fs::chown(home.path(), Some(65534), None).unwrap();
    }
    command.env("HOME", home.path()).env("XDG_CONFIG_HOME", &place).env("SUDO_UID", "65534");
    command.args(["list", "--json"]);
    let outcome = finish(command, b"").expect(3);
    assert_eq!(outcome.error_code(), "config-unwritable");
    outcome.says(&["without sudo", place.to_str().unwrap()]);
    assert_eq!(names_in(home.path()), [] as [&str; 0]);
}

#[test]
fn a_state_directory_that_is_damaged_or_cannot_be_used_fails_no_test() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), "admin", "sandbox-admin");
    let tests = world.home().join(".local/state/snow/tests.json");
    for content in [&b""[..], b"{", b"\xff\0", b"[]", b"{\"tests\":{\"x\":1}}"] {
        fs::write(&tests, content).unwrap();
        assert_eq!(world.run("list --json").expect(0).json()["connections"][0]["last_test"], serde_json::Value::Null);
        world.run("test acme").expect(0);
        assert_eq!(world.run("list --json").expect(0).json()["connections"][0]["last_test"]["ok"], true);
    }
    fs::remove_file(&tests).unwrap();
    fs::create_dir(&tests).unwrap();
    world.run("test acme -v").expect(0).says(&["state directory cannot be written"]);
    world.run("list").expect(0);
}

// ---- F7, A15 ----

#[test]
fn directories_and_files_are_private_under_any_umask() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let session = Session::new();
    for umask in ["000", "077", "777"] {
        let home = session.home().join(umask);
        fs::create_dir(&home).unwrap();
        // An existing directory is the business of its owner.
        fs::create_dir(home.join("state")).unwrap();
        fs::set_permissions(home.join("state"), fs::Permissions::from_mode(0o755)).unwrap();
        let mut command = tool("sh");
        session.environment(&mut command);
        command
            .args(["-c", &format!("umask {umask} && exec \"$0\" \"$@\"")])
            .arg(program())
            .args(["connect", &sandbox.origin(), "--name", "acme", "--username", "admin", "--password-stdin"])
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_STATE_HOME", home.join("state"));
        finish(command, b"sandbox-admin").expect(0);
        let config = fs::read_to_string(home.join("config/snow/config.toml")).unwrap();
        let config: toml::Value = toml::from_str(&config).unwrap();
        let id = config["connections"]["acme"]["id"].as_str().unwrap();
        let mut files = modes_below(&home);
        files.iter_mut().for_each(|(name, _)| *name = name.replace(id, "of-acme"));
        files.sort();
        let expected = [
            ("config", 0o700),
            ("config/snow", 0o700),
            ("config/snow/config.toml", 0o600),
            ("state", 0o755),
            ("state/snow", 0o700),
            ("state/snow/locks", 0o700),
            ("state/snow/locks/config.lock", 0o600),
            ("state/snow/locks/of-acme.lock", 0o600),
            ("state/snow/locks/state.lock", 0o600),
            ("state/snow/tests.json", 0o600),
        ];
        let expected: Vec<(String, u32)> = expected.map(|(name, mode)| (name.to_owned(), mode)).into();
        assert_eq!(files, expected, "umask {umask}");
    }
}

// F8
#[test]
fn a_file_that_others_could_read_is_private_after_a_change_and_read_only_ones_are_not_opened_up() {
    let mut world = World::new();
    for mode in [0o644, 0o666, 0o640, 0o400] {
        world.write_config(ONE);
        fs::set_permissions(world.config_path(), fs::Permissions::from_mode(mode)).unwrap();
        world.run("list").expect(0);
        assert_eq!(mode_of(&world.config_path()), mode, "reading changes nothing");
        world.run("connect acme --no-test --description words").expect(0);
        assert_eq!(mode_of(&world.config_path()), 0o600);
    }
}

#[test]
fn without_a_keyring_a_password_goes_nowhere() {
    let mut session = Session::without_keyring();
    let line = "connect https://acme.service-now.com --username u --password-stdin --no-test --json";
    let outcome = session.run(line, "sandbox-beth").expect(9);
    assert_eq!(outcome.error_code(), "keyring-unavailable");
    outcome.says(&["SNOW_PASSWORD_FILE", "gnome-keyring"]);
    // The end of the session searches its home for the password.
    assert!(!session.home().join(".config").exists());
}

// ---- F4 ----

#[test]
fn as_many_connects_at_once_give_as_many_connections() {
    let count = reach(30, 100);
    let session = Session::new();
    let children: Vec<Child> = (0..count)
        .map(|number| {
            let host = format!("https://c{number}.service-now.com");
            let words = ["connect", &host, "--username", "u", "--password-stdin", "--no-test", "--json"];
            let mut command = session.command(&words);
            command.env("SNOW_KEYRING_TIMEOUT", "60s");
            start(command, b"sandbox-beth")
        })
        .collect();
    for child in children {
        end(child).expect(0);
    }
    let listed = finish(session.command(&["list", "--json"]), b"").expect(0).json();
    let connections = listed["connections"].as_array().unwrap();
    assert_eq!(connections.len(), count);
    assert_eq!(connections.iter().filter(|connection| connection["default"] == true).count(), 1);
    let items = session.secret_tool(&["search", "--all", "service", "snow"], "");
    let items = format!("{}{}", items.stdout, items.stderr);
    for connection in connections {
        let account = format!("{}/password", connection["id"].as_str().unwrap());
        assert!(items.contains(&account), "{} has no password", connection["name"]);
    }
    assert_eq!(items.matches("attribute.username").count(), count, "one item each and no probe");
}

#[test]
fn changes_of_different_fields_at_once_all_stay() {
    let world = World::new();
    world.write_config(ONE);
    let children: Vec<Child> = (0..30)
        .map(|number| {
            let mut command = snow(world.home());
            command.args(["connect", "acme", "--no-test", "--label", &format!("k{number}=v")]);
            start(command, b"")
        })
        .collect();
    for child in children {
        end(child).expect(0);
    }
    let shown = finish(run_in(&world, "show acme --json"), b"").expect(0).json();
    assert_eq!(shown["connection"]["labels"].as_object().unwrap().len(), 30);
    assert_eq!(shown["connection"]["revision"], 33);
}

#[test]
fn a_change_waits_for_the_lock_and_goes_on_when_its_holder_is_killed() {
    let world = World::new();
    world.write_config(ONE);
    let lock = world.home().join(".local/state/snow/locks/config.lock");
    fs::create_dir_all(lock.parent().unwrap()).unwrap();
    let mut holder = tool("flock");
    holder.arg("--no-fork").arg(&lock).args(["sh", "-c", "echo held; exec sleep 600"]).stdout(Stdio::piped());
    let mut holder = Guard(holder.spawn().expect("flock starts"));
    let mut held = String::new();
    BufReader::new(holder.0.stdout.take().unwrap()).read_line(&mut held).unwrap();
    assert_eq!(held, "held\n");

    let mut change = start(run_in(&world, "connect acme --no-test --description words"), b"");
    // Reading waits for nobody.
    finish(run_in(&world, "list"), b"").expect(0);
    let watched = Instant::now();
    while watched.elapsed() < Duration::from_millis(300) {
        assert!(change.try_wait().unwrap().is_none(), "the change did not wait");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(world.config(), ONE);
    drop(holder);
    end(change).expect(0);
    assert!(world.config().contains("description = \"words\""));
}

#[test]
fn a_lock_is_waited_for_no_longer_than_its_timeout() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("locks/one.lock");
    let held = Lock::acquire(&path, Duration::ZERO).unwrap();
    assert!(held.is_some());
    assert!(Lock::acquire(&path, Duration::from_millis(50)).unwrap().is_none());
    drop(held);
    // A process that another test starts right now may have it for a moment.
    assert!(Lock::acquire(&path, Duration::from_secs(5)).unwrap().is_some());
}

// ---- F9 ----

#[test]
fn a_name_that_is_no_name_is_refused_and_writes_nothing() {
    let long = "x".repeat(10_000);
    let names = [
        "../x",
        "/etc/x",
        ".",
        "..",
        "-rf",
        "",
        " ",
        "a b",
        "a/b",
        "a\\b",
        "C:",
        "x.toml",
        "e\u{301}",
        "é",
        "ÄÖ",
        "\u{202e}x",
        "x\u{200b}",
        "a\nb",
        "a\r\nb",
        "a\0b",
        "environment",
        "Environment",
        "_x",
        "*",
        "$HOME",
        "~",
        &long,
    ];
    let mut world = World::new();
    for name in names {
        let flag = format!("--name={name}");
        let connect =
            ["connect", "https://a.service-now.com", &flag, "--username", "u", "--password-stdin", "--no-test"];
        for words in [&connect[..], &["show", "--", name], &["remove", "--yes", "--", name], &["test", "--", name]] {
            let outcome = world.stdin("sandbox-beth").run_words(words);
            assert!([2, 3].contains(&outcome.code), "{words:?}: {outcome:?}");
            assert!(outcome.stderr.len() < 4096, "{} bytes of {words:?}", outcome.stderr.len());
            assert!(!outcome.stderr.contains(['\0', '\r', '\u{202e}', '\u{200b}']), "{:?}", outcome.stderr);
        }
        assert_eq!(names_in(world.home()), [""; 0], "{name:?}");
    }
    // From a variable and from the file as well.
    world.write_config("[connections.\"../x\"]\ninstance = \"a\"\nauth = \"basic\"\nusername = \"u\"\n");
    world.run("list").expect(3);
    world.write_config(ONE);
    world.set("SNOW_CONNECTION", "../x");
    world.run("show").expect(3);
}

#[test]
fn upper_and_lower_case_name_one_connection() {
    let mut world = World::new();
    connect_untested(&mut world, "Acme");
    assert!(world.config().contains("[connections.acme]"));
    let line = "connect https://b.service-now.com --name ACME --username u --password-stdin --no-test --json";
    let outcome = world.stdin("sandbox-beth").run(line).expect(3);
    assert_eq!(outcome.error_code(), "connection-exists");
    world.run("remove aCME --yes").expect(0);
    assert!(!world.config().contains("acme"));
}

// ---- F12 ----

#[test]
fn stale_temporary_files_go_and_the_content_of_a_lock_file_is_of_no_importance() {
    let world = World::new();
    world.write_config(ONE);
    let directory = world.config_path().parent().unwrap().to_owned();
    let two_hours_ago = SystemTime::now() - Duration::from_secs(7200);
    for (name, is_old) in [(".snow-old.tmp", true), (".snow-young.tmp", false), ("mine.tmp", true), (".snow-x", true)] {
        let file = File::create(directory.join(name)).unwrap();
        if is_old {
            file.set_modified(two_hours_ago).unwrap();
        }
    }
    let lock = world.home().join(".local/state/snow/locks/config.lock");
    fs::create_dir_all(lock.parent().unwrap()).unwrap();
    fs::write(&lock, "4194305 some other machine\0").unwrap();
    File::open(&lock).unwrap().set_modified(two_hours_ago).unwrap();

    finish(run_in(&world, "connect acme --no-test --description words"), b"").expect(0);
    assert_eq!(names_in(&directory), [".snow-x", ".snow-young.tmp", "config.toml", "mine.tmp"]);
    assert_eq!(fs::read(&lock).unwrap(), b"4194305 some other machine\0");
}

// ---- size ----

#[test]
fn ten_thousand_connections_are_saved_in_time_that_grows_with_their_number() {
    let home = tempfile::tempdir().unwrap();
    let saved = |count: usize| {
        let file =
            ConfigFile { path: home.path().join(format!("{count}.toml")), lock: home.path().join("lock"), home: None };
        fs::write(&file.path, ONE).unwrap();
        let one = file.load().unwrap().connections.into_values().next().unwrap();
        let started = Instant::now();
        file.change(|change| {
            for number in 0..count {
                let mut profile = one.clone();
                profile.name = format!("c{number}").parse().unwrap();
                profile.id = uuid::Uuid::new_v4();
                change.put(profile, Utc::now());
            }
            Ok::<_, ConfigError>(())
        })
        .unwrap();
        let spent = started.elapsed();
        assert_eq!(file.load().unwrap().connections.len(), count + 1);
        spent
    };
    saved(100);
    let (few, many) = (saved(1_000), saved(10_000));
    // Ten times as many; a look at every entry for every entry took a hundred times as long.
    assert!(many < few * 30, "{few:?} for 1,000 and {many:?} for 10,000");
}

// ---- helpers ----

fn connect_untested(world: &mut World, name: &str) {
    let line = format!("connect https://{name}.example --name {name} --username u --password-stdin --no-test");
    world.stdin("sandbox-beth").run(&line).expect(0);
}

fn run_in(world: &World, line: &str) -> Command {
    let mut command = snow(world.home());
    command.args(line.split_whitespace());
    command
}

/// Starts a command with this standard input.
fn start(mut command: Command, stdin: &[u8]) -> Child {
    use std::io::Write;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let _ = child.stdin.take().expect("piped").write_all(stdin);
    child
}

fn end(child: Child) -> Outcome {
    let output = child.wait_with_output().expect("it ends");
    Outcome {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.collect();
    names.sort();
    names
}

fn mode_of(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn modes_below(directory: &Path) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    for name in names_in(directory) {
        let path = directory.join(&name);
        found.push((name.clone(), mode_of(&path)));
        if path.is_dir() {
            found.extend(modes_below(&path).into_iter().map(|(below, mode)| (format!("{name}/{below}"), mode)));
        }
    }
    found
}

#[test]
fn a_default_that_names_nothing_is_none_and_can_be_mended() {
    let mut world = World::new();
    world.write_config(
        "default = \"gone\"\n[connections.acme]\ninstance = \"acme\"\nauth = \"basic\"\nusername = \"x\"\n",
    );
    assert_eq!(world.run("list --json").expect(0).json()["default"], serde_json::Value::Null);
    world.run("use acme").expect(0);
    assert_eq!(world.run("list --json").expect(0).json()["default"], "acme");
}
