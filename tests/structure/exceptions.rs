//! What is not yet as it shall be. Entries only ever go.

/// Arrows that go the wrong way.
pub const WRONG_WAY: &[&str] = &[];

/// Facts of ServiceNow that stand outside its room.
pub const FACTS_ELSEWHERE: &[&str] = &[];
