//! What an expression is as JSON, where that can be seen without running it.

use full_moon::ast::{Expression, Field, FunctionArgs, Prefix, Suffix, TableConstructor, UnOp, Var};
use full_moon::tokenizer::{StringLiteralQuoteType, Symbol, TokenReference, TokenType};
use serde_json::{Map, Number, Value};

/// What is known of a value.
#[derive(Debug, PartialEq)]
pub enum Literal {
    /// All of it.
    Value(Value),
    /// `nil`: the argument is left out.
    Nil,
    /// Its JSON type alone; `function` has none.
    Kind(&'static str),
    /// Nothing.
    Unknown,
}

/// Reads an expression. The schema decides what `{}` is.
pub fn read(expression: &Expression, schema: Option<&Value>) -> Literal {
    match expression {
        Expression::Parentheses { expression, .. } | Expression::TypeAssertion { expression, .. } => read(expression, schema),
        Expression::String(token) => text(token).map_or(Literal::Kind("string"), |text| Literal::Value(Value::from(text))),
        Expression::InterpolatedString(_) => Literal::Kind("string"),
        Expression::Number(token) => number(token, false),
        Expression::UnaryOperator { unop: UnOp::Minus(_), expression } => match expression.as_ref() {
            Expression::Number(token) => number(token, true),
            _ => Literal::Unknown,
        },
        Expression::Symbol(token) => symbol(token),
        Expression::Function(_) => Literal::Kind("function"),
        Expression::TableConstructor(table) => read_table(table, schema),
        _ => Literal::Unknown,
    }
}

fn symbol(token: &TokenReference) -> Literal {
    match token.token_type() {
        TokenType::Symbol { symbol: Symbol::True } => Literal::Value(Value::Bool(true)),
        TokenType::Symbol { symbol: Symbol::False } => Literal::Value(Value::Bool(false)),
        TokenType::Symbol { symbol: Symbol::Nil } => Literal::Nil,
        _ => Literal::Unknown,
    }
}

fn number(token: &TokenReference, negative: bool) -> Literal {
    let TokenType::Number { text } = token.token_type() else { return Literal::Unknown };
    let text = text.to_lowercase().replace('_', "");
    let whole = |digits: &str, radix| u64::from_str_radix(digits, radix).ok().map(|whole| whole as f64);
    let value = match text.as_bytes() {
        [b'0', b'x', ..] => whole(&text[2..], 16),
        [b'0', b'b', ..] => whole(&text[2..], 2),
        _ => text.parse::<f64>().ok(),
    };
    let Some(value) = value.map(|value| if negative { -value } else { value }) else { return Literal::Kind("number") };
    let json = if value.fract() == 0.0 && value.abs() < 9e15 { Some(Number::from(value as i64)) } else { Number::from_f64(value) };
    json.map_or(Literal::Kind("number"), |number| Literal::Value(Value::Number(number)))
}

/// The types that a schema names.
pub fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn read_table(table: &TableConstructor, schema: Option<&Value>) -> Literal {
    let fields: Vec<&Field> = table.fields().iter().collect();
    if fields.is_empty() {
        let wanted = schema.map(types).unwrap_or_default();
        return match (wanted.contains(&"array"), wanted.contains(&"object")) {
            (true, false) => Literal::Value(Value::Array(Vec::new())),
            (false, true) => Literal::Value(Value::Object(Map::new())),
            _ => Literal::Unknown,
        };
    }
    if fields.iter().all(|field| matches!(field, Field::NoKey(_))) {
        return list(&fields, schema.and_then(|schema| schema.get("items")));
    }
    if fields.iter().all(|field| key(field).is_some()) {
        return object(&fields, schema.and_then(|schema| schema.get("properties")));
    }
    Literal::Unknown
}

fn list(fields: &[&Field], schema: Option<&Value>) -> Literal {
    let mut items = Vec::new();
    for field in fields {
        match field {
            Field::NoKey(value) => match read(value, schema) {
                Literal::Value(item) => items.push(item),
                _ => return Literal::Kind("array"),
            },
            _ => return Literal::Unknown,
        }
    }
    Literal::Value(Value::Array(items))
}

fn object(fields: &[&Field], properties: Option<&Value>) -> Literal {
    let mut members = Map::new();
    for (key, _, value) in fields.iter().filter_map(|field| key(field)) {
        match read(value, properties.and_then(|properties| properties.get(&key))) {
            Literal::Value(value) => _ = members.insert(key, value),
            Literal::Nil => {}
            _ => return Literal::Kind("object"),
        }
    }
    Literal::Value(Value::Object(members))
}

/// The key of a field that is written in words, where it stands, and its value.
pub fn key(field: &Field) -> Option<(String, &TokenReference, &Expression)> {
    match field {
        Field::NameKey { key, value, .. } => Some((name(key).to_owned(), key, value)),
        Field::ExpressionKey { key: Expression::String(token), value, .. } => Some((text(token)?, token, value)),
        _ => None,
    }
}

/// Whether an expression may give any number of values.
pub fn gives_many(expression: &Expression) -> bool {
    match expression {
        Expression::FunctionCall(_) => true,
        Expression::Symbol(token) => matches!(token.token_type(), TokenType::Symbol { symbol: Symbol::Ellipsis }),
        _ => false,
    }
}

/// An identifier.
pub fn name(token: &TokenReference) -> &str {
    match token.token_type() {
        TokenType::Identifier { identifier } => identifier,
        _ => "",
    }
}

/// The single string that a call is given: `f"x"` or `f("x")`.
pub fn only_text(arguments: &FunctionArgs) -> Option<String> {
    match arguments {
        FunctionArgs::String(token) => text(token),
        FunctionArgs::Parentheses { arguments, .. } if arguments.len() == 1 => match arguments.iter().next() {
            Some(Expression::String(token)) => text(token),
            _ => None,
        },
        _ => None,
    }
}

/// The text of a string; `None` where it is not UTF-8.
pub fn text(token: &TokenReference) -> Option<String> {
    let TokenType::StringLiteral { literal, quote_type, .. } = token.token_type() else { return None };
    if *quote_type == StringLiteralQuoteType::Brackets {
        let text = literal.strip_prefix("\r\n").or_else(|| literal.strip_prefix('\n')).unwrap_or(literal);
        return Some(text.to_owned());
    }
    String::from_utf8(unescape(literal.as_bytes())?).ok()
}

fn unescape(raw: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(byte) = raw.get(at) {
        at += 1;
        if *byte != b'\\' {
            bytes.push(*byte);
            continue;
        }
        let escape = *raw.get(at)?;
        at += 1;
        match escape {
            b'a' => bytes.push(7),
            b'b' => bytes.push(8),
            b'f' => bytes.push(12),
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'v' => bytes.push(11),
            b'x' => {
                bytes.push(u8::try_from(digits(raw.get(at..at + 2)?, 16)?).ok()?);
                at += 2;
            }
            b'u' => {
                let end = at + raw.get(at..)?.iter().position(|byte| *byte == b'}')?;
                let c = char::from_u32(digits(raw.get(at + 1..end)?, 16)?)?;
                bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
                at = end + 1;
            }
            b'z' => at += raw.get(at..)?.iter().take_while(|byte| byte.is_ascii_whitespace()).count(),
            b'0'..=b'9' => {
                let length = raw[at - 1..].iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
                bytes.push(u8::try_from(digits(&raw[at - 1..at - 1 + length], 10)?).ok()?);
                at += length - 1;
            }
            other => bytes.push(other),
        }
    }
    Some(bytes)
}

fn digits(raw: &[u8], radix: u32) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(raw).ok()?, radix).ok()
}

/// A name with the parts behind it; nothing where an expression is neither.
pub fn parts(expression: &Expression) -> Option<(&Prefix, Vec<&Suffix>)> {
    match expression {
        Expression::Var(Var::Expression(whole)) => Some((whole.prefix(), whole.suffixes().collect())),
        Expression::FunctionCall(call) => Some((call.prefix(), call.suffixes().collect())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use full_moon::ast::LastStmt;
    use serde_json::json;

    use super::*;

    fn literal(source: &str, schema: &Value) -> Literal {
        let tree = full_moon::parse(&format!("return {source}")).unwrap();
        let Some(LastStmt::Return(returned)) = tree.nodes().last_stmt() else { panic!("a return") };
        read(returned.returns().iter().next().unwrap(), Some(schema))
    }

    #[test]
    fn values_are_read() {
        for (source, expected) in [
            (r#""a\n\65\x42\u{43}\z   D\"""#, json!("a\nABCD\"")),
            ("[==[\nx]]]==]", json!("x]]")),
            ("0x1F", json!(31)),
            ("0b11", json!(3)),
            ("1_000", json!(1000)),
            ("-2.5", json!(-2.5)),
            ("2.0", json!(2)),
            ("{1, {a = true}}", json!([1, {"a": true}])),
            (r#"{["a b"] = "x", c = nil}"#, json!({"a b": "x"})),
            ("(true :: boolean)", json!(true)),
        ] {
            assert_eq!(literal(source, &json!({})), Literal::Value(expected), "{source}");
        }
        assert_eq!(literal("{}", &json!({"type": "array"})), Literal::Value(json!([])));
        assert_eq!(literal("{a = {}}", &json!({"properties": {"a": {"type": "object"}}})), Literal::Value(json!({"a": {}})));
    }

    #[test]
    fn what_is_not_known_is_not_claimed() {
        for (source, expected) in [
            ("x", Literal::Unknown),
            ("{}", Literal::Unknown),
            ("{1, a = 2}", Literal::Unknown),
            ("{[x] = 2}", Literal::Unknown),
            ("{x}", Literal::Kind("array")),
            ("{a = x}", Literal::Kind("object")),
            ("`{x}`", Literal::Kind("string")),
            (r#""\255""#, Literal::Kind("string")),
            ("1e999", Literal::Kind("number")),
            ("function() end", Literal::Kind("function")),
            ("nil", Literal::Nil),
        ] {
            assert_eq!(literal(source, &json!({})), expected, "{source}");
        }
    }
}
