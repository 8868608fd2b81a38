//! Reads from a request to `DynamoDB` the rights that it needs and the values of its IAM condition keys.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::access::Asked;
use crate::template::condition::{ATTRIBUTES, Keys, LEADING_KEYS, RETURN_VALUES, SELECT};

/// Parameters that hold an expression.
const EXPRESSIONS: [&str; 5] =
    ["ConditionExpression", "FilterExpression", "KeyConditionExpression", "ProjectionExpression", "UpdateExpression"];
/// Parameters that hold attributes by name.
const ITEMS: [&str; 3] = ["ExclusiveStartKey", "Item", "Key"];
/// Keywords of expressions, in upper or lower case. An attribute with such a name can only be named by a placeholder.
const KEYWORDS: [&str; 9] = ["ADD", "AND", "BETWEEN", "DELETE", "IN", "NOT", "OR", "REMOVE", "SET"];

/// The attribute that is the partition key of each table.
pub type PartitionKeys = BTreeMap<String, String>;

/// What this operation asks for. A transaction asks for each of its parts.
pub(super) fn of(operation: &str, body: &[u8], partition_keys: &PartitionKeys) -> Vec<Asked> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    match operation {
        "TransactWriteItems" | "TransactGetItems" => {
            let items = body.get("TransactItems").and_then(Value::as_array).into_iter().flatten();
            let requests = items.filter_map(Value::as_object).flatten();
            requests.map(|(kind, request)| item_request(in_transaction(kind), request, partition_keys)).collect()
        }
        "BatchGetItem" | "BatchWriteItem" => {
            let tables = body.get("RequestItems").and_then(Value::as_object);
            let right = |name: &String| (format!("dynamodb:{operation}"), name.clone());
            tables.into_iter().flatten().map(|(name, _)| Asked::plain(right(name))).collect()
        }
        _ => vec![item_request(operation, &body, partition_keys)],
    }
}

/// The operation to which a part of a transaction corresponds. An unknown kind stays as it is, and no role allows it.
fn in_transaction(kind: &str) -> &str {
    match kind {
        "ConditionCheck" => "ConditionCheckItem",
        "Delete" => "DeleteItem",
        "Get" => "GetItem",
        "Put" => "PutItem",
        "Update" => "UpdateItem",
        _ => kind,
    }
}

fn item_request(operation: &str, request: &Value, partition_keys: &PartitionKeys) -> Asked {
    let text = |name: &str| request.get(name).and_then(Value::as_str);
    let one = |text: &str| BTreeSet::from([text.to_owned()]);
    let mut keys = Keys::from([(ATTRIBUTES, attributes(request))]);
    let projected = if text("ProjectionExpression").is_some() { "SPECIFIC_ATTRIBUTES" } else { "ALL_ATTRIBUTES" };
    match operation {
        "GetItem" => keys.extend([(SELECT, one(projected))]),
        "Query" | "Scan" => keys.extend([(SELECT, one(text("Select").unwrap_or(projected)))]),
        "DeleteItem" | "PutItem" | "UpdateItem" => {
            keys.extend([(RETURN_VALUES, one(text("ReturnValues").unwrap_or("NONE")))]);
        }
        _ => {}
    }
    let table = text("TableName").unwrap_or_default().to_owned();
    if let (Some(attribute), true) = (partition_keys.get(&table), operation != "Scan") {
        // No role lists an empty key: a request whose key is not understood is for none that is allowed.
        keys.insert(LEADING_KEYS, one(leading_key(request, attribute).unwrap_or_default()));
    }
    Asked { right: (format!("dynamodb:{operation}"), table), keys }
}

/// The value of the partition key: in the key or the item, or in the condition of a query.
fn leading_key<'r>(request: &'r Value, attribute: &str) -> Option<&'r str> {
    let text = |value: &'r Value| value.as_object()?.values().next()?.as_str();
    if let Some(value) = ["Key", "Item"].iter().find_map(|member| request.get(member)?.get(attribute)) {
        return text(value);
    }
    let condition = request.get("KeyConditionExpression")?.as_str()?;
    let parts = condition.split(" AND ").filter_map(|part| part.trim_matches(['(', ')', ' ']).split_once('='));
    let (_, placeholder) = parts.map(|(name, value)| (name.trim(), value.trim())).find(|(name, _)| {
        let names = request.get("ExpressionAttributeNames").and_then(|names| names.get(name)?.as_str());
        names.unwrap_or(name) == attribute
    })?;
    text(request.get("ExpressionAttributeValues")?.get(placeholder)?)
}

/// The top-level attributes that a request names.
fn attributes(request: &Value) -> BTreeSet<String> {
    let items = ITEMS.iter().filter_map(|member| request.get(member)?.as_object());
    let names = request.get("ExpressionAttributeNames");
    let name = |word: &str| names.and_then(|names| names.get(word)?.as_str()).unwrap_or(word).to_owned();
    let expressions = EXPRESSIONS.iter().filter_map(|member| request.get(member)?.as_str());
    let in_expressions = expressions.flat_map(top_level).map(name);
    items.flat_map(|item| item.keys().cloned()).chain(in_expressions).collect()
}

/// The words of an expression that begin a path, including placeholders. A word after a dot is inside a map, and a word
/// before a parenthesis is a function.
fn top_level(expression: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut follows_dot = false;
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let sign = usize::from(matches!(first, '#' | ':'));
        let letters = rest.chars().skip(sign).take_while(|c| c.is_ascii_alphanumeric() || *c == '_').count();
        // Signs and letters are ASCII, so their count is a length in bytes.
        let length = if sign + letters == 0 { first.len_utf8() } else { sign + letters };
        let (word, after) = rest.split_at(length);
        let is_word = first == '#' || first == '_' || first.is_ascii_alphabetic();
        let is_keyword = KEYWORDS.iter().any(|keyword| word.eq_ignore_ascii_case(keyword));
        let is_function = first != '#' && after.trim_start().starts_with('(');
        if is_word && !follows_dot && !is_keyword && !is_function {
            found.push(word);
        }
        if !first.is_ascii_whitespace() {
            follows_dot = first == '.';
        }
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked(operation: &str, body: &Value) -> Vec<Asked> {
        let partition_keys = PartitionKeys::from([("T".to_owned(), "kind".to_owned())]);
        of(operation, body.to_string().as_bytes(), &partition_keys)
    }

    fn says(operation: &str, body: &Value, key: &'static str) -> Vec<String> {
        let [one] = &asked(operation, body)[..] else { panic!("one") };
        one.keys.get(key).into_iter().flatten().cloned().collect()
    }

    #[test]
    fn a_request_names_the_attributes_of_its_key_its_item_and_all_its_expressions() {
        let update = json!({
            "TableName": "T", "Key": { "pk": { "S": "1" } },
            "UpdateExpression": "SET #a = if_not_exists(b, :x), c.d[0].e=:c ADD n :one REMOVE f[1] , #g . h",
            "ConditionExpression": "(attribute_not_exists (i)) AND size(j) > :j or not k BETWEEN l and :m\nAND o IN (p, :q)",
            "ExpressionAttributeNames": { "#a": "links", "#g": "dotted.name" },
        });
        let expected =
            ["b", "c", "dotted.name", "f", "i", "j", "k", "l", "links", "n", "o", "p", "pk"].map(str::to_owned);
        assert_eq!(says("UpdateItem", &update, ATTRIBUTES), expected);
        let put = json!({ "Item": { "pk": {}, "x": {} }, "ConditionExpression": "#unknown = :x" });
        assert_eq!(says("PutItem", &put, ATTRIBUTES), ["#unknown", "pk", "x"]);
        let query = json!({ "KeyConditionExpression": "u=:u", "FilterExpression": "c<>:c", "ProjectionExpression": "a,b.c",
            "ExclusiveStartKey": { "e": {} } });
        assert_eq!(says("Query", &query, ATTRIBUTES), ["a", "b", "c", "e", "u"]);
    }

    #[test]
    fn a_read_without_a_projection_asks_for_all_attributes() {
        let projected = json!({ "Key": {}, "ProjectionExpression": "a" });
        assert_eq!(says("GetItem", &projected, SELECT), ["SPECIFIC_ATTRIBUTES"]);
        for all in
            [json!({ "Key": {} }), json!({ "ProjectionExpression": null }), json!({ "Select": "SPECIFIC_ATTRIBUTES" })]
        {
            assert_eq!(says("GetItem", &all, SELECT), ["ALL_ATTRIBUTES"], "{all}");
        }
        assert_eq!(says("Scan", &json!({ "Select": "COUNT" }), SELECT), ["COUNT"]);
        assert_eq!(says("UpdateItem", &projected, SELECT), Vec::<String>::new());
    }

    #[test]
    fn a_write_returns_nothing_unless_it_asks() {
        assert_eq!(says("UpdateItem", &json!({ "ReturnValues": "ALL_NEW" }), RETURN_VALUES), ["ALL_NEW"]);
        assert_eq!(says("PutItem", &json!({}), RETURN_VALUES), ["NONE"]);
        assert_eq!(says("GetItem", &json!({}), RETURN_VALUES), Vec::<String>::new());
    }

    #[test]
    fn a_request_is_for_the_partition_key_of_its_item_or_its_query() {
        let (kind, id) = (json!({ "S": "mail" }), json!({ "S": "1" }));
        let item = json!({ "TableName": "T", "Item": { "id": id, "kind": kind } });
        assert_eq!(says("PutItem", &item, LEADING_KEYS), ["mail"]);
        let keyed = json!({ "TableName": "T", "Key": { "id": id, "kind": kind } });
        for operation in ["GetItem", "UpdateItem", "DeleteItem"] {
            assert_eq!(says(operation, &keyed, LEADING_KEYS), ["mail"], "{operation}");
        }
        for (condition, named) in [
            ("#k = :k", "mail"),
            ("kind=:k", "mail"),
            ("(id BETWEEN :i AND :k) AND (#k = :k)", "mail"),
            // What is not understood is for no key that a role lists.
            ("id = :k", ""),
            ("#k = :k and id = :i", ""),
        ] {
            let query = json!({ "TableName": "T", "KeyConditionExpression": condition,
                "ExpressionAttributeNames": { "#k": "kind" }, "ExpressionAttributeValues": { ":k": kind, ":i": id } });
            assert_eq!(says("Query", &query, LEADING_KEYS), [named], "{condition}");
        }
        assert_eq!(says("Scan", &json!({ "TableName": "T" }), LEADING_KEYS), Vec::<String>::new());
    }

    #[test]
    fn a_transaction_asks_for_each_thing_in_it() {
        let body = json!({ "TransactItems": [
            { "Put": { "TableName": "A", "Item": { "a": {} } } },
            { "ConditionCheck": { "TableName": "B", "Key": { "b": {} }, "ConditionExpression": "c = :c" } },
        ]});
        let asked = asked("TransactWriteItems", &body);
        let rights: Vec<_> = asked.iter().map(|asked| (asked.right.0.as_str(), asked.right.1.as_str())).collect();
        assert_eq!(rights, [("dynamodb:PutItem", "A"), ("dynamodb:ConditionCheckItem", "B")]);
        let names = asked.iter().map(|asked| asked.keys[ATTRIBUTES].iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(names.collect::<Vec<_>>(), [vec!["a"], vec!["b", "c"]]);
    }
}
