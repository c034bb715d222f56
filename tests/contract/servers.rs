//! The JSON of the commands that configure MCP servers and clients.

use serde_json::Value;

use super::answers;
use super::mirrors::{
    Gateway, GatewayEntry, Imported, Presets, ServerAdded, ServerRemoved, ServerSecretSet, ServerSecretUnset, ServerSecrets,
    ServerSwitched, ServerUntrusted, Servers, ServersDoctor, ServersStatus, ServersTrusted,
};
use crate::support::home::Home;

#[test]
fn servers_answer_as_they_always_did() {
    let home = Home::new();
    assert_eq!(answers::<Presets>(&home, &["mcp:preset"], 0).presets[0].name, "everything");
    let added: ServerAdded =
        answers(&home, &["mcp:add", "web", "--url=https://x.example/mcp", "--header=Authorization=Bearer ${secret:token}"], 0);
    assert_eq!((added.provider.as_str(), added.next.len()), ("mcp.web", 2));
    let doctor: ServersDoctor = answers(&home, &["mcp:doctor"], 5);
    assert!(!doctor.success && doctor.servers[0].problems[0].next.0.is_some());
    assert!(answers::<ServerSecretSet>(&home, &["mcp:secret:set", "web", "token", "--value=env:HOME"], 0).used);
    assert_eq!(answers::<ServerSecrets>(&home, &["mcp:secret:list"], 0).secrets[0].reference.0.as_deref(), Some("env:HOME"));
    assert!(answers::<ServersDoctor>(&home, &["mcp:doctor", "web"], 0).success);
    assert_eq!(answers::<ServerSecretUnset>(&home, &["mcp:secret:unset", "web", "token"], 0).key, "token");
    assert!(!answers::<ServerSwitched>(&home, &["mcp:disable", "web"], 0).enabled);
    assert_eq!(answers::<ServersStatus>(&home, &["mcp:status"], 0).ready, 0);
    assert!(answers::<ServerSwitched>(&home, &["mcp:enable", "web"], 0).enabled);
    let project = home.path().join("work/.mcp.json");
    std::fs::write(&project, r#"{"mcpServers": {"tool": {"command": "x"}, "bad": {}}}"#).unwrap();
    let list: Servers = answers(&home, &["mcp:list"], 0);
    assert_eq!((list.servers[0].state.as_str(), list.servers[0].scope.as_str(), list.problems.len()), ("untrusted", "project", 1));
    assert!(!answers::<ServersTrusted>(&home, &["mcp:trust", "--diff"], 0).servers[0].trusted);
    assert_eq!(answers::<ServersTrusted>(&home, &["mcp:trust", "--yes"], 0).trusted, ["tool"]);
    assert!(!answers::<ServerUntrusted>(&home, &["mcp:untrust", "tool"], 0).trusted);
    let imported: Imported = answers(&home, &["mcp:import", project.to_str().unwrap()], 0);
    assert_eq!((imported.imported.len(), imported.skipped.len()), (1, 1));
    assert!(!answers::<ServerRemoved>(&home, &["mcp:remove", "web"], 0).secrets_removed);
    assert!(answers::<Value>(&home, &["mcp:export"], 0)["mcpServers"]["tool"].is_object());
    assert!(answers::<GatewayEntry>(&home, &["mcp:gateway:export", "cursor"], 0).snippet.contains("mcp:serve"));
    assert!(answers::<Gateway>(&home, &["mcp:gateway:install", "cursor"], 0).changed);
    assert!(!answers::<Gateway>(&home, &["mcp:gateway:install", "cursor"], 0).would_change);
}
