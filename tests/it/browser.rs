//! The browser that `snow` opens: whether, which, and what it gets to know.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use snow_connect::sandbox::Sandbox;

use crate::oauth::{connect_line, sandbox};
use crate::world::browser::{get, sign_in};
use crate::world::canary::Canaries;
use crate::world::keyring::Session;
use crate::world::waiting::{Running, TIMEOUT};
use crate::world::{Answer, PASSWORD, World};

/// A script for `sh` that notes what it was given, and then goes on as `end`.
/// Written by another process: one that is open for writing cannot be run.
fn script(path: &Path, notes: &Path, end: &str) {
    let notes = notes.display();
    let text = format!(
        "#!/bin/sh\n/bin/mkdir {notes}.part\nprintf '%s\\n' \"$@\" >{notes}.part/arguments\n/usr/bin/env >{notes}.part/environment\n\
         echo $$ >{notes}.part/process\nlist=$(/bin/ls -l /proc/$$/fd)\n\
         printf '%s' \"$list\" >{notes}.part/descriptors\n\
         /bin/mv {notes}.part {notes}\n{end}\n"
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", "printf '%s' \"$1\" >\"$0\" && chmod 755 \"$0\""]).arg(path).arg(text);
    assert!(shell.stdin(Stdio::null()).status().unwrap().success());
}

#[track_caller]
fn noted(notes: &Path, what: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !notes.exists() {
        assert!(Instant::now() < deadline, "no browser was started");
        std::thread::sleep(Duration::from_millis(10));
    }
    std::fs::read_to_string(notes.join(what)).unwrap()
}

fn connecting(session: &Session, sandbox: &Sandbox) -> Command {
    let mut command = session.command(&[]);
    command.args(connect_line(sandbox).split(' ')).args(TIMEOUT.split(' '));
    command
}

fn is_alive(process: &str) -> bool {
    Path::new("/proc").join(process.trim()).exists()
}

// A2, A3, C16
#[test]
fn a_browser_that_never_ends_gets_the_address_alone_and_is_not_waited_for() {
    let session = Session::new();
    let sandbox = sandbox();
    let (browser, notes) = (session.home().join("browser"), session.home().join("notes"));
    script(&browser, &notes, "exec /bin/sleep 60");
    let mut command = connecting(&session, &sandbox);
    command.env("BROWSER", format!("sh {}", browser.display())).env("SNOW_PASSWORD", PASSWORD);
    command.env("SNOW_CLIENT_SECRET", "CANARY-client-secret").env("SNOW_STORE_PASSPHRASE", "CANARY-passphrase");
    command.env("HTTPS_PROXY", "http://u:CANARY-proxy@proxy.example:1");
    command.env("all_proxy", "socks5://u:CANARY-proxy@proxy.example:2").env("ftp_proxy", "u:CANARY@proxy@[");
    command.env("NO_PROXY", "127.0.0.1");
    let running = Running::start(command);
    let waiting = running.waiting();
    assert_eq!(noted(&notes, "arguments"), format!("{}\n", waiting.url));
    let environment = noted(&notes, "environment");
    assert!(!environment.contains("SNOW_") && !environment.contains("CANARY"), "{environment}");
    assert!(environment.contains("HOME="), "the rest is there");
    for rest in ["HTTPS_PROXY=http://proxy.example:1\n", "all_proxy=socks5://proxy.example:2\n", "NO_PROXY=127.0.0.1\n"]
    {
        assert!(environment.contains(rest), "the proxy is there, and not its password: {environment}");
    }
    Canaries::usual().check(environment.as_bytes(), "the environment of the browser");
    // Others may come from whoever runs the tests.
    let descriptors = noted(&notes, "descriptors");
    for number in 0..3 {
        assert!(descriptors.contains(&format!(" {number} -> /dev/null")), "{descriptors}");
    }
    let process = noted(&notes, "process");
    // What snow is called with is no secret either.
    let arguments = std::fs::read_to_string(format!("/proc/{}/cmdline", running.id())).unwrap();
    Canaries::usual().check(arguments.as_bytes(), "the arguments of snow");
    let landed = waiting.person_returns();
    assert!(landed.body.contains("Signed in"));
    let started = Instant::now();
    running.end().expect(0);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(is_alive(&process), "the browser goes on");
    TcpListener::bind((Ipv4Addr::LOCALHOST, waiting.port())).expect("the listener is not the browser's as well");
    let _ = Command::new("kill").arg(process.trim()).status();
}

// C18
#[test]
fn ctrl_c_does_not_reach_the_browser() {
    let session = Session::new();
    let sandbox = sandbox();
    let (browser, notes) = (session.home().join("browser"), session.home().join("notes"));
    script(&browser, &notes, "exec /bin/sleep 60");
    // As a terminal does: to the whole process group.
    let mut command = connecting(&session, &sandbox);
    command.env("BROWSER", format!("sh {}", browser.display()));
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let running = Running::start(command);
    running.waiting();
    let process = noted(&notes, "process");
    let group = format!("-{}", running.id());
    assert!(Command::new("kill").args(["-INT", "--", &group]).status().unwrap().success());
    running.end().expect(130);
    assert!(is_alive(&process), "the browser goes on");
    let _ = Command::new("kill").arg(process.trim()).status();
}

// C16
#[test]
fn a_browser_that_is_missing_or_fails_leaves_the_address_to_the_person() {
    let session = Session::new();
    let sandbox = sandbox();
    for (name, browser, is_told) in [
        ("a", "/nonexistent/browser", true),
        ("b", "no-such-browser:neither-this:", true),
        ("c", "false", false),
        ("d", "true", false),
    ] {
        let mut command = session.command(&[]);
        command.args(connect_line(&sandbox).replace("acme", name).split(' ')).args(TIMEOUT.split(' '));
        command.env("SNOW_BROWSER", browser).env("BROWSER", "false");
        let running = Running::start(command);
        let landed = running.waiting().person_returns();
        assert!(landed.body.contains("Signed in"), "{browser}");
        let outcome = running.end().expect(0);
        let told = outcome.stderr.contains("Could not start the browser");
        assert_eq!(told, is_told, "{browser}: {}", outcome.stderr);
    }
}

#[test]
fn the_first_command_of_the_list_that_can_be_started_is_the_browser() {
    let session = Session::new();
    let sandbox = sandbox();
    let (browser, notes) = (session.home().join("browser"), session.home().join("notes"));
    script(&browser, &notes, "");
    let mut command = connecting(&session, &sandbox);
    command.env("BROWSER", format!("no-such-browser:sh {} --tab=%s x:false", browser.display()));
    let running = Running::start(command);
    let waiting = running.waiting();
    assert_eq!(noted(&notes, "arguments"), format!("--tab={}\nx\n", waiting.url));
    waiting.person_returns();
    running.end().expect(0);
}

// I6
#[cfg(target_os = "linux")]
#[test]
fn the_browser_of_the_desktop_comes_from_the_path_and_never_from_the_working_directory() {
    let session = Session::new();
    let sandbox = sandbox();
    let (elsewhere, programs) = (session.home().join("project"), session.home().join("programs"));
    let (planted, good) = (session.home().join("planted"), session.home().join("good"));
    for directory in [&elsewhere, &programs] {
        std::fs::create_dir(directory).unwrap();
    }
    for name in ["xdg-open", "gio", "gnome-open", "kde-open", "wslview", "sh", "snow"] {
        script(&elsewhere.join(name), &planted, "");
    }
    let mut command = connecting(&session, &sandbox);
    command.env("DISPLAY", ":0").env("PATH", &programs).current_dir(&elsewhere);
    let running = Running::start(command);
    running.waiting().person_returns();
    running.end().expect(0).says(&["Could not start a browser"]);

    script(&programs.join("xdg-open"), &good, "");
    let mut command = session.command(&["login", "acme"]);
    command.env("DISPLAY", ":0").env("PATH", &programs).current_dir(&elsewhere);
    let running = Running::start(command);
    let waiting = running.waiting();
    assert_eq!(noted(&good, "arguments"), format!("{}\n", waiting.url));
    waiting.person_returns();
    running.end().expect(0);
    assert!(!planted.exists());
}

// H7
#[test]
fn where_it_is_forbidden_no_browser_is_opened_and_the_address_is_printed() {
    let sandbox = sandbox();
    let base = format!("{} --login-timeout 500ms", connect_line(&sandbox));
    for (variable, flag) in
        [("CI", ""), ("SNOW_NO_INPUT", ""), ("", " --no-input"), ("", " --no-browser"), ("", " --no-browser --json")]
    {
        for with_person in [true, false] {
            // A browser that opens would fail the test.
            let mut world = World::new();
            world.set("DISPLAY", ":0").set("BROWSER", "firefox").set("SNOW_BROWSER", "firefox");
            if !variable.is_empty() {
                world.set(variable, "1");
            }
            if with_person && !flag.contains("--no-browser") {
                world.person([]);
            }
            let outcome = world.run(&format!("{base}{flag}")).expect(4);
            assert!(outcome.stderr.contains("/oauth_auth.do?response_type=code"), "{}", outcome.stderr);
            assert!(!outcome.stdout.contains("oauth_auth.do"));
        }
    }
}

#[test]
fn with_a_person_but_without_a_browser_the_printed_address_still_leads_back() {
    let session = Session::new();
    let sandbox = sandbox();
    let mut command = connecting(&session, &sandbox);
    command.env("CI", "true").env("DISPLAY", ":0").arg("--quiet");
    // Quiet leaves out everything but what a person needs.
    let running = Running::start(command);
    running.wait_for("/oauth_auth.do?", Duration::from_secs(20));
    let url = running.said().lines().find(|line| line.contains("/oauth_auth.do?")).unwrap().trim().to_owned();
    assert!(get(&sign_in(&url, "beth.anglin", "allow")).body.contains("Signed in"));
    running.end().expect(0);
}

// C16
#[test]
fn over_ssh_the_exact_tunnel_is_printed_and_no_browser_opened() {
    let sandbox = sandbox();
    for (connection, user, tunnel) in [
        ("10.0.0.1 5000 10.0.0.2 22", "beth", "ssh -L PORT:127.0.0.1:PORT beth@10.0.0.2"),
        ("fd00::1 5000 fd00::2 2222", "beth", "ssh -p 2222 -L PORT:127.0.0.1:PORT beth@fd00::2"),
        ("10.0.0.1 5000 10.0.0.2 22", "$(reboot)", "ssh -L PORT:127.0.0.1:PORT 10.0.0.2"),
    ] {
        let line = connect_line(&sandbox);
        let port = line.rsplit_once("127.0.0.1:").unwrap().1.split('/').next().unwrap();
        let tunnel = tunnel.replace("PORT", port);
        let mut world = World::new();
        world.set("SSH_CONNECTION", connection).set("USER", user).set("DISPLAY", "localhost:10.0");
        let outcome = world.run(&format!("{line} --login-timeout 500ms")).expect(4);
        assert!(outcome.stderr.contains(&format!("\n  {tunnel}\n")), "{}", outcome.stderr);
        // At a terminal the answer is pasted, and the tunnel is the other way.
        let answers = [Answer::Secret("")].into_iter().chain([Answer::Text("x y"), Answer::Cancels]);
        let outcome = world.person(answers).run(&line);
        assert!(outcome.expect(130).stderr.contains(&format!("{tunnel}\n")));
    }
}
