//! The forms of a report.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
    /// One JSON document a line, as results come.
    Jsonl,
    Junit,
    /// Annotations of a workflow; beside them the summary of its job.
    Github,
    /// One page that loads nothing.
    Html,
}

impl Format {
    pub const ALL: [Self; 6] = [Self::Text, Self::Json, Self::Jsonl, Self::Junit, Self::Github, Self::Html];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Junit => "junit",
            Self::Github => "github",
            Self::Html => "html",
        }
    }

    pub fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Jsonl)
    }
}
