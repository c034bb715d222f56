//! The commands of imports as clap knows them. What they do stands beside.

use clap::Command;

use crate::cli::tree::{flag, option, several, verb, word};

/// `integrations:import` and `integrations:update`.
pub fn commands() -> Vec<Command> {
    vec![
        verb("integrations:import", "Make a provider of a service's own description: OpenAPI, Swagger, Google Discovery, GraphQL, Postman")
            .args([
                word("source", "A file, an address, the id of a described service, or - for stdin").required(true),
                option("as", "NAME", "Id of the provider; made from the description's title when left out"),
                option("overlay", "FILE", "What the description does not say: signing in, names, classes, pagination, examples"),
            ])
            .args([
                several("include", "GLOB", "Only these operations: by function id, 'METHOD /path', path or tag"),
                several("exclude", "GLOB", "Not these"),
                option("endpoint", "URL", "Where a GraphQL service answers, when its schema comes from elsewhere"),
                several("header", "NAME: REF", "Sent to fetch the description, such as 'Authorization: Bearer env:TOKEN'; REF is env:NAME, file:PATH or cmd:COMMAND"),
            ])
            .args([
                flag("dry-run", "Store nothing; say what would come of it"),
                flag("report", "Say what became of each operation"),
                flag("allow-private", "Let the description and the service be at private addresses, and the description be fetched by http"),
                flag("replace", "Hide a built-in provider of the same id, or replace an import without a question, also where calls may break"),
            ])
            .after_help("angelia integrations:import https://api.example.com/openapi.json --as example\nNothing that the description refers to elsewhere is fetched."),
        verb("integrations:update", "Import descriptions again, and say what changed")
            .arg(word("providers", "Which imports; all when left out").value_name("PROVIDER").num_args(0..))
            .args([
                flag("dry-run", "Only say what changed"),
                flag("report", "All that changed, not only the first of each kind"),
                flag("yes", "Without a question, also where calls may break"),
            ]),
    ]
}
