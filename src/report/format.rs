//! The forms of a report.

macro_rules! formats {
    ($($(#[$about:meta])* $format:ident = $word:literal;)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Format { $($(#[$about])* $format,)* }

        impl Format {
            pub const ALL: &[Self] = &[$(Self::$format,)*];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$format => $word,)* }
            }
        }
    };
}

formats! {
    Text = "text";
    Json = "json";
    /// One JSON document a line, as results come.
    Jsonl = "jsonl";
    Junit = "junit";
    /// Annotations of a workflow; beside them the summary of its job.
    Github = "github";
    /// One page that loads nothing.
    Html = "html";
    /// The text format of Prometheus, as its node exporter reads it from files.
    Prometheus = "prometheus";
    /// Rows of a table, and nothing else.
    Csv = "csv";
}

impl Format {
    /// What every command has.
    pub const USUAL: &[Self] = &[Self::Text, Self::Json];
    /// Those of `snow test`.
    pub const OF_TEST: &[Self] = Self::ALL.split_at(7).0;
    /// Those of `snow query`.
    pub const OF_QUERY: &[Self] = &[Self::Text, Self::Json, Self::Jsonl, Self::Csv];

    pub fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Jsonl)
    }
}
