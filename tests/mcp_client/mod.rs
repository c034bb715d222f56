//! Upstream MCP servers through the binary: a server that is a shell script, one that is a loopback HTTP server, and what servers do that
//! mean harm or are broken. Servers that others wrote are met in `tests/peers/`.

mod hostile;
mod http;
mod oauth;
mod stdio;

use serde_json::{Value, json};

use crate::support::home::{Home, Run};

/// A server in plain `sh`. `$1` is the file with the `tools/list` result, `$2` a folder for its notes. Tools: `echo` answers its
/// arguments, `env` its environment, `fail` fails, `die` ends it, `slow` never answers, `noise` prints what is no message.
const SCRIPT: &str = r##"
echo "$$" >> "$2/starts"
echo "this is stderr" >&2
while IFS= read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/^{"jsonrpc":"2.0","id":\([0-9]*\).*/\1/p')
  answer() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1"; }
  text() { answer "{\"content\":[{\"type\":\"text\",\"text\":\"$1\"}]}"; }
  case "$line" in
    *'"method":"initialize"'*)
      answer '{"protocolVersion":"2025-06-18","capabilities":{"tools":{"listChanged":true},"resources":{},"prompts":{}},"serverInfo":{"name":"script","version":"1"},"instructions":"Ask nicely."}' ;;
    *'"method":"tools/list"'*)
      echo list >> "$2/lists"
      case "$line" in
        *'"cursor":"two"'*) answer '{"tools":[{"name":"second-page","description":"On page two.","inputSchema":{"type":"object"}}]}' ;;
        *) answer "$(cat "$1")" ;;
      esac ;;
    *'"method":"tools/call"'*)
      case "$line" in
        *'"name":"echo"'*) answer "{\"content\":[],\"structuredContent\":{\"got\":$(printf '%s' "$line" | sed -n 's/.*"arguments":\({[^}]*}\).*/\1/p')}}" ;;
        *'"name":"env"'*) text "$(env | cut -d= -f1 | sort | tr '\n' ' ')" ;;
        *'"name":"secret"'*) text "it is $TOKEN" ;;
        *'"name":"fail"'*) answer '{"isError":true,"content":[{"type":"text","text":"no such thing"}]}' ;;
        *'"name":"refuse"'*) printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32602,"message":"not like this"}}\n' "$id" ;;
        *'"name":"die"'*) echo "I am dying" >&2; exit 3 ;;
        *'"name":"slow"'*) echo "$line" >> "$2/slow" ;;
        *'"name":"noise"'*) echo "Listening on port 3000"; echo '{"half":'; printf '\377\376\n'; text "heard" ;;
        *'"name":"family"'*) sleep 300 & echo "$!" >> "$2/family"; text "$!" ;;
        *) text "called" ;;
      esac ;;
    *'"method":"notifications/cancelled"'*) echo "$line" >> "$2/cancelled" ;;
    *'"method":"resources/list"'*) answer '{"resources":[{"uri":"x://a","name":"a"}]}' ;;
    *'"method":"resources/read"'*) answer '{"contents":[{"uri":"x://a","text":"content of a"}]}' ;;
    *'"method":"prompts/list"'*) answer '{"prompts":[{"name":"greet","arguments":[{"name":"who"}]}]}' ;;
    *'"method":"prompts/get"'*) answer '{"messages":[{"role":"user","content":{"type":"text","text":"hello"}}]}' ;;
    *'"method":"notifications/'*) ;;
    *) [ -n "$id" ] && printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"Method not found"}}\n' "$id" ;;
  esac
done
"##;

/// A tool of the script.
fn tool(name: &str, annotations: Value) -> Value {
    json!({
        "name": name, "description": format!("The tool {name}."), "annotations": annotations,
        "inputSchema": {"type": "object", "properties": {"a": {"type": "string"}, "n": {"type": "integer", "default": 1}}},
    })
}

/// A home with the script as the server `script`, whose calls are allowed.
struct Desk {
    home: Home,
}

impl Desk {
    fn new() -> Self {
        let read = json!({"readOnlyHint": true});
        let mut tools: Vec<Value> = ["echo", "env", "secret", "fail", "refuse", "noise", "slow", "family", "die"]
            .iter()
            .map(|name| tool(name, read.clone()))
            .collect();
        tools.push(json!({"name": "get-sum", "description": "Adds.", "inputSchema": {"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"]}}));
        Self::with(&json!({"tools": tools, "nextCursor": "two"}))
    }

    fn with(list: &Value) -> Self {
        let desk = Self { home: Home::new() };
        desk.list(list);
        std::fs::write(desk.home.path().join("server.sh"), SCRIPT).unwrap();
        desk.servers(&json!({"script": desk.entry()}));
        desk.home.config("[integrations.\"mcp.script\"]\nread = \"allow\"\nwrite = \"allow\"\ndestructive = \"allow\"");
        desk
    }

    /// What the script's file of tools says.
    fn list(&self, list: &Value) {
        std::fs::write(self.home.path().join("tools.json"), list.to_string()).unwrap();
    }

    /// The script as an entry.
    fn entry(&self) -> Value {
        let at = |name: &str| self.home.path().join(name).display().to_string();
        json!({"command": "/bin/sh", "args": [at("server.sh"), at("tools.json"), at("")], "env": {"NAMED": "x"}})
    }

    fn servers(&self, servers: &Value) {
        std::fs::write(self.home.root().join("config/mcp.json"), json!({"mcpServers": servers}).to_string()).unwrap();
    }

    /// Lines of one of the script's notes.
    fn notes(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.home.path().join(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn run(&self, words: &[&str]) -> Run {
        self.home.run(words)
    }

    /// The envelope of `mcp:call script TOOL …`.
    fn call(&self, words: &[&str]) -> Value {
        self.run(&[&["mcp:call", "script"], words, &["--json"]].concat()).json()
    }
}

fn code(envelope: &Value) -> &str {
    envelope["error_detail"]["code"].as_str().unwrap_or_default()
}
