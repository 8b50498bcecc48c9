//! Lines that fit the terminal: a head, labelled paragraphs, columns.

use textwrap::Options;
use textwrap::core::display_width;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::base::shown::{Part, Step};
use crate::report::paint::Paint;

/// Where the text of a labelled paragraph begins.
pub const INDENT: usize = 9;
/// Wider lines are hard to read.
const WIDEST: usize = 100;
/// Stands for a space at which no line is broken.
const GLUE: char = '\u{a0}';

/// The first lines: a mark, the verdict, and the exit code at the right end, where a
/// person looks. The mark may be painted.
pub fn head(mark: &str, verdict: &str, exit_code: Option<u8>, paint: Paint) -> String {
    let text = wrap(verdict, mark, "  ", paint);
    let Some(exit) = exit_code.map(exit_mark).filter(|_| paint.is_terminal) else {
        return text;
    };
    let last = text.lines().last().unwrap_or_default();
    if display_width(last) + 2 + exit.width() <= paint.columns {
        let before = &text[..text.len() - last.len()];
        return format!("{before}{}", right(last, &exit, paint));
    }
    if !paint.breaks_lines {
        return text;
    }
    format!("{text}\n{}", right("", &exit, paint))
}

pub fn labelled(label: &str, text: &str, paint: Paint, indent: usize) -> String {
    wrap(text, &start(label, paint, indent), &" ".repeat(indent), paint)
}

/// One thing to do; `index` says whether it is the first one.
pub fn step(index: usize, step: &Step, paint: Paint, indent: usize) -> String {
    labelled(if index == 0 { "do" } else { "or" }, &whole_commands(step, paint), paint, indent)
}

/// The words of a step, with commands that stay whole and can be told from them.
pub fn whole_commands(step: &Step, paint: Paint) -> String {
    let part = |part: &Part| match part {
        Part::Words(words) => words.to_string(),
        Part::Command(command) => paint.command(&whole(command)),
    };
    step.parts().iter().map(part).collect()
}

/// A command that no line is broken within.
pub fn whole(command: &str) -> String {
    command.replace(' ', &GLUE.to_string())
}

fn start(label: &str, paint: Paint, indent: usize) -> String {
    let gap = " ".repeat(indent.saturating_sub(2 + label.width()));
    let label = match label {
        "" => String::new(),
        "do" => paint.bold(label),
        "or" => label.to_owned(),
        _ => paint.dim(label),
    };
    format!("  {label}{gap}")
}

pub fn hanging(label: &str, text: &str, paint: Paint) -> String {
    let first = format!("{}- ", start(label, paint, INDENT));
    wrap(text, &first, &" ".repeat(INDENT + 2), paint)
}

/// Sentences for a person, two from the left and within the terminal.
pub fn paragraph(text: &str, paint: Paint) -> String {
    wrap(text, "  ", "  ", paint)
}

/// Text as it was written, with lines that fit the terminal. What is longer goes on below the
/// last column of its line. A command is the last thing in a message, after a colon, or the first
/// thing of that column.
pub fn fitting(text: &str, paint: Paint) -> String {
    let fit = |line: &str| {
        let words = line.trim_start();
        if !paint.breaks_lines || display_width(line) <= paint.columns || !words.contains(' ') {
            return line.to_owned();
        }
        let margin = line.len() - words.len();
        let column = words.rfind("  ").map_or(0, |gap| gap + 2);
        let (first, rest) = line.split_at(margin + column);
        let indent = display_width(first);
        let (first, rest) = if indent <= paint.columns / 2 { (first, rest) } else { line.split_at(margin) };
        let painted = if rest.starts_with('\u{1b}') { rest.find('m').map_or(0, |end| end + 1) } else { 0 };
        let (from, to) = if ["snow ", "ssh "].iter().any(|program| rest[painted..].starts_with(program)) {
            (painted, rest[painted..].find(": ").map_or(rest.len(), |length| painted + length))
        } else {
            (rest.rfind(": snow ").map_or(rest.len(), |at| at + 2), rest.len())
        };
        let rest = format!("{}{}{}", &rest[..from], whole(&rest[from..to]), &rest[to..]);
        wrap(&rest, first, &" ".repeat(display_width(first)), paint)
    };
    text.split('\n').map(fit).collect::<Vec<_>>().join("\n")
}

/// Why an answer does not fit, above the question that is asked again.
pub fn complaint(text: &str, paint: Paint) -> String {
    wrap(text, &format!("  {} ", paint.bang()), "    ", paint)
}

/// `text` in lines that begin with `first` and `rest`, which may be painted:
/// escapes do not count.
///
/// A word that is too long for the rest of a line, such as a URL, gets a line for itself, as
/// far to the left as it needs. A command that is longer than a line goes on in the next
/// one after a backslash.
pub fn wrap(text: &str, first: &str, rest: &str, paint: Paint) -> String {
    if !paint.breaks_lines {
        return format!("{first}{text}").replace(GLUE, " ");
    }
    let columns = paint.columns.min(WIDEST);
    let options = Options::new(columns)
        .initial_indent(first)
        .subsequent_indent(rest)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    let mut lines = Vec::new();
    for (index, line) in textwrap::wrap(text, options).into_iter().enumerate() {
        if display_width(&line) <= columns {
            lines.push(line.replace(GLUE, " "));
            continue;
        }
        let prefix = if index == 0 { first } else { rest };
        let word = line.strip_prefix(prefix).unwrap_or(&line);
        if !prefix.trim().is_empty() {
            lines.push(prefix.trim_end().to_owned());
        }
        lines.extend(far_left(word, display_width(rest), columns));
    }
    lines.join("\n")
}

/// A command in as many lines as it takes, each but the last with a backslash at its end.
pub fn continued(command: &str, indent: usize, columns: usize) -> Vec<String> {
    far_left(&whole(command), indent, columns)
}

/// One word in lines for itself, with at most `indent` before it.
fn far_left(word: &str, indent: usize, columns: usize) -> Vec<String> {
    let width = display_width(word);
    if width + indent <= columns || width <= columns && indent > 4 || !word.contains(GLUE) {
        let indent = if indent + width <= columns { indent } else { columns.saturating_sub(width).min(4) };
        return vec![format!("{}{}", " ".repeat(indent), word.replace(GLUE, " "))];
    }
    let indent = " ".repeat(indent.min(4));
    let mut lines: Vec<String> = Vec::new();
    let mut line = indent.clone();
    for argument in arguments(word) {
        let is_first = line.trim().is_empty();
        if !is_first && display_width(&line) + 1 + display_width(argument) + 2 > columns {
            lines.push(format!("{line} \\"));
            line = format!("{indent}  {argument}");
        } else {
            line = if is_first { format!("{line}{argument}") } else { format!("{line} {argument}") };
        }
    }
    lines.push(line);
    lines.iter().map(|line| line.replace(GLUE, " ")).collect()
}

/// The arguments of a command as they are written. A space in quotes ends none.
pub fn arguments(command: &str) -> Vec<&str> {
    let (mut found, mut start) = (Vec::new(), 0);
    let (mut quote, mut is_escaped) = (None, false);
    for (at, character) in command.char_indices() {
        match (quote, character) {
            _ if is_escaped => {}
            (None, ' ' | GLUE) => {
                found.push(&command[start..at]);
                start = at + character.len_utf8();
            }
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
        is_escaped = character == '\\' && !is_escaped && quote != Some('\'');
    }
    found.push(&command[start..]);
    found
}

pub fn exit_mark(code: u8) -> String {
    format!("exit {code}")
}

/// `left`, and `mark` at the right end of the terminal where there is room.
pub fn right(left: &str, mark: &str, paint: Paint) -> String {
    let gap = paint.columns.saturating_sub(display_width(left) + mark.width());
    if paint.is_terminal && gap >= 2 {
        format!("{left}{}{}", " ".repeat(gap), paint.dim(mark))
    } else {
        left.to_owned()
    }
}

pub fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(display_width(text))))
}

/// What of `text` fits into `width` columns, with a mark where something was cut.
pub fn cut(text: &str, width: usize, paint: Paint) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mark = if paint.unicode { "…" } else { "..." };
    let mut cut = String::new();
    let mut taken = mark.width();
    for character in text.chars() {
        taken += character.width().unwrap_or(0);
        if taken > width {
            break;
        }
        cut.push(character);
    }
    cut + mark
}

#[cfg(test)]
mod tests {
    use super::*;

    const NARROW: Paint = Paint { columns: 40, is_terminal: true, ..Paint::PLAIN };

    #[test]
    fn a_command_is_moved_whole_and_one_longer_than_a_line_is_continued() {
        let short = Step::say("Then wake it and wait until it is up: ").and_run("snow test a --wait 10m");
        let expected = "  do     Then wake it and wait until it\n         is up: snow test a --wait 10m";
        assert_eq!(step(0, &short, NARROW, INDENT), expected);
        let long = Step::run("snow connect https://acme.example --name acme --auth basic");
        let expected = "  or\n    snow connect https://acme.example \\\n      --name acme --auth basic";
        assert_eq!(step(1, &long, NARROW, INDENT), expected);
    }

    #[test]
    fn a_command_goes_on_after_an_argument_and_never_within_quotes() {
        let command = r#"snow api table/x -f 'a b'=c -f "it's \"d e\" f" g\ h"#;
        let expected = ["snow", "api", "table/x", "-f", "'a b'=c", "-f", r#""it's \"d e\" f""#, r"g\ h"];
        assert_eq!(arguments(command), expected);
        let expected = ["    snow api table/x -f 'a b'=c -f \\", r#"      "it's \"d e\" f" g\ h"#];
        assert_eq!(continued(command, 4, 40), expected);
    }

    #[test]
    fn a_url_goes_to_the_left_and_is_never_broken() {
        let url = "https://acme.example/a-path-that-is-long";
        assert_eq!(url.len(), 40);
        assert_eq!(labelled("why", &format!("See {url} there"), NARROW, INDENT), {
            format!("  why    See\n{url}\n         there")
        });
        let longer = format!("{url}/and-longer-than-a-line");
        assert_eq!(labelled("why", &longer, NARROW, INDENT), format!("  why\n{longer}"));
    }

    #[test]
    fn the_exit_code_is_at_the_right_end_of_the_last_line_or_below_it() {
        let head = |verdict| head("x acme  ", verdict, Some(7), NARROW);
        assert_eq!(head("a verdict"), "x acme  a verdict                 exit 7");
        let long = head("a verdict that takes more than the line");
        assert_eq!(long, "x acme  a verdict that takes more than\n  the line                        exit 7");
        let full = head("a verdict that takes the line.");
        assert_eq!(full, format!("x acme  a verdict that takes the line.\n{}exit 7", " ".repeat(34)));
        assert!([long, full].iter().flat_map(|text| text.lines()).all(|line| line.width() <= NARROW.columns));
    }

    #[test]
    fn a_message_goes_on_below_its_last_column() {
        let message = "  code      what it means, in a few words: snow explain code";
        let expected = "  code      what it means, in a few\n            words: snow explain code";
        assert_eq!(fitting(message, NARROW), expected);
        let command = "  sign-in    snow connect --login-timeout 1s: login-timeout";
        let expected = "  sign-in\n    snow connect --login-timeout 1s:\n             login-timeout";
        assert_eq!(fitting(command, NARROW), expected);
        assert_eq!(fitting("short\n\n", NARROW), "short\n\n");
        let url = format!("  https://acme.example/{}", "x".repeat(40));
        assert_eq!(fitting(&url, NARROW), url);
    }

    #[test]
    fn what_is_cut_fits() {
        assert_eq!(cut("service-now", 11, NARROW), "service-now");
        assert_eq!(cut("service-now", 8, NARROW), "service…");
        assert_eq!(cut("service-now", 8, Paint { unicode: false, ..NARROW }), "servi...");
    }
}
