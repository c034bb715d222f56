//! Angelia in the files of clients: the right file, the right form, everything else kept, a copy beside it, and nothing the second time.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::home::Home;

/// A client, its file below the home folder on Linux, and where in it the servers are.
const CLIENTS: [(&str, &str, &str); 7] = [
    ("claude-code", ".claude.json", "mcpServers"),
    ("claude-desktop", ".config/Claude/claude_desktop_config.json", "mcpServers"),
    ("cursor", ".cursor/mcp.json", "mcpServers"),
    ("vscode", ".config/Code/User/mcp.json", "servers"),
    ("codex", ".codex/config.toml", "mcp_servers"),
    ("gemini", ".gemini/settings.json", "mcpServers"),
    ("zed", ".config/zed/settings.json", "context_servers"),
];

fn file(home: &Home, name: &str) -> PathBuf {
    home.path().join("nobody").join(name)
}

fn put(home: &Home, name: &str, text: &str) -> PathBuf {
    let path = file(home, name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

fn run(home: &Home, words: &[&str]) -> Value {
    let at = words.iter().position(|word| *word == "--").unwrap_or(words.len());
    let run = home.run(&[&words[..at], &["--json"], &words[at..]].concat());
    assert_eq!(run.code, 0, "{words:?}: {run:?}");
    run.json()
}

fn backups(path: &std::path::Path) -> usize {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let is_backup = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(&format!("{name}.bak"));
    fs::read_dir(path.parent().unwrap()).unwrap().filter(|entry| is_backup(entry.as_ref().unwrap())).count()
}

#[cfg(target_os = "linux")]
#[test]
fn every_client_gets_its_own_form_in_its_own_file_once() {
    let home = Home::new();
    for (client, name, member) in CLIENTS {
        let path = file(&home, name);
        let dry = run(&home, &["mcp:gateway:install", client, "--dry-run"]);
        assert!(dry["would_change"] == true && dry["changed"] == false && !path.exists(), "{client}: {dry}");
        let first = run(&home, &["mcp:gateway:install", client, "--", "--write", "ask"]);
        assert_eq!((first["changed"].as_bool(), first["file"].as_str(), &first["backup"]), (Some(true), path.to_str(), &Value::Null));
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(member) && text.contains("mcp:serve") && text.contains("--write"), "{client}: {text}");
        assert!(text.contains(env!("CARGO_BIN_EXE_angelia")) && text.contains("ANGELIA_HOME"), "{client}: {text}");
        let again = run(&home, &["mcp:gateway:install", client, "--", "--write", "ask"]);
        assert_eq!((again["changed"].as_bool(), backups(&path)), (Some(false), 0), "{client}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        let export = run(&home, &["mcp:gateway:export", client, "--", "--write", "ask"]);
        assert_eq!(export["snippet"], text, "{client}");
        let gone = run(&home, &["mcp:gateway:install", client, "--uninstall"]);
        assert_eq!((gone["changed"].as_bool(), backups(&path)), (Some(true), 1), "{client}");
        assert!(!fs::read_to_string(&path).unwrap().contains("angelia"), "{client}");
        assert_eq!(run(&home, &["mcp:gateway:install", client, "--uninstall"])["changed"], false);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_file_says_besides_survives() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let zed = "// my settings\n{\n  \"theme\": \"One\", // dark\n  \"context_servers\": {\n    \"other\": {\"command\": \"o\"},\n  },\n  \"tab_size\": 4,\n}\n";
    let path = put(&home, ".config/zed/settings.json", zed);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let installed = run(&home, &["mcp:gateway:install", "zed"]);
    let text = fs::read_to_string(&path).unwrap();
    for kept in ["// my settings", "// dark", "\"other\": {\"command\": \"o\"}", "\"tab_size\": 4,"] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
    let backup = installed["backup"].as_str().unwrap();
    assert_eq!((fs::read_to_string(backup).unwrap().as_str(), backup.ends_with(".bak.1")), (zed, true));
    let mode = |path: &str| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(backup), mode(path.to_str().unwrap())), (0o640, 0o640));
    run(&home, &["mcp:gateway:install", "zed", "--uninstall"]);
    assert_eq!(fs::read_to_string(&path).unwrap().replace([' ', '\n'], ""), zed.replace([' ', '\n'], ""));
    let codex = "# mine\nmodel = \"o\" # best\n\n[mcp_servers.other]\ncommand = \"o\"\n";
    let path = put(&home, ".codex/config.toml", codex);
    run(&home, &["mcp:gateway:install", "codex"]);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with(codex), "{text}");
    run(&home, &["mcp:gateway:install", "codex", "--uninstall"]);
    assert_eq!(fs::read_to_string(&path).unwrap().trim_end(), codex.trim_end());
    let claude = json!({"numStartups": 12, "projects": {"/x": {"mcpServers": {}}}, "mcpServers": {"a": {"command": "b"}}, "id": 1.50});
    let path = put(&home, ".claude.json", &claude.to_string());
    run(&home, &["mcp:gateway:install", "claude-code"]);
    let mut now: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(now["mcpServers"]["angelia"]["type"], "stdio");
    now["mcpServers"].as_object_mut().unwrap().remove("angelia");
    assert_eq!(now, claude);
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_changed_safely_is_left_alone() {
    let home = Home::new();
    for (text, why) in
        [("{\"mcpServers\": {", "cannot be changed safely"), ("[]", "not an object"), ("{\"mcpServers\": []}", "not an object")]
    {
        let path = put(&home, ".cursor/mcp.json", text);
        let run = home.run(&["mcp:gateway:install", "cursor", "--json"]);
        assert!(run.code == 2 && run.stdout.contains(why) && run.stdout.contains("Write this into it"), "{text}: {run:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    let path = file(&home, ".cursor/mcp.json");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(home.run(&["mcp:gateway:install", "cursor", "--json"]).code, 2);
    let toml = put(&home, ".codex/config.toml", "a = [");
    assert_eq!(home.run(&["mcp:gateway:install", "codex", "--json"]).code, 2);
    assert_eq!(fs::read_to_string(toml).unwrap(), "a = [");
}

#[test]
fn a_link_stays_a_link_and_a_project_has_its_own_file() {
    let home = Home::new();
    let real = put(&home, "dotfiles/cursor.json", "{}\n");
    fs::create_dir_all(file(&home, ".cursor")).unwrap();
    std::os::unix::fs::symlink(&real, file(&home, ".cursor/mcp.json")).unwrap();
    run(&home, &["mcp:gateway:install", "cursor"]);
    assert!(fs::symlink_metadata(file(&home, ".cursor/mcp.json")).unwrap().is_symlink());
    assert!(fs::read_to_string(real).unwrap().contains("mcp:serve"));
    for (client, name) in [("claude-code", ".mcp.json"), ("vscode", ".vscode/mcp.json"), ("cursor", ".cursor/mcp.json")] {
        run(&home, &["mcp:gateway:install", client, "--project"]);
        assert!(home.path().join("work").join(name).is_file(), "{name}");
    }
    assert_eq!(home.run(&["mcp:gateway:install", "claude-desktop", "--project"]).code, 2);
    let list = run(&home, &["mcp:list"]);
    assert_eq!(list["servers"], json!([]), "our own server is no server for us to use");
}

#[cfg(unix)]
#[test]
fn a_link_in_a_project_is_not_followed() {
    use std::os::unix::fs::symlink;
    let home = Home::new();
    let work = home.path().join("work");
    let outside = put(&home, "outside/mcp.json", "{}\n");
    symlink(&outside, work.join(".mcp.json")).unwrap();
    symlink(outside.parent().unwrap(), work.join(".cursor")).unwrap();
    fs::create_dir(work.join(".vscode")).unwrap();
    symlink(file(&home, "outside/new.json"), work.join(".vscode/mcp.json")).unwrap();
    for client in ["claude-code", "cursor", "vscode"] {
        for more in [&[][..], &["--dry-run"], &["--uninstall"]] {
            let run = home.run(&[&["mcp:gateway:install", client, "--project", "--json"], more].concat());
            assert!(run.code == 2 && run.stdout.contains("is a link"), "{client} {more:?}: {run:?}");
        }
    }
    assert_eq!(fs::read_to_string(&outside).unwrap(), "{}\n");
    assert_eq!(fs::read_dir(outside.parent().unwrap()).unwrap().count(), 1);
    assert_eq!(backups(&work.join(".mcp.json")), 0);
}

#[test]
fn a_profile_must_be_there() {
    let home = Home::new();
    let missing = home.run(&["mcp:gateway:export", "cursor", "--profile", "team", "--json"]);
    assert_eq!(missing.code, 3, "{missing:?}");
    home.config("[mcp.profiles.team]\nwrite = \"ask\"\n");
    let export = run(&home, &["mcp:gateway:export", "cursor", "--profile", "team"]);
    assert_eq!(export["entry"]["args"], json!(["mcp:serve", "--profile", "team"]));
    let flags = home.run(&["mcp:gateway:install", "cursor", "--json", "--", "--nothing"]);
    assert!(flags.code == 2 && flags.stdout.contains("--nothing") && !file(&home, ".cursor/mcp.json").exists(), "{flags:?}");
    let unknown = home.run(&["mcp:gateway:install", "curser", "--json"]);
    assert!(unknown.code == 3 && unknown.stdout.contains("Did you mean 'cursor'?"), "{unknown:?}");
}
