//! Who may read and write what. The rules themselves stand with the tables in
//! the schema; here they meet a caller.

use crate::sandbox::rows::{Record, User};
use crate::sandbox::schema::{Audience, Field, ReadRule, Table, WriteRule};

/// Who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    pub user: &'static User,
    /// The `sys_id` of the caller's own row.
    pub id: String,
    audience: Audience,
    /// A table whose rows no user gets to see.
    hidden_table: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Insert,
    Update,
    Delete,
}

impl Change {
    /// The word in ServiceNow's refusal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "Insert",
            Self::Update => "Update",
            Self::Delete => "Delete",
        }
    }
}

impl Caller {
    pub fn new(user: &'static User, hidden_table: Option<&'static str>) -> Self {
        let audience = match user.roles {
            roles if roles.contains(&"admin") => Audience::Admin,
            roles if roles.contains(&"itil") => Audience::Itil,
            _ => Audience::Everybody,
        };
        Self { user, id: user.id(), audience, hidden_table }
    }

    /// Whether a question about the table is answered at all.
    pub fn may_ask(&self, table: &Table) -> bool {
        match table.read {
            ReadRule::ItilOr403 => self.audience >= Audience::Itil,
            ReadRule::AdminOr403 => self.audience >= Audience::Admin,
            ReadRule::Everybody | ReadRule::OwnRows | ReadRule::AdminRows => true,
        }
    }

    pub fn may_read(&self, record: Record<'_>) -> bool {
        let table = record.class.table;
        if self.hidden_table.is_some_and(|hidden| record.class.is_a(hidden)) {
            return false;
        }
        match table.read {
            ReadRule::Everybody => true,
            ReadRule::ItilOr403 => self.audience >= Audience::Itil,
            ReadRule::AdminRows | ReadRule::AdminOr403 => self.audience >= Audience::Admin,
            ReadRule::OwnRows => {
                let own = ["caller_id", "opened_by", "requested_by"];
                self.audience >= Audience::Itil || own.iter().any(|field| record.value(field) == self.id)
            }
        }
    }

    pub fn may_see(&self, field: &Field) -> bool {
        self.audience >= field.read
    }

    pub fn may(&self, change: Change, table: &Table) -> bool {
        let least = match (table.write, change) {
            (WriteRule::Nobody, _) => return false,
            (WriteRule::Task, Change::Insert) => Audience::Everybody,
            (WriteRule::Task, Change::Update) => Audience::Itil,
            (WriteRule::Itil, Change::Insert | Change::Update) => Audience::Itil,
            (WriteRule::Task | WriteRule::Itil, Change::Delete) | (WriteRule::Admin, _) => Audience::Admin,
        };
        self.audience >= least
    }
}
