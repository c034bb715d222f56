//! Which jq programs are bounded by themselves: those that only walk down, pick, count and compare. Their time and their output are
//! at most a few times as large as their input. Everything else that jq can do may go on for ever or grow without end.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{self, BinaryOp, Term};
use jaq_core::path::Part;

/// How many times as large as its input a plain program's output may be.
const MOST_COPIES: usize = 16;

/// Arrays and objects that a plain program may make: its output is not much deeper than its input.
const MOST_MADE: usize = 32;

/// Functions whose answer is no larger than their input.
const SMALL: [&str; 7] = ["length", "keys", "type", "not", "first", "last", "empty"];

/// Whether a program is bounded by itself. A program that cannot be parsed is not.
pub fn is_plain(program: &str) -> bool {
    if program.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count() > MOST_MADE {
        return false;
    }
    let term = jaq_core::load::parse(program, |parser: &mut parse::Parser<'_, '_>| parser.term());
    term.is_some_and(|term| copies(&term).is_some_and(|copies| copies <= MOST_COPIES))
}

/// How often the input may be in all outputs together; `None` where that is not known.
fn copies(term: &Term<&str>) -> Option<usize> {
    match term {
        Term::Id | Term::Num(_) | Term::Arr(None) => Some(1),
        Term::Str(None, parts) => literal(parts).then_some(1),
        Term::Neg(inner) => matches!(**inner, Term::Num(_)).then_some(1),
        Term::Arr(Some(inner)) => copies(inner),
        Term::Obj(members) => members.iter().try_fold(0_usize, |sum, (key, value)| {
            let named = matches!(key, Term::Str(None, parts) if literal(parts));
            let taken = value.as_ref().map_or(Some(1), |value| single(value).then(|| copies(value)).flatten());
            taken.filter(|_| named).and_then(|taken| sum.checked_add(taken))
        }),
        Term::BinOp(left, BinaryOp::Pipe(None), right) => copies(left)?.checked_mul(copies(right)?),
        Term::BinOp(left, BinaryOp::Comma, right) => copies(left)?.checked_add(copies(right)?),
        Term::BinOp(left, BinaryOp::Cmp(_) | BinaryOp::And | BinaryOp::Or, right) if single(left) && single(right) => {
            copies(left)?.checked_add(copies(right)?)
        }
        Term::Path(head, path) => path.0.iter().all(|(part, _)| fixed(part)).then(|| copies(head)).flatten(),
        Term::Call(name, given) => match (*name, given.as_slice()) {
            ("map", [each]) => copies(each),
            ("select", [condition]) => single(condition).then(|| copies(condition)).flatten(),
            (name, []) => SMALL.contains(&name).then_some(1),
            _ => None,
        },
        _ => None,
    }
}

/// Whether it has one output for one input at most.
fn single(term: &Term<&str>) -> bool {
    match term {
        Term::BinOp(left, BinaryOp::Pipe(None) | BinaryOp::Cmp(_) | BinaryOp::And | BinaryOp::Or, right) => single(left) && single(right),
        Term::BinOp(..) => false,
        Term::Path(head, path) => single(head) && !path.0.iter().any(|(part, _)| matches!(part, Part::Range(None, None))),
        _ => true,
    }
}

fn fixed(part: &Part<Term<&str>>) -> bool {
    let constant = |term: &Term<&str>| match term {
        Term::Num(_) => true,
        Term::Neg(inner) => matches!(**inner, Term::Num(_)),
        Term::Str(None, parts) => literal(parts),
        _ => false,
    };
    match part {
        Part::Index(index) => constant(index),
        Part::Range(from, to) => [from, to].into_iter().flatten().all(constant),
    }
}

fn literal<T>(parts: &[StrPart<&str, T>]) -> bool {
    parts.iter().all(|part| !matches!(part, StrPart::Term(_)))
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn walking_picking_and_counting_is_plain() {
        let plain = [
            ".",
            ".a.b[].c",
            ".[0]?",
            ".[-1:] | .[]",
            "[.items[].name]",
            ".items[] | {id, name: .user.name, tags: [.tags[]]}",
            "map(.name)",
            "[.items[] | select(.id > 497 and .open) | .name]",
            ".a, .b",
            ".articles | length",
            ".[\"a b\"]",
        ];
        for program in plain {
            assert!(is_plain(program), "{program}");
        }
        let others = [
            "..",
            "repeat(1)",
            "[range(infinite)]",
            "def f: f; f",
            ".[.a]",
            ".[] as $x | .[]",
            "{a: .[], b: .}",
            "select(.[] != 7)",
            "map(map_values(.))",
            "\"\\(.)\"",
            ". * 1000",
            "(.,.)|(.,.)|(.,.)|(.,.)|(.,.)",
            "{a:.,b:.}|{a:.,b:.}|{a:.,b:.}|{a:.,b:.}|{a:.,b:.}",
            "select((.[],.[]) == 1)",
            "select(map(.) | .[] | map(.) == [])",
            "reduce .[] as $x (0; .)",
            ".[",
            &format!("{}{}", "[".repeat(100), "]".repeat(100)),
        ];
        for program in others {
            assert!(!is_plain(program), "{program}");
        }
    }
}
