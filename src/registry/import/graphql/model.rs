//! A GraphQL schema, as far as functions need it; made alike from the schema language and from introspection.

use std::collections::HashMap;

/// Fields of one type that are looked at for a selection.
pub(super) const MOST_FIELDS: usize = 400;

/// A schema: its types by name, and where queries and mutations begin.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub query: String,
    pub mutation: Option<String>,
    pub subscription: Option<String>,
    pub types: HashMap<String, Type>,
}

#[derive(Debug)]
pub(super) enum Type {
    Scalar,
    Enum(Vec<String>),
    /// With the types that may stand for it, where it is an interface.
    Object {
        fields: Vec<Field>,
        possible: Vec<String>,
        interface: bool,
    },
    Union(Vec<String>),
    Input(Vec<Argument>),
}

#[derive(Debug)]
pub(super) struct Field {
    pub name: String,
    pub description: String,
    pub arguments: Vec<Argument>,
    pub kind: Ref,
    pub deprecated: bool,
}

#[derive(Debug)]
pub(super) struct Argument {
    pub name: String,
    pub description: String,
    pub kind: Ref,
    /// As GraphQL writes it.
    pub default: Option<String>,
    pub deprecated: bool,
}

impl Argument {
    /// Whether it must be given.
    pub(super) fn required(&self) -> bool {
        self.kind.required() && self.default.is_none()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrap {
    NonNull,
    List,
}

/// A named type with what stands around it, the outermost first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ref {
    pub name: String,
    pub wraps: Vec<Wrap>,
}

impl Ref {
    pub(super) fn required(&self) -> bool {
        self.wraps.first() == Some(&Wrap::NonNull)
    }

    pub(super) fn is_list(&self) -> bool {
        self.wraps.contains(&Wrap::List)
    }

    /// What is inside the outermost wrap.
    pub(super) fn inner(&self) -> Self {
        Self { name: self.name.clone(), wraps: self.wraps.iter().skip(1).copied().collect() }
    }
}

impl std::fmt::Display for Ref {
    /// As GraphQL writes it: `[ID!]!`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.wraps.iter().rev().fold(self.name.clone(), |inner, wrap| match wrap {
            Wrap::NonNull => format!("{inner}!"),
            Wrap::List => format!("[{inner}]"),
        });
        f.write_str(&text)
    }
}

impl Model {
    /// Fields of an object or interface.
    pub(super) fn fields(&self, name: &str) -> &[Field] {
        match self.types.get(name) {
            Some(Type::Object { fields, .. }) => fields,
            _ => &[],
        }
    }

    /// As many of them as are looked at for a selection: a schema may be made to have no end of them.
    pub(super) fn first_fields(&self, name: &str) -> &[Field] {
        let fields = self.fields(name);
        fields.get(..MOST_FIELDS).unwrap_or(fields)
    }

    /// Whether a type is written without a selection.
    pub(super) fn is_leaf(&self, name: &str) -> bool {
        matches!(self.types.get(name), None | Some(Type::Scalar | Type::Enum(_)))
    }
}

/// Whether a text may stand in a document as a name.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= 200
        && text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
