//! `snow query` against an instance that lies or breaks, and killed at any time.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use snow_connect::sandbox::{Sandbox, SandboxOptions};

use crate::world::process::{finish, snow};
use crate::world::rows::{Page, RowServer, Table, key, page, row};
use crate::world::wire::{http, run_against};
use crate::world::{PASSWORD, reach};

fn program(home: &Path, origin: &str, words: &[&str]) -> Command {
    let mut command = snow(home);
    command.env("SNOW_INSTANCE", origin).env("SNOW_USERNAME", "beth").env("SNOW_PASSWORD", PASSWORD).args(words);
    command
}

/// How a query ends against a server of 2500 rows whose answers are changed.
#[track_caller]
fn ends(
    line: &str,
    code: i32,
    said: &str,
    rows: usize,
    change: impl Fn(&Page, &Table, String) -> String + Send + Sync + 'static,
) {
    let server = RowServer::with(2500, change);
    let outcome = run_against(&server.origin(), line);
    assert_eq!(outcome.code, code, "{line}: {}", outcome.stderr);
    assert!(outcome.stderr.contains(said), "{line}: {}", outcome.stderr);
    let keys: Vec<String> = outcome.stdout.lines().map(|line| line[12..44].to_owned()).collect();
    assert_eq!(keys.len(), rows, "{line}");
    assert_eq!(keys.into_iter().collect::<BTreeSet<_>>().len(), rows, "{line}");
    assert!(server.wire.requests() < 1000, "{line}: {} requests", server.wire.requests());
}

const ALL: &str = "query x --all -o jsonl";
const ORDERED: &str = "query x --all --order text -o jsonl";

/// The rows of a table as a page, without its count.
fn rows_from(table: &Table, from: usize, count: usize) -> Vec<String> {
    table.lock().unwrap().iter().skip(from).take(count).map(|(key, text)| row(key, text)).collect()
}

#[test]
fn a_count_that_is_a_lie_or_missing_loses_no_row() {
    for count in [Some(0), Some(1), Some(1000), Some(2499), Some(1 << 40), None] {
        let said = if count == Some(1 << 40) { "page after page has none" } else { "" };
        let code = if said.is_empty() { 0 } else { 10 };
        ends(ALL, code, said, 2500, move |asked, table, _| {
            let table = table.lock().unwrap();
            let after = asked.after.clone().unwrap_or_default();
            let rows = table.iter().filter(|(key, _)| **key > after).skip(asked.offset).take(asked.limit);
            page(&rows.map(|(key, text)| row(key, text)).collect::<Vec<_>>(), count)
        });
    }
}

#[test]
fn a_page_that_comes_for_ever_ends() {
    let again = |_: &Page, table: &Table, _: String| page(&rows_from(table, 0, 1000), Some(2500));
    ends(ALL, 10, "do not come in the order", 1000, again);
    ends(ORDERED, 10, "the same page again and again", 1000, |asked, table, _| {
        // The first page is told once more as the second, and is not written.
        page(&rows_from(table, 0, 1000), Some(2500 + asked.number))
    });
}

#[test]
fn another_order_is_noticed() {
    ends(ALL, 10, "do not come in the order", 1, |asked, table, _| {
        let mut rows = rows_from(table, 0, asked.limit);
        rows.reverse();
        page(&rows, Some(2500))
    });
    // From the second page on.
    ends(ALL, 10, "do not come in the order", 1001, |asked, table, answer| {
        if asked.number == 0 {
            return answer;
        }
        let mut rows = rows_from(table, 1000, 1000);
        rows.reverse();
        page(&rows, None)
    });
}

#[test]
fn an_answer_that_breaks_off_is_asked_for_again_from_there() {
    let cut = |asked: &Page, answer: String| {
        // In the middle of a row, once for each page.
        let end = if asked.number.is_multiple_of(2) { answer.len() / 2 } else { answer.len() };
        answer[..end].to_owned()
    };
    ends(ALL, 0, "going on in", 2500, move |asked, _, answer| cut(asked, answer));
    ends(ORDERED, 0, "going on in", 2500, move |asked, _, answer| cut(asked, answer));
    // Always at the same place.
    ends(ALL, 7, "truncated-answer", 0, |_, _, answer| answer[..answer.find("\r\n\r\n").unwrap() + 20].to_owned());
    // Cut within JSON that is whole by its length.
    ends("query x --limit 5 -o jsonl", 7, "truncated-answer", 1, |asked, _, _| {
        let first = if asked.after.is_none() { format!("{},", row(&key(1), "x")) } else { String::new() };
        http(200, "", &format!(r#"{{"result":[{first}{{"sys_id":"#))
    });
}

#[test]
fn an_error_behind_many_rows_is_told_for_what_it_is() {
    // After the rows, and in the middle of them.
    for end in [r#"],"error":"#, r#","error":"#] {
        ends(ALL, 0, "cancelled the request in the middle of its response", 2500, move |asked, table, answer| {
            if asked.number != 1 {
                return answer;
            }
            let rows = rows_from(table, 1000, 1000).join(",");
            assert!(rows.len() > 48 * 1024);
            let error = r#"{"message":"Transaction cancelled: maximum execution time exceeded","detail":null},"status":"failure"}"#;
            http(200, "", &format!(r#"{{"result":[{rows}{end}{error}"#))
        });
    }
}

#[test]
fn a_page_of_something_else_ends_it_and_the_rows_before_it_are_there() {
    let server = RowServer::with(40_000, |asked, _, answer| match asked.number {
        36 => http(200, "Content-Type: text/html\r\n", "<html><title>Log in | ServiceNow</title></html>"),
        _ => answer,
    });
    let outcome = run_against(&server.origin(), ALL).expect(7);
    assert_eq!(outcome.stdout.lines().count(), 36_000);
    assert!(outcome.stderr.contains("login-page"), "{}", outcome.stderr);
    let document = run_against(
        &RowServer::with(3000, |asked, _, answer| match asked.number {
            1 => http(403, "", r#"{"error":{"message":"no","detail":null},"status":"failure"}"#),
            _ => answer,
        })
        .origin(),
        "query x --all --json",
    )
    .expect(5)
    .json();
    assert_eq!((document["rows"].as_array().unwrap().len(), &document["error"]["exit_code"]), (1000, &5.into()));
    for body in
        [r#"{"result":{}}"#, r#"{"result":[1]}"#, r#"{"result":[{"sys_id":}]}"#, r#"{"other":[]}"#, "[]", "pong"]
    {
        let reply = http(200, "", body);
        let server = RowServer::with(1, move |_, _, _| reply.clone());
        let outcome = run_against(&server.origin(), "query x --json");
        assert!(matches!(outcome.code, 7 | 10), "{body}: {outcome:?}");
        assert_eq!(outcome.json()["schema"], "snow.error/1", "{body}");
    }
}

#[test]
fn rows_without_a_key_are_counted_off() {
    let server = RowServer::with(0, |asked, _, _| {
        let numbers = asked.offset..1500.min(asked.offset + asked.limit);
        page(&numbers.map(|number| format!(r#"{{"n":"{number}"}}"#)).collect::<Vec<_>>(), Some(1500))
    });
    let outcome = run_against(&server.origin(), "query x --limit 2000 -o csv").expect(0);
    let expected: String = (0..1500).map(|number| format!("{number}\r\n")).collect();
    assert_eq!(outcome.stdout, format!("n\r\n{expected}"));
}

#[test]
fn a_row_of_10_megabytes_comes_out_whole() {
    let server = RowServer::with(3, |asked, _, answer| {
        if asked.after.is_some() {
            return answer;
        }
        let large = "x".repeat(10 * 1024 * 1024);
        page(&[row(&key(3), &large), row(&key(6), "y")], Some(3))
    });
    let outcome = run_against(&server.origin(), ALL).expect(0);
    let lengths: Vec<usize> = outcome.stdout.lines().map(str::len).collect();
    assert_eq!(lengths.len(), 3);
    assert!(lengths[0] > 10 * 1024 * 1024);
}

#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_rows() {
    let peak = |rows: usize| {
        let text = "x".repeat(2000);
        let server = RowServer::with(rows, move |asked, table, _| {
            let table = table.lock().unwrap();
            let after = asked.after.clone().unwrap_or_default();
            let rows = table.range(after..).filter(|(key, _)| Some(*key) != asked.after.as_ref()).take(asked.limit);
            page(&rows.map(|(key, _)| row(key, &text)).collect::<Vec<_>>(), None)
        });
        let home = tempfile::tempdir().unwrap();
        let mut command = program(home.path(), &server.origin(), &["query", "x", "--all", "-o", "csv"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let (mut stdout, mut peak, mut buffer, mut length) = (child.stdout.take().unwrap(), 0, vec![0; 1 << 20], 0);
        loop {
            let read = stdout.read(&mut buffer).unwrap();
            length += read;
            // What a core dump would show is hidden, and its size is not.
            let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            peak =
                peak.max(line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok()).unwrap_or(0));
            if read == 0 {
                break;
            }
        }
        assert!(child.wait().unwrap().success());
        assert!(length > rows * 2000);
        peak
    };
    let (few, many) = (peak(2000), peak(reach(20_000, 200_000)));
    assert!(few > 0 && many < few + 4 * 1024, "{few} kB for few rows, {many} kB for many");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_a_closed_pipe_is_the_end() {
    let server = RowServer::of(30_000);
    let home = tempfile::tempdir().unwrap();
    let origin = server.origin();
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for form in ["jsonl", "json", "csv", "text"] {
        let output = program(home.path(), &origin, &["query", "x", "--all", "-o", form])
            .stdout(full())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(3), "{form}: {output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("standard output cannot be written"), "{output:?}");
    }
    let outcome = finish(program(home.path(), &origin, &["query", "x", "--all", "-o", "csv=/dev/full"]), b"");
    assert!(outcome.code == 3 && outcome.stderr.contains("/dev/full"), "{outcome:?}");
    let words = ["query", "x", "--all", "-o", "jsonl"];
    let mut child =
        program(home.path(), &origin, &words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 10]).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("error"), "{output:?}");
}

#[test]
fn a_run_that_is_interrupted_says_so_in_its_document() {
    let home = tempfile::tempdir().unwrap();
    // What it has written when it is interrupted in the middle of its third page.
    let interrupted = |form: &str| {
        let server = RowServer::with(3000, |asked, _, answer| {
            if asked.number == 2 {
                std::thread::sleep(Duration::from_secs(8));
            }
            answer
        });
        let written = home.path().join(form);
        let mut command = program(home.path(), &server.origin(), &["query", "x", "--all", "-o", form]);
        command.stdout(std::fs::File::create(&written).unwrap()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while server.wire.requests() < 3 {
            assert!(Instant::now() < deadline);
            std::thread::sleep(Duration::from_millis(10));
        }
        let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        std::fs::read_to_string(written).unwrap()
    };
    let document: Value = serde_json::from_str(&interrupted("json")).unwrap();
    assert_eq!((document["rows"].as_array().unwrap().len(), &document["error"]["code"]), (2000, &"interrupted".into()));
    assert_eq!(interrupted("jsonl").lines().count(), 2000);
}

/// The keys in a file of JSON lines, each of which must be whole.
fn keys_in(file: &Path) -> Vec<String> {
    let content = std::fs::read_to_string(file).unwrap();
    assert!(content.ends_with('\n'));
    let key = |line: &str| serde_json::from_str::<Value>(line).unwrap()["sys_id"].as_str().unwrap().to_owned();
    content.lines().map(key).collect()
}

#[test]
fn rows_come_out_whole_through_ten_kills_and_a_session_that_ends_twice() {
    let rows = reach(9_000, 200_000);
    let sandbox = Sandbox::open(SandboxOptions {
        incidents: rows,
        latency: Duration::from_millis(10),
        ..SandboxOptions::default()
    })
    .unwrap();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("rows.jsonl");
    let state = home.path().join("state");
    let command = || {
        let mut command = snow(home.path());
        let client = snow_connect::sandbox::CLIENTS.iter().find(|client| client.client_id == "sandbox-ci").unwrap();
        command.env("SNOW_INSTANCE", sandbox.origin()).env("SNOW_CLIENT_ID", client.client_id);
        command.env("SNOW_CLIENT_SECRET", client.client_secret.unwrap());
        command.args([
            "query",
            "incident",
            "--all",
            "--fields",
            "sys_id,number",
            "-o",
            "jsonl=rows.jsonl",
            "--checkpoint",
            "state",
        ]);
        command
    };
    let come = || {
        std::fs::read(&state)
            .ok()
            .and_then(|state| serde_json::from_slice::<Value>(&state).ok()?["cursor"]["rows"].as_u64())
            .unwrap_or(0)
    };
    for kill in 0..10_u64 {
        let goal = rows as u64 * (kill + 1) / 12;
        let mut child = command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(reach(60, 600));
        while come() < goal {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed, at {} rows", come());
            assert!(Instant::now() < deadline, "no more than {} rows of {goal}", come());
            std::thread::sleep(Duration::from_millis(3));
        }
        if kill == 3 || kill == 7 {
            sandbox.expire_access_tokens();
            std::thread::sleep(Duration::from_millis(100));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(come() < rows as u64);
    finish(command(), b"").expect(0);
    let keys = keys_in(&file);
    assert_eq!(keys.len(), rows);
    assert!(keys.is_sorted_by(|one, other| one < other));
    let before = sandbox.requests();
    finish(command(), b"").expect(0);
    assert_eq!(sandbox.requests(), before);
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_that_is_killed_at_any_call_leaves_what_the_next_goes_on_from() {
    let server = RowServer::of(2500);
    let home = tempfile::tempdir().unwrap();
    let (file, state) = (home.path().join("rows.jsonl"), home.path().join("state"));
    let words = ["query", "x", "--all", "-o", "jsonl=rows.jsonl", "--checkpoint", "state"];
    let expected = server.keys();
    let mut killed = 0;
    for calls in ["write", "?rename,?renameat,?renameat2", "?fdatasync,?fsync", "?ftruncate"] {
        let mut number = 1;
        loop {
            let _ = std::fs::remove_file(&file);
            let _ = std::fs::remove_file(&state);
            let plain = program(home.path(), &server.origin(), &words);
            let mut traced = crate::world::process::tool("strace");
            traced.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={calls}"), "-e"]);
            traced.arg(format!("inject={calls}:signal=SIGKILL:when={number}"));
            traced.arg(plain.get_program()).args(plain.get_args()).current_dir(home.path()).env_clear();
            traced.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
            let output = traced.output().unwrap();
            if output.status.success() {
                break;
            }
            killed += 1;
            finish(program(home.path(), &server.origin(), &words), b"").expect(0);
            assert_eq!(keys_in(&file), expected, "{calls} {number}");
            number = crate::world::next_call(number);
        }
    }
    assert!(killed > 10, "{killed}");
}
