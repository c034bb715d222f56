//! Which MCP servers are configured: every shape that clients write is read, what is broken harms nothing else, edits leave every other byte
//! alone, and no secret gets into a file. Nothing here starts or contacts a server.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::home::{Home, Run};

const SECRET: &str = "ghp_0123456789abcdefABCDEF";

/// Writes a file below the current folder of the runs.
fn put(home: &Home, name: &str, text: &str) -> PathBuf {
    let path = home.path().join("work").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

fn own(home: &Home) -> PathBuf {
    home.root().join("config/mcp.json")
}

fn run(home: &Home, words: &[&str]) -> Run {
    let at = words.iter().position(|word| *word == "--").unwrap_or(words.len());
    let run = home.run(&[&words[..at], &["--json"], &words[at..]].concat());
    assert!(!run.stdout.contains(SECRET) && !run.stderr.contains(SECRET), "{words:?}: {run:?}");
    run
}

fn done(home: &Home, words: &[&str]) -> Value {
    let run = run(home, words);
    assert_eq!(run.code, 0, "{words:?}: {run:?}");
    run.json()
}

fn refused(home: &Home, words: &[&str], exit: i32, part: &str) -> Value {
    let run = run(home, words);
    assert_eq!(run.code, exit, "{words:?}: {run:?}");
    assert!(run.stdout.contains(part), "{words:?} is to say '{part}': {run:?}");
    run.json()
}

fn listed(home: &Home) -> (Vec<Value>, Vec<Value>) {
    let list = done(home, &["mcp:list"]);
    (list["servers"].as_array().unwrap().clone(), list["problems"].as_array().unwrap().clone())
}

fn names(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["name"].as_str().unwrap()).collect()
}

#[test]
fn every_shape_that_clients_write_is_read() {
    let home = Home::new();
    fs::write(
        own(&home),
        r#"{
            // comments and commas, as VS Code allows
            "mcpServers": {
                "stdio": {"command": "npx", "args": ["-y", "x", 1, true], "env": {"A": "b", "N": 1, "GONE": null}, "timeout": 5},
                "typed": {"type": "stdio", "command": "x", "url": "https://x.example"},
                "list": {"command": ["npx", "-y", "x"]},
                "http": {"url": "https://x.example/mcp", "headers": {"X": "y"}},
                "server-url": {"serverUrl": "https://x.example/mcp"},
                "http-url": {"httpUrl": "http://127.0.0.1:1/mcp"},
                "old": {"transport": "sse", "url": "https://x.example/sse"},
                "off": {"command": "x", "disabled": true},
                "off-too": {"command": "x", "enabled": false},
                "dotted": {"type": "streamable-http", "url": "https://${HOST}/mcp"}, // the last one
            },
            "servers": {"other": {"type": "stdio", "command": "x"}},
        }"#,
    )
    .unwrap();
    let (rows, problems) = listed(&home);
    assert_eq!(problems, Vec::<Value>::new());
    let by = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap();
    assert_eq!(by("stdio")["target"], "npx -y x 1 true");
    assert_eq!(by("list")["target"], "npx -y x");
    let transports: Vec<(&str, &str)> =
        rows.iter().map(|row| (row["name"].as_str().unwrap(), row["transport"].as_str().unwrap())).collect();
    let expected = [
        ("dotted", "http"),
        ("http", "http"),
        ("http-url", "http"),
        ("list", "stdio"),
        ("off", "stdio"),
        ("off-too", "stdio"),
        ("old", "sse"),
        ("other", "stdio"),
        ("server-url", "http"),
        ("stdio", "stdio"),
        ("typed", "stdio"),
    ];
    assert_eq!(transports, expected);
    assert_eq!((by("off")["state"].as_str(), by("off-too")["enabled"].as_bool()), (Some("disabled"), Some(false)));
    assert_eq!((by("stdio")["provider"].as_str(), by("stdio")["scope"].as_str()), (Some("mcp.stdio"), Some("user")));
}

#[test]
fn what_is_broken_is_told_and_harms_nothing_else() {
    let table = [
        (json!({}), "neither 'command' nor 'url'"),
        (json!(1), "must be an object"),
        (json!({"command": ""}), "empty 'command'"),
        (json!({"command": {"path": "x"}}), "'command' must be text"),
        (json!({"command": "x", "args": "y"}), "'args' must be a list"),
        (json!({"command": "x", "args": ["a\0b"]}), "zero byte"),
        (json!({"command": "x", "env": []}), "'env' must be an object"),
        (json!({"command": "x", "env": {"A=B": "c"}}), "cannot be a variable"),
        (json!({"command": "x", "env": {"A": ["c"]}}), "'env.A' must be text"),
        (json!({"command": "x", "cwd": "relative"}), "absolute path"),
        (json!({"command": "x", "disabled": "yes"}), "'disabled' must be true or false"),
        (json!({"command": "x", "url": "https://x"}), "both a command and a url"),
        (json!({"type": "websocket", "url": "https://x"}), "none of stdio, http, sse"),
        (json!({"type": "http", "command": "x"}), "has no 'url'"),
        (json!({"url": "file:///etc/passwd"}), "http or https"),
        (json!({"url": "https://user:pass@x"}), "user name or password"),
        (json!({"url": "https://x", "headers": {"A B": "c"}}), "cannot be a header"),
        (json!({"url": "https://x", "headers": {"A": "b\r\nC: d"}}), "cannot be a header"),
    ];
    let home = Home::new();
    for (entry, why) in table {
        fs::write(own(&home), json!({"mcpServers": {"bad": entry, "good": {"command": "x"}}}).to_string()).unwrap();
        let (rows, problems) = listed(&home);
        assert_eq!(names(&rows), ["good"], "{entry}");
        assert!(problems.len() == 1 && problems[0]["problem"].as_str().unwrap().contains(why), "{entry}: {problems:?}");
        assert_eq!((problems[0]["name"].as_str(), problems[0]["file"].as_str()), (Some("bad"), own(&home).to_str()));
    }
    fs::write(
        own(&home),
        json!({"mcpServers": {"a\u{1b}[2J": {"command": "x"}, "": {"command": "x"}, "e": {"command": "x", "envFile": "f"}}}).to_string(),
    )
    .unwrap();
    let (rows, problems) = listed(&home);
    assert_eq!((names(&rows), problems.len()), (vec!["e"], 3));
    let human = home.run(&["mcp:list"]);
    assert!(human.code == 0 && !human.stderr.contains('\u{1b}') && human.stderr.contains("envFile"), "{human:?}");
    let doctor = refused(&home, &["mcp:doctor"], 5, "envFile");
    assert_eq!(doctor["success"], false);
}

#[test]
fn hostile_files_are_problems_and_never_a_hang() {
    let deep = format!("{{\"mcpServers\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let table: Vec<(&str, Vec<u8>)> = vec![
        ("not UTF-8", b"{\"mcpServers\": \"\xff\"}".to_vec()),
        ("not valid JSON", b"{\"mcpServers\": {".to_vec()),
        ("not valid JSON", deep.into_bytes()),
        ("not valid JSON", b"/* no end".to_vec()),
        ("must be an object", b"[1]".to_vec()),
        ("must be an object", b"{\"mcpServers\": []}".to_vec()),
        ("at most", vec![b' '; 5 << 20]),
    ];
    let home = Home::new();
    done(&home, &["mcp:add", "good", "--command", "x"]);
    for (why, bytes) in table {
        let path = put(&home, ".mcp.json", "");
        fs::write(&path, bytes).unwrap();
        let (rows, problems) = listed(&home);
        assert_eq!(names(&rows), ["good"], "{why}");
        assert!(problems.len() == 1 && problems[0]["problem"].as_str().unwrap().contains(why), "{why}: {problems:?}");
    }
    let path = put(&home, ".mcp.json", "");
    for make in ["mkdir", "mkfifo"] {
        drop(fs::remove_file(&path));
        drop(fs::remove_dir(&path));
        assert!(std::process::Command::new(make).arg(&path).status().unwrap().success());
        let (rows, problems) = listed(&home);
        assert!(names(&rows) == ["good"] && problems[0]["problem"].as_str().unwrap().contains("not an ordinary file"), "{problems:?}");
    }
    // Our own file, when it is broken, is not replaced by a good one.
    fs::write(own(&home), "{\"mcpServers\": {").unwrap();
    refused(&home, &["mcp:add", "other", "--command", "x"], 2, "cannot be changed");
    assert_eq!(fs::read_to_string(own(&home)).unwrap(), "{\"mcpServers\": {");
}

#[test]
fn edits_leave_everything_else_as_it_is() {
    let home = Home::new();
    let text = "{\n\t// mine\n\t\"extra\": {\"number\": 1.10, \"big\": 123456789012345678901234567890},\n\t\"mcpServers\": {\n\t\t\"z\": {\"command\": \"z\", \"unknown\": [1, 2]}, // about z\n\t\t\"a\": {\"command\": \"a\"}\n\t},\n\t\"tail\": null\n}\n";
    fs::write(own(&home), text).unwrap();
    done(&home, &["mcp:add", "new", "--env", "A=b", "--", "npx", "-y", "@scope/pkg", "--flag"]);
    let with = fs::read_to_string(own(&home)).unwrap();
    for kept in ["// mine", "// about z", "1.10", "123456789012345678901234567890", "\"unknown\": [1, 2]", "\"tail\": null"] {
        assert!(with.contains(kept), "{kept}: {with}");
    }
    assert!(with.find("\"z\"") < with.find("\"a\"") && with.find("\"a\"") < with.find("\"new\""), "{with}");
    refused(&home, &["mcp:add", "new", "--command", "x"], 2, "already has");
    refused(&home, &["mcp:add", "New", "--command", "x"], 2, "by the same name");
    done(&home, &["mcp:add", "new", "--overwrite", "--url", "https://x.example/mcp"]);
    done(&home, &["mcp:remove", "new"]);
    assert_eq!(fs::read_to_string(own(&home)).unwrap(), text);
    let left: Vec<_> = fs::read_dir(home.root().join("config")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".tmp")), "{left:?}");
}

#[test]
fn a_project_file_keeps_its_mode_and_a_link_in_it_is_not_followed() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let path = put(&home, ".angelia/mcp.json", "{\"mcpServers\": {}}\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
    done(&home, &["mcp:add", "p", "--project", "--command", "x"]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o664);
    let (rows, _) = listed(&home);
    assert_eq!((rows[0]["scope"].as_str(), rows[0]["trusted"].as_bool()), (Some("project"), Some(true)), "whoever adds it knows it");
    let private = home.path().join("private.json");
    fs::write(&private, "{}").unwrap();
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(&private, &path).unwrap();
    refused(&home, &["mcp:add", "q", "--project", "--command", "x"], 2, "is a link");
    assert_eq!(fs::read_to_string(&private).unwrap(), "{}");
}

#[test]
fn two_writers_lose_nothing() {
    let home = Home::new();
    std::thread::scope(|scope| {
        for at in 0..8 {
            let home = &home;
            scope.spawn(move || done(home, &["mcp:add", &format!("server-{at}"), "--command", "x"]));
        }
    });
    assert_eq!(listed(&home).0.len(), 8);
}

#[test]
fn secrets_are_refused_in_words_and_kept_in_the_store() {
    let home = Home::new();
    let auth = format!("Authorization=Bearer {SECRET}");
    for words in [
        &["mcp:add", "s", "--command", "x", "--env", &format!("GITHUB_TOKEN={SECRET}")][..],
        &["mcp:add", "s", "--command", "x", "--env", &format!("PLAIN={SECRET}")],
        &["mcp:add", "s", "--url", "https://x.example", "--header", &auth],
        &["mcp:add", "s", "--", "x", "--api-key", SECRET],
        &["mcp:add", "s", "--", "docker", "run", "-e", "API_KEY=abc", "x"],
        &["mcp:add", "s", "--url", "https://x.example/mcp?apiKey=abc"],
        &["mcp:preset", "filesystem", "--as", "s", "--arg", SECRET],
        &["mcp:secret:set", "s", "token", "--value", SECRET],
    ] {
        let why = run(&home, words);
        assert!(why.code == 2 || why.code == 3, "{why:?}");
    }
    assert!(!own(&home).exists());
    let why = refused(&home, &["mcp:add", "s", "--url", "https://x.example/mcp?apiKey=abc"], 2, "'apiKey' looks like a secret");
    let hints = &why["error_detail"]["hints"];
    assert_eq!(hints[0], "angelia mcp:add s … --url 'https://x.example/mcp?apiKey=${secret:url.apiKey}'", "{why}");
    assert_eq!(hints[1], "angelia mcp:secret:set s url.apiKey");
    let added = done(&home, &["mcp:add", "s", "--url", "https://x.example/mcp", "--header", "Authorization=Bearer ${secret:token}"]);
    assert_eq!(added["next"], json!(["angelia mcp:secret:set s token", "angelia mcp:tools s"]));
    let doctor = refused(&home, &["mcp:doctor", "s"], 5, "not stored");
    assert_eq!(doctor["next"], json!(["angelia mcp:secret:set s token"]));
    let set = home.run_with(&["mcp", "secret", "set", "s", "token", "--stdin", "--json"], format!("{SECRET}\n").as_bytes());
    assert_eq!((set.code, &set.json()["used"]), (0, &json!(true)), "{set:?}");
    assert_eq!(done(&home, &["mcp:doctor", "s"])["success"], true);
    let list = done(&home, &["mcp:secret:list"]);
    assert_eq!(list["secrets"][0]["stored"], "encrypted file");
    refused(&home, &["mcp:secret:set", "s", "token", "--value", "plain"], 2, "not the secret itself");
    done(&home, &["mcp:secret:set", "s", "other", "--value", "env:OTHER"]);
    assert_eq!(done(&home, &["mcp:secret:list", "s"])["secrets"][0]["reference"], "env:OTHER");
    done(&home, &["mcp:secret:unset", "s", "other"]);
    refused(&home, &["mcp:secret:unset", "s", "other"], 3, "has no secret");
    assert_eq!(done(&home, &["mcp:remove", "s"])["secrets_removed"], true);
    assert_eq!(done(&home, &["mcp:secret:list"])["secrets"], json!([]));
    crate::support::secrets::assert_no_file_holds(&[SECRET.to_owned()], &home.files());
}

#[test]
fn import_moves_secrets_into_the_store_and_export_leaves_them_there() {
    let home = Home::new();
    let file = put(
        &home,
        "theirs.json",
        &json!({"mcpServers": {
            "gh": {"command": "npx", "args": ["-y", "gh", "--api-key", SECRET], "env": {"TOKEN": SECRET, "LOG": "1"}, "alwaysAllow": ["x"]},
            "web": {"url": "https://x.example/mcp", "headers": {"Authorization": format!("Bearer {SECRET}")}},
            "broken": {"args": []},
            "angelia": {"command": "/usr/bin/angelia", "args": ["mcp:serve"]},
        }})
        .to_string(),
    );
    let file = file.to_str().unwrap();
    let dry = done(&home, &["mcp:import", file, "--dry-run"]);
    assert!(!own(&home).exists());
    let imported = done(&home, &["mcp:import", file]);
    assert_eq!((&imported["imported"], &dry["imported"]), (&json!(["gh", "web"]), &json!(["gh", "web"])));
    assert_eq!(imported["secrets"], json!(["mcp.gh arg.api-key", "mcp.gh env.TOKEN", "mcp.web header.Authorization"]));
    assert_eq!(imported["skipped"].as_array().unwrap().len(), 2);
    let text = fs::read_to_string(own(&home)).unwrap();
    assert!(!text.contains(SECRET) && text.contains("secret:env.TOKEN") && text.contains("alwaysAllow"), "{text}");
    assert_eq!(done(&home, &["mcp:import", file])["imported"], json!([]), "what is there stays");
    for format in ["mcpServers", "servers"] {
        let export = done(&home, &["mcp:export", "--format", format]);
        assert_eq!(export[format].as_object().unwrap().len(), 2, "{export}");
    }
    let into = home.path().join("work/out.json");
    done(&home, &["mcp:export", "--output", into.to_str().unwrap()]);
    refused(&home, &["mcp:export", "--output", into.to_str().unwrap()], 2, "there already");
    refused(&home, &["mcp:import", file, "--only", "nothing"], 3, "no server");
    fs::remove_file(file).unwrap();
    crate::support::secrets::assert_no_file_holds(&[SECRET.to_owned()], &home.files());
}

#[test]
fn export_gives_away_no_secret_that_was_written_by_hand() {
    let home = Home::new();
    let servers = json!({"mcpServers": {
        "web": {"url": "https://x.example/mcp?apiKey=kept-1&a=${HOST:-b}", "headers": {"Authorization": "Bearer kept-2", "X-Key": "${A:-kept-3}"}},
        "run": {"command": "x", "args": ["--token", "kept-4", "-e", "API_KEY=kept-5", "${TOKEN:-kept-6}"], "env": {"LOG": "1", "PASSWORD": "kept-7"}},
    }});
    fs::write(own(&home), servers.to_string()).unwrap();
    for format in ["mcpServers", "servers"] {
        let export = done(&home, &["mcp:export", "--format", format]);
        let text = export.to_string();
        assert!(!text.contains("kept") && text.contains("\"LOG\":\"1\"") && text.contains("Bearer ${"), "{export:#}");
    }
    let export = done(&home, &["mcp:export"]);
    assert_eq!(export["mcpServers"]["web"]["url"], "https://x.example/mcp?apiKey=${WEB_APIKEY}&a=${HOST:-b}", "{export:#}");
}

#[test]
fn servers_are_switched_in_our_settings_and_never_in_the_file_of_others() {
    let home = Home::new();
    let text = "{\"mcpServers\": {\"p\": {\"command\": \"x\"}}}";
    let path = put(&home, ".mcp.json", text);
    assert_eq!(done(&home, &["mcp:disable", "p"])["enabled"], false);
    let settings = fs::read_to_string(home.root().join("config/config.toml")).unwrap();
    assert!(settings.contains("mcp.p") && settings.contains("enabled = false"), "{settings}");
    assert_eq!(listed(&home).0[0]["enabled"], false);
    done(&home, &["mcp:enable", "p"]);
    refused(&home, &["mcp:remove", "p"], 2, "angelia mcp:disable p");
    assert_eq!(fs::read_to_string(path).unwrap(), text);
    done(&home, &["mcp:add", "m", "--read", "allow", "--write", "deny", "--command", "x"]);
    let status = done(&home, &["mcp:status"]);
    let row = status["servers"].as_array().unwrap().iter().find(|row| row["name"] == "m").unwrap();
    assert_eq!((row["read"].as_str(), row["write"].as_str(), row["state"].as_str()), (Some("allow"), Some("deny"), Some("ready")));
}

#[test]
fn what_another_client_keeps_in_the_home_folder_is_no_project() {
    let home = Home::new();
    let folder = home.path().join("nobody/sub");
    fs::create_dir_all(&folder).unwrap();
    fs::create_dir(home.path().join("nobody/.cursor")).unwrap();
    let text = "{\"mcpServers\": {\"tool\": {\"command\": \"x\"}}}";
    fs::write(home.path().join("nobody/.cursor/mcp.json"), text).unwrap();
    let home = home.cwd(&folder);
    assert_eq!(listed(&home).0.len(), 0);
    fs::write(home.path().join("nobody/.mcp.json"), text).unwrap();
    assert_eq!(names(&listed(&home).0), ["tool"], "a folder above that has a file is the project");
}

#[test]
fn presets_are_added_like_any_other() {
    let home = Home::new();
    let list = done(&home, &["mcp:preset"]);
    assert!(list["presets"].as_array().unwrap().len() >= 10);
    refused(&home, &["mcp:preset", "filesystem"], 2, "a folder");
    refused(&home, &["mcp:preset", "memry"], 3, "Did you mean 'memory'?");
    done(&home, &["mcp:preset", "filesystem", "--arg", "/tmp", "--as", "files"]);
    assert_eq!(done(&home, &["mcp:preset", "github"])["next"], json!(["angelia mcp:secret:set github token", "angelia mcp:tools github"]));
    assert_eq!(names(&listed(&home).0), ["files", "github"]);
    assert!(fs::read_to_string(own(&home)).unwrap().contains("\"/tmp\""));
}

#[test]
fn secrets_belong_to_the_entry_that_counts() {
    let home = Home::new();
    let stdin = |words: &[&str]| assert_eq!(home.run_with(words, b"value-of-a-secret").code, 0, "{words:?}");
    done(&home, &["mcp:add", "s", "--command", "x", "--env", "A=secret:env.A"]);
    stdin(&["mcp:secret:set", "s", "env.A", "--stdin"]);
    // A project's entry of that name gets nothing of it.
    done(&home, &["mcp:add", "s", "--project", "--command", "x", "--env", "A=secret:env.A"]);
    let rows = |home: &Home| done(home, &["mcp:secret:list", "s"])["secrets"].as_array().unwrap().clone();
    let of = |rows: &[Value]| rows.iter().map(|row| (row["scope"].clone(), row["stored"].is_null())).collect::<Vec<_>>();
    assert_eq!(of(&rows(&home)), [(json!("user"), false), (json!("project"), true)]);
    stdin(&["mcp:secret:set", "s", "env.A", "--stdin"]);
    assert_eq!(of(&rows(&home)), [(json!("user"), false), (json!("project"), false)]);
    done(&home, &["mcp:secret:unset", "s", "env.A"]);
    assert_eq!(of(&rows(&home)), [(json!("user"), false), (json!("project"), true)]);
    stdin(&["mcp:secret:set", "s", "env.A", "--stdin"]);
    assert_eq!(done(&home, &["mcp:remove", "s", "--project"])["secrets_removed"], true);
    assert_eq!(of(&rows(&home)), [(json!("user"), false)]);
}
