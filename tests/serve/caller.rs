//! Whoever calls the API by its document alone: by names of operations, with every answer held against what the document
//! says of it. What was done is remembered, so that in the end what was left out can be named.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::ask::{Answer, Events, tell};
use crate::fits::Fits;
use crate::house::House;

pub struct Caller<'h> {
    pub house: &'h House,
    pub document: Value,
    /// Operations, with the statuses that they answered.
    done: RefCell<BTreeSet<(String, String)>>,
}

/// One operation, as it is asked.
#[derive(Clone, Copy, Default)]
pub struct Call<'a> {
    /// Its name in the document.
    pub name: &'a str,
    /// What stands at the places of its path, in their order.
    pub at: &'a [&'a str],
    pub query: &'a str,
    /// Besides the token.
    pub headers: &'a [(&'a str, &'a str)],
}

impl<'h> Caller<'h> {
    pub fn new(house: &'h House) -> Self {
        let document = house.get("/v1/openapi.json");
        Self { house, document, done: RefCell::default() }
    }

    /// The method, the path and what the document says of an operation.
    fn operation(&self, name: &str) -> (String, &str, &Value) {
        for (path, verbs) in self.document["paths"].as_object().unwrap() {
            for (verb, operation) in verbs.as_object().unwrap() {
                if operation["operationId"] == name {
                    return (verb.to_uppercase(), path, operation);
                }
            }
        }
        panic!("the document has no operation {name}")
    }

    fn place(&self, call: Call<'_>) -> (String, String, &Value) {
        let (method, path, operation) = self.operation(call.name);
        let mut places = call.at.iter();
        let mut fill = |part: &str| match part.starts_with('{') {
            true => (*places.next().expect("a name for every place")).to_owned(),
            false => part.to_owned(),
        };
        let path = path.split('/').map(&mut fill).collect::<Vec<_>>().join("/");
        assert!(places.next().is_none(), "more names than places in {path}");
        let query = if call.query.is_empty() { String::new() } else { format!("?{}", call.query) };
        (method, format!("{path}{query}"), operation)
    }

    /// Asks for something.
    pub fn get(&self, name: &str, at: &[&str]) -> Answer {
        self.send(Call { name, at, ..Call::default() }, None)
    }

    /// The same, as JSON.
    pub fn read(&self, name: &str, at: &[&str]) -> Value {
        self.get(name, at).json()
    }

    /// Has something done, which must be done.
    pub fn post(&self, name: &str, at: &[&str], body: Value) -> Answer {
        let answer = self.send(Call { name, at, ..Call::default() }, Some(body));
        assert!(answer.status < 300, "{name}: {} {}{}", answer.status, answer.body, self.house.said());
        answer
    }

    /// Asks as it is told to, and holds the answer against the document. What is taken must fit the document too.
    pub fn send(&self, call: Call<'_>, body: Option<Value>) -> Answer {
        let (method, path, operation) = self.place(call);
        let token = format!("Bearer {}", self.house.token);
        let mut headers = vec![("authorization", token.as_str())];
        headers.extend(call.headers);
        let text = body.as_ref().map(Value::to_string).unwrap_or_default();
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        let answer = tell(self.house.address, &method, &path, &headers, &text)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}{}", self.house.said()));
        if let Some(body) = body.filter(|_| answer.status < 300) {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let misfits = Fits { document: &self.document, strict: false }.misfits(schema, &body);
            assert!(misfits.is_empty(), "{path} takes what its schema does not: {misfits:?}");
        }
        self.check(call.name, operation, &answer);
        answer
    }

    /// Follows a stream.
    pub fn follow(&self, name: &str, at: &[&str], headers: &[(&str, &str)]) -> Events {
        let (_, path, operation) = self.place(Call { name, at, ..Call::default() });
        let token = format!("Bearer {}", self.house.token);
        let mut all = vec![("authorization", token.as_str())];
        all.extend(headers);
        let events = Events::follow(self.house.address, &path, &all)
            .unwrap_or_else(|error| panic!("{path}: {error}{}", self.house.said()));
        assert_eq!(events.began.status, 200, "{path}: {}", events.began.head);
        assert_eq!(events.began.header("content-type"), Some("text/event-stream"));
        self.check(name, operation, &events.began);
        events
    }

    fn check(&self, name: &str, operation: &Value, answer: &Answer) {
        let what = format!("{name}: {} {}", answer.status, answer.body);
        let status = answer.status.to_string();
        let mut says = operation["responses"].get(&status).unwrap_or_else(|| panic!("undocumented: {what}"));
        if let Some(path) = says["$ref"].as_str() {
            says = self.document.pointer(&path[1..]).unwrap();
        }
        for (header, _) in says["headers"].as_object().into_iter().flatten() {
            assert!(answer.header(header).is_some(), "no header {header}: {what}");
        }
        self.check_body(says, answer, &what);
        self.done.borrow_mut().insert((name.to_owned(), status));
    }

    fn check_body(&self, says: &Value, answer: &Answer, what: &str) {
        let kind = answer.header("content-type").map(|kind| kind.split(';').next().unwrap().trim());
        let Some(content) = says["content"].as_object() else {
            assert!(
                answer.body.is_empty() && kind.is_none(),
                "a body that the document does not know: {what}"
            );
            return;
        };
        let kind = kind.unwrap_or_else(|| panic!("no content type: {what}"));
        let media = content.get(kind).unwrap_or_else(|| panic!("{kind} instead of {content:?}: {what}"));
        if kind == "text/event-stream" {
            return;
        }
        assert!(!answer.body.is_empty(), "no body: {what}");
        let value = match kind.ends_with("json") {
            true => answer.json(),
            false => json!(answer.body),
        };
        let misfits = Fits { document: &self.document, strict: true }.misfits(&media["schema"], &value);
        assert!(misfits.is_empty(), "{misfits:#?}\n{what}");
    }

    /// What the document promises where all goes well, and nobody has asked for: operations with their statuses.
    pub fn left_out(&self) -> Vec<String> {
        let done = self.done.borrow();
        let mut left = Vec::new();
        for verbs in self.document["paths"].as_object().unwrap().values() {
            for operation in verbs.as_object().unwrap().values() {
                let name = operation["operationId"].as_str().unwrap();
                let well = operation["responses"]
                    .as_object()
                    .unwrap()
                    .keys()
                    .filter(|status| status.as_str() < "400");
                left.extend(
                    well.filter(|status| !done.contains(&(name.to_owned(), (*status).clone())))
                        .map(|status| format!("{name} {status}")),
                );
            }
        }
        left
    }
}
