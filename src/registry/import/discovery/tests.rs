//! Google Discovery: methods as functions, fates, hostile documents.

use super::*;
use crate::registry::function::{Operation, ResponseForm};
use crate::registry::lint::lint;

fn document() -> Value {
    json!({
        "kind": "discovery#restDescription", "discoveryVersion": "v1", "name": "shelf", "version": "v1", "revision": "20260101", "title": "Shelf API",
        "description": "Books on shelves.", "rootUrl": "https://shelf.example/", "servicePath": "shelf/v1/", "baseUrl": "https://shelf.example/shelf/v1/",
        "documentationLink": "https://shelf.example/docs",
        "parameters": {"fields": {"type": "string", "location": "query", "description": "Which fields."}, "alt": {"type": "string", "location": "query"}},
        "auth": {"oauth2": {"scopes": {"https://x.example/shelf": {}, "https://x.example/shelf.readonly": {}}}},
        "schemas": {
            "Book": {"id": "Book", "type": "object", "properties": {
                "name": {"type": "string", "annotations": {"required": ["shelf.books.insert"]}}, "id": {"type": "string", "readOnly": true},
                "parent": {"$ref": "Book"}, "pageCount": {"type": "integer", "format": "int32", "minimum": "1"}}},
            "Books": {"id": "Books", "type": "object", "properties": {
                "unreachable": {"type": "array", "items": {"type": "string"}}, "books": {"type": "array", "items": {"$ref": "Book"}}, "nextPageToken": {"type": "string"}}},
        },
        "resources": {
            "books": {"methods": {
                "list": {"id": "shelf.books.list", "path": "books", "httpMethod": "GET", "response": {"$ref": "Books"}, "scopes": ["https://x.example/shelf", "https://x.example/shelf.readonly"],
                    "parameters": {"pageToken": {"type": "string", "location": "query"}, "maxResults": {"type": "integer", "location": "query", "maximum": "500", "default": "10"}, "tag": {"type": "string", "repeated": true, "location": "query"}}},
                "insert": {"id": "shelf.books.insert", "path": "books", "httpMethod": "POST", "request": {"$ref": "Book"}, "response": {"$ref": "Book"}, "scopes": ["https://x.example/shelf"],
                    "supportsMediaUpload": true, "mediaUpload": {"protocols": {"simple": {"path": "/upload/shelf/v1/books"}}}},
                "get": {"id": "shelf.books.get", "path": "v1/{+bookName}:read", "httpMethod": "GET", "response": {"$ref": "Book"}, "supportsMediaDownload": true, "useMediaDownloadService": true,
                    "parameters": {"bookName": {"type": "string", "required": true, "location": "path", "pattern": "^stores/[^/]+/books/[^/]+$"}}},
                "delete": {"id": "shelf.books.delete", "path": "books/{id}", "httpMethod": "DELETE", "parameters": {"id": {"type": "string", "required": true, "location": "path"}}},
                "testIamPermissions": {"id": "shelf.books.testIamPermissions", "path": "books:test", "httpMethod": "POST"},
                "emptyTrash": {"id": "shelf.books.emptyTrash", "path": "books:empty", "httpMethod": "POST"},
            }},
            "organizations": {"resources": {"books": {"methods": {"list": {"id": "shelf.organizations.books.list", "path": "o/books", "httpMethod": "GET"}}}}},
        },
    })
}

fn read(value: Value) -> Document {
    Document { value, sha256: String::from("abc") }
}

fn wanted() -> Wanted {
    Wanted { id: String::from("shelf"), source: String::from("shelf.json"), today: String::from("2026-11-21"), ..Wanted::default() }
}

#[test]
fn methods_become_functions() {
    let made = import(&read(document()), &wanted()).unwrap();
    let provider = &made.provider;
    assert!(lint(provider, false).is_empty(), "{:?}", lint(provider, false));
    let ids: Vec<&str> = provider.functions.iter().map(|function| function.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "list_books",
            "create_book",
            "upload_book",
            "get_book",
            "download_book",
            "delete_book",
            "test_book_iam_permissions",
            "empty_book_trash",
            "list_organization_books"
        ]
    );
    let get = |id: &str| provider.functions.iter().find(|function| function.id == id).unwrap();
    let list = get("list_books");
    assert_eq!(
        list.pagination.clone().unwrap(),
        json!({"style": "cursor", "items": "books", "parameter": "page_token", "next": "nextPageToken", "limit": "max_results", "max_page_size": 500})
    );
    assert_eq!(list.parameters["tag"]["type"], "array");
    assert!(list.parameters["max_results"].get("default").is_none());
    assert!(list.parameters.contains_key("fields"));
    let create = get("create_book");
    assert_eq!(create.required, ["name"]);
    assert!(!create.parameters.contains_key("id"));
    assert_eq!(create.parameters["page_count"]["as"], "pageCount");
    let read = get("get_book");
    assert_eq!(read.request.as_deref(), Some("GET /v1/{bookName}:read"));
    assert_eq!(read.parameters["book_name"]["format"], "path");
    assert_eq!(read.examples[0].arguments["book_name"], "stores/my-store/books/my-book");
    assert_eq!((get("download_book").response, get("download_book").server.as_deref()), (ResponseForm::Binary, Some("download")));
    assert_eq!(get("upload_book").request.as_deref(), Some("POST /upload/shelf/v1/books"));
    assert_eq!(get("delete_book").operation, Operation::Destructive);
    assert_eq!(get("empty_book_trash").operation, Operation::Destructive);
    assert!(get("test_book_iam_permissions").read_because.is_some());
    assert_eq!(provider.verify.as_deref(), Some("list_books"));
    assert_eq!(provider.oauth.as_ref().unwrap().scopes, ["https://x.example/shelf"]);
    assert_eq!(provider.origin.as_ref().unwrap().version.as_deref(), Some("v1 (20260101)"));
}

#[test]
fn every_method_has_a_fate() {
    let wanted = Wanted { include: vec![String::from("*books*")], exclude: vec![String::from("DELETE *")], ..wanted() };
    let made = import(&read(document()), &wanted).unwrap();
    let fate = |name: &str| made.report.operations.iter().find(|fate| fate.operation == name).unwrap();
    assert_eq!(fate("shelf.books.delete").left_out.as_deref(), Some("excluded by 'DELETE *'"));
    assert_eq!(fate("shelf.books.emptyTrash").function.as_deref(), Some("empty_book_trash"));
    assert!(fate("shelf.books.insert (upload)").warnings[0].contains("not expressed"));
    assert!(fate("shelf.books.insert").warnings.iter().any(|said| said.contains("bounded depth")));
}

#[test]
fn hostile_documents_have_an_end() {
    assert!(import(&read(json!({})), &wanted()).is_err());
    assert!(import(&read(json!({"kind": "discovery#restDescription", "name": "x"})), &wanted()).is_err());
    let mut deep = json!({"methods": {"get": {"path": "x"}}});
    for _ in 0..200 {
        deep = json!({"resources": {"a": deep}});
    }
    deep["kind"] = "discovery#restDescription".into();
    assert_eq!(import(&read(deep), &wanted()).unwrap().provider.functions.len(), 1);
    let odd = json!({"kind": "discovery#restDescription", "name": "x\u{1b}", "title": "\u{7}", "schemas": {"A": {"$ref": "A"}, "B": {"properties": 7}},
        "methods": {
            "a": {"path": "a/{b", "httpMethod": "GET"}, "b": {"path": "a/{+b}/{c*}", "httpMethod": "BREW"}, "c": {"path": "../{x}?y", "httpMethod": "GET"},
            "d": {"path": "d/{+b}/{c*}", "httpMethod": "POST", "request": {"$ref": "A"}, "response": {"$ref": "B"}, "parameters": {"q": 1, "\u{0}": {"location": "path"}}},
            "e": 7, "\u{1b}[31m": {"path": "e", "description": "red\u{1b}[31m"}}});
    let made = import(&read(odd), &wanted()).unwrap();
    assert_eq!(made.provider.functions.len(), 2, "{:?}", made.report.operations);
    assert_eq!(made.report.operations.len(), 5);
    assert!(lint(&made.provider, false).is_empty(), "{:?}", lint(&made.provider, false));
    assert!(!serde_json::to_string(&made.provider).unwrap().contains("u001b"));
}
