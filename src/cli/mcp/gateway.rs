//! `mcp:gateway:*`: this program as a server in the files of clients. A client's file keeps everything else that it says, a copy of it stays
//! beside it, and doing it twice changes nothing.

use std::fs;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::base::error::{Code, Error, Result};
use crate::base::name::{nearest, printable};
use crate::cli::mcp::{all, project_root, text};
use crate::cli::output::{Out, Paint};
use crate::cli::tree;
use crate::config::{env, files};
use crate::mcp::clients::{self, CLIENTS, Client};
use crate::mcp::edit::link_below;

/// Our name in a client's file.
const NAME: &str = "angelia";

struct Target {
    client: &'static Client,
    path: PathBuf,
    /// The project whose file it is.
    root: Option<PathBuf>,
    entry: Map<String, Value>,
}

fn target(app: &App, arguments: &ArgMatches) -> Result<Target> {
    let id = text(arguments, "client").unwrap_or_default();
    let client = clients::find(id).ok_or_else(|| {
        let names: Vec<&str> = CLIENTS.iter().map(|client| client.id).collect();
        Error::new(Code::NotFound, format!("There is no client '{}'; there are {}", printable(id), names.join(", ")))
            .hints(nearest(id, names).into_iter().map(|near| format!("Did you mean '{near}'?")))
    })?;
    let root = arguments.get_flag("project").then(|| project_root(app));
    let path = client.file(root.as_deref()).ok_or_else(|| match &root {
        Some(_) => Error::usage(format!("{} has no file in a project", client.title)),
        None => Error::usage(format!("it is not known where {} keeps its file: there is no home folder", client.title)),
    })?;
    let mut words = vec![String::from("mcp:serve")];
    if let Some(profile) = text(arguments, "profile") {
        if app.config.profile(profile).is_none() {
            return Err(Error::new(Code::NotFound, format!("There is no profile '{}' in your settings", printable(profile)))
                .hint(format!("angelia config:set 'mcp.profiles.{}.write' ask", printable(profile))));
        }
        words.extend([String::from("--profile"), profile.to_owned()]);
    }
    words.extend(all(arguments, "words"));
    refuse_unknown(&words)?;
    // A client that is started from a desktop does not see the variables of this shell.
    let variables: Vec<(String, String)> = env::var("ANGELIA_HOME").map(|home| (String::from("ANGELIA_HOME"), home)).into_iter().collect();
    Ok(Target { client, path, root, entry: client.entry(&program()?, &words, &variables) })
}

/// A client would start, and fail, with flags that there are not.
fn refuse_unknown(words: &[String]) -> Result<()> {
    let typed = [String::from("angelia")].into_iter().chain(words.iter().cloned());
    match tree::command().try_get_matches_from(typed) {
        Err(error) if error.exit_code() != 0 => {
            let said = error.render().to_string();
            let said = said.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Err(Error::usage(format!("mcp:serve would not start: {said}")).hint("angelia mcp:serve --help"))
        }
        _ => Ok(()),
    }
}

fn program() -> Result<String> {
    let path = std::env::current_exe().map_err(|error| Error::internal(format!("this program cannot be found: {error}")))?;
    path.to_str().map(str::to_owned).ok_or_else(|| Error::usage(format!("the path of this program, {}, is not UTF-8", path.display())))
}

/// `mcp:gateway:export`.
pub fn export(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let target = target(app, arguments)?;
    let snippet = snippet(&target)?;
    let value = json!({
        "success": true, "client": target.client.id, "file": target.path.display().to_string(), "entry": target.entry, "snippet": snippet,
    });
    out.note(&format!("for {}: {}", target.client.title, target.path.display()));
    out.answer(&value, |_| snippet.clone());
    Ok(0)
}

fn snippet(target: &Target) -> Result<String> {
    target.client.set("", NAME, Some(&target.entry)).map_err(Error::internal)
}

/// `mcp:gateway:install`.
pub fn install(app: &App, out: &Out, arguments: &ArgMatches) -> Result<u8> {
    let target = target(app, arguments)?;
    let (uninstall, dry) = (arguments.get_flag("uninstall"), arguments.get_flag("dry-run"));
    let work = || change(&target, uninstall, dry);
    let change = if dry { work()? } else { files::locked(&app.dirs.make_data()?.join("mcp-edit.json"), work)? };
    let value = json!({
        "success": true, "client": target.client.id, "file": target.path.display().to_string(), "changed": change.changed && !dry,
        "would_change": change.changed, "dry_run": dry, "backup": change.backup.as_ref().map(|path| path.display().to_string()),
        "diff": change.diff.iter().map(|(sign, line)| format!("{sign}{line}")).collect::<Vec<_>>(),
        "next": if change.changed { Some(target.client.next) } else { None },
    });
    out.answer(&value, |paint| human(paint, &target, &change, dry));
    Ok(0)
}

fn human(paint: &Paint, target: &Target, change: &Changed, dry: bool) -> String {
    if !change.changed {
        return format!("{} {} is as it should be.", paint.green("✓"), target.path.display());
    }
    let lines = change.diff.iter().map(|(sign, line)| match sign {
        '-' => paint.red(&format!("- {line}")),
        _ => paint.green(&format!("+ {line}")),
    });
    let mut said: Vec<String> = [paint.bold(&target.path.display().to_string())].into_iter().chain(lines).collect();
    if !dry {
        said.push(format!("{} written.", paint.green("✓")));
        said.extend(change.backup.iter().map(|backup| format!("The file as it was is {}.", backup.display())));
        said.push(target.client.next.to_owned());
    }
    said.join("\n")
}

struct Changed {
    changed: bool,
    backup: Option<PathBuf>,
    diff: Vec<(char, String)>,
}

fn change(target: &Target, uninstall: bool, dry: bool) -> Result<Changed> {
    let read = || match target.root.as_deref().and_then(|root| link_below(root, &target.path)) {
        Some(link) => {
            Err(Error::usage(format!("{} cannot be changed: {} is a link. Nothing was changed", target.path.display(), link.display())))
        }
        None => files::read_at_most(&target.path, clients::LARGEST),
    };
    let there = read()?;
    let old = there.clone().unwrap_or_default();
    let entry = (!uninstall).then_some(&target.entry);
    let new = match target.client.set(&old, NAME, entry) {
        _ if uninstall && there.is_none() => old.clone(),
        Ok(new) => new,
        Err(why) => {
            let error = Error::usage(format!("{} cannot be changed safely: {why}. Nothing was changed", target.path.display()));
            let snippet = snippet(target)?;
            return Err(if uninstall { error } else { error.hint(format!("Write this into it: {}", snippet.trim())) });
        }
    };
    if new == old {
        return Ok(Changed { changed: false, backup: None, diff: Vec::new() });
    }
    let diff = difference(&old, &new);
    if dry {
        return Ok(Changed { changed: true, backup: None, diff });
    }
    let backup = if there.is_some() { Some(backup(&target.path)?) } else { None };
    // The client may be running, and write there itself.
    if read()? != there {
        return Err(
            Error::usage(format!("{} was changed by somebody else meanwhile. Nothing was changed", target.path.display())).retryable()
        );
    }
    files::write_shared(&target.path, &new)?;
    Ok(Changed { changed: true, backup, diff })
}

/// A copy of a file beside it, under a name that was free, with the same permissions.
fn backup(path: &Path) -> Result<PathBuf> {
    let broken = |error: std::io::Error| Error::usage(format!("{} cannot be copied: {error}. Nothing was changed", path.display()));
    for number in 1..1000 {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".bak.{number}"));
        let copy = PathBuf::from(name);
        match fs::OpenOptions::new().write(true).create_new(true).open(&copy) {
            Ok(file) => {
                drop(file);
                fs::copy(path, &copy).map_err(broken)?;
                return Ok(copy);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(broken(error)),
        }
    }
    Err(Error::usage(format!("{} has too many copies beside it. Nothing was changed", path.display())))
}

/// The lines between what both texts begin and end with.
fn difference(old: &str, new: &str) -> Vec<(char, String)> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same = |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| pairs.take_while(|(a, b)| a == b).count();
    let start = same(&mut old.iter().zip(&new));
    let end = same(&mut old[start..].iter().rev().zip(new[start..].iter().rev()));
    let gone = old[start..old.len() - end].iter().map(|line| ('-', (*line).to_owned()));
    gone.chain(new[start..new.len() - end].iter().map(|line| ('+', (*line).to_owned()))).collect()
}
