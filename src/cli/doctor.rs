//! `integrations:doctor`: what stands in the way of a call, and the next commands to paste. Opens no network connection; without a
//! provider it asks which store secrets go to, with a bounded wait.

use clap::ArgMatches;
use serde_json::{Value, json};

use crate::access::policy;
use crate::access::state::{self, SignIn};
use crate::access::vault::Vault;
use crate::app::{self, App};
use crate::base::error::{Code, Error, Result};
use crate::base::name::{DEFAULT_ACCOUNT, account_flag};
use crate::cli::output::{Out, Paint};
use crate::cli::setup;
use crate::config::layers::Rule;
use crate::registry::catalog::{Catalog, Listed};
use crate::registry::function::Operation;
use crate::registry::index::Summary;

/// One thing that was looked at.
struct Check {
    name: &'static str,
    ok: bool,
    said: String,
    next: Vec<String>,
}

impl Check {
    fn good(name: &'static str, said: impl Into<String>) -> Self {
        Self { name, ok: true, said: said.into(), next: Vec::new() }
    }

    fn bad(name: &'static str, said: impl Into<String>, next: impl IntoIterator<Item = String>) -> Self {
        Self { name, ok: false, said: said.into(), next: next.into_iter().collect() }
    }

    fn json(&self) -> Value {
        json!({"check": self.name, "ok": self.ok, "message": self.said, "next": self.next})
    }

    fn line(&self, paint: &Paint) -> String {
        let mark = if self.ok { paint.green("✓") } else { paint.red("✗") };
        let next: String = self.next.iter().map(|next| format!("\n    {next}")).collect();
        format!("{mark} {}: {}{next}", self.name, self.said)
    }
}

/// Runs the command.
pub fn run(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let vault = app.vault()?;
    let catalog = app.catalog()?;
    let account = setup::account(arguments)?;
    match arguments.get_one::<String>("provider") {
        Some(id) => one(app, out, &catalog, &vault, id, &account),
        None => all(app, out, &catalog, &vault),
    }
}

fn one(app: &App, out: &Out, catalog: &Catalog, vault: &Vault, id: &str, account: &str) -> Result<u8> {
    let opened = catalog.provider(id)?;
    let listed = catalog.list()?.into_iter().find(|listed| listed.summary.id == id);
    let checks = listed.map(|listed| provider(app, vault, &listed, account)).unwrap_or_default();
    let functions: usize = opened.functions.len();
    let next: Vec<&String> = checks.iter().flat_map(|check| &check.next).collect();
    let value = json!({"provider": id, "account": account, "functions": functions, "checks": checks.iter().map(Check::json).collect::<Vec<_>>(), "next": next});
    let code = out.verdict(value, failure(&checks, Some(id)), |paint| {
        let lines: Vec<String> = checks.iter().map(|check| check.line(paint)).collect();
        format!("{} ({functions} functions), account {account}\n{}", paint.bold(&opened.provider.title), lines.join("\n"))
    });
    Ok(code)
}

/// What stands in the way, as one error.
fn failure<'a>(checks: impl IntoIterator<Item = &'a Check>, of: Option<&str>) -> Option<Error> {
    let failed: Vec<&Check> = checks.into_iter().filter(|check| !check.ok).collect();
    let said: Vec<String> = failed.iter().map(|check| format!("{}: {}", check.name, check.said)).collect();
    let next = failed.iter().flat_map(|check| check.next.clone());
    let head = of.map_or_else(|| format!("{} check(s) failed", failed.len()), |id| format!("{id} cannot be used"));
    (!failed.is_empty()).then(|| Error::new(Code::MissingCredentials, format!("{head}: {}", said.join("; "))).hints(next))
}

fn provider(app: &App, vault: &Vault, listed: &Listed, account: &str) -> Vec<Check> {
    let summary = &listed.summary;
    let id = &summary.id;
    let mut checks = Vec::new();
    if !summary.cli_runtime_supported {
        checks.push(Check::bad("runtime", format!("cannot be called here. {}", summary.compatibility_summary), []));
    }
    checks.push(credentials(vault, summary, account));
    checks.extend(SignIn::of(vault, summary, account).and_then(signed_in));
    checks.push(if policy::enabled(&app.config, id, summary.local) {
        Check::good("activation", "enabled")
    } else {
        Check::bad("activation", "not enabled", [format!("angelia integrations:configure {id} --enable")])
    });
    for (operation, count) in
        [(Operation::Read, summary.reads), (Operation::Write, summary.writes), (Operation::Destructive, summary.destructives)]
    {
        if count > 0 {
            checks.push(permission(state::rule(&app.config, summary, operation, account), operation));
        }
    }
    if policy::allows_private(&app.config, id) {
        checks.push(Check::good("network", "private addresses may be reached"));
    }
    checks
}

fn credentials(vault: &Vault, summary: &Summary, account: &str) -> Check {
    let id = &summary.id;
    let of = account_flag(account);
    let missing: Vec<&str> = state::missing(vault, summary, account).collect();
    if missing.is_empty() {
        let said = if summary.credentials.is_empty() { "none are needed" } else { "all required ones have a value" };
        return Check::good("credentials", said);
    }
    let set: String = missing.iter().map(|key| format!(" --set {key}=…")).collect();
    let connect = SignIn::of(vault, summary, account).map(|sign_in| sign_in.command);
    let others = [format!("angelia integrations:fields {id}{of}"), format!("angelia integrations:configure {id}{of}{set}")];
    Check::bad("credentials", format!("missing: {}", missing.join(", ")), connect.into_iter().chain(others))
}

/// How an account stands that signed in, or was meant to.
fn signed_in(sign_in: SignIn) -> Option<Check> {
    let until = sign_in.expires_at().map(|end| format!(" until {end}")).unwrap_or_default();
    match sign_in.state {
        "connected" => Some(Check::good("sign-in", format!("connected; the token holds{until}"))),
        "fetched" => Some(Check::good("sign-in", "a token is fetched when a call needs it")),
        "needs_reauth" => {
            let ended = sign_in.lease.as_ref().and_then(|lease| lease.ended.as_deref()).unwrap_or("the token has ended");
            Some(Check::bad("sign-in", format!("must sign in again ({ended})"), [sign_in.command]))
        }
        _ => None,
    }
}

fn permission(rule: Rule, operation: Operation) -> Check {
    let name = match operation {
        Operation::Read => "read permission",
        Operation::Write => "write permission",
        Operation::Destructive => "destructive permission",
    };
    let said = match rule {
        Rule::Allow => "allow",
        Rule::Ask => "ask: a person approves each request (on the terminal, or by approvals:approve)",
        Rule::Deny => "deny",
    };
    Check::good(name, said)
}

fn all(app: &App, out: &Out, catalog: &Catalog, vault: &Vault) -> Result<u8> {
    let about = general(app, catalog, vault);
    let mut failed: Vec<Check> = Vec::new();
    let mut providers = serde_json::Map::new();
    let mut lines = Vec::new();
    for listed in catalog.list()? {
        let id = &listed.summary.id;
        if listed.summary.local || !(policy::enabled(&app.config, id, false) || vault.knows(id)) {
            continue;
        }
        let found = provider(app, vault, &listed, policy::account(&app.config, id).unwrap_or(DEFAULT_ACCOUNT));
        providers.insert(id.clone(), Value::from(found.iter().map(Check::json).collect::<Vec<_>>()));
        lines.push((
            listed.summary.title.clone(),
            found.iter().filter(|check| !check.ok).map(|check| (check.said.clone(), check.next.clone())).collect::<Vec<_>>(),
        ));
        failed.extend(found.into_iter().filter(|check| !check.ok));
    }
    let value = json!({"checks": about.iter().map(Check::json).collect::<Vec<_>>(), "providers": providers, "next": about.iter().chain(&failed).flat_map(|check| &check.next).collect::<Vec<_>>()});
    let code = out.verdict(value, failure(about.iter().chain(&failed), None), |paint| {
        let mut text: Vec<String> = about.iter().map(|check| check.line(paint)).collect();
        for (title, bad) in &lines {
            let said: String = bad
                .iter()
                .map(|(said, next)| format!("\n    {said}{}", next.iter().map(|next| format!("\n    {next}")).collect::<String>()))
                .collect();
            text.push(format!("{} {title}{said}", if bad.is_empty() { paint.green("✓") } else { paint.red("✗") }));
        }
        text.push(paint.dim("angelia integrations:doctor PROVIDER looks at one provider."));
        text.join("\n")
    });
    Ok(code)
}

fn general(app: &App, catalog: &Catalog, vault: &Vault) -> Vec<Check> {
    let mut checks = Vec::new();
    checks.push(match app.dirs.config() {
        Some(folder) => Check::good("settings", folder.join("config.toml").display().to_string()),
        None => Check::bad("settings", "there is no folder to keep anything in", [String::from("export ANGELIA_HOME=/a/folder/of/yours")]),
    });
    checks.push(match vault.backend() {
        Ok(backend) => Check::good("secrets", format!("new ones go to {}", backend.describe())),
        Err(error) => Check::bad("secrets", error.message, error.hints),
    });
    for problem in catalog.problems() {
        let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
        let kind = if problem.file.ends_with(".lua") { "workflow" } else { "manifest" };
        checks.push(Check::bad(kind, format!("{}{line}: {}", problem.file, problem.message), []));
    }
    if let Some(project) = &app.config.project {
        let ignored = app::ignored(&app.config);
        checks.push(if project.trusted || ignored.is_empty() {
            Check::good(
                "project",
                format!("{}{}", project.root.display(), if project.trusted { " (trusted)" } else { " (not trusted; it only narrows)" }),
            )
        } else {
            Check::bad(
                "project",
                format!("{} is not trusted; ignored: {}", project.root.display(), ignored.join("; ")),
                [String::from("angelia trust --show"), String::from("angelia trust")],
            )
        });
    }
    checks
}
