//! The topic on security names the tests that hold what it promises. They exist.

use std::collections::BTreeSet;
use std::path::Path;

/// The promises and the tests of them: each the bold word of an item, and the tests that
/// the item names.
pub fn promises(topic: &str) -> (Vec<String>, Vec<(String, Vec<String>)>) {
    let section = |heading: &str| {
        let (_, rest) = topic.split_once(&format!("\n## {heading}\n")).expect("the heading");
        rest.split("\n## ").next().unwrap().split("\n- **").skip(1).map(|item| item.split_once("**").unwrap())
    };
    let names = |text: &str| text.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    let promised = section("What is promised").map(|(label, _)| label.to_owned()).collect();
    (promised, section("The tests").map(|(label, text)| (label.to_owned(), names(text))).collect())
}

/// The names of all tests below a directory.
pub fn tests_below(directory: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(tests_below(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let file = syn::parse_file(&std::fs::read_to_string(&path).unwrap()).unwrap();
            found.extend(file.items.iter().filter_map(test_name));
        }
    }
    found
}

/// The name of a function that is a test.
fn test_name(item: &syn::Item) -> Option<String> {
    let syn::Item::Fn(function) = item else { return None };
    let is_test = function.attrs.iter().any(|attribute| attribute.path().is_ident("test"));
    is_test.then(|| function.sig.ident.to_string())
}

/// What is wrong with the topic: promises without a test, tests that do not exist.
pub fn faults(topic: &str, tests: &BTreeSet<String>) -> Vec<String> {
    let (promised, held) = promises(topic);
    let labels: Vec<&String> = held.iter().map(|(label, _)| label).collect();
    let mut faults = Vec::new();
    if labels != promised.iter().collect::<Vec<_>>() {
        faults.push(format!("the promises are {promised:?}, and the tests are of {labels:?}"));
    }
    for (label, names) in &held {
        if names.is_empty() {
            faults.push(format!("{label} has no test"));
        }
        faults.extend(names.iter().filter(|name| !tests.contains(*name)).map(|name| format!("{label}: {name}")));
    }
    faults
}
