//! The commands of a text, as the shell of this system takes them.

use std::borrow::Cow;

/// A text whose commands are written for a Unix shell. On Windows they come back for
/// PowerShell: `export A=b` is `$env:A = "b"`, and a line goes on after a backtick.
pub fn for_this_system(text: &str) -> Cow<'_, str> {
    if cfg!(windows) { powershell(text).into() } else { text.into() }
}

#[cfg_attr(not(any(windows, test)), allow(dead_code, reason = "only Windows needs it"))]
fn powershell(text: &str) -> String {
    let mut translated = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (content, end) = line.strip_suffix('\n').map_or((line, ""), |content| (content, "\n"));
        if let Some(assignments) = content.strip_prefix("export ") {
            for assignment in assignments.split(' ') {
                let (name, value) = assignment.split_once('=').unwrap_or((assignment, ""));
                translated.push_str(&format!("$env:{name} = \"{value}\"{end}"));
            }
        } else if let Some(content) = content.strip_suffix(" \\") {
            translated.push_str(&format!("{content} `{end}"));
        } else {
            translated.push_str(line);
        }
    }
    translated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_for_a_unix_shell_are_those_of_powershell() {
        let unix = "Set them:\n\nexport SNOW_INSTANCE=acme SNOW_USERNAME=beth\nsnow connect acme \\\n  --no-test\n";
        let windows = "Set them:\n\n$env:SNOW_INSTANCE = \"acme\"\n$env:SNOW_USERNAME = \"beth\"\n\
                       snow connect acme `\n  --no-test\n";
        assert_eq!(powershell(unix), windows);
        assert_eq!(powershell("no command, export nothing"), "no command, export nothing");
    }
}
