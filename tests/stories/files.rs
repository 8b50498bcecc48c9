//! Files that others use at the same time, and paths as people have them.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::{sandbox, with_a_password};

#[test]
fn what_several_write_at_once_is_read_whole_and_nothing_is_lost() {
    let sandbox = sandbox();
    let person = with_a_password(&sandbox);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut rounds = 0;
            while !is_over.load(Ordering::Relaxed) {
                let listed = person.run("list --json").expect(0).json();
                assert_eq!(listed["connections"][0]["username"], "beth.anglin");
                rounds += 1;
            }
            rounds
        });
        let edit = |label: usize| {
            for round in 0..5 {
                person.run(&format!("edit acme --set labels.l{label}={round}")).expect(0);
            }
        };
        let editing: Vec<_> = (0..4).map(|label| scope.spawn(move || edit(label))).collect();
        let ended: Vec<_> = editing.into_iter().map(|one| one.join()).collect();
        is_over.store(true, Ordering::Relaxed);
        ended.into_iter().for_each(|end| end.unwrap());
        assert!(reading.join().unwrap() > 0);
    });
    let listed = person.run("list --json").expect(0).json();
    let labels = &listed["connections"][0]["labels"];
    for label in 0..4 {
        assert_eq!(labels[format!("l{label}")], "4", "{labels}");
    }
}

/// A virus scanner or an editor on Windows keeps others out of a file. On Unix a lock is
/// a request, and snow reads and replaces the file.
#[test]
fn a_file_that_another_program_holds_for_a_moment_is_waited_for() {
    let sandbox = sandbox();
    let mut person = with_a_password(&sandbox);
    let held = std::fs::File::open(person.config_path()).unwrap();
    if person.is_on_windows() {
        let path = person.seen_config();
        person.set("STORY_HOLD", &path);
    } else {
        held.lock().unwrap();
    }
    person.run("test acme").expect(0);
    person.run("edit acme --set labels.env=dev").expect(0);
    assert!(person.config().contains("dev"));
}

#[test]
fn reports_go_to_paths_with_spaces_and_letters_outside_ascii() {
    let sandbox = sandbox();
    let person = with_a_password(&sandbox);
    let directory = person.home().join("répörts of today");
    std::fs::create_dir(&directory).unwrap();
    for format in ["junit", "html", "jsonl", "json"] {
        let file = person.seen(&format!("répörts of today/tëst.{format}"));
        person.run_with(&["test", "acme", "--output", &format!("{format}={file}")], "").expect(0);
        let content = std::fs::read_to_string(directory.join(format!("tëst.{format}"))).unwrap();
        assert!(content.contains("acme"), "{format}: {content}");
    }
    // Another connections file, which does not exist yet.
    let other = person.seen("änother/config.toml");
    person.run_with(&["--config", &other, "list"], "").expect(0);
    let origin = sandbox.origin();
    let connect =
        ["--config", &other, "connect", &origin, "--name", "x", "--username", "beth.anglin", "--password-stdin"];
    person.run_with(&connect, "sandbox-beth\r\n").expect(0);
    person.run_with(&["--config", &other, "test", "x"], "").expect(0);
    person.run_with(&["--config", &other, "remove", "x", "--yes"], "").expect(0);
    assert!(person.config().contains("acme"));
}

#[test]
fn a_file_that_notepad_saved_is_read_and_its_lines_end_as_they_did() {
    let sandbox = sandbox();
    let person = with_a_password(&sandbox);
    let config = person.config().replace('\n', "\r\n");
    std::fs::write(person.config_path(), format!("\u{feff}{config}")).unwrap();
    person.run("test acme").expect(0);
    person.run("edit acme --set labels.env=dev").expect(0);
    let config = person.config();
    assert_eq!(config.matches('\n').count(), config.matches("\r\n").count(), "{config:?}");
    person.run("remove acme --yes").expect(0);
}
