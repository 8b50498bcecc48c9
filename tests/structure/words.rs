//! The words that a person reads: in the texts of `src`, and on the screens that
//! the snapshots show. They are those of `gh` and `cargo`, so what reads
//! translated is forbidden.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::paths::{Source, Text, files, read};
use crate::sources;

/// What is not said, and what is said in its place.
const FORBIDDEN: &[(&str, &str)] = &[
    ("stands", "is"),
    ("stand here", "are here"),
    ("is over", "has expired, has ended"),
    ("nobody", "no one"),
    ("somebody", "someone"),
    ("anybody", "anyone"),
    ("whoever", "the people who"),
    ("in vain", "timed out"),
    ("of its own", "its own"),
    ("goes on from what is saved", "Cancelled. Nothing was changed."),
    ("of 1 connections", "No default connection (1 saved)"),
    ("no end is known", "No expiry known for X."),
    ("about in", "in about"),
    ("is at revision", "X updated: tables"),
    ("spelt out here", "Name it, because .snow.toml chose it"),
    ("name the connection:", "Name it, because .snow.toml chose it"),
    ("which the host suggests", "The name X is already taken"),
    ("this cannot be a user name", "Enter a user name"),
    ("holds a parameter twice", "That is the sign-in link"),
    ("refused. password", "Wrong password? Try again"),
    ("instance says this is", "You signed in as X, but Y is for Z"),
    ("it all the same", "anyway"),
    ("in just these letters", "does not exactly match"),
    ("came back from the sign-in", "Timed out waiting for the browser"),
    ("cannot be listened on", "Port X is already in use"),
    ("no browser could be started", "Could not start the browser X"),
    ("forbids the way", "blocked the request"),
    ("put the question aside", "queued the request (202)"),
    ("question for the own record", "Reading your own sys_user record"),
    ("be waited for", "wait for it with"),
    ("meant for another destination", "belongs to X, not to this instance"),
    ("answer is too large", "the response exceeds the N MB limit"),
    ("are out as well", "This also signs out other machines"),
    ("where one stands", "Show the active connection and its health"),
    ("the long text of an error code", "Explain an error code"),
    ("what to ask an administrator for", "Show the setup an administrator must do"),
    ("renew the session now", "Refresh the OAuth token now"),
    ("asks nobody", "offline"),
    ("leave out remarks", "Print only errors and results"),
    ("for the long run", "For long-term use"),
];

/// All that a program says: its literals, the documentation that becomes help,
/// and the files that it includes.
fn texts_of(sources: &[Source]) -> Vec<Text> {
    let said = |source: &Source| {
        let texts = source.texts.iter().map(|text| literal(text));
        let texts = texts.chain(source.help.iter().cloned());
        texts.map(|text| (source.module.clone(), text)).collect::<Vec<_>>()
    };
    sources.iter().flat_map(said).collect()
}

/// A literal of a macro is still as it is written.
fn literal(text: &str) -> String {
    syn::parse_str::<syn::LitStr>(text).map_or_else(|_| text.to_owned(), |literal| literal.value())
}

/// The forbidden words in `texts`, as `where: word`, whatever lines they are on.
fn forbidden(texts: &[Text]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (place, text) in texts {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        for (words, better) in FORBIDDEN {
            if holds(&text, words) {
                found.insert(format!("{place}: \"{words}\"; better: {better}"));
            }
        }
    }
    found
}

/// Whether `text` holds `words`, and not as a part of longer ones.
fn holds(text: &str, words: &str) -> bool {
    let is_edge = |character: Option<char>| character.is_none_or(|character| !character.is_alphanumeric());
    text.match_indices(words)
        .any(|(at, _)| is_edge(text[..at].chars().next_back()) && is_edge(text[at + words.len()..].chars().next()))
}

fn root() -> PathBuf {
    sources().parent().unwrap().to_owned()
}

#[test]
fn no_text_of_the_program_reads_translated() {
    let read = read(&sources());
    let mut texts = texts_of(&read);
    assert!(texts.len() > 2000, "{}", texts.len());
    assert!(read.iter().any(|source| source.help.len() > 5), "no help was read");
    let included = files(&sources(), &["md", "txt", "json"]);
    assert!(included.len() > 20, "{}", included.len());
    texts.extend(included);
    let found = forbidden(&texts);
    assert!(found.is_empty(), "{found:#?}");
}

/// What comments do not say either, wherever a line of them ends.
const NOT_IN_COMMENTS: [&str; 7] = ["nobody", "somebody", "anybody", "whoever", "in vain", "is over", "of its own"];

/// The words of a source's comments that are not plain English.
fn in_comments(text: &str) -> Vec<&'static str> {
    let comments = text.lines().filter_map(|line| line.trim_start().strip_prefix("//"));
    let words = comments.flat_map(|line| line.trim_start_matches(['/', '!']).split_whitespace());
    let comments = words.collect::<Vec<_>>().join(" ").to_lowercase();
    NOT_IN_COMMENTS.into_iter().filter(|words| holds(&comments, words)).collect()
}

#[test]
fn no_comment_reads_translated() {
    let sources = files(&sources(), &["rs"]);
    assert!(sources.len() > 200, "{}", sources.len());
    let found = sources.iter().map(|(place, text)| (place, in_comments(text)));
    let found: Vec<_> = found.filter(|(_, words)| !words.is_empty()).collect();
    assert!(found.is_empty(), "{found:#?}");
    assert_eq!(in_comments("//! Nobody\nlet nobody = 1; // somebody\n    /// has one of its\n    /// own.\n").len(), 2);
}

#[test]
fn no_screen_reads_translated() {
    let screens = files(&root().join("tests/it/snapshots"), &["snap"]);
    assert!(screens.len() > 50, "{}", screens.len());
    let found = forbidden(&screens);
    assert!(found.is_empty(), "{found:#?}");
}

/// What is found in a source with this text.
fn planted(text: &str) -> usize {
    forbidden(&texts_of(&[Source::parse("cli", text)])).len()
}

#[test]
fn a_forbidden_word_is_found_wherever_it_can_be_shown() {
    for text in [
        "const X: &str = \"the session of acme is over\";",
        "fn f() -> String { format!(\"{} waited \\\n     in vain\", 1) }",
        "#[derive(thiserror::Error)]\nenum E { #[error(\"nobody is signed in\")] A }",
        "#[derive(Debug, Args)]\nstruct A { /// Renew the session now\n a: bool }",
        "#[derive(Subcommand)]\nenum C { /// Where one\n /// stands\n A }",
        "#[derive(clap::Parser)]\n#[command(about = \"Ask somebody\")]\nstruct A;",
        "/// Whoever asks\n#[derive(Args)]\nstruct A;",
    ] {
        assert!(planted(text) > 0, "{text}");
    }
    let snapshot = ("x.snap".to_owned(), "why  It has an error\n     of its own.".to_owned());
    assert_eq!(forbidden(&[snapshot]).len(), 1);
}

#[test]
fn what_is_not_shown_may_say_what_it_likes() {
    for text in [
        "// Nobody\n/// Somebody\nfn f() {}",
        "/// Whoever asks\n#[derive(Debug)]\nstruct A { /// Nobody\n a: bool }",
        "#[cfg(test)]\nmod tests { const X: &str = \"nobody\"; }",
        "const X: &str = \"it understands what moves over\";",
    ] {
        assert_eq!(planted(text), 0, "{text}");
    }
}
