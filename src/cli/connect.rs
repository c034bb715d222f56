//! `integrations:connect` and `integrations:disconnect`: sign-in to a provider and its end. What a person is told goes to stderr; stdout
//! carries the one answer.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use clap::{Arg, ArgMatches, Command};
use futures_util::future::BoxFuture;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::access::launch;
use crate::access::loopback;
use crate::access::policy;
use crate::access::signin::connect::{Person, Shown, Wish};
use crate::access::signin::{Account, Revoked, Way};
use crate::access::vault::Lease;
use crate::app::App;
use crate::base::clock::rfc3339;
use crate::base::error::{Code, Error, Result};
use crate::base::name::DEFAULT_ACCOUNT;
use crate::base::secret::Secret;
use crate::cli::call::{block_on, line, typed};
use crate::cli::hidden::Asking;
use crate::cli::output::Out;
use crate::cli::tree::{choice, flag, number, option, several, verb, word};
use crate::cli::{setup, stdin};
use crate::config::env;
use crate::net::Net;
use crate::registry::catalog::Opened;
use crate::registry::credential::{Grant, OAuth};

const GRANTS: &[&str] = &["authorization_code", "device_code", "client_credentials", "service_account"];

/// How long a person may take, in seconds.
const PATIENCE: u32 = 300;

/// How the command is written that signs in.
pub fn command() -> Command {
    verb("integrations:connect", "Sign in to a provider in the browser, or in another way that it has")
        .args([
            provider(),
            alias(),
            several("scopes", "SCOPES", "What to ask for, instead of the provider's usual scopes"),
        ])
        .args([
            flag("device", "Enter a code on any device instead of coming back to this one").conflicts_with_all(["grant", "client-credentials"]),
            flag("client-credentials", "Sign in as the client itself; no person is asked").conflicts_with("grant"),
            choice("grant", GRANTS, "How to sign in; the provider's usual way when left out"),
            flag("no-browser", "Print the address and open no browser"),
        ])
        .args([
            option("client-id", "ID", "The id of your own client, which is stored"),
            flag("client-secret-stdin", "Read your client's secret from stdin and store it"),
            option("redirect", "URL", "The redirect address that your client is registered with, where it is not the provider's usual one")
                .conflicts_with_all(["device", "client-credentials"]),
            number("timeout", "How many seconds a person may take; 300 when left out"),
        ])
        .after_help("The address is printed on stderr. Where the browser runs on another machine, paste the address of the page that it ends at.\nWithout a client id the error says where a client is made, which redirect address it is registered with and what it must be allowed.\nangelia integrations:connect google_drive --client-id ID --client-secret-stdin < secret.txt")
}

/// How the command is written that ends a sign-in.
pub fn end_command() -> Command {
    verb("integrations:disconnect", "Revoke and remove the tokens of an account that signed in, or remove an account's credentials").args([
        provider(),
        alias(),
        flag("local", "Remove them here and do not tell the service"),
    ])
}

fn provider() -> Arg {
    word("provider", "A provider").required(true)
}

fn alias() -> Arg {
    option("account", "ALIAS", "The account; default when left out")
}

/// `integrations:connect`.
pub fn connect(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let opened = opened(app, arguments)?;
    let (id, alias) = (opened.provider.id.clone(), setup::account(arguments)?);
    let Some(oauth) = &opened.provider.oauth else {
        return Err(Error::usage(format!(
            "{} has no sign-in; its credentials are stored by integrations:configure",
            opened.provider.title
        ))
        .hint(format!("angelia integrations:fields {id}")));
    };
    let wish = wish(oauth, arguments)?;
    let brought = store_client(app, out, &opened, &alias, arguments)?;
    let account = account(app, &opened, &alias)?;
    let person =
        Terminal { out, title: &opened.provider.title, browser: !arguments.get_flag("no-browser"), cancel: CancellationToken::new() };
    let lease = block_on(async {
        let pressed = async {
            while tokio::signal::ctrl_c().await.is_ok() {
                person.cancel.cancel();
            }
            std::future::pending::<()>().await;
        };
        // Ctrl-C is heard before anybody is asked; what it cuts off is the sign-in's business.
        tokio::select! {
            biased;
            () = pressed => Err(Error::internal("the signal handler ended")),
            lease = account.connect(&wish, &person) => lease,
        }
    });
    let lease = lease.map_err(|error| match error.code {
        Code::Cancelled if brought => error.hint(format!("The client that you named is stored: {}", account.command())),
        Code::Cancelled => error.hint(account.command()),
        _ => error,
    })?;
    answer(app, out, &opened, &alias, &lease, account.variable())
}

fn opened(app: &App, arguments: &ArgMatches) -> Result<Opened> {
    app.catalog()?.provider(arguments.get_one::<String>("provider").map_or("", String::as_str))
}

fn account(app: &App, opened: &Opened, alias: &str) -> Result<Account> {
    let way = Way {
        net: Arc::new(Net::new(env::proxy_hosts())),
        allow_private: policy::allows_private(&app.config, &opened.provider.id),
        connect_timeout: Duration::from_secs(app.config.number("http.connect_timeout_seconds")),
    };
    Account::of(&app.vault()?, &opened.provider, alias, way).ok_or_else(|| Error::internal("a provider without a way to sign in"))
}

fn wish(oauth: &OAuth, arguments: &ArgMatches) -> Result<Wish> {
    let named = arguments.get_one::<String>("grant").map(String::as_str);
    let named = match (arguments.get_flag("device"), arguments.get_flag("client-credentials")) {
        (true, _) => Some(Grant::DeviceCode.as_str()),
        (_, true) => Some(Grant::ClientCredentials.as_str()),
        _ => named,
    };
    let has: Vec<&str> = oauth.grants.iter().map(|grant| grant.as_str()).collect();
    let grant = match named {
        None => oauth.grants.first().copied(),
        Some(name) => oauth.grants.iter().copied().find(|grant| grant.as_str() == name),
    };
    let grant = grant
        .ok_or_else(|| Error::usage(format!("This provider has no sign-in by {}; it has {}", named.unwrap_or_default(), has.join(", "))))?;
    let scopes: Vec<String> = arguments
        .get_many::<String>("scopes")
        .into_iter()
        .flatten()
        .flat_map(|scopes| scopes.split([',', ' ']))
        .filter(|scope| !scope.is_empty())
        .map(str::to_owned)
        .collect();
    let seconds = arguments.get_one::<u32>("timeout").copied().unwrap_or(PATIENCE);
    let redirect = arguments.get_one::<String>("redirect").map(|text| redirect(text)).transpose()?;
    if redirect.is_some() && grant != Grant::AuthorizationCode {
        return Err(Error::usage(format!("--redirect is for the sign-in in the browser, not for {}", grant.as_str())));
    }
    Ok(Wish { grant, scopes: (!scopes.is_empty()).then_some(scopes), patience: Duration::from_secs(seconds.into()), redirect })
}

/// A redirect address. What comes back by it is a code, which is not sent to another machine in the open.
fn redirect(text: &str) -> Result<Url> {
    let wrong = || {
        Error::usage("--redirect must be an https address, or an http address on 127.0.0.1 or localhost")
            .hint("A port of this machine: --redirect http://localhost:8765/callback")
            .hint("An address whose answer is pasted: --redirect https://localhost/callback")
    };
    let url = Url::parse(text).map_err(|_| wrong())?;
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if plain && (loopback::is_here(&url) || url.scheme() == "https") { Ok(url) } else { Err(wrong()) }
}

/// Stores the client that the user brings; whether there was one. A secret never stands on the command line.
fn store_client(app: &App, out: &Out, opened: &Opened, alias: &str, arguments: &ArgMatches) -> Result<bool> {
    let mut changes: BTreeMap<String, Option<Secret>> = BTreeMap::new();
    let client_id = arguments.get_one::<String>("client-id");
    if let Some(client_id) = client_id {
        changes.insert(String::from("client_id"), Some(Secret::new(client_id.clone())));
    }
    if arguments.get_flag("client-secret-stdin") {
        let bytes = stdin::read(stdin::Wait::Forever)?.unwrap_or_default();
        let text = String::from_utf8(bytes).map_err(|_| Error::usage("The client secret on stdin is not UTF-8"))?;
        if text.trim().is_empty() {
            return Err(Error::usage("--client-secret-stdin found nothing on stdin"));
        }
        changes.insert(String::from("client_secret"), Some(Secret::new(text.trim().to_owned())));
    } else if client_id.is_some() && std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
        out.stderr(&format!("A client of {} that has no secret needs none: leave it empty.\n", opened.provider.title));
        let typed = Asking::begin(out).secret("Client secret: ")?;
        if !typed.trim().is_empty() {
            changes.insert(String::from("client_secret"), Some(Secret::new(typed.trim().to_owned())));
        }
    }
    // A secret belongs to the client that it was given with.
    if let Some(client_id) = client_id.filter(|_| !changes.contains_key("client_secret")) {
        let vault = app.vault()?;
        let same = vault.settings(&opened.provider, alias)?.get("client_id") == Some(client_id);
        if !same && vault.stored(&opened.provider.id, alias).any(|(key, _)| key == "client_secret") {
            changes.insert(String::from("client_secret"), None);
        }
    }
    if let Some(key) = changes.keys().find(|key| !opened.provider.credentials.iter().any(|field| field.key == **key)) {
        return Err(Error::usage(format!("{} has no credential field '{key}'", opened.provider.id)));
    }
    if !changes.is_empty() {
        app.vault()?.store(&app.dirs, &opened.provider, alias, &changes)?;
    }
    Ok(!changes.is_empty())
}

fn answer(app: &App, out: &Out, opened: &Opened, alias: &str, lease: &Lease, variable: Option<String>) -> Result<u8> {
    let id = &opened.provider.id;
    let enabled = policy::enabled(&app.config, id, opened.local());
    let next = (!enabled).then(|| format!("angelia integrations:configure {id} --enable"));
    let expires_at = lease.expires_at.map(rfc3339);
    let value = json!({
        "success": true, "provider": id, "account": alias, "state": "connected", "grant": lease.by.as_str(), "scopes": lease.scopes,
        "expires_at": expires_at, "enabled": enabled, "next": next.iter().collect::<Vec<_>>(), "overridden_by": variable,
    });
    out.answer(&value, |paint| {
        let scopes = if lease.scopes.is_empty() { String::new() } else { format!(" for {}", lease.scopes.join(" ")) };
        let mut lines = vec![format!("{} {id}, account {alias}: signed in{scopes}.", paint.green("✓"))];
        lines.extend(variable.map(|variable| {
            format!("{} calls go on using the token in the environment variable {variable}, not this one", paint.yellow("!"))
        }));
        lines.extend(next.map(|next| format!("{} not enabled: {next}", paint.yellow("!"))));
        lines.join("\n")
    });
    Ok(0)
}

/// The person at the terminal, or whoever reads stderr.
struct Terminal<'a> {
    out: &'a Out,
    title: &'a str,
    browser: bool,
    cancel: CancellationToken,
}

impl Person for Terminal<'_> {
    fn visit(&self, address: &str, elsewhere: Option<&str>) {
        self.out.stderr(&format!("Open this address to sign in to {}:\n{address}\n", self.title));
        if self.browser && !launch::browse(address) {
            self.out.note("no browser could be started");
        }
        match elsewhere {
            Some(place) => self.out.stderr(&format!(
                "The browser ends at {place}, whether there is a page or not. Paste the whole address that it shows then:\n"
            )),
            None if std::io::stdin().is_terminal() => {
                self.out.stderr("Is the browser on another machine? Paste the address of the page that it ends at:\n");
            }
            None => {}
        }
    }

    fn device(&self, shown: &Shown<'_>) {
        let complete = shown.complete.map(|address| format!("\nOr open {address}")).unwrap_or_default();
        self.out.stderr(&format!(
            "To sign in to {}, open {} on any device and enter {}{complete}\nThe code holds for {} seconds.\n",
            self.title, shown.address, shown.code, shown.seconds
        ));
    }

    fn note(&self, text: &str) {
        self.out.note(text);
    }

    fn interrupted(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.cancel.cancelled())
    }

    fn pasted(&self, only: bool) -> BoxFuture<'_, Option<String>> {
        Box::pin(async move {
            let said = match std::io::stdin().is_terminal() {
                true => typed().await,
                false if only => line().await,
                false => None,
            };
            said.filter(|line| !line.is_empty())
        })
    }
}

/// `integrations:disconnect`.
pub fn disconnect(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let opened = opened(app, arguments)?;
    let (id, alias) = (&opened.provider.id, setup::account(arguments)?);
    if !signed_in(app, &opened, &alias)? {
        return setup::remove_account(app, out, id, &alias);
    }
    let End { why, kept } = end(app, &opened, &alias, arguments.get_flag("local"))?;
    let value =
        json!({"success": true, "provider": id, "removed": alias, "revoked": why.is_none(), "not_revoked_because": why, "kept": kept});
    out.answer(&value, |paint| {
        let first = match &why {
            None => format!("{} {id}, account {alias}: the tokens are revoked and removed.", paint.green("✓")),
            Some(why) => format!("{} {id}, account {alias}: {}", paint.yellow("!"), not_revoked(&opened, why)),
        };
        if kept.is_empty() {
            return first;
        }
        format!("{first}\nKept: {}. angelia integrations:accounts {id} --remove {alias} removes everything.", kept.join(", "))
    });
    Ok(0)
}

/// How a sign-in ended.
pub struct End {
    /// Why the tokens were not revoked, where they were not.
    pub why: Option<String>,
    /// The fields that stay.
    pub kept: Vec<String>,
}

/// Gives an account's tokens back, unless only this machine shall forget them, and removes them.
pub fn end(app: &App, opened: &Opened, alias: &str, local: bool) -> Result<End> {
    let ending = account(app, opened, alias)?;
    let ended = block_on(async {
        tokio::select! {
            biased;
            ended = ending.disconnect(local) => ended,
            _ = tokio::signal::ctrl_c() => Err(Error::new(Code::Cancelled, "interrupted; the service may have revoked some already")),
        }
    });
    let (revoked, kept) = ended.map_err(|error| {
        let of = if alias == DEFAULT_ACCOUNT { String::new() } else { format!(" --account {alias}") };
        let message = format!("Not all tokens were revoked, and they are kept here: {}", error.message);
        Error { message, ..error }
            .hint("Try again later")
            .hint(format!("angelia integrations:disconnect {}{of} --local", opened.provider.id))
    })?;
    let why = match revoked {
        Revoked::Done => None,
        Revoked::Not(why) => Some(why.to_owned()),
        Revoked::Refused(why) => Some(format!("the service refused to revoke them ({why})")),
    };
    Ok(End { why, kept })
}

/// What is said of tokens that the service was not told of, or did not take back.
pub fn not_revoked(opened: &Opened, why: &str) -> String {
    let home = opened.provider.links.home.as_deref().map(|home| format!(" ({home})")).unwrap_or_default();
    format!("the tokens are removed here, but not revoked: {why}. They may hold until the service ends them{home}.")
}

/// Whether an account signed in, so that there are tokens to give back.
pub fn signed_in(app: &App, opened: &Opened, alias: &str) -> Result<bool> {
    if opened.provider.oauth.is_none() { Ok(false) } else { account(app, opened, alias)?.signed_in() }
}
