//! What other programs call the commands of this one.

/// Words of other programs, and our commands for them. A pair of words comes before
/// its first word alone.
const VERBS: [(&[&str], &[&str]); 22] = [
    (&["add", "create", "new", "register", "init", "setup", "configure"], &["snow connect INSTANCE"]),
    (&["auth logout", "signout", "sign-out", "logoff", "disconnect", "revoke"], &["snow logout NAME"]),
    (&["auth status", "auth whoami", "current", "active", "who", "me", "id"], &["snow status"]),
    (&["auth token", "access-token", "credentials", "header"], &["snow token NAME"]),
    (&["auth refresh", "renew"], &["snow refresh NAME"]),
    (&["auth list", "profile", "profiles", "instance", "instances", "connections", "orgs"], &["snow list"]),
    (&["auth", "auth login", "authenticate", "authorize"], &["snow connect INSTANCE", "snow login NAME"]),
    (&["signin", "sign-in", "signon", "relogin", "reauth"], &["snow login NAME", "snow connect INSTANCE"]),
    (&["config set", "update", "set", "modify", "change"], &["snow edit NAME --set KEY=VALUE"]),
    (&["config get", "get", "describe", "info", "view", "inspect", "details"], &["snow show NAME"]),
    (&["config", "settings"], &["snow show NAME", "snow edit NAME --set KEY=VALUE"]),
    (&["delete", "del", "forget", "destroy", "uninstall"], &["snow remove NAME"]),
    (&["switch", "checkout", "default", "select", "activate"], &["snow use NAME"]),
    (&["ping", "check", "verify", "validate", "try", "health"], &["snow test NAME"]),
    (&["diagnose", "diagnostics", "debug"], &["snow doctor", "snow test NAME"]),
    (&["mv", "move"], &["snow rename OLD NEW"]),
    (&["migrate"], &["snow store migrate NAME --to file"]),
    (&["purge", "prune", "cleanup"], &["snow store purge"]),
    (&["error", "errors", "codes", "why"], &["snow explain CODE"]),
    (&["mock", "serve", "server"], &["snow sandbox"]),
    (&["gateway", "forward", "tunnel"], &["snow proxy NAME"]),
    (&["ver", "about", "v"], &["snow version"]),
];

/// Our commands for a word of another program, and the one that follows it.
pub fn ours(word: &str, next: Option<&str>) -> Option<&'static [&'static str]> {
    let find = |words: &str| VERBS.iter().find(|(theirs, _)| theirs.contains(&words)).map(|(_, ours)| *ours);
    next.and_then(|next| find(&format!("{word} {next}"))).or_else(|| find(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::command::{COLUMNS, command};

    #[test]
    fn every_word_of_another_program_leads_to_a_command_and_is_none() {
        let root = command(COLUMNS);
        for (theirs, ours) in VERBS {
            for word in theirs {
                assert!(root.find_subcommand(word).is_none(), "{word} is a command");
                assert_eq!(VERBS.iter().filter(|(theirs, _)| theirs.contains(word)).count(), 1, "{word}");
            }
            for line in ours {
                let words: Vec<&str> = line.split(' ').collect();
                assert!(root.clone().try_get_matches_from(words).is_ok(), "{line}");
            }
        }
    }

    #[test]
    fn two_words_of_another_program_come_before_one() {
        assert_eq!(ours("auth", Some("logout")), Some(&["snow logout NAME"][..]));
        assert_eq!(ours("auth", Some("dev12345")).map(<[_]>::len), Some(2));
        assert_eq!(ours("delete", Some("acme")), Some(&["snow remove NAME"][..]));
        assert_eq!(ours("hunter", None), None);
    }
}
