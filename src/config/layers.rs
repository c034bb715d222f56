//! Settings in layers: defaults, the user's file, a project's file, the environment, flags.
//! A project's file counts in full only when it is trusted; otherwise only what narrows is taken (see `access::policy`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::base::error::{Error, Result};
use crate::config::{dirs::Dirs, env, files};

/// `allow`, `ask` or `deny`; the order is from lax to strict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    Allow,
    Ask,
    Deny,
}

impl Rule {
    /// The word in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
        }
    }
}

/// Whether `--force` exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ForceRule {
    Allow,
    Never,
}

/// Where secrets are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreChoice {
    /// The keychain where one answers, else the encrypted file.
    Auto,
    Keychain,
    File,
}

/// One settings file, as written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    pub force: Option<ForceRule>,
    pub http: Http,
    pub audit: Audit,
    pub approvals: Approvals,
    pub credentials: Credentials,
    pub lua: Lua,
    pub mcp: Mcp,
    pub integrations: BTreeMap<String, Integration>,
}

/// How requests are made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    pub timeout_seconds: Option<u64>,
    pub connect_timeout_seconds: Option<u64>,
    pub retries: Option<u32>,
    pub max_wait_seconds: Option<u64>,
    pub max_response_bytes: Option<u64>,
}

/// How long calls are remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Audit {
    pub keep_days: Option<u32>,
}

/// How long a ticket can be approved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Approvals {
    pub ttl_seconds: Option<u64>,
}

/// Where secrets go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Credentials {
    pub store: Option<StoreChoice>,
}

/// What a script may use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lua {
    pub memory_limit: Option<u64>,
    pub cpu_limit: Option<u64>,
    pub time_limit: Option<u64>,
    pub call_limit: Option<u64>,
    pub output_limit: Option<u64>,
    /// Environment variables that scripts may read, as names or globs.
    pub env: Option<Vec<String>>,
}

/// How our MCP server answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mcp {
    pub result_bytes: Option<u64>,
    pub results_keep_days: Option<u32>,
    pub start_timeout_seconds: Option<u64>,
    /// What a client may use, by name.
    pub profiles: BTreeMap<String, Profile>,
}

/// What the clients of a profile may use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    /// Globs of functions that are tools of their own; none for the small face.
    pub tools: Vec<String>,
    /// Globs of providers.
    pub integrations: Option<Vec<String>>,
    /// Globs of upstream MCP servers.
    pub upstreams: Option<Vec<String>>,
    pub write: Option<Rule>,
    pub read_only: bool,
    /// The only account of a provider; `*` stands for every other.
    pub accounts: BTreeMap<String, String>,
}

/// What is said of one provider.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Integration {
    pub enabled: Option<bool>,
    pub read: Option<Rule>,
    pub write: Option<Rule>,
    pub destructive: Option<Rule>,
    pub functions: BTreeMap<String, Rule>,
    pub accounts: BTreeMap<String, AccountRules>,
    pub account: Option<String>,
    pub allow_private: Option<bool>,
    pub servers: BTreeMap<String, String>,
}

/// What is said of one account of a provider.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccountRules {
    pub read: Option<Rule>,
    pub write: Option<Rule>,
    pub destructive: Option<Rule>,
    pub functions: BTreeMap<String, Rule>,
}

/// A project's settings: `.angelia/config.toml` in the current folder or one above it.
#[derive(Debug, Clone)]
pub struct Project {
    /// The project's folder.
    pub root: PathBuf,
    /// Its settings.
    pub file: File,
    /// Set by whoever checked the fingerprint.
    pub trusted: bool,
}

/// All layers.
#[derive(Debug, Clone)]
pub struct Config {
    pub user: File,
    pub project: Option<Project>,
}

/// The folder of a project's settings.
pub const PROJECT_FOLDER: &str = ".angelia";

impl Config {
    /// Reads the user's and the project's file.
    pub fn load(dirs: &Dirs, cwd: Option<&Path>) -> Result<Self> {
        let own = dirs.config().map(|folder| folder.join("config.toml"));
        let user = match &own {
            Some(path) => read(path)?,
            None => None,
        };
        let project = match cwd.and_then(project_root) {
            Some(root) => {
                let path = root.join(PROJECT_FOLDER).join("config.toml");
                let file = read(&path)?.unwrap_or_default();
                Some(Project { root, file, trusted: false })
            }
            None => None,
        };
        Ok(Self { user: user.unwrap_or_default(), project })
    }

    /// The user's and the project's word on a provider.
    pub fn integration(&self, id: &str) -> (Option<&Integration>, Option<&Integration>) {
        (self.user.integrations.get(id), self.project.as_ref().and_then(|project| project.file.integrations.get(id)))
    }

    /// The files whose every setting counts, strongest first: a trusted project's, then the user's.
    pub fn full(&self) -> impl Iterator<Item = &File> {
        self.project.iter().filter(|project| project.trusted).map(|project| &project.file).chain([&self.user])
    }

    /// Whether a trusted project exists.
    pub fn trusted_project(&self) -> Option<&Project> {
        self.project.as_ref().filter(|project| project.trusted)
    }

    /// A number: environment, trusted project, user, default.
    pub fn number(&self, name: &str) -> u64 {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == name) else {
            return 0;
        };
        if let Some(value) = env::var(&setting.variable()).and_then(|value| value.parse().ok()) {
            return value;
        }
        self.full().find_map(setting.read).unwrap_or(setting.default)
    }

    /// Where a number came from: `environment`, `project`, `user` or `default`.
    pub fn source(&self, setting: &Setting) -> &'static str {
        if env::var(&setting.variable()).is_some_and(|value| value.parse::<u64>().is_ok()) {
            "environment"
        } else if self.trusted_project().is_some_and(|project| (setting.read)(&project.file).is_some()) {
            "project"
        } else if (setting.read)(&self.user).is_some() {
            "user"
        } else {
            "default"
        }
    }

    /// Whether `--force` may be used: `never` in any file turns it off.
    pub fn force(&self) -> ForceRule {
        let files = [Some(&self.user), self.project.as_ref().map(|project| &project.file)];
        let never = files.into_iter().flatten().any(|file| file.force == Some(ForceRule::Never));
        if never { ForceRule::Never } else { ForceRule::Allow }
    }

    /// What the clients of a profile may use.
    pub fn profile(&self, name: &str) -> Option<&Profile> {
        self.full().find_map(|file| file.mcp.profiles.get(name))
    }

    /// Names of all profiles.
    pub fn profiles(&self) -> Vec<String> {
        self.full().flat_map(|file| file.mcp.profiles.keys().cloned()).collect()
    }

    /// Environment variables that scripts may read, as names or globs.
    pub fn lua_env(&self) -> Vec<String> {
        self.full().find_map(|file| file.lua.env.clone()).unwrap_or_default()
    }

    /// Where secrets go.
    pub fn credential_store(&self) -> StoreChoice {
        self.user.credentials.store.unwrap_or(StoreChoice::Auto)
    }
}

/// One number that can be set.
pub struct Setting {
    /// Dotted name in the file.
    pub key: &'static str,
    /// Value when nobody says anything.
    pub default: u64,
    /// What it means.
    pub help: &'static str,
    read: fn(&File) -> Option<u64>,
}

impl Setting {
    /// The environment variable of the same meaning.
    pub fn variable(&self) -> String {
        format!("ANGELIA_{}", self.key.replace('.', "_").to_uppercase())
    }
}

/// All numbers that can be set.
#[rustfmt::skip]
pub const SETTINGS: &[Setting] = &[
    Setting { key: "http.timeout_seconds",         default: 60,       help: "Longest time for one call, pages and retries included.", read: |file| file.http.timeout_seconds },
    Setting { key: "http.connect_timeout_seconds", default: 10,       help: "Longest time to connect.",                               read: |file| file.http.connect_timeout_seconds },
    Setting { key: "http.retries",                 default: 3,        help: "Retries of a read or an idempotent request.",            read: |file| file.http.retries.map(u64::from) },
    Setting { key: "http.max_wait_seconds",        default: 30,       help: "Longest wait that a service may ask for before a retry.", read: |file| file.http.max_wait_seconds },
    Setting { key: "http.max_response_bytes",      default: 52_428_800, help: "Largest answer that is read into memory.",             read: |file| file.http.max_response_bytes },
    Setting { key: "audit.keep_days",              default: 90,       help: "Days that calls stay in the audit log; 0 keeps all.",    read: |file| file.audit.keep_days.map(u64::from) },
    Setting { key: "approvals.ttl_seconds",        default: 86_400,   help: "How long an approval ticket is valid.",                  read: |file| file.approvals.ttl_seconds },
    Setting { key: "lua.memory_limit",             default: 67_108_864, help: "Bytes of memory that a script may use.",             read: |file| file.lua.memory_limit },
    Setting { key: "lua.cpu_limit",                default: 30,       help: "Seconds that a script may compute; waiting does not count.", read: |file| file.lua.cpu_limit },
    Setting { key: "lua.time_limit",               default: 300,      help: "Seconds that a script may take.",                        read: |file| file.lua.time_limit },
    Setting { key: "lua.call_limit",               default: 1000,     help: "Calls that a script may make.",                          read: |file| file.lua.call_limit },
    Setting { key: "lua.output_limit",             default: 8_388_608, help: "Bytes that a script may print and return.",             read: |file| file.lua.output_limit },
    Setting { key: "mcp.result_bytes",             default: 20_000,   help: "Largest answer that an MCP client gets at once; the rest is kept to be read on.", read: |file| file.mcp.result_bytes },
    Setting { key: "mcp.start_timeout_seconds",    default: 30,       help: "Longest time for an upstream MCP server to start.",     read: |file| file.mcp.start_timeout_seconds },
    Setting { key: "mcp.results_keep_days",        default: 7,        help: "Days that kept answers stay; 0 keeps all.",              read: |file| file.mcp.results_keep_days.map(u64::from) },
];

fn read(path: &Path) -> Result<Option<File>> {
    let Some(text) = files::read(path)? else { return Ok(None) };
    parse(&text).map(Some).map_err(|why| {
        Error::usage(format!("{} is not a valid settings file: {why}", path.display()))
            .hint("angelia config:list shows the settings there are")
    })
}

/// Reads a settings file; the error names line and reason.
pub fn parse(text: &str) -> Result<File, String> {
    toml_edit::de::from_str(text).map_err(|error| {
        let line = error.span().map(|span| text[..span.start.min(text.len())].lines().count().max(1));
        let message = error.message().lines().next().unwrap_or_default().to_owned();
        line.map_or_else(|| message.clone(), |line| format!("line {line}: {message}"))
    })
}

fn project_root(cwd: &Path) -> Option<PathBuf> {
    let has_settings = |folder: &&Path| {
        let folder = folder.join(PROJECT_FOLDER);
        folder.join("config.toml").exists() || ["providers", "workflows"].into_iter().any(|name| folder.join(name).is_dir())
    };
    cwd.ancestors().find(has_settings).map(Path::to_path_buf)
}
