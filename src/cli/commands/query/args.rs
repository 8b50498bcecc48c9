//! What `snow query` takes.

use std::path::PathBuf;

use clap::Args;

use crate::base::code::Code;
use crate::base::error::Failure;
use crate::cli::args::path;
use crate::cli::commands::outputs::Outputs;
use crate::model::profile::TableName;
use crate::report::format::Format;
use crate::service::rows::Order;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow query incident
  snow query incident --filter active=true --fields number,short_description --order -opened_at
  snow query incident --all -o csv=incidents.csv
  snow query incident --all -o jsonl=incidents.jsonl --checkpoint incidents.state
  snow query incident --filter priority=1 --count")]
pub struct QueryArgs {
    /// The table
    pub table: TableName,
    /// Only rows that fit this encoded query (repeatable: all of them)
    #[arg(long, value_name = "QUERY")]
    pub filter: Vec<String>,
    /// Only these fields [default: all]
    #[arg(long, value_name = "FIELD", value_delimiter = ',', value_parser = field)]
    pub fields: Vec<String>,
    /// Sort by this field, with - downwards. Others who write meanwhile may then shift rows
    #[arg(long, value_name = "[-]FIELD", allow_hyphen_values = true, value_parser = order)]
    pub order: Option<Order>,
    /// How many rows at most [default: 100]
    #[arg(long, value_name = "N", conflicts_with = "all")]
    pub limit: Option<u64>,
    /// All rows
    #[arg(long)]
    pub all: bool,
    /// Values as a person reads them, in place of what is stored (ServiceNow)
    #[arg(long)]
    pub display: bool,
    /// Only how many rows there are
    #[arg(long, conflicts_with_all = ["limit", "all", "fields", "order", "display", "checkpoint"])]
    pub count: bool,
    /// In CSV, make what a spreadsheet would take for a formula a text
    #[arg(long)]
    pub csv_safe: bool,
    /// Remember in this file how far the output has come, and go on from there
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub checkpoint: Option<PathBuf>,
    /// Fail if rows are hidden, or a term of the query or a field is left out
    #[arg(long)]
    pub strict: bool,
}

/// The limit without `--limit` and `--all`.
pub const DEFAULT_LIMIT: u64 = 100;

/// The name of a field, or of one behind references.
fn field(text: &str) -> Result<String, String> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.');
    let name = text.trim();
    if !name.is_empty() && name.chars().all(is_name) {
        Ok(name.to_owned())
    } else {
        Err("a field is letters, digits, _ and dots, as in caller_id.name".to_owned())
    }
}

fn order(text: &str) -> Result<Order, String> {
    let (descending, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
    Ok(Order { field: field(name)?, descending })
}

/// What does not go together.
pub fn check(arguments: &QueryArgs, outputs: &Outputs) -> Result<(), Failure> {
    let usage = |message: &'static str, next: &'static str| Err(Failure::new(Code::Usage, message).next(next));
    if outputs.files.len() > 1 || (outputs.files.len() == 1 && outputs.stdout != Format::Text) {
        return usage("rows go to one place", "Give one --output");
    }
    let form = outputs.files.first().map_or(outputs.stdout, |(format, _)| *format);
    if arguments.csv_safe && form != Format::Csv {
        return usage("--csv-safe is for --output csv", "Leave it out");
    }
    if arguments.checkpoint.is_some() && (outputs.files.is_empty() || form == Format::Text) {
        return usage("a checkpoint needs a file that grows", "As in --output jsonl=FILE or --output csv=FILE");
    }
    if arguments.count && (!matches!(form, Format::Text | Format::Json) || !outputs.files.is_empty()) {
        return usage("a count is printed as text or JSON", "Leave out --output, or use --json");
    }
    Ok(())
}
