//! Whether a screen fits the terminal, and its commands can be copied.

use std::collections::BTreeSet;

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

/// The lines of a screen that are wider than the terminal. A URL, a path or another word
/// that is longer than a whole line may be, if nothing is beside it.
pub fn too_wide(screen: &str, columns: usize) -> Vec<String> {
    let is_one_long_word = |line: &str| {
        let word = line.trim().trim_end_matches(" \\");
        !word.contains(' ') && word.width() > columns
    };
    screen.lines().filter(|line| line.width() > columns && !is_one_long_word(line)).map(str::to_owned).collect()
}

/// The commands that a screen breaks without saying so by a backslash.
pub fn broken(screen: &str, commands: &BTreeSet<String>) -> Vec<String> {
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    // A shell reads the next line as a part of this one.
    let joined: String = screen.split("\\\n").map(str::trim_start).collect();
    let whole: Vec<String> = joined.lines().map(one_line).collect();
    let everything = one_line(&joined);
    let is_broken = |command: &&String| {
        let in_lines: usize = whole.iter().map(|line| line.matches(command.as_str()).count()).sum();
        everything.matches(command.as_str()).count() != in_lines
    };
    commands.iter().filter(is_broken).cloned().collect()
}

/// The commands that the steps of documents name.
pub fn commands(document: &Value, found: &mut BTreeSet<String>) {
    match document {
        Value::Object(members) => {
            found.extend(members.get("command").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|value| commands(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| commands(value, found)),
        _ => {}
    }
}

#[test]
fn a_line_that_is_too_wide_and_a_broken_command_are_found() {
    let url = format!("https://acme.example/{}", "x".repeat(40));
    let planted = format!("fits\n  see {url}\n  {url}\n{}\n", "word ".repeat(9));
    assert_eq!(too_wide(&planted, 40), [format!("  see {url}"), "word ".repeat(9)]);
    let commands = BTreeSet::from(["snow test acme --wait 10m".to_owned()]);
    assert!(broken("do  snow test acme --wait 10m\n", &commands).is_empty());
    assert!(broken("do  snow test acme \\\n      --wait 10m\n", &commands).is_empty());
    assert_eq!(broken("do  snow test\n    acme --wait 10m\n", &commands).len(), 1);
}
