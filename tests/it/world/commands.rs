//! The `snow` commands that a text in Markdown names.

use clap::CommandFactory;
use snow_connect::cli::args::Cli;

/// Every span and every line of a block that begins with `snow`, without
/// variables before it and redirections or remarks after it.
pub fn commands_in(markdown: &str) -> Vec<Vec<String>> {
    let markdown = markdown.replace(" \\\n", " ");
    let mut texts: Vec<String> = Vec::new();
    let mut prose = String::new();
    let mut in_block = false;
    for line in markdown.lines() {
        match (line.starts_with("```"), in_block) {
            (true, _) => in_block = !in_block,
            (false, true) => texts.push(line.to_owned()),
            (false, false) => prose.push_str(&format!("{line}\n")),
        }
    }
    assert!(!in_block, "a block is not closed:\n{markdown}");
    assert!(prose.matches('`').count().is_multiple_of(2), "a span is not closed:\n{prose}");
    texts.extend(prose.split('`').skip(1).step_by(2).map(str::to_owned));
    texts.iter().map(|text| words(text)).filter(|words| words.first().is_some_and(|word| word == "snow")).collect()
}

fn words(text: &str) -> Vec<String> {
    let is_variable = |word: &&str| word.split_once('=').is_some_and(|(name, _)| name.starts_with("SNOW_"));
    let is_end = |word: &&str| ["<", ">", "|", "&", "#"].contains(word);
    let words = text.split_whitespace().skip_while(is_variable).take_while(|word| !is_end(word));
    words.map(str::to_owned).collect()
}

/// The command line must take these words.
#[track_caller]
pub fn assert_parses(words: &[String]) {
    if let Err(error) = Cli::command().try_get_matches_from(words) {
        panic!("{}: {error}", words.join(" "));
    }
}

#[test]
fn commands_are_found_and_wrong_ones_are_noticed() {
    let found = commands_in("Run `snow test a`, or:\n\n```\nSNOW_INSTANCE=x snow list --json > file\nls\n```\n");
    assert_eq!(found, [vec!["snow", "list", "--json"], vec!["snow", "test", "a"]]);
    found.iter().for_each(|words| assert_parses(words));
    for wrong in ["snow tets a", "snow test --tabel x", "snow rename a"] {
        let words: Vec<String> = wrong.split(' ').map(str::to_owned).collect();
        assert!(std::panic::catch_unwind(|| assert_parses(&words)).is_err(), "{wrong}");
    }
}
