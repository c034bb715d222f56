//! Compiles `providers/` into the catalog that the program embeds. Every manifest is checked against its JSON Schema,
//! the strict types and the house rules; all problems are reported at once. Compiles the Lua prelude too. What a function answers is sketched from its exchange tests.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[expect(dead_code, reason = "the program uses the readers, the build script the writers")]
#[path = "src/registry"]
mod registry {
    pub mod credential;
    pub mod function;
    pub mod header;
    pub mod index;
    pub mod inverted;
    pub mod known;
    pub mod lint;
    pub mod manifest;
    pub mod sense;
    pub mod sketch;
    pub mod vocabulary;
    pub mod words;
}

use registry::function::{Function, ResponseForm};
use registry::manifest::Provider;
use registry::sketch;

const PRELUDE: &str = "src/lua/prelude.luau";
const KNOWN: &str = "providers/index.yaml";

#[expect(clippy::disallowed_methods, reason = "a build script says that it failed by its exit status")]
fn main() {
    println!("cargo::rerun-if-changed=providers");
    println!("cargo::rerun-if-changed=schemas/provider.json");
    println!("cargo::rerun-if-changed=src/registry");
    println!("cargo::rerun-if-changed={PRELUDE}");
    static_cpp();
    if let Err(problems) = build().and_then(|()| known()).and_then(|()| prelude()) {
        for line in problems.lines() {
            println!("cargo::error={line}");
        }
        std::process::exit(1);
    }
}

/// The Lua engine is C++. Its library is linked in where the compiler has it as an archive: the program then runs where there is none,
/// and starts half a millisecond sooner. The archive alone lies in a folder that the linker looks into first.
#[expect(clippy::disallowed_methods, reason = "the compiler knows where its archive is, cargo where ours may be")]
fn static_cpp() {
    const ARCHIVE: &str = "libstdc++.a";
    println!("cargo::rerun-if-env-changed=CXX");
    let linux = std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux");
    let own = std::env::var("HOST").ok() == std::env::var("TARGET").ok();
    let Ok(out) = std::env::var("OUT_DIR") else { return };
    let compiler = std::env::var("CXX").unwrap_or_else(|_| String::from("c++"));
    let asked = std::process::Command::new(compiler).arg(format!("-print-file-name={ARCHIVE}")).output();
    let (true, true, Ok(answer)) = (linux, own, asked) else { return };
    let archive = PathBuf::from(String::from_utf8_lossy(&answer.stdout).trim().to_owned());
    let folder = Path::new(&out).join("cpp");
    if archive.is_absolute() && std::fs::create_dir_all(&folder).is_ok() && std::fs::copy(&archive, folder.join(ARCHIVE)).is_ok() {
        println!("cargo::rustc-link-search=native={}", folder.display());
    }
}

#[expect(clippy::disallowed_methods, reason = "cargo hands the folder over in the environment")]
fn build() -> Result<(), String> {
    let schema = std::fs::read_to_string("schemas/provider.json").map_err(|error| error.to_string())?;
    let schema = serde_json::from_str(&schema).map_err(|error| format!("schemas/provider.json: {error}"))?;
    let validator = jsonschema::validator_for(&schema).map_err(|error| format!("schemas/provider.json: {error}"))?;
    let (mut providers, mut problems) = (Vec::new(), String::new());
    for file in files()? {
        match read(&file, &validator) {
            Ok(provider) => providers.push(provider),
            Err(found) => found.iter().for_each(|found| _ = writeln!(problems, "{}: {found}", file.display())),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let bytes = registry::index::compile(providers, "built-in", Vec::new())?;
    let out = std::env::var("OUT_DIR").map_err(|error| error.to_string())?;
    std::fs::write(Path::new(&out).join("catalog.bin"), bytes).map_err(|error| error.to_string())
}

/// The index of services that can be imported is a file of its own: only who asks for it reads it.
#[expect(clippy::disallowed_methods, reason = "cargo hands the folder over in the environment")]
fn known() -> Result<(), String> {
    let text = std::fs::read_to_string(KNOWN).map_err(|error| format!("{KNOWN}: {error}"))?;
    let all: Vec<registry::known::Known> = serde_saphyr::from_str(&text).map_err(|error| format!("{KNOWN}: {error}"))?;
    let problems = registry::known::problems(&all);
    if !problems.is_empty() {
        return Err(problems.iter().map(|problem| format!("{KNOWN}: {problem}")).collect::<Vec<_>>().join("\n"));
    }
    let out = std::env::var("OUT_DIR").map_err(|error| error.to_string())?;
    let write = |name: &str, bytes: Vec<u8>| std::fs::write(Path::new(&out).join(name), bytes).map_err(|error| error.to_string());
    write("known.bin", registry::known::pack(&all)?)?;
    write("described.bin", registry::known::searchable(&all)?)
}

/// What every script starts with is compiled once: reading it costs a script a millisecond less than compiling it.
#[expect(clippy::disallowed_methods, reason = "cargo hands the folder over in the environment")]
fn prelude() -> Result<(), String> {
    let source = std::fs::read(PRELUDE).map_err(|error| format!("{PRELUDE}: {error}"))?;
    let compiler = mlua::chunk::Compiler::new().set_optimization_level(1).set_debug_level(1);
    let code = compiler.compile(source).map_err(|error| format!("{PRELUDE}: {error}"))?;
    let out = std::env::var("OUT_DIR").map_err(|error| error.to_string())?;
    std::fs::write(Path::new(&out).join("prelude.luauc"), code).map_err(|error| error.to_string())
}

fn files() -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for folder in std::fs::read_dir("providers").map_err(|error| format!("providers: {error}"))? {
        let file = folder.map_err(|error| error.to_string())?.path().join("provider.yaml");
        if file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

fn read(file: &Path, validator: &jsonschema::Validator) -> Result<Provider, Vec<String>> {
    let text = std::fs::read_to_string(file).map_err(|error| vec![error.to_string()])?;
    let value: serde_json::Value = serde_saphyr::from_str(&text).map_err(|error| vec![error.to_string()])?;
    let mut found: Vec<String> = validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    let mut provider: Provider = match serde_saphyr::from_str(&text) {
        Ok(provider) => provider,
        Err(error) => {
            found.push(error.to_string());
            return Err(found);
        }
    };
    let findings = registry::lint::lint(&provider, true).into_iter().chain(registry::sense::nonsense(&provider));
    found.extend(findings.map(|finding| match finding.function {
        Some(function) => format!("{function}: {}", finding.message),
        None => finding.message,
    }));
    let folder = file.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    if folder != Some(provider.id.as_str()) {
        found.push(format!("id '{}' differs from the folder's name", provider.id));
    }
    found.extend(sketch_answers(&mut provider, &file.with_file_name("exchanges.yaml")).err());
    if found.is_empty() { Ok(provider) } else { Err(found) }
}

/// Gives each function without an output schema the sketch of what it answers in its exchange tests.
fn sketch_answers(provider: &mut Provider, file: &Path) -> Result<(), String> {
    let unknown: Vec<&mut Function> = provider.functions.iter_mut().filter(|function| function.output.is_none()).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let tests: serde_json::Value = serde_saphyr::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    for function in unknown {
        let cases = tests["exchanges"][&function.id].as_array().into_iter().flatten();
        let results: Vec<&serde_json::Value> = cases.filter_map(|case| case.get("result")).collect();
        let example = results.iter().find(|result| !result.is_null()).or(results.first());
        function.output = match (function.response, example) {
            (ResponseForm::Binary, _) => Some(sketch::download()),
            (_, example) => example.map(|result| sketch::answer(result)),
        };
    }
    Ok(())
}
