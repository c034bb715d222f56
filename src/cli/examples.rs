//! Examples for the help of each command: what stands behind its name. Each can be pasted as it is, once names in capitals are replaced.
//! What a command does with its words is deliberately not said here.

use clap::Command;

/// Commands with their examples, in the order of the families.
const EXAMPLES: &[(&str, &[&str])] = &[
    ("integrations:list", &["--active", "--category development --operation write", "--tier described --json"]),
    ("integrations:status", &["", "--active --fields accounts,read,write --json"]),
    ("integrations:doctor", &["", "github --account work"]),
    ("integrations:fields", &["github", "github --account work --json"]),
    (
        "integrations:configure",
        &[
            "github --set token=env:GITHUB_TOKEN --enable --read allow --test",
            "github --function 'delete_*=deny' --write ask",
            "github --stdin-json < settings.json",
        ],
    ),
    ("integrations:accounts", &["", "github --rename default --to work", "github --remove work"]),
    ("integrations:connect", &["gmail --client-id ID", "gmail --device --account work"]),
    ("integrations:disconnect", &["gmail", "gmail --account work --local"]),
    ("integrations:search", &["create an issue", "delete a branch --provider github --limit 3", "send a message --operation write --json"]),
    ("integrations:docs", &["", "github", "github.list_issues --format markdown"]),
    ("integrations:examples", &["github", "github.list_issues"]),
    ("integrations:schema", &["github.list_issues", "github.list_issues --output"]),
    (
        "integrations:call",
        &[
            "hackernews.list_top_stories --select '.[:5]'",
            r#"github.list_issues '{"owner": "rust-lang", "repo": "rust"}' --all"#,
            r#"slack.post_message '{"channel": "C1", "text": "hello"}' --dry-run"#,
        ],
    ),
    (
        "integrations:lua",
        &["report.lua --account github=work", "--eval 'return app.integrations.data.collections{}'", "report.lua --dry-run -- today"],
    ),
    ("integrations:test", &["", "github --account work"]),
    ("integrations:remove", &["petshop"]),
    (
        "integrations:import",
        &["petshop.yaml --as petshop --dry-run --report", "graphql:https://api.example.com/graphql --as example", "stripe"],
    ),
    ("integrations:update", &["", "petshop --dry-run"]),
    ("integrations:new", &["petshop --url https://api.example.com/v1 --auth header", "petshop --output ."]),
    ("integrations:lint", &["petshop", "petshop/provider.yaml --exchanges recorded --strict"]),
    ("mcp:list", &["", "--json"]),
    ("mcp:status", &["", "--json"]),
    ("mcp:doctor", &["", "memory"]),
    (
        "mcp:add",
        &[
            "memory -- npx -y @modelcontextprotocol/server-memory",
            "files --command mcp-files --arg --root --arg /srv --env TOKEN=secret:token",
            "linear --url https://mcp.linear.app/mcp --read allow --write ask",
        ],
    ),
    ("mcp:remove", &["memory", "memory --project"]),
    ("mcp:enable", &["memory"]),
    ("mcp:disable", &["memory"]),
    ("mcp:trust", &["--diff", "memory --yes"]),
    ("mcp:untrust", &["memory"]),
    ("mcp:preset", &["--list", "filesystem --arg /srv/files --read allow"]),
    ("mcp:secret:set", &["github token", "github token --value env:GITHUB_TOKEN", "github token --stdin < token.txt"]),
    ("mcp:secret:list", &["", "github"]),
    ("mcp:secret:unset", &["github token"]),
    ("mcp:import", &["--from claude-desktop --dry-run", ".cursor/mcp.json --only memory"]),
    ("mcp:export", &["", "--format servers --output mcp.json"]),
    ("mcp:gateway:export", &["claude-desktop --profile work", "cursor -- --read-only"]),
    ("mcp:gateway:install", &["claude-code --dry-run", "cursor --project --profile work", "cursor --uninstall"]),
    ("mcp:tools", &["", "memory --refresh"]),
    ("mcp:schema", &["memory.read_graph", "memory read_graph --output"]),
    ("mcp:call", &["memory.read_graph", r#"memory search_nodes '{"query": "Ada"}' --json"#]),
    ("mcp:resources", &["everything"]),
    ("mcp:resource", &["everything demo://resource/static/document/architecture.md"]),
    ("mcp:prompts", &["everything"]),
    ("mcp:prompt", &["everything args-prompt --arg city=Oslo"]),
    ("mcp:auth", &["linear", "linear --no-browser --scopes read,write", "linear --logout"]),
    ("lua:check", &["report.lua", "- < report.lua"]),
    ("lua:types", &["", "--all --output types"]),
    ("lua:test", &["report_test.lua", "report_test.lua --only totals --record report_test.lua.exchanges"]),
    ("mcp:serve", &["", "--read-only --integration github --tools 'github.list_*'", "--http 8080 --require-key --profile work"]),
    ("mcp:lua", &["report.lua", "--eval 'return app.integrations.data.collections{}'"]),
    ("mcp:key:create", &["laptop --profile work --expires 30d"]),
    ("mcp:key:list", &["", "--json"]),
    ("mcp:key:revoke", &["laptop"]),
    ("approvals:list", &["", "--state pending --json"]),
    ("approvals:show", &["ID"]),
    ("approvals:approve", &["ID", "ID --run"]),
    ("approvals:deny", &["ID"]),
    ("audit:list", &["--since 24h --outcome failed", "--function 'github.*' --operation write --limit 20", "--forced --json"]),
    ("audit:show", &["ID"]),
    ("config:list", &["", "--json"]),
    ("config:get", &["http.retries"]),
    ("config:set", &["http.retries 5", "force never", "integrations.github.write deny --project"]),
    ("config:unset", &["http.retries"]),
    ("config:path", &["", "--json"]),
    ("trust", &["--show", "", "--revoke"]),
    ("completions", &["bash > ~/.local/share/bash-completion/completions/angelia", "fish > ~/.config/fish/completions/angelia.fish"]),
    ("results:list", &["", "--function 'github.*' --limit 5"]),
    ("results:show", &["ID", "ID --output answer.json"]),
    ("results:query", &["ID '.items[] | {id, title}'", "ID --pointer /items/0", "ID --search Oslo --limit 5"]),
    ("results:remove", &["ID", "--older-than 7d"]),
];

/// A command whose help ends with its examples, behind whatever else it says.
pub fn shown(command: Command) -> Command {
    let Some((name, examples)) = EXAMPLES.iter().find(|(name, _)| *name == command.get_name()) else { return command };
    let lines: String = examples.iter().map(|words| format!("\n  {}", format!("angelia {name} {words}").trim_end())).collect();
    let before = command.get_after_help().map(|text| format!("{text}\n\n")).unwrap_or_default();
    command.after_help(format!("{before}Examples:{lines}"))
}

#[cfg(test)]
mod tests {
    use super::EXAMPLES;
    use crate::cli::tree;

    /// The words of a line as a shell reads them; what is redirected is not the command's.
    fn words(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut quoted = false;
        for c in line.chars() {
            match c {
                '\'' => quoted = !quoted,
                ' ' if !quoted => words.push(String::new()),
                c => words.last_mut().unwrap().push(c),
            }
        }
        assert!(!quoted, "{line}");
        words.into_iter().take_while(|word| !["<", ">"].contains(&word.as_str())).filter(|word| !word.is_empty()).collect()
    }

    #[test]
    fn each_command_has_examples_that_it_understands() {
        let names: Vec<&str> = EXAMPLES.iter().map(|(name, _)| *name).collect();
        let (mut known, mut shown) = (tree::names(), names.clone());
        known.sort();
        shown.sort_unstable();
        assert_eq!(known, shown);
        for (name, examples) in EXAMPLES {
            assert!((1..=3).contains(&examples.len()), "{name}");
            for example in *examples {
                assert!("  angelia ".len() + name.len() + example.len() < 98, "{name} {example} takes more than a line");
                let typed = ["angelia", name].into_iter().map(str::to_owned).chain(words(example));
                tree::command().try_get_matches_from(typed).unwrap_or_else(|error| panic!("{name} {example}: {error}"));
            }
        }
    }
}
