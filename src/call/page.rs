//! How a list goes on: cursor, page number, offset, Link header, next URL. Pure: answers in, the next step out.
//! A cursor or a page that comes back, a link to another host, and a page behind the last that the service gives end the list and say so.

use std::collections::HashSet;

use serde_json::{Map, Value};
use url::Url;

use crate::base::json::{path, sha256};
use crate::registry::catalog::{Callable, Layer};
use crate::registry::manifest::{PageStyle, Pagination};

/// What to do after a page.
#[derive(Debug, PartialEq)]
pub enum Next {
    /// Ask again with this argument changed.
    Argument(String, Value),
    /// Ask for this URL.
    Url(Box<Url>),
    /// The list is whole.
    End,
    /// The list goes on but cannot be followed.
    Stop(&'static str),
}

/// Why a list stops whose page is the one before once more: the service does not heed what it is asked.
pub const REPEATED_PAGE: &str = "repeated_page";

/// More pages are followed only where somebody says so: a service that heeds nothing would answer for ever.
const MOST_PAGES: u32 = 10_000;
/// Why a list stops whose service gives no page behind the one that was read, though there may be more.
pub const LAST_PAGE: &str = "last_page";

/// Where a list is.
pub struct Pager {
    pagination: Pagination,
    /// The largest number of a page, or offset, that the service takes.
    last: Option<u64>,
    /// How it pages was guessed from a description: that the service heeds a page size is only known when it gave a page of it.
    guessed: bool,
    /// The largest page that it gave.
    largest: u64,
    seen: HashSet<String>,
    /// Hash of the items of the page before.
    before: Option<String>,
    items: u64,
    pages: u32,
    most: u32,
}

impl Pager {
    /// At the start of a list of a function that pages so.
    pub fn new(pagination: Pagination, callable: &Callable) -> Self {
        let guessed = callable.layer == Layer::Import;
        Self::of(pagination, &callable.function.parameters, guessed)
    }

    fn of(pagination: Pagination, parameters: &Map<String, Value>, guessed: bool) -> Self {
        let parameter = pagination.parameter.as_ref().and_then(|name| parameters.get(name));
        let last = parameter.and_then(|schema| schema.get("maximum")).and_then(Value::as_u64);
        Self { pagination, last, guessed, largest: 0, seen: HashSet::new(), before: None, items: 0, pages: 0, most: MOST_PAGES }
    }

    /// With as many pages as somebody asked for, if that is more than usual.
    pub fn up_to(self, pages: Option<u32>) -> Self {
        Self { most: pages.unwrap_or(0).max(MOST_PAGES), ..self }
    }

    /// The arguments of the first page when the list is followed: the largest page that is of use, the first number.
    pub fn start(&self, arguments: &mut Map<String, Value>, max_items: Option<u64>) {
        let own = &self.pagination;
        if let (Some(limit), Some(most)) = (&own.limit, own.max_page_size) {
            let size = max_items.map_or(most, |items| items.clamp(1, most));
            arguments.entry(limit).or_insert_with(|| Value::from(size));
        }
        if let (PageStyle::Page, Some(parameter)) = (own.style, &own.parameter) {
            arguments.entry(parameter).or_insert_with(|| Value::from(own.start));
        }
    }

    /// What follows a page. `link` is the answer's Link header, `at` the URL it was asked by.
    pub fn next(&mut self, arguments: &Map<String, Value>, body: &Value, link: Option<&str>, at: &Url) -> Next {
        let repeats = self.repeats(body);
        self.pages += 1;
        match self.step(arguments, body, link, at) {
            Next::Argument(..) | Next::Url(_) if repeats => Next::Stop(REPEATED_PAGE),
            Next::Argument(_, Value::Number(number)) if number.as_u64().zip(self.last).is_some_and(|(number, last)| number > last) => {
                Next::Stop(LAST_PAGE)
            }
            Next::Argument(..) | Next::Url(_) if self.pages >= self.most => Next::Stop("max_pages"),
            next => next,
        }
    }

    fn step(&mut self, arguments: &Map<String, Value>, body: &Value, link: Option<&str>, at: &Url) -> Next {
        let own = &self.pagination;
        let found = path(body, &own.items).and_then(Value::as_array).map_or(0, Vec::len) as u64;
        self.items += found;
        self.largest = self.largest.max(found);
        let flag = |place: &Option<String>| place.as_ref().and_then(|place| path(body, place)).and_then(Value::as_bool);
        let number = |place: &Option<String>| place.as_ref().and_then(|place| path(body, place)).and_then(Value::as_u64);
        let (more, last) = (own.more.as_ref().and_then(|place| path(body, place)).and_then(goes_on), flag(&own.last));
        if more == Some(false) || last == Some(true) {
            return Next::End;
        }
        match own.style {
            PageStyle::Link => match link.and_then(next_link) {
                Some(target) => self.follow(&target, at),
                None => Next::End,
            },
            PageStyle::Url => {
                match own.next.as_ref().and_then(|place| path(body, place)).and_then(Value::as_str).filter(|text| !text.is_empty()) {
                    Some(target) => self.follow(target, at),
                    None => Next::End,
                }
            }
            PageStyle::Cursor => {
                let cursor = own
                    .next
                    .as_ref()
                    .and_then(|place| path(body, place))
                    .filter(|value| !matches!(value, Value::Null | Value::Bool(_)) && value.as_str() != Some(""));
                match (cursor.cloned(), own.parameter.clone()) {
                    (Some(cursor), Some(parameter)) => {
                        let again = arguments.get(&parameter) == Some(&cursor) || !self.seen.insert(cursor.to_string());
                        if again { Next::Stop("repeated_cursor") } else { Next::Argument(parameter, cursor) }
                    }
                    _ => Next::End,
                }
            }
            PageStyle::Page | PageStyle::Offset => {
                let Some(parameter) = own.parameter.clone() else { return Next::End };
                let start = if own.style == PageStyle::Page { own.start } else { 0 };
                let now = arguments.get(&parameter).and_then(Value::as_u64).unwrap_or(start);
                // An empty page between others is no end where the service says that there is more.
                let over = (found == 0 && (more != Some(true) || own.style == PageStyle::Offset))
                    || number(&own.total).is_some_and(|total| self.done(now, found) >= total)
                    || number(&own.pages).is_some_and(|pages| now + 1 >= pages + own.start)
                    || (!self.tells(body) && self.falls_short(arguments, found));
                let step = if own.style == PageStyle::Page { 1 } else { found };
                if over { Next::End } else { Next::Argument(parameter, Value::from(now + step)) }
            }
        }
    }

    /// Whether a list can be told to be over by what its answers say beside the items.
    fn tells(&self, body: &Value) -> bool {
        let own = &self.pagination;
        let flag = |place: &Option<String>| place.as_ref().and_then(|place| path(body, place)).is_some_and(Value::is_boolean);
        let more = own.more.as_ref().and_then(|place| path(body, place)).and_then(goes_on);
        own.total.is_some() || own.pages.is_some() || more.is_some() || flag(&own.last)
    }

    /// Whether a page is shorter than what the service gives when there is more: than the size asked for, if it heeds that.
    fn falls_short(&self, arguments: &Map<String, Value>, found: u64) -> bool {
        let own = &self.pagination;
        let asked = own.limit.as_ref().and_then(|limit| arguments.get(limit)).and_then(Value::as_u64).or(own.page_size);
        // Who asks for more than there can be on a page gets what there can be.
        let given = asked.map(|size| own.max_page_size.map_or(size, |most| size.min(most)));
        given.is_some_and(|size| found < size && (!self.guessed || self.largest >= size))
    }

    /// What the refusal of a later page means for a list that is counted and does not say where it ends: that it is over (`Ok`), or
    /// that the service goes no further.
    pub fn refused(&self, status: Option<u16>) -> Option<Result<(), &'static str>> {
        let own = &self.pagination;
        let counted = matches!(own.style, PageStyle::Page | PageStyle::Offset) && own.total.is_none() && own.pages.is_none();
        match status.filter(|_| counted) {
            Some(404) => Some(Ok(())),
            Some(400 | 416 | 422) => Some(Err(LAST_PAGE)),
            _ => None,
        }
    }

    /// Whether a page with items has those of the page before: asking on would bring them again and again.
    fn repeats(&mut self, body: &Value) -> bool {
        let items = path(body, &self.pagination.items).and_then(Value::as_array).filter(|items| !items.is_empty());
        let now = items.and_then(|items| serde_json::to_vec(items).ok()).map(|bytes| sha256(&bytes));
        let again = now.is_some() && now == self.before;
        self.before = now;
        again
    }

    /// How many items are known to be behind us.
    fn done(&self, now: u64, found: u64) -> u64 {
        if self.pagination.style == PageStyle::Offset { now + found } else { self.items }
    }

    fn follow(&mut self, target: &str, at: &Url) -> Next {
        match at.join(target) {
            Ok(url) if url.origin() != at.origin() => Next::Stop("foreign_host"),
            Ok(url) if url == *at || !self.seen.insert(url.to_string()) => Next::Stop("repeated_cursor"),
            Ok(url) => Next::Url(Box::new(url)),
            Err(_) => Next::Stop("foreign_host"),
        }
    }
}

/// The target of `rel="next"` in a Link header (RFC 8288).
fn next_link(header: &str) -> Option<String> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (target, tail) = after.split_once('>')?;
        let parameters = tail.split('<').next().unwrap_or_default();
        let parameter = |wanted: &str, fits: &dyn Fn(&str) -> bool| {
            parameters.split(';').filter_map(|parameter| parameter.trim().trim_end_matches(',').split_once('=')).any(|(name, value)| {
                name.trim().eq_ignore_ascii_case(wanted)
                    && value.trim().trim_matches([',', ' ']).trim_matches('"').split_whitespace().any(fits)
            })
        };
        let is_next = parameter("rel", &|rel| rel.eq_ignore_ascii_case("next"));
        // A link that says itself that nothing is behind it, as Sentry's do.
        let empty = parameter("results", &|results| results == "false");
        if is_next && !empty {
            return Some(target.to_owned());
        }
        rest = tail;
    }
    None
}

/// Whether a list goes on, by what stands where its answers say so: a yes or no, or the number or mark of the next page.
fn goes_on(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(more) => Some(*more),
        Value::Null => Some(false),
        Value::Number(next) => Some(next.as_f64() != Some(0.0)),
        Value::String(next) => Some(!next.is_empty()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pager(value: Value) -> Pager {
        Pager::of(serde_json::from_value(value).unwrap(), &arguments(json!({"bound": {"type": "integer", "maximum": 2}})), false)
    }

    fn at() -> Url {
        Url::parse("https://a.example/x?page=1").unwrap()
    }

    fn arguments(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn cursors_end_and_never_repeat() {
        let mut pager = pager(json!({"style": "cursor", "items": "d", "parameter": "c", "next": "d.-1.id", "more": "more"}));
        let page = json!({"d": [{"id": "a"}], "more": true});
        assert_eq!(pager.next(&Map::new(), &page, None, &at()), Next::Argument("c".into(), json!("a")));
        assert_eq!(pager.next(&arguments(json!({"c": "a"})), &page, None, &at()), Next::Stop("repeated_cursor"));
        assert_eq!(pager.next(&Map::new(), &json!({"d": [{"id": "z"}], "more": false}), None, &at()), Next::End);
        assert_eq!(pager.next(&Map::new(), &json!({"d": []}), None, &at()), Next::End);
    }

    #[test]
    fn a_page_that_comes_again_ends_the_list() {
        for style in ["page", "offset"] {
            let mut pager = pager(json!({"style": style, "items": ".", "parameter": "p"}));
            assert!(matches!(pager.next(&Map::new(), &json!([1, 2]), None, &at()), Next::Argument(..)), "{style}");
            assert!(matches!(pager.next(&arguments(json!({"p": 2})), &json!([3, 4]), None, &at()), Next::Argument(..)), "{style}");
            assert_eq!(pager.next(&arguments(json!({"p": 3})), &json!([3, 4]), None, &at()), Next::Stop(REPEATED_PAGE), "{style}");
        }
        let mut cursors = pager(json!({"style": "cursor", "items": "d", "parameter": "c", "next": "n"}));
        for number in 0..3 {
            let next = cursors.next(&Map::new(), &json!({"d": [], "n": number}), None, &at());
            assert_eq!(next, Next::Argument("c".into(), json!(number)), "an empty page may be followed by others");
        }
    }

    #[test]
    fn a_short_page_is_the_last_only_where_the_page_size_is_known_to_be_heeded() {
        let pages = |value: Value, guessed| {
            let mut pager = Pager::of(serde_json::from_value(value).unwrap(), &Map::new(), guessed);
            move |n: u64, found: u64| {
                let items: Vec<u64> = (0..found).map(|item| item + 1000 * n).collect();
                pager.next(&arguments(json!({"p": n, "n": 100})), &json!(items), None, &at()) == Next::End
            }
        };
        let sized = json!({"style": "page", "items": ".", "parameter": "p", "limit": "n", "max_page_size": 100});
        let mut known = pages(sized.clone(), false);
        assert!(known(1, 30));
        let mut guessed = pages(sized.clone(), true);
        assert!(!guessed(1, 30) && !guessed(2, 30) && !guessed(3, 10) && guessed(4, 0));
        let mut heeded = pages(sized, true);
        assert!(!heeded(1, 100) && heeded(2, 30));
        let mut asked_too_much = pages(json!({"style": "page", "items": ".", "parameter": "p", "limit": "n", "max_page_size": 50}), false);
        assert!(!asked_too_much(1, 50) && asked_too_much(2, 49));
        let refused = |value: Value, status| pager(value).refused(Some(status));
        let counted = json!({"style": "page", "items": ".", "parameter": "p"});
        assert_eq!((refused(counted.clone(), 404), refused(counted.clone(), 400)), (Some(Ok(())), Some(Err(LAST_PAGE))));
        assert_eq!((refused(counted, 403), refused(json!({"style": "link", "items": "."}), 404)), (None, None));
        assert_eq!(refused(json!({"style": "page", "items": ".", "parameter": "p", "total": "t"}), 404), None);
    }

    #[test]
    fn what_the_service_does_not_take_is_not_asked_for() {
        let mut pager = pager(json!({"style": "page", "items": ".", "parameter": "bound"}));
        assert_eq!(pager.next(&Map::new(), &json!([1]), None, &at()), Next::Argument("bound".into(), json!(2)));
        assert_eq!(pager.next(&arguments(json!({"bound": 2})), &json!([2]), None, &at()), Next::Stop("last_page"));
        assert_eq!(pager.next(&arguments(json!({"bound": 2})), &json!([]), None, &at()), Next::End);
    }

    #[test]
    fn a_list_that_never_ends_is_left() {
        let wanted = json!({"style": "cursor", "items": "d", "parameter": "c", "next": "n"});
        let followed = |mut pager: Pager| {
            let pages =
                (1_u32..).find(|page| pager.next(&Map::new(), &json!({"d": [], "n": page}), None, &at()) == Next::Stop("max_pages"));
            pages.unwrap()
        };
        assert_eq!(followed(pager(wanted.clone())), MOST_PAGES);
        assert_eq!(followed(pager(wanted).up_to(Some(MOST_PAGES + 5))), MOST_PAGES + 5);
    }

    #[test]
    fn links_stay_on_their_host() {
        let mut pager = pager(json!({"style": "link", "items": "."}));
        let over = r#"<https://a.example/x?cursor=1>; rel="previous"; results="true", <https://a.example/x?cursor=2>; rel="next"; results="false""#;
        assert_eq!((next_link(over), next_link(&over.replace("false", "true")).as_deref()), (None, Some("https://a.example/x?cursor=2")));
        let header = r#"<https://a.example/x?page=9>; rel="last", <https://a.example/x?page=2>; rel="next""#;
        assert_eq!(
            pager.next(&Map::new(), &json!([0]), Some(header), &at()),
            Next::Url(Box::new(Url::parse("https://a.example/x?page=2").unwrap()))
        );
        assert_eq!(pager.next(&Map::new(), &json!([1]), Some(header), &at()), Next::Stop("repeated_cursor"));
        assert_eq!(pager.next(&Map::new(), &json!([2]), Some(r#"<https://evil.example/>; rel=next"#), &at()), Next::Stop("foreign_host"));
        assert_eq!(pager.next(&Map::new(), &json!([1]), None, &at()), Next::End);
    }

    #[test]
    fn page_numbers_and_offsets_count() {
        let mut pages = pager(json!({"style": "page", "items": "d", "parameter": "p", "limit": "n", "max_page_size": 2}));
        let mut first = Map::new();
        pages.start(&mut first, None);
        assert_eq!(Value::Object(first.clone()), json!({"n": 2, "p": 1}));
        assert_eq!(pages.next(&first, &json!({"d": [1, 2]}), None, &at()), Next::Argument("p".into(), json!(2)));
        assert_eq!(pages.next(&arguments(json!({"n": 2, "p": 2})), &json!({"d": [3]}), None, &at()), Next::End);
        let mut offsets = pager(json!({"style": "offset", "items": "d", "parameter": "o", "total": "t"}));
        assert_eq!(offsets.next(&Map::new(), &json!({"d": [1, 2], "t": 3}), None, &at()), Next::Argument("o".into(), json!(2)));
        assert_eq!(offsets.next(&arguments(json!({"o": 2})), &json!({"d": [3], "t": 3}), None, &at()), Next::End);
        let mut zero = pager(json!({"style": "page", "items": "d", "parameter": "p", "start": 0, "pages": "n"}));
        assert_eq!(zero.next(&Map::new(), &json!({"d": [1], "n": 2}), None, &at()), Next::Argument("p".into(), json!(1)));
        assert_eq!(zero.next(&arguments(json!({"p": 1})), &json!({"d": [2], "n": 2}), None, &at()), Next::End);
    }
}
