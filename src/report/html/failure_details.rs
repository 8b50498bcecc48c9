//! A failure or a warning in full: why, what to do, and what was seen.

use serde_json::Value;

use super::writer::Html;
use crate::base::error::Failure;
use crate::base::shown::Part;
use crate::report::text;

/// The whole of one that the line of its connection does not tell, below a
/// heading that `start` opens.
pub fn write(html: &mut Html, start: &'static str, failure: &Failure) {
    html.markup(start).text(failure.message()).markup(" ").code(failure.code().as_str()).markup("</h4>");
    html.markup("<dl class=\"story\">");
    advice(html, failure);
    evidence(html, failure);
    html.markup("</dl>");
}

/// Why, and what to do: terms and descriptions of a list.
pub fn advice(html: &mut Html, failure: &Failure) {
    let (reason, causes) = (failure.reason(), failure.likely_causes());
    if reason.is_some() || !causes.is_empty() {
        html.markup("<dt>Why</dt><dd>").text(reason.map_or("", |why| why.as_str()));
        if !causes.is_empty() {
            html.markup("<ul>");
            for cause in causes {
                html.markup("<li><b>").markup(text::likelihood(cause.likelihood)).markup("</b> ").text(&cause.text);
                html.markup("</li>");
            }
            html.markup("</ul>");
        }
        html.markup("</dd>");
    }
    for (index, step) in failure.steps().iter().enumerate() {
        html.markup(if index == 0 { "<dt class=\"do\">Do</dt><dd>" } else { "<dt>Or</dt><dd>" });
        for part in step.parts() {
            match part {
                Part::Words(words) => html.text(words),
                Part::Command(command) => html.code(command),
            };
        }
        html.markup("</dd>");
    }
}

/// Everything that was seen, and where more is said.
pub fn evidence(html: &mut Html, failure: &Failure) {
    let mut seen = failure.all_seen().peekable();
    if seen.peek().is_some() {
        html.markup("<dt>Seen</dt><dd class=\"seen\">");
        for (key, value) in seen {
            html.markup("<span><b>").text(key.replace('_', " ")).markup("</b> ").text(plain(value)).markup("</span> ");
        }
        html.markup("</dd>");
    }
    let explain = format!("snow explain {}", failure.code().as_str());
    html.markup("<dt>See</dt><dd>").code(explain).markup("</dd>");
}

/// A value as a person would write it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_plain_text() {
        assert_eq!(plain(&serde_json::json!(["a", 2, true])), "a, 2, true");
        assert_eq!(plain(&serde_json::json!({"a": "b"})), "{\"a\":\"b\"}");
    }
}
