//! Names of functions as names of tools: `github.list_issues` becomes `github-list_issues`. Clients and the models behind them take letters,
//! digits, `_` and `-`, at most 64 of them. A function always gets the same name, whatever else is served.

use crate::base::json::sha256;

/// Longest name that every client takes.
pub const LONGEST: usize = 64;

/// Characters of the digest that ends a cut name.
const TELLING: usize = 8;

/// The tool's name of a function. No id has a `-`, so no two functions share a name; one that is too long ends with a digest of the whole.
pub fn tool_name(function: &str) -> String {
    let plain = function.replace('.', "-");
    if plain.len() <= LONGEST {
        return plain;
    }
    let digest: String = sha256(function.as_bytes()).chars().take(TELLING).collect();
    let kept: String = plain.chars().take(LONGEST - TELLING - 1).collect();
    format!("{kept}-{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_no_two_are_equal() {
        assert_eq!(tool_name("github.list_issues"), "github-list_issues");
        assert_eq!(tool_name("mcp.files.read_file"), "mcp-files-read_file");
        assert_ne!(tool_name("open_meteo.get_x"), tool_name("open.meteo_get_x"));
    }

    #[test]
    fn long_names_are_cut_and_stay_different() {
        let long = |end: &str| tool_name(&format!("github.{}{end}", "x".repeat(60)));
        let (a, b) = (long("a"), long("b"));
        assert!(a.len() == LONGEST && b.len() == LONGEST && a != b, "{a} {b}");
        assert_eq!(a, long("a"));
    }
}
