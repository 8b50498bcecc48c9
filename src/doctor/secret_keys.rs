//! Keys of a TOML file that look as if a secret stood there. No value is ever
//! repeated.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A key that looks like a secret, and its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretKey {
    pub line: usize,
    /// The keys that lead there, as in `connections.acme.password`.
    pub path: String,
    /// It stands in a comment.
    pub is_comment: bool,
}

/// Words that name a secret where they end a key.
const WORDS: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "pass",
    "secret",
    "token",
    "apikey",
    "bearer",
    "authorization",
    "cookie",
    "jwt",
];
/// The same, in two words.
const PAIRS: [(&str, &str); 3] = [("api", "key"), ("private", "key"), ("access", "key")];

/// The keys of `text` that look like secrets, by line. Works as far as it can
/// on a file that is not well-formed.
pub fn find(text: &str) -> Vec<SecretKey> {
    let mut found = Vec::new();
    let (table, _) = DeTable::parse_recoverable(text);
    let mut path = Vec::new();
    search(table.get_ref(), &mut path, &mut |path, at| {
        found.push(SecretKey { line: line_of(text, at), path: path.join("."), is_comment: false });
    });
    for (index, line) in text.lines().enumerate() {
        let Some(comment) = line.trim_start().strip_prefix('#') else { continue };
        // A comment that is an assignment was switched off, and is still there.
        let Ok(table) = DeTable::parse(comment.trim_start_matches(['#', ' '])) else { continue };
        search(table.get_ref(), &mut Vec::new(), &mut |path, _| {
            found.push(SecretKey { line: index + 1, path: path.join("."), is_comment: true });
        });
    }
    found.sort_by_key(|key| key.line);
    found
}

fn search<'t>(table: &'t DeTable<'_>, path: &mut Vec<&'t str>, found: &mut dyn FnMut(&[&str], usize)) {
    for (key, value) in table {
        path.push(key.get_ref().as_ref());
        let holds_something = match value.get_ref() {
            // A setting: the path of a key that stays in its file.
            DeValue::String(text) if key.get_ref() == "private_key" => !Path::new(text.as_ref()).is_absolute(),
            DeValue::String(text) => !text.is_empty(),
            DeValue::Integer(_) => true,
            _ => false,
        };
        if holds_something && names_a_secret(key.get_ref()) {
            found(path, key.span().start);
        }
        search_value(value, path, found);
        path.pop();
    }
}

fn search_value<'t>(value: &'t Spanned<DeValue<'_>>, path: &mut Vec<&'t str>, found: &mut dyn FnMut(&[&str], usize)) {
    match value.get_ref() {
        DeValue::Table(table) => search(table, path, found),
        DeValue::Array(values) => values.iter().for_each(|value| search_value(value, path, found)),
        _ => {}
    }
}

/// Whether the last words of a key name a secret: `client_secret`, `apiKey`,
/// and not `token_url`.
fn names_a_secret(key: &str) -> bool {
    let mut words: Vec<String> = vec![String::new()];
    let mut before_is_lower = false;
    for character in key.chars() {
        if !character.is_ascii_alphanumeric() || (character.is_ascii_uppercase() && before_is_lower) {
            words.push(String::new());
        }
        if character.is_ascii_alphanumeric() {
            words.last_mut().expect("there is always one word").push(character.to_ascii_lowercase());
        }
        before_is_lower = character.is_ascii_lowercase();
    }
    words.retain(|word| !word.is_empty());
    match words.as_slice() {
        [.., last] if WORDS.contains(&last.as_str()) => true,
        [.., before, last] => PAIRS.contains(&(before.as_str(), last.as_str())),
        _ => false,
    }
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes()[..at.min(text.len())].iter().filter(|&&byte| byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> Vec<(usize, String)> {
        find(text).into_iter().map(|key| (key.line, key.path)).collect()
    }

    #[test]
    fn keys_that_name_a_secret_are_found_wherever_they_stand() {
        let text = "token = \"x\"\n[connections.a]\nclientSecret = 'x'\n\"api-key\" = \"x\"\nextra = { password = 7 }\n\
                    # password = \"x\"\n[[more]]\nrefresh_token = \"x\"\n";
        let found = places(text);
        let expected = [
            (1, "token"),
            (3, "connections.a.clientSecret"),
            (4, "connections.a.api-key"),
            (5, "connections.a.extra.password"),
            (6, "password"),
            (8, "more.refresh_token"),
        ];
        assert_eq!(found, expected.map(|(line, path)| (line, path.to_owned())));
    }

    #[test]
    fn keys_that_only_sound_like_one_are_left_alone() {
        let text = "token_url = \"https://x\"\nclient_id = \"x\"\npassword = \"\"\npassword_policy = \"x\"\n\
                    compass = \"north\"\nprivate_key = \"/keys/snow.pem\"\n[secret]\nname = \"x\"\n# the password is in the keyring\n# token: see the wiki\n";
        assert_eq!(places(text), []);
    }

    #[test]
    fn a_file_that_is_not_well_formed_is_searched_as_far_as_it_goes() {
        assert_eq!(places("[connections.a]\npassword = \"x\"\nbroken = = 1\n").len(), 1);
    }
}
