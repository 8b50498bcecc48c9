//! What tables the embedded instance has and what fields they hold: the one
//! description from which answers, access rules and the rows of `sys_db_object`,
//! `sys_dictionary` and `sys_choice` are made, so that they cannot disagree.
//!
//! [`tables`] declares, [`choices`] lists the values of choice fields. Nothing
//! here holds a row.

pub mod choices;
mod tables;

use std::collections::HashMap;

pub use tables::TABLES;

/// A table as it is declared: its own fields, without those it inherits.
#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    pub label: &'static str,
    pub extends: Option<&'static str>,
    /// The field that stands for a row where something refers to it.
    pub display: &'static str,
    pub read: ReadRule,
    pub write: WriteRule,
    pub fields: &'static [Field],
}

#[derive(Debug, Clone, Copy)]
pub struct Field {
    pub name: &'static str,
    pub label: &'static str,
    pub kind: Kind,
    pub max_length: u16,
    pub mandatory: bool,
    pub read: Audience,
}

/// What a field holds. All values are text; the kind says how they compare and
/// how they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Email,
    Phone,
    Guid,
    ClassName,
    Integer,
    /// Text out of a list.
    Choice,
    /// A number out of a list.
    NumberChoice,
    Boolean,
    DateTime,
    /// What is written to it goes to `sys_journal_field`; the field stays empty.
    Journal,
    /// Taken as it is, and never given back.
    Password,
    /// The `sys_id` of a row of that table.
    Reference(&'static str),
    /// The `name` of a row of that table, as in `sys_dictionary.internal_type`.
    ReferenceByName(&'static str),
}

/// Who may see a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audience {
    Everybody,
    Itil,
    Admin,
}

/// Who may read the rows of a table, and how a refusal looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadRule {
    Everybody,
    /// `itil`; others see the rows that they opened or that call for them.
    OwnRows,
    /// Others get 200 and no row.
    AdminRows,
    /// Below `itil` the question itself is refused with 403.
    ItilOr403,
    /// The same for `admin`.
    AdminOr403,
}

/// Who may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteRule {
    /// Everybody creates, `itil` changes, `admin` deletes.
    Task,
    /// `itil` creates and changes, `admin` deletes.
    Itil,
    Admin,
    /// Made from the schema, and never changed.
    Nobody,
}

impl Kind {
    /// The `internal_type` in `sys_dictionary`.
    pub fn internal_type(self) -> &'static str {
        match self {
            Self::Text | Self::Choice => "string",
            Self::Email => "email",
            Self::Phone => "phone_number_e164",
            Self::Guid => "GUID",
            Self::ClassName => "sys_class_name",
            Self::Integer | Self::NumberChoice => "integer",
            Self::Boolean => "boolean",
            Self::DateTime => "glide_date_time",
            Self::Journal => "journal_input",
            Self::Password => "password2",
            Self::Reference(_) | Self::ReferenceByName(_) => "reference",
        }
    }

    /// The table that a reference points to.
    pub fn target(self) -> Option<&'static str> {
        match self {
            Self::Reference(table) | Self::ReferenceByName(table) => Some(table),
            _ => None,
        }
    }

    pub fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::NumberChoice)
    }
}

impl Field {
    pub const fn mandatory(mut self) -> Self {
        self.mandatory = true;
        self
    }

    pub const fn only_for(mut self, audience: Audience) -> Self {
        self.read = audience;
        self
    }
}

/// A table with everything it inherits: the fields of its ancestors come first,
/// so that a field has one place in all tables that extend its own.
#[derive(Debug)]
pub struct Class {
    pub table: &'static Table,
    pub fields: Vec<&'static Field>,
    /// This table and its ancestors, this one first.
    pub lineage: Vec<&'static str>,
    places: HashMap<&'static str, usize>,
}

impl Class {
    /// The value of the choice with this label.
    pub fn choice_value(&self, field: &str, label: &str) -> Option<&'static str> {
        let choices = self.lineage.iter().map(|table| choices::of(table, field)).find(|choices| !choices.is_empty())?;
        choices.iter().find(|(_, known)| known.eq_ignore_ascii_case(label)).map(|(value, _)| *value)
    }

    /// The place of a field in a row.
    pub fn place(&self, field: &str) -> Option<usize> {
        self.places.get(field).copied()
    }

    pub fn display_place(&self) -> usize {
        self.place(self.table.display).expect("the display field is a field of its table")
    }

    /// Whether a row of this class is found where `table` is asked for.
    pub fn is_a(&self, table: &str) -> bool {
        self.lineage.contains(&table)
    }

    /// The label of a choice; `None` where the field has no such choice.
    pub fn choice_label(&self, field: &str, value: &str) -> Option<&'static str> {
        // A table that declares choices has none of its ancestors'.
        let choices = self.lineage.iter().map(|table| choices::of(table, field)).find(|choices| !choices.is_empty())?;
        choices.iter().find(|(known, _)| *known == value).map(|(_, label)| *label)
    }
}

/// All classes, in the order of [`TABLES`].
pub fn classes() -> Vec<Class> {
    TABLES.iter().map(class_of).collect()
}

fn class_of(table: &'static Table) -> Class {
    let mut lineage = vec![table];
    while let Some(parent) = lineage.last().and_then(|table| table.extends) {
        lineage.push(TABLES.iter().find(|known| known.name == parent).expect("a table extends one that exists"));
    }
    let fields: Vec<&'static Field> = lineage.iter().rev().flat_map(|table| table.fields).collect();
    let places = fields.iter().enumerate().map(|(place, field)| (field.name, place)).collect();
    Class { table, fields, lineage: lineage.iter().map(|table| table.name).collect(), places }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_consistent_in_itself_and_with_the_others() {
        let classes = classes();
        for class in &classes {
            let name = class.table.name;
            assert!(class.place("sys_id").is_some(), "{name}");
            assert_eq!(class.fields.len(), class.places.len(), "{name} has a field twice");
            class.display_place();
            for field in &class.fields {
                if let Some(target) = field.kind.target() {
                    assert!(classes.iter().any(|class| class.table.name == target), "{name}.{}: {target}", field.name);
                }
                let has_choices = class.lineage.iter().any(|table| !choices::of(table, field.name).is_empty());
                let is_choice = matches!(field.kind, Kind::Choice | Kind::NumberChoice);
                assert_eq!(is_choice, has_choices, "{name}.{}", field.name);
            }
        }
        for (table, field, _) in choices::CHOICES {
            let class = classes.iter().find(|class| class.table.name == *table).expect(table);
            assert!(class.place(field).is_some(), "{table}.{field}");
        }
    }

    #[test]
    fn a_field_has_one_place_in_all_descendants() {
        let classes = classes();
        for class in &classes {
            for descendant in classes.iter().filter(|other| other.is_a(class.table.name)) {
                for field in &class.fields {
                    assert_eq!(class.place(field.name), descendant.place(field.name));
                }
            }
        }
    }
}
