//! Text to search words: lower case, split at everything that is no letter or digit, plural and common endings cut.
//! The same for what is indexed and what is asked. Shared with the build script.

/// The words of a text, in order, stop words left out.
pub fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| stem(&word.to_lowercase()))
        .filter(|word| !STOP.contains(&word.as_str()))
        .collect()
}

const STOP: [&str; 24] = [
    "a", "an", "the", "of", "to", "in", "on", "for", "and", "or", "with", "by", "from", "is", "are", "it", "its", "that", "this", "as",
    "at", "be", "my", "all",
];

fn stem(word: &str) -> String {
    let word = singular(word);
    let Some(rest) = word.strip_suffix("ing").filter(|rest| rest.len() >= 4) else { return word };
    // `setting` meets `set`, and `creating` is a beginning of `create`; `billing` keeps its letters.
    let mut ends = rest.chars().rev();
    let doubled = ends.next().filter(|last| ends.next() == Some(*last) && !"aeiouslz".contains(*last));
    rest[..rest.len() - doubled.map_or(0, char::len_utf8)].to_owned()
}

fn singular(word: &str) -> String {
    let cut = |end: &str, least: usize| word.strip_suffix(end).filter(|rest| rest.len() >= least);
    if let Some(rest) = cut("ies", 2) {
        return format!("{rest}y");
    }
    for (end, keep) in [("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh")] {
        if let Some(rest) = cut(end, 2) {
            return format!("{rest}{keep}");
        }
    }
    match cut("s", 2) {
        Some(rest) if !rest.ends_with('s') && !rest.ends_with('u') && !rest.ends_with('i') => rest.to_owned(),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn forms_of_a_word_meet() {
        assert_eq!(words("List the issues of Repositories"), ["list", "issue", "repository"]);
        assert_eq!(words("list_branches status"), ["list", "branch", "status"]);
        assert_eq!(words("settings sending creating billing string"), ["set", "send", "creat", "bill", "string"]);
    }
}
