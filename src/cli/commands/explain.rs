//! `snow explain`: the long text of an error code, or all codes in a list.

use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use super::app::App;
use crate::base::code::{Class, Code};
use crate::base::error::Failure;
use crate::base::schemas;
use crate::base::shown::{Shown, Step, shown};
use crate::cli::completion;
use crate::cli::explain::{explanation, find};
use crate::report::json::help::{Explain, ExplainList, Explanation};
use crate::report::markdown;
use crate::report::paint::Paint;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow explain                    list the codes
  snow explain basic-refused")]
pub struct ExplainArgs {
    /// The code that a failure shows [default: list them all]
    #[arg(add = ArgValueCandidates::new(completion::error_codes))]
    pub code: Option<String>,
}

/// As wide as any code, so that the summaries stand below each other.
const CODE_WIDTH: usize = 22;

pub fn run(app: &mut App, arguments: ExplainArgs) -> Result<u8, Failure> {
    let Some(name) = arguments.code else {
        list(app);
        return Ok(0);
    };
    let code = find(&name).map_err(|near| unknown(&name, near))?;
    if app.console.json {
        app.console.document(&Explain { schema: schemas::Explain, explanation: described(code) });
    } else {
        let text = markdown::text(&page(code), app.console.out);
        app.console.data(&text);
    }
    Ok(0)
}

fn list(app: &mut App) {
    if app.console.json {
        let codes = Code::ALL.iter().map(|code| described(*code)).collect();
        app.console.document(&ExplainList { schema: schemas::ExplainList, codes });
        return;
    }
    let paint = app.console.out;
    let mut lines = Vec::new();
    let mut class = None;
    for code in Code::ALL {
        if class != Some(code.class()) {
            class = Some(code.class());
            if !lines.is_empty() {
                lines.push(String::new());
            }
            lines.push(paint.bold(&class_and_exit(code.class())));
        }
        lines.push(format!("  {:<CODE_WIDTH$}  {}", code.as_str(), explanation(*code).summary));
    }
    app.console.text(&lines.join("\n"));
    app.console.note("For details: snow explain CODE");
}

fn described(code: Code) -> Explanation {
    let explanation = explanation(code);
    Explanation {
        code,
        class: code.class(),
        exit_code: code.class().exit_code(),
        retryable: code.retryable(),
        summary: explanation.summary,
        text: markdown::text(&explanation.body, Paint::PLAIN),
    }
}

/// Everything about one code, as Markdown.
fn page(code: Code) -> String {
    let explanation = explanation(code);
    let retry =
        if code.retryable() { "the same command may work later" } else { "retrying without a change does not help" };
    let facts = format!("{}: {retry}.", class_and_exit(code.class()));
    format!("# {}\n\n{}.\n\n{facts}\n\n{}", code.as_str(), explanation.summary, explanation.body)
}

fn class_and_exit(class: Class) -> String {
    format!("{}, exit {}", class.as_str(), class.exit_code())
}

fn unknown(name: &str, near: Option<Code>) -> Failure {
    // What cannot be a code is not repeated: it may have come here by mistake.
    let is_word =
        |name: &str| name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let message = if is_word(name) { format!("unknown error code {name}") } else { "unknown error code".to_owned() };
    let failure = Failure::new(Code::Usage, Shown::outside(message));
    match near {
        Some(code) => failure
            .next(shown!("Did you mean {}?", code.as_str()))
            .next(Step::run("snow explain").and_say(" lists all codes")),
        None => failure.next(Step::run("snow explain").and_say(" lists all codes")),
    }
}
