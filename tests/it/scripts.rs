//! What scripts, services and other programs start `snow` with: signals that are
//! ignored, streams that are not waited for, paths that no shell saw.

use std::fs::{self, File};
use std::io::{Read, Write, pipe};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use snow_connect::sandbox::Sandbox;

use crate::world::PASSWORD;
use crate::world::process::{finish, snow, tool};
use crate::world::wire::{Wire, http};

/// `snow` with the encrypted file for its secrets.
fn with_file_store(home: &Path) -> Command {
    let mut command = snow(home);
    command.env("SNOW_STORE", "file").env("SNOW_STORE_PASSPHRASE", PASSWORD);
    command
}

// ---- signals ----

#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_was_ignored_at_the_start_stays_ignored() {
    for (signal, number) in [("HUP", 1), ("INT", 2), ("QUIT", 3), ("TERM", 15)] {
        for is_ignored in [true, false] {
            let (asked, is_asked) = channel();
            let server = Wire::plays(move |stream, _| {
                let _ = asked.send(());
                std::thread::sleep(Duration::from_millis(500));
                let _ = stream.write_all(http(200, "", r#"{"result":[{"sys_id":"1"}]}"#).as_bytes());
            });
            let home = tempfile::tempdir().unwrap();
            let mut command = Command::new("sh");
            let first = if is_ignored { format!("trap '' {signal}; ") } else { String::new() };
            command.args(["-c", &format!("{first}exec \"$0\" test")]).arg(snow(home.path()).get_program());
            command.env_clear().env("HOME", home.path()).env("PATH", "/usr/bin:/bin").current_dir(home.path());
            command.env("SNOW_INSTANCE", server.origin()).env("SNOW_USERNAME", "u").env("SNOW_PASSWORD", PASSWORD);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut child = command.spawn().unwrap();
            is_asked.recv_timeout(Duration::from_secs(20)).unwrap();
            let _ = Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status();
            let code = child.wait().unwrap().code();
            assert_eq!(code, Some(if is_ignored { 0 } else { 128 + number }), "{signal}, ignored: {is_ignored}");
        }
    }
}

// ---- streams ----

/// Makes a descriptor answer "try again" instead of waiting.
fn make_impatient(file: &impl std::os::fd::AsFd) {
    fcntl_setfl(file, fcntl_getfl(file).unwrap() | OFlags::NONBLOCK).unwrap();
}

#[test]
fn a_full_pipe_that_does_not_block_is_waited_for() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join(".config/snow/config.toml");
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    let entry =
        |number| format!("[connections.c{number}]\ninstance = \"c{number}\"\nauth = \"basic\"\nusername = \"u\"\n");
    fs::write(&config, (0..800).map(entry).collect::<String>()).unwrap();
    let (mut reader, writer) = pipe().unwrap();
    make_impatient(&writer);
    let mut command = snow(home.path());
    command.args(["list", "--json"]).stdin(Stdio::null()).stderr(Stdio::piped()).stdout(writer);
    let child = command.spawn().unwrap();
    drop(command);
    std::thread::sleep(Duration::from_millis(500));
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.len() > 70_000 && text.ends_with("}\n") && text.contains("c799"), "{}", text.len());
}

#[test]
fn an_empty_pipe_that_does_not_block_is_waited_for() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let home = tempfile::tempdir().unwrap();
    let (reader, mut writer) = pipe().unwrap();
    make_impatient(&reader);
    let mut command = with_file_store(home.path());
    command.args(["connect", &sandbox.origin(), "--username", "admin", "--password-stdin"]);
    command.stdin(reader).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    drop(command);
    std::thread::sleep(Duration::from_millis(500));
    writer.write_all(b"sandbox-admin\n").unwrap();
    drop(writer);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

// ---- paths ----

#[test]
fn a_tilde_that_no_shell_saw_means_the_home() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("here");
    fs::create_dir(&directory).unwrap();
    fs::write(home.path().join("pw"), "sandbox-admin").unwrap();
    fs::write(home.path().join("pp"), PASSWORD).unwrap();
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut command = snow(home.path());
    command.current_dir(&directory).env("SNOW_STORE", "file").env("SNOW_STORE_PASSPHRASE_FILE", "~/pp");
    command.env("SNOW_STATE_DIR", "~/state").env("SNOW_DATA_DIR", "~/data").env("XDG_CONFIG_HOME", "~/config");
    command.args(["connect", &sandbox.origin(), "--name", "a", "--username", "admin", "--password-file=~/pw"]);
    finish(command, b"").expect(0);
    let mut command = snow(home.path());
    command.current_dir(&directory).env("SNOW_CONFIG_DIR", "~/config/snow");
    command.env("SNOW_INSTANCE", sandbox.origin()).env("SNOW_USERNAME", "admin").env("SNOW_PASSWORD_FILE", "~/pw");
    command.args(["test", "--output=json=~/report.json"]);
    finish(command, b"").expect(0);
    let mut command = snow(home.path());
    command.current_dir(&directory).args(["--config=~/config/snow/config.toml", "show", "a"]);
    finish(command, b"").expect(0);
    assert!(fs::read_dir(&directory).unwrap().next().is_none(), "nothing where it ran");
    for path in ["config/snow/config.toml", "state", "data/secrets.age", "report.json"] {
        File::open(home.path().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
}

// ---- limits ----

/// Runs `snow` under a limit that it cannot pass. Root has none on threads, so it
/// becomes a user of its own.
#[cfg(target_os = "linux")]
fn limited(limit: &str, words: &[&str]) -> crate::world::Outcome {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let program = home.path().join("snow");
    fs::copy(crate::world::process::program(), &program).unwrap();
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = tool("setpriv");
        command.args(["--reuid=65532", "--regid=65532", "--clear-groups", "prlimit"]);
        command
    } else {
        tool("prlimit")
    };
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o777)).unwrap();
    command.arg(limit).arg(&program).args(words).env_clear().env("HOME", home.path()).env("PATH", "/usr/bin:/bin");
    command.env("SNOW_INSTANCE", "http://127.0.0.1:9").env("SNOW_USERNAME", "u").env("SNOW_PASSWORD", PASSWORD);
    finish(command, b"")
}

#[cfg(target_os = "linux")]
#[test]
fn a_limit_on_descriptors_or_threads_is_named_in_one_document() {
    for limit in ["nofile=5", "nofile=7", "nofile=9", "nofile=12", "nofile=16", "nproc=1", "nproc=3", "nproc=6"] {
        let limit = format!("--{limit}");
        let outcome = limited(&limit, &["test", "--json"]).expect(3);
        assert_eq!(outcome.stdout.lines().count(), 1, "{limit}: {outcome:?}");
        assert_eq!(outcome.error_code(), "limit-reached", "{limit}");
        assert_eq!(outcome.stderr, "", "{limit}");
        let words = if limit.contains("nofile") { "open files" } else { "processes and threads" };
        limited(&limit, &["test"]).expect(3).says(&[words]);
    }
    // What is there is enough for one connection, which is refused.
    limited("--nofile=48", &["test", "--json"]).expect(6);
}
