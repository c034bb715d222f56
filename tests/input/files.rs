//! Files by `@path`, and arguments that try to leave the place that the manifest gives them (path, header, query, GraphQL).

use serde_json::{Value, json};

use super::{body, call, echo, problems, refused, sent, words};

#[test]
fn files_are_read_where_the_schema_takes_them() {
    let (home, server) = echo();
    let file = |name: &str, bytes: &[u8]| {
        let path = home.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let (text, binary, latin) = (file("a.txt", "zeile\n".as_bytes()), file("a.bin", b"\x00\xff\r\n"), file("latin.txt", b"\xe4"));
    assert_eq!(body(&home, &server, &["--name=n", &format!("--notes=@{text}")]), r#"{"name":"n","notes":"zeile\n"}"#);
    assert_eq!(body(&home, &server, &["--name=n", "--notes=plain @text"]), r#"{"name":"n","notes":"plain @text"}"#);
    let run = home.run_with(&words("echo.create_thing", &["--name=n", "--notes=@-"]), "von stdin\n".as_bytes());
    assert_eq!((run.code, sent(&server).as_str()), (0, r#"{"name":"n","notes":"von stdin\n"}"#));
    let run = call(&home, "echo.upload_file", &[&format!("--file=@{binary}")]);
    let part = b"\r\n\r\n\x00\xff\r\n\r\n--";
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(server.requests().last().unwrap().body.windows(part.len()).any(|window| window == part), "the bytes are sent as they are");
    assert_eq!(call(&home, "echo.upload_file", &[r#"{"file": "AP8NCg=="}"#]).code, 0);
    assert!(server.requests().last().unwrap().body.windows(part.len()).any(|window| window == part), "base64 in a payload is the same");
    let before = server.requests().len();
    let fifo = home.path().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    for (path, said) in [
        (home.path().join("none").display().to_string(), "No such file"),
        (home.path().display().to_string(), "not an ordinary file"),
        (fifo.display().to_string(), "not an ordinary file"),
        (String::from("/dev/zero"), "not an ordinary file"),
    ] {
        for (function, more) in [("echo.create_thing", &["--name=n"][..]), ("echo.upload_file", &[])] {
            let flag = format!("--{}=@{path}", if more.is_empty() { "file" } else { "notes" });
            let run = call(&home, function, &[more, &[&flag]].concat());
            refused(&run, "invalid_arguments");
            assert!(problems(&run).len() == 1 && problems(&run)[0].contains(said), "{flag}: {:?}", problems(&run));
        }
    }
    for (function, flag) in [("echo.create_thing", format!("--notes=@{latin}")), ("echo.upload_file", String::from("--file=text"))] {
        refused(&call(&home, function, &["--arg=name=n", &flag]), "invalid_arguments");
    }
    refused(&call(&home, "echo.upload_file", &[r#"{"file": "no base64!"}"#]), "invalid_arguments");
    refused(&call(&home, "echo.upload_file", &[&json!({"file": format!("@{binary}")}).to_string()]), "invalid_arguments");
    assert_eq!(server.requests().len(), before, "nothing was sent");
}

#[test]
fn an_argument_cannot_leave_its_place() {
    let (home, server) = echo();
    for value in ["../../admin", "..%2f", "%2e%2e/", "a/b", "a?x=1", "a#b", ";x", "ü \r\n", "a\\b", "//host", "@host"] {
        assert_eq!(call(&home, "echo.get_thing", &[&format!("--thing={value}")]).code, 0, "{value:?}");
        let target = server.requests().last().unwrap().target.clone();
        let same = |text: &str| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
        let got = target.strip_prefix("/things/").unwrap_or_else(|| panic!("{value:?} went to {target}"));
        assert!(!got.contains(['/', '?', '#', '\\']) && same(got) == value.as_bytes(), "{value:?} became {got}");
    }
    let before = server.requests().len();
    for value in ["", ".", ".."] {
        refused(&call(&home, "echo.get_thing", &[&format!("--thing={value}")]), "invalid_arguments");
    }
    for note in ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\u{0}b"] {
        refused(&call(&home, "echo.get_noted", &[&json!({"note": note}).to_string()]), "invalid_arguments");
    }
    assert_eq!(server.requests().len(), before, "nothing was sent");
    assert_eq!(call(&home, "echo.get_noted", &["--note=zwölf: ok"]).code, 0);
    assert_eq!(call(&home, "echo.get_all", &["--state=a&b=c#d\r\n é"]).code, 0);
    assert_eq!(server.requests().last().unwrap().queries(), [(String::from("state"), String::from("a&b=c#d\r\n é"))]);
    let graph = "x\") { one } } mutation { deleteAll(id: \"";
    assert_eq!(call(&home, "echo.query_graph", &[&format!("--id={graph}")]).code, 0);
    let got: Value = serde_json::from_str(&sent(&server)).unwrap();
    assert_eq!(got["query"], "query One($id: String!) { one(id: $id) { name } }");
    assert_eq!(got["variables"], json!({"id": graph}), "a variable stays a variable");
}
