//! What the embedded instance can do wrong.

use std::str::FromStr;

/// One way to break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    Hibernating,
    BasicRefused,
    TableHidden,
}

impl Scenario {
    pub const ALL: &'static [Self] = &[Self::Hibernating, Self::BasicRefused, Self::TableHidden];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hibernating => "hibernating",
            Self::BasicRefused => "basic-refused",
            Self::TableHidden => "table-hidden",
        }
    }

    /// What happens then, for people.
    pub fn description(self) -> &'static str {
        match self {
            Self::Hibernating => "every address answers 200 with the page of a sleeping personal instance",
            Self::BasicRefused => "every password is refused with 401, as under the Basic restriction",
            Self::TableHidden => "incident counts its rows and returns none: access rules hide them",
        }
    }
}

impl FromStr for Scenario {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|scenario| scenario.as_str() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|scenario| scenario.as_str()).collect();
            format!("there is no such scenario; there are {}", names.join(", "))
        })
    }
}
