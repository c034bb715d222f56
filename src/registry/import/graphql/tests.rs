//! GraphQL: fields as functions, selections, fates, hostile schemas.

use super::*;
use crate::registry::jq::Program;
use crate::registry::lint::lint;

const SCHEMA: &str = r#"
schema { query: Query mutation: Mutation subscription: Live }
directive @auth(requires: String = "x") repeatable on FIELD_DEFINITION
scalar DateTime
scalar JSON
enum Order { NEW OLD }
interface Node { id: ID! }
union Hit = Issue | User
type Query {
  "Who asks." viewer: User!
  issues(first: Int, after: String, last: Int, before: String, filter: IssueFilter, order: Order = NEW): IssueConnection!
  issue(id: ID!): Issue
  searchAll(term: String!): [Hit!]!
  node(id: ID!): Node
  comments(issue: ID!, first: Int, after: String): CommentConnection
  version: String
  old: Int @deprecated(reason: "gone")
  _service: String
}
type Mutation {
  issueCreate(input: IssueInput!): IssuePayload!
  issueDelete(id: ID!): IssuePayload
  teamArchive(id: ID!): Boolean
  updateUser(id: ID!, patch: UserPatch!, at: DateTime, extra: JSON): User
}
type Live { ticks: Int }
type Issue implements Node { id: ID! title: String state(format: String!): String labels: [Label!]! author: User parent: Issue comments(first: Int): CommentConnection created: DateTime }
type User implements Node { id: ID! name: String issues(first: Int!): IssueConnection manager: User team: Team }
type Team { id: ID! name: String lead: User }
type Label { id: ID! name: String }
type IssueConnection { nodes: [Issue] pageInfo: PageInfo! totalCount: Int }
type CommentConnection { edges: [CommentEdge] pageInfo: PageInfo! }
type CommentEdge { cursor: String node: Comment }
type Comment { body: String author: User }
type PageInfo { hasNextPage: Boolean! endCursor: String }
type IssuePayload { success: Boolean issue: Issue userErrors: [UserError!]! }
type UserError { field: [String!] message: String! }
input IssueFilter { and: [IssueFilter!] title: String not: IssueFilter }
input IssueInput { title: String! assigneeId: ID tags: [String!] due: DateTime filter: IssueFilter }
input UserPatch { name: String }
extend type Query { me2: Boolean }
"#;

fn wanted() -> Wanted {
    Wanted { id: String::from("tracker"), source: String::from("tracker.graphql"), today: String::from("2026-11-21"), ..Wanted::default() }
}

fn made() -> Imported {
    import_schema(SCHEMA, "abc", &wanted()).unwrap()
}

#[test]
fn fields_become_functions() {
    let made = made();
    let provider = &made.provider;
    assert!(lint(provider, false).is_empty(), "{:?}", lint(provider, false));
    let ids: Vec<(&str, &str)> = provider.functions.iter().map(|function| (function.id.as_str(), function.operation.as_str())).collect();
    assert_eq!(
        ids,
        [
            ("get_viewer", "read"),
            ("list_issues", "read"),
            ("get_issue", "read"),
            ("search_all", "read"),
            ("get_node", "read"),
            ("list_comments", "read"),
            ("get_version", "read"),
            ("get_old", "read"),
            ("get_me2", "read"),
            ("create_issue", "write"),
            ("delete_issue", "destructive"),
            ("archive_team", "destructive"),
            ("update_user", "write"),
        ]
    );
    assert_eq!((provider.id.as_str(), provider.verify.as_deref()), ("tracker", Some("get_viewer")));
    let get = |id: &str| provider.functions.iter().find(|function| function.id == id).unwrap();
    let text = |id: &str| get(id).graphql.clone().unwrap();
    assert_eq!(
        text("list_issues"),
        "query Issues($first: Int, $after: String, $filter: IssueFilter, $order: Order) { issues(first: $first, after: $after, filter: $filter, order: $order) \
         { nodes { id title labels { id name } author { id name } parent { id title } created } pageInfo { hasNextPage endCursor } totalCount } }"
    );
    assert_eq!(
        text("get_viewer"),
        "query Viewer { viewer { id name manager { id name manager { id name } team { id name } } team { id name lead { id name } } } }"
    );
    assert_eq!(
        text("search_all"),
        "query SearchAll($term: String!) { searchAll(term: $term) { __typename ... on Issue { id title } ... on User { id name } } }"
    );
    assert_eq!(text("get_node"), "query Node($id: ID!) { node(id: $id) { __typename id ... on Issue { title } ... on User { name } } }");
    assert_eq!(text("get_version"), "query Version { version }");
    assert_eq!(text("create_issue").split_once(" {").unwrap().0, "mutation IssueCreate($input: IssueInput!)");
    assert!(text("create_issue").contains("userErrors { field message }"), "{}", text("create_issue"));
    assert_eq!(
        get("list_issues").pagination.clone().unwrap(),
        json!({"style": "cursor", "items": "data.issues.nodes", "parameter": "after",
        "next": "data.issues.pageInfo.endCursor", "more": "data.issues.pageInfo.hasNextPage", "page_size": 20, "limit": "first"})
    );
    assert!(get("list_comments").shape.as_deref().unwrap().contains("edges"));
    assert!(get("get_old").deprecated);
    for function in &provider.functions {
        Program::compile(function.shape.as_deref().unwrap()).unwrap();
        assert_eq!(function.examples.len(), 1, "{}", function.id);
    }
    Program::compile(provider.errors.failed_when.as_deref().unwrap()).unwrap();
}

#[test]
fn arguments_become_parameters() {
    let made = made();
    let get = |id: &str| made.provider.functions.iter().find(|function| function.id == id).unwrap().clone();
    let create = get("create_issue");
    assert_eq!(create.required, ["title"]);
    assert_eq!(
        create.parameters["assignee_id"],
        json!({"type": ["string", "null"], "description": "Assignee id", "as": "input.assigneeId"})
    );
    let filter = &get("list_issues").parameters["filter"];
    assert_eq!(filter["properties"]["and"]["items"]["properties"]["title"]["type"], json!(["string", "null"]));
    assert!(filter.to_string().len() < 3000);
    let order = &get("list_issues").parameters["order"];
    assert_eq!((&order["enum"], &order["description"]), (&json!(["NEW", "OLD"]), &json!("Default: NEW.")));
    let update = get("update_user");
    assert_eq!(update.required, ["id", "patch"]);
    assert!(update.parameters["extra"].get("type").is_none());
    assert_eq!(update.parameters["at"]["type"], "string");
}

#[test]
fn every_field_has_a_fate() {
    let made = made();
    let fate = |name: &str| made.report.operations.iter().find(|fate| fate.operation == name).unwrap();
    assert!(fate("subscription ticks").left_out.is_some());
    assert!(fate("query _service").left_out.is_some());
    assert_eq!(fate("mutation issueDelete").function.as_deref(), Some("delete_issue"));
    assert!(fate("query issues").warnings.iter().any(|said| said.contains("backwards")));
    assert!(fate("query issues").warnings.iter().any(|said| said.contains("bounded depth")));
    let narrow =
        Wanted { include: vec![String::from("mutation *")], endpoint: Some(String::from("https://x.example/graphql")), ..wanted() };
    let made = import_schema(SCHEMA, "abc", &narrow).unwrap();
    assert_eq!(made.provider.functions.len(), 4);
    assert_eq!(made.provider.servers["default"], "https://x.example/graphql");
}

#[test]
fn an_introspection_says_the_same() {
    let text = |kind: &str| json!({"kind": "SCALAR", "name": kind, "ofType": null});
    let not_null = |inner: Value| json!({"kind": "NON_NULL", "name": null, "ofType": inner});
    let answer = json!({"data": {"__schema": {"queryType": {"name": "Root"}, "mutationType": null, "types": [
        {"kind": "OBJECT", "name": "Root", "fields": [
            {"name": "thing", "args": [{"name": "id", "type": not_null(text("ID"))}], "type": {"kind": "OBJECT", "name": "Thing"}},
            {"name": "bad name", "args": [], "type": text("String")}, {"name": "loop", "args": [], "type": {"kind": "LIST"}}]},
        {"kind": "OBJECT", "name": "Thing", "fields": [{"name": "id", "args": [], "type": text("ID")}, {"name": "names", "args": [], "type": {"kind": "LIST", "ofType": text("String")}}]},
        {"kind": "SCALAR", "name": "ID"}, {"kind": "OBJECT", "name": "x} evil {"}]}}});
    assert!(is_answer(&answer) && !is_answer(&json!({"data": {}})));
    let document = Document { value: answer, sha256: String::from("abc") };
    let made = import_answer(&document, &Wanted { endpoint: Some(String::from("https://api.thing.example/graphql")), ..wanted() }).unwrap();
    assert_eq!(made.provider.functions.len(), 1);
    assert_eq!(made.provider.functions[0].graphql.as_deref(), Some("query Thing($id: ID!) { thing(id: $id) { id names } }"));
    assert_eq!(made.provider.credentials.len(), 1);
}

#[test]
fn hostile_schemas_have_an_end() {
    let deep = format!("type Query {{ a: {}Int{} }}", "[".repeat(10_000), "]".repeat(10_000));
    let wide: String = (0..200).map(|number| format!("f{number}(a: A, b: [A!]!): T\n")).collect();
    let wide = format!("type Query {{ {wide} }} type T {{ t: T u: T v: [T] }} input A {{ a: A b: A c: A d: A e: A f: A g: A }}");
    for bad in ["", "type", "type Query { }", "type Query { a: }", &deep, "type Mutation { a: Int", "enum X { A }", "\u{0}"] {
        assert!(import_schema(bad, "", &wanted()).is_err(), "{}", &bad[..bad.len().min(40)]);
    }
    let made = import_schema(&wide, "", &wanted()).unwrap();
    assert_eq!(made.provider.functions.len(), 200);
    assert!(made.provider.functions.iter().all(|function| serde_json::to_string(function).unwrap().len() < 80_000));
    assert!(is_schema(SCHEMA) && !is_schema("openapi: 3.0.0\ninfo: {}\n") && !is_schema("{\"type \": 1}"));
    assert!(!is_schema("type: object\nenum: [a]\n"));
}
