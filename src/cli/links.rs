//! Links in a terminal (OSC 8), where they are known to work.

use crate::base::variables::Variables;

/// Terminals that call themselves by `TERM_PROGRAM`.
const PROGRAMS: [&str; 7] = ["iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "Tabby", "rio"];
/// The beginnings of `TERM` of the others.
const TERMS: [&str; 4] = ["xterm-kitty", "xterm-ghostty", "alacritty", "foot"];
/// Set by terminals that make links in every version in use.
const MARKS: [&str; 4] = ["WT_SESSION", "KITTY_WINDOW_ID", "KONSOLE_VERSION", "DOMTERM"];
/// A program between us and the terminal that may not pass links on.
const MULTIPLEXERS: [&str; 3] = ["TMUX", "STY", "ZELLIJ"];
/// VTE 0.50.0 crashes.
const VTE: u32 = 5001;

/// Whether the variables name a terminal that makes links. One that is not known gets
/// none: it could show the escapes.
pub fn are_known_to_work(variables: &Variables) -> bool {
    let text = |name: &str| variables.text(name).unwrap_or("");
    let is_set = |name: &&str| variables.text(name).is_some();
    if MULTIPLEXERS.iter().any(is_set) || text("TERM") == "dumb" {
        return false;
    }
    MARKS.iter().any(is_set)
        || PROGRAMS.contains(&text("TERM_PROGRAM"))
        || TERMS.iter().any(|term| text("TERM").starts_with(term))
        || text("VTE_VERSION").parse::<u32>().is_ok_and(|version| version >= VTE)
}

/// The text as a link to the address.
pub fn link(address: &str, text: &str) -> String {
    format!("\u{1b}]8;;{address}\u{1b}\\{text}\u{1b}]8;;\u{1b}\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_terminals_get_links() {
        let known = |variables: &[(&str, &str)]| are_known_to_work(&Variables::new(variables.iter().copied()));
        for variable in [
            ("TERM_PROGRAM", "WezTerm"),
            ("TERM_PROGRAM", "vscode"),
            ("VTE_VERSION", "7006"),
            ("WT_SESSION", "0d1b"),
            ("TERM", "xterm-kitty"),
            ("TERM", "foot-extra"),
            ("KONSOLE_VERSION", "230804"),
        ] {
            assert!(known(&[variable]), "{variable:?}");
            assert!(!known(&[variable, ("TMUX", "/tmp/tmux")]), "{variable:?}");
        }
        for variable in [("TERM", "xterm-256color"), ("TERM_PROGRAM", "Apple_Terminal"), ("VTE_VERSION", "5000")] {
            assert!(!known(&[variable]), "{variable:?}");
        }
        assert!(!known(&[("TERM", "dumb"), ("VTE_VERSION", "7006")]));
    }
}
