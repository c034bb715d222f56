//! The schema language, read by the crate `graphql-parser`, as a model. Extensions are laid over what they extend; directives say nothing
//! here but `@deprecated`.

use graphql_parser::schema::{self, Definition, Directive, InputValue, TypeDefinition, TypeExtension};

use crate::base::name::printable;
use crate::registry::import::graphql::model::{Argument, Field, Model, Ref, Type, Wrap};

/// Reads a schema.
pub(super) fn read(text: &str) -> Result<Model, String> {
    let document = schema::parse_schema::<String>(text).map_err(|error| {
        let said = error.to_string();
        format!("the GraphQL schema cannot be read: {}", printable(said.split_whitespace().collect::<Vec<_>>().join(" ").as_str()))
    })?;
    let mut model = Model { query: String::from("Query"), ..Model::default() };
    let mut implements: Vec<(String, String)> = Vec::new();
    let mut named = false;
    let (extensions, plain): (Vec<_>, Vec<_>) =
        document.definitions.into_iter().partition(|definition| matches!(definition, Definition::TypeExtension(_)));
    for definition in plain.into_iter().chain(extensions) {
        match definition {
            Definition::SchemaDefinition(said) => {
                named = true;
                model.query = said.query.unwrap_or(model.query);
                (model.mutation, model.subscription) = (said.mutation, said.subscription);
            }
            Definition::TypeDefinition(said) => define(&mut model, said, &mut implements),
            Definition::TypeExtension(said) => extend(&mut model, said, &mut implements),
            Definition::DirectiveDefinition(_) => {}
        }
    }
    if !named {
        let usual = |name: &str| model.types.contains_key(name).then(|| name.to_owned());
        (model.mutation, model.subscription) = (usual("Mutation"), usual("Subscription"));
    }
    for (interface, object) in implements {
        if let Some(Type::Object { possible, interface: true, .. }) = model.types.get_mut(&interface) {
            possible.push(object);
        }
    }
    Ok(model)
}

fn define(model: &mut Model, said: TypeDefinition<'_, String>, implements: &mut Vec<(String, String)>) {
    let (name, made) = match said {
        TypeDefinition::Scalar(said) => (said.name, Type::Scalar),
        TypeDefinition::Enum(said) => (said.name, Type::Enum(said.values.into_iter().map(|value| value.name).collect())),
        TypeDefinition::Union(said) => (said.name, Type::Union(said.types)),
        TypeDefinition::InputObject(said) => (said.name, Type::Input(said.fields.into_iter().map(argument).collect())),
        TypeDefinition::Interface(said) => {
            (said.name, Type::Object { fields: said.fields.into_iter().map(field).collect(), possible: Vec::new(), interface: true })
        }
        TypeDefinition::Object(said) => {
            implements.extend(said.implements_interfaces.into_iter().map(|interface| (interface, said.name.clone())));
            (said.name, Type::Object { fields: said.fields.into_iter().map(field).collect(), possible: Vec::new(), interface: false })
        }
    };
    model.types.insert(name, made);
}

fn extend(model: &mut Model, said: TypeExtension<'_, String>, implements: &mut Vec<(String, String)>) {
    match said {
        TypeExtension::Object(said) => {
            implements.extend(said.implements_interfaces.iter().map(|interface| (interface.clone(), said.name.clone())));
            let more = said.fields.into_iter().map(field);
            let made = || Type::Object { fields: Vec::new(), possible: Vec::new(), interface: false };
            if let Type::Object { fields, .. } = model.types.entry(said.name).or_insert_with(made) {
                fields.extend(more);
            }
        }
        TypeExtension::Interface(said) => {
            if let Some(Type::Object { fields, .. }) = model.types.get_mut(&said.name) {
                fields.extend(said.fields.into_iter().map(field));
            }
        }
        TypeExtension::Union(said) => {
            if let Some(Type::Union(types)) = model.types.get_mut(&said.name) {
                types.extend(said.types);
            }
        }
        TypeExtension::Enum(said) => {
            if let Some(Type::Enum(values)) = model.types.get_mut(&said.name) {
                values.extend(said.values.into_iter().map(|value| value.name));
            }
        }
        TypeExtension::InputObject(said) => {
            if let Some(Type::Input(fields)) = model.types.get_mut(&said.name) {
                fields.extend(said.fields.into_iter().map(argument));
            }
        }
        TypeExtension::Scalar(_) => {}
    }
}

fn field(said: schema::Field<'_, String>) -> Field {
    Field {
        deprecated: deprecated(&said.directives),
        name: said.name,
        description: said.description.unwrap_or_default(),
        arguments: said.arguments.into_iter().map(argument).collect(),
        kind: reference(&said.field_type),
    }
}

fn argument(said: InputValue<'_, String>) -> Argument {
    Argument {
        deprecated: deprecated(&said.directives),
        name: said.name,
        description: said.description.unwrap_or_default(),
        kind: reference(&said.value_type),
        default: said.default_value.map(|value| value.to_string()),
    }
}

fn deprecated(directives: &[Directive<'_, String>]) -> bool {
    directives.iter().any(|directive| directive.name == "deprecated")
}

fn reference(kind: &schema::Type<'_, String>) -> Ref {
    let (mut wraps, mut at) = (Vec::new(), kind);
    loop {
        match at {
            schema::Type::NamedType(name) => return Ref { name: name.clone(), wraps },
            schema::Type::ListType(inner) => (wraps.push(Wrap::List), at = inner).1,
            schema::Type::NonNullType(inner) => (wraps.push(Wrap::NonNull), at = inner).1,
        }
    }
}
