//! The objects of the org and their fields, as data.

use Kind::{Boolean, Date, DateTime, Email, Id, Number, Phone, Picklist, Reference, Text, TextArea, Url};
use serde_json::{Value, json};

/// What a field holds. Everything is kept as text; null is the empty text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Id,
    Text,
    TextArea,
    Picklist,
    Email,
    Phone,
    Url,
    Boolean,
    Number,
    Date,
    DateTime,
    /// The identifier of a row of this object.
    Reference(&'static str),
}

pub type Field = (&'static str, Kind);

/// An object, which is a table.
#[derive(Debug, PartialEq, Eq)]
pub struct Object {
    pub name: &'static str,
    pub plural: &'static str,
    /// With which its identifiers begin.
    pub prefix: &'static str,
    /// By which people call a row.
    pub name_field: &'static str,
    pub required: &'static [&'static str],
    /// Whether programs may write rows of it.
    pub is_writable: bool,
    own: &'static [Field],
}

/// What every object has.
const SYSTEM: &[Field] = &[
    ("Id", Id),
    ("IsDeleted", Boolean),
    ("CreatedDate", DateTime),
    ("CreatedById", Reference("User")),
    ("LastModifiedDate", DateTime),
    ("LastModifiedById", Reference("User")),
    ("SystemModstamp", DateTime),
];

pub const OBJECTS: &[Object] = &[
    Object {
        name: "Account",
        plural: "Accounts",
        prefix: "001",
        name_field: "Name",
        required: &["Name"],
        is_writable: true,
        own: &[
            ("Name", Text),
            ("Type", Picklist),
            ("Industry", Picklist),
            ("Phone", Phone),
            ("Website", Url),
            ("BillingCity", Text),
            ("BillingCountry", Text),
            ("NumberOfEmployees", Number),
            ("OwnerId", Reference("User")),
        ],
    },
    Object {
        name: "Case",
        plural: "Cases",
        prefix: "500",
        name_field: "CaseNumber",
        required: &[],
        is_writable: true,
        own: &[
            ("CaseNumber", Text),
            ("Subject", Text),
            ("Description", TextArea),
            ("Status", Picklist),
            ("Priority", Picklist),
            ("Origin", Picklist),
            ("Reason", Picklist),
            ("Type", Picklist),
            ("IsClosed", Boolean),
            ("IsEscalated", Boolean),
            ("ClosedDate", DateTime),
            ("AccountId", Reference("Account")),
            ("ContactId", Reference("Contact")),
            ("OwnerId", Reference("User")),
            ("SuppliedEmail", Email),
        ],
    },
    Object {
        name: "Contact",
        plural: "Contacts",
        prefix: "003",
        name_field: "Name",
        required: &["LastName"],
        is_writable: true,
        own: &[
            ("FirstName", Text),
            ("LastName", Text),
            ("Name", Text),
            ("AccountId", Reference("Account")),
            ("Email", Email),
            ("Phone", Phone),
            ("Title", Text),
            ("Birthdate", Date),
            ("OwnerId", Reference("User")),
        ],
    },
    Object {
        name: "Organization",
        plural: "Organizations",
        prefix: "00D",
        name_field: "Name",
        required: &[],
        is_writable: false,
        own: &[
            ("Name", Text),
            ("OrganizationType", Picklist),
            ("InstanceName", Text),
            ("IsSandbox", Boolean),
            ("NamespacePrefix", Text),
            ("TrialExpirationDate", DateTime),
        ],
    },
    Object {
        name: "User",
        plural: "Users",
        prefix: "005",
        name_field: "Name",
        required: &[],
        is_writable: false,
        own: &[
            ("Username", Text),
            ("FirstName", Text),
            ("LastName", Text),
            ("Name", Text),
            ("Email", Email),
            ("IsActive", Boolean),
            ("ProfileId", Text),
            ("UserType", Picklist),
            ("TimeZoneSidKey", Picklist),
            ("LanguageLocaleKey", Picklist),
        ],
    },
];

impl Object {
    pub fn named(name: &str) -> Option<&'static Self> {
        OBJECTS.iter().find(|object| object.name.eq_ignore_ascii_case(name))
    }

    pub fn fields(&self) -> impl Iterator<Item = &'static Field> {
        SYSTEM.iter().chain(self.own)
    }

    /// The field of this name, whatever the case of its letters, with its place in a row.
    pub fn field(&self, name: &str) -> Option<(usize, &'static Field)> {
        self.fields().enumerate().find(|(_, (own, _))| own.eq_ignore_ascii_case(name))
    }

    /// Whether a program may write a field.
    pub fn is_writable(&self, name: &str) -> bool {
        let is_made_up = matches!(name, "CaseNumber" | "IsClosed" | "ClosedDate")
            || (name == "Name" && self.name == "Contact")
            || SYSTEM.iter().any(|(own, _)| *own == name);
        self.is_writable && !is_made_up
    }

    pub fn outline(&self, base: &str) -> Value {
        let at = format!("{base}/sobjects/{}", self.name);
        json!({
            "name": self.name,
            "label": self.name,
            "labelPlural": self.plural,
            "keyPrefix": self.prefix,
            "custom": false,
            "queryable": true,
            "retrieveable": true,
            "searchable": true,
            "createable": self.is_writable,
            "updateable": self.is_writable,
            "deletable": self.is_writable,
            "urls": {
                "sobject": at,
                "describe": format!("{at}/describe"),
                "rowTemplate": format!("{at}/{{ID}}"),
            },
        })
    }

    pub fn description(&self, base: &str) -> Value {
        let mut description = self.outline(base);
        description["fields"] = self.fields().map(|field| self.described(field)).collect();
        description["recordTypeInfos"] = json!([]);
        description["childRelationships"] = json!([]);
        description
    }

    fn described(&self, (name, kind): &Field) -> Value {
        let reference = if let Reference(object) = kind { vec![*object] } else { Vec::new() };
        let relationship = relationship(name).filter(|_| !reference.is_empty());
        json!({
            "name": name,
            "label": label(name),
            "type": kind.word(),
            "length": kind.length(),
            "nillable": !matches!(kind, Id | Boolean) && !self.required.contains(name),
            "createable": self.is_writable(name),
            "updateable": self.is_writable(name),
            "custom": false,
            "nameField": *name == self.name_field,
            "filterable": !matches!(kind, TextArea),
            "sortable": !matches!(kind, TextArea),
            "referenceTo": reference,
            "relationshipName": relationship,
            "picklistValues": [],
        })
    }
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Id => "id",
            Text => "string",
            TextArea => "textarea",
            Picklist => "picklist",
            Email => "email",
            Phone => "phone",
            Url => "url",
            Boolean => "boolean",
            Number => "int",
            Date => "date",
            DateTime => "datetime",
            Reference(_) => "reference",
        }
    }

    fn length(self) -> usize {
        match self {
            Id | Reference(_) => 18,
            TextArea => 32_000,
            Boolean | Number | Date | DateTime => 0,
            _ => 255,
        }
    }

    /// A value as JSON has it.
    pub fn json(self, value: &str) -> Value {
        match self {
            Boolean => Value::Bool(value == "true"),
            _ if value.is_empty() => Value::Null,
            Number => value.parse::<i64>().map_or_else(|_| Value::from(value), Value::from),
            _ => Value::from(value),
        }
    }
}

/// By what name a query follows a reference: `Account` for `AccountId`.
pub fn relationship(field: &str) -> Option<&str> {
    field.strip_suffix("Id").filter(|name| !name.is_empty())
}

/// What people call a field: `Case Number` for `CaseNumber`.
fn label(name: &str) -> String {
    let mut label = String::new();
    for (at, letter) in name.char_indices() {
        if at > 0 && letter.is_ascii_uppercase() {
            label.push(' ');
        }
        label.push(letter);
    }
    label.strip_suffix(" Id").map_or(label.clone(), |short| format!("{short} ID"))
}
