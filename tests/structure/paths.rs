//! What each source file says, by its syntax tree: the modules that it uses, and
//! the texts in it.

use std::collections::BTreeSet;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, Item, ItemEnum, ItemMod, ItemStruct, Lit, Macro, Meta, UseTree};

/// One file.
pub struct Source {
    /// As in `http::client`; empty for the root of the crate.
    pub module: String,
    /// What it names of the crate, without what begins with a capital.
    pub uses: BTreeSet<String>,
    /// The literals in it.
    pub texts: Vec<String>,
    /// What attributes say to a person: documentation that becomes help, and messages.
    pub help: Vec<String>,
    /// The files that it declares for tests alone.
    for_tests: Vec<String>,
}

/// All sources below `directory`.
pub fn read(directory: &Path) -> Vec<Source> {
    let parsed =
        |(path, text): &Text| Source::parse(&module_of(Path::new(path).strip_prefix(directory).unwrap()), text);
    let mut sources: Vec<Source> = files(directory, &["rs"]).iter().map(parsed).collect();
    let for_tests: BTreeSet<String> = sources.iter_mut().flat_map(|source| source.for_tests.drain(..)).collect();
    sources.retain(|source| !for_tests.contains(&source.module));
    assert!(sources.len() > 100, "only {} files in {}", sources.len(), directory.display());
    sources
}

/// A text, and where it is.
pub type Text = (String, String);

/// The files below `directory` with one of these endings.
pub fn files(directory: &Path, endings: &[&str]) -> Vec<Text> {
    let mut found = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(current) = directories.pop() {
        for entry in std::fs::read_dir(&current).unwrap_or_else(|error| panic!("{}: {error}", current.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|ending| endings.iter().any(|one| ending == *one)) {
                found.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

/// `http/mod.rs` and `http.rs` are `http`.
fn module_of(path: &Path) -> String {
    let without = path.with_extension("");
    let parts: Vec<&str> = without.iter().map(|part| part.to_str().unwrap()).collect();
    let parts = parts.strip_suffix(&["mod"]).unwrap_or(&parts);
    if parts == ["lib"] { String::new() } else { parts.join("::") }
}

impl Source {
    pub fn parse(module: &str, text: &str) -> Self {
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{module}: {error}"));
        let segments = module.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let mut reader = Reader { here: segments, uses: BTreeSet::new(), texts: Vec::new(), help: Vec::new() };
        let declared = file.items.iter().filter(|item| is_for_tests(attributes(item)));
        let for_tests = declared.filter_map(|item| match item {
            Item::Mod(inner) if inner.content.is_none() => Some(format!("{module}::{}", inner.ident)),
            _ => None,
        });
        let for_tests = for_tests.collect();
        reader.visit_file(&file);
        Self { module: module.to_owned(), uses: reader.uses, texts: reader.texts, help: reader.help, for_tests }
    }
}

struct Reader {
    /// The module that is being read.
    here: Vec<String>,
    uses: BTreeSet<String>,
    texts: Vec<String>,
    help: Vec<String>,
}

impl Reader {
    /// The documentation of what clap makes help of.
    fn documentation(&mut self, attributes: &[Attribute]) {
        let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
                Expr::Lit(literal) => match &literal.lit {
                    Lit::Str(text) => Some(text.value()),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        self.help.extend((!text.is_empty()).then_some(text));
    }

    /// The literals of an attribute.
    fn literals(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.literals(group.stream()),
                TokenTree::Literal(literal) => {
                    self.help.extend(syn::parse_str::<syn::LitStr>(&literal.to_string()).map(|text| text.value()));
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
    }

    /// A path of words that begins in this crate.
    fn path(&mut self, words: &[String]) {
        let mut rest = words;
        let mut module = match rest.first().map(String::as_str) {
            Some("crate") => Vec::new(),
            Some("self" | "super") => self.here.clone(),
            _ => return,
        };
        while let Some((first, others)) = rest.split_first() {
            match first.as_str() {
                "crate" | "self" => {}
                "super" => drop(module.pop()),
                // What begins with a capital is no module.
                word if word.starts_with(char::is_uppercase) => break,
                word => module.push(word.to_owned()),
            }
            rest = others;
        }
        if words.len() > 1 {
            self.uses.insert(module.join("::"));
        }
    }

    fn tree(&mut self, tree: &UseTree, before: &mut Vec<String>) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.tree(&path.tree, before);
                before.pop();
            }
            UseTree::Name(name) => {
                let mut words = before.clone();
                words.push(name.ident.to_string());
                if name.ident == "self" {
                    words.pop();
                    // The module itself, whole.
                    words.push("Self".to_owned());
                }
                self.path(&words);
            }
            UseTree::Rename(rename) => {
                let mut words = before.clone();
                words.push(rename.ident.to_string());
                self.path(&words);
            }
            UseTree::Glob(_) => {
                let mut words = before.clone();
                words.push("Glob".to_owned());
                self.path(&words);
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(tree, before)),
        }
    }

    /// What stands in a macro is no syntax yet: words with `::` between them.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut words: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(word) => {
                    if colons != 2 {
                        self.path(&std::mem::take(&mut words));
                    }
                    words.push(word.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Punct(_) => colons = 0,
                TokenTree::Literal(literal) => {
                    self.texts.push(literal.to_string());
                    colons = 0;
                }
                TokenTree::Group(group) => {
                    self.tokens(group.stream());
                    colons = 0;
                }
            }
        }
        self.path(&words);
    }
}

/// Whether clap makes help of it.
fn is_help(attributes: &[Attribute]) -> bool {
    let derives = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("derive") => Some(list.tokens.to_string()),
        _ => None,
    });
    let words = derives.collect::<Vec<_>>().join(" ");
    let mut words = words.split(|character: char| !character.is_alphanumeric());
    words.any(|word| ["Args", "Parser", "Subcommand", "ValueEnum"].contains(&word))
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

impl Visit<'_> for Reader {
    fn visit_item(&mut self, item: &Item) {
        if !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &ItemMod) {
        self.here.push(module.ident.to_string());
        visit::visit_item_mod(self, module);
        self.here.pop();
    }

    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        self.tree(&item.tree, &mut Vec::new());
    }

    fn visit_path(&mut self, path: &syn::Path) {
        let words: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.path(&words);
        visit::visit_path(self, path);
    }

    fn visit_lit(&mut self, literal: &Lit) {
        match literal {
            Lit::Str(text) => self.texts.push(text.value()),
            Lit::ByteStr(bytes) => self.texts.push(String::from_utf8_lossy(&bytes.value()).into_owned()),
            _ => {}
        }
    }

    fn visit_macro(&mut self, invocation: &Macro) {
        self.visit_path(&invocation.path);
        self.tokens(invocation.tokens.clone());
    }

    fn visit_visibility(&mut self, _: &syn::Visibility) {
        // Who may use it is no use of it.
    }

    fn visit_item_struct(&mut self, item: &ItemStruct) {
        if is_help(&item.attrs) {
            self.documentation(&item.attrs);
            item.fields.iter().for_each(|field| self.documentation(&field.attrs));
        }
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &ItemEnum) {
        if is_help(&item.attrs) {
            self.documentation(&item.attrs);
            item.variants.iter().for_each(|variant| self.documentation(&variant.attrs));
            let fields = item.variants.iter().flat_map(|variant| &variant.fields);
            fields.for_each(|field| self.documentation(&field.attrs));
        }
        visit::visit_item_enum(self, item);
    }

    fn visit_attribute(&mut self, attribute: &Attribute) {
        // Documentation, and what the compiler is told, nobody sees.
        if let Meta::List(list) = &attribute.meta
            && ["arg", "command", "error", "group", "value"].iter().any(|name| list.path.is_ident(name))
        {
            self.literals(list.tokens.clone());
        }
    }
}
