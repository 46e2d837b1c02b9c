//! The job file as text: parsed TOML that remembers on which line each key stands.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::JobError;
use super::place::Place;

/// A job file with the overrides of `--set` laid over it.
///
/// It is parsed again for each question asked of it: that takes microseconds, and nothing borrows from itself.
#[derive(Clone, Debug)]
pub struct Document {
    path: PathBuf,
    text: String,
    overrides: Vec<Override>,
}

/// `key=value`, as given to `--set`.
#[derive(Clone, Debug)]
struct Override {
    assignment: String,
    equals: usize,
}

/// A value from `--set` has no place in the file: its span starts past any file's end, at a place of its own.
const OVERRIDES: usize = usize::MAX / 2;

impl Document {
    /// Takes `text`, the content of `path`, after a look that it is TOML.
    pub fn parse(path: &Path, text: String) -> Result<Self, JobError> {
        let document = Self {
            path: path.to_owned(),
            text,
            overrides: Vec::new(),
        };
        document.root()?;
        Ok(document)
    }

    /// Lays `key=value` over the file; the value is TOML, or else taken as a plain string.
    pub fn set(&mut self, assignment: &str) -> Result<(), JobError> {
        let Some(equals) = assignment.find('=') else {
            let reason = "there is no `=` in it";
            return Err(JobError::Override {
                assignment: assignment.to_owned(),
                reason,
            });
        };
        self.overrides.push(Override {
            assignment: assignment.to_owned(),
            equals,
        });
        self.root().map(drop)
    }

    fn root(&self) -> Result<Spanned<DeTable<'_>>, JobError> {
        let mut root = DeTable::parse(&self.text).map_err(|error| JobError::Syntax {
            place: self.at(&error.span().unwrap_or(0..0), String::new()),
            message: error.message().to_owned(),
        })?;
        for (index, item) in self.overrides.iter().enumerate() {
            item.lay_over(root.get_mut(), OVERRIDES + 2 * index)
                .map_err(|reason| JobError::Override {
                    assignment: item.assignment.clone(),
                    reason,
                })?;
        }
        Ok(root)
    }

    /// Reads the document as `T`; unknown keys and wrong types come with their place.
    pub fn deserialize<T: serde::de::DeserializeOwned>(&self) -> Result<T, JobError> {
        let root = self.root()?;
        T::deserialize(toml::de::Deserializer::from(root.clone())).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            let mut key = Vec::new();
            key_at(root.get_ref(), span.start, &mut key);
            JobError::from_serde(self.at(&span, key.join(".")), error.message())
        })
    }

    /// The place of a key, such as `features.columns[2]`; of its nearest parent if it is not written.
    pub fn place(&self, key: &str) -> Place {
        self.place_at(key.split('.'), key)
    }

    /// The place of the key `name` of the table `key`, whatever dots there are in the name.
    pub fn place_in(&self, key: &str, name: &str) -> Place {
        self.place_at(key.split('.').chain([name]), &format!("{key}.{name}"))
    }

    fn place_at<'a>(&self, parts: impl Iterator<Item = &'a str>, key: &str) -> Place {
        let mut span = 0..0;
        let root = self.root().ok();
        let mut table = root.as_ref().map(Spanned::get_ref);
        for part in parts {
            let (name, index) = split_index(part);
            let Some((found, value)) = table
                .and_then(|table| table.iter().find(|(key, _)| key.get_ref().as_ref() == name))
            else {
                break;
            };
            span = found.span();
            let mut value = value;
            if let (DeValue::Array(array), Some(index)) = (value.get_ref(), index)
                && let Some(item) = array.get(index)
            {
                span = item.span();
                value = item;
            }
            table = value.get_ref().as_table();
        }
        self.at(&span, key.to_owned())
    }

    /// The file, as the user named it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What makes this document: its text and what was laid over it.
    pub fn content(&self) -> impl Iterator<Item = &str> {
        let overrides = self.overrides.iter().map(|item| item.assignment.as_str());
        std::iter::once(self.text.as_str()).chain(overrides)
    }

    fn at(&self, span: &Range<usize>, key: String) -> Place {
        let line = (span.start < OVERRIDES).then(|| line_of(&self.text, span.start));
        Place {
            file: self.path.clone(),
            line,
            key,
        }
    }
}

impl Override {
    fn lay_over<'a>(&'a self, root: &mut DeTable<'a>, place: usize) -> Result<(), &'static str> {
        let span = place..place + 1;
        let (key, value) = self.assignment.split_at(self.equals);
        let (key, text) = (key.trim(), value[1..].trim());
        if key.split('.').any(str::is_empty) {
            return Err("the key has an empty part");
        }
        let mut value = DeValue::parse(text)
            .unwrap_or_else(|_| Spanned::new(span.clone(), DeValue::String(text.into())));
        move_to(&mut value, &span);

        let (tables, last) = key
            .rsplit_once('.')
            .map_or((None, key), |(tables, last)| (Some(tables), last));
        let mut table = root;
        for part in tables.into_iter().flat_map(|tables| tables.split('.')) {
            let (name, index) = split_index(part);
            let entry = table
                .entry(Spanned::new(span.clone(), name.into()))
                .or_insert_with(|| Spanned::new(span.clone(), DeValue::Table(DeTable::new())));
            table = match (entry.get_mut(), index) {
                (DeValue::Table(table), None) => table,
                (DeValue::Array(array), Some(index)) => {
                    match array.get_mut(index).map(Spanned::get_mut) {
                        Some(DeValue::Table(table)) => table,
                        _ => return Err("the array has no such table"),
                    }
                }
                (DeValue::Array(_), None) => {
                    return Err("say which one, as in `sinks[0].location`");
                }
                _ => return Err("a part of the key before the last is not a table"),
            };
        }
        let key = Spanned::new(span.clone(), last.into());
        table.remove(&key);
        table.insert(key, value);
        Ok(())
    }
}

/// Finds the keys that lead to the value around `offset`.
fn key_at(table: &DeTable<'_>, offset: usize, path: &mut Vec<String>) -> bool {
    for (key, value) in table {
        let inside = |span: Range<usize>| span.contains(&offset);
        path.push(key.get_ref().to_string());
        let found = match value.get_ref() {
            DeValue::Table(table) => key_at(table, offset, path),
            DeValue::Array(array) => array.iter().enumerate().any(|(index, item)| {
                let Some(table) = item.get_ref().as_table() else {
                    return false;
                };
                let plain = path.pop().unwrap_or_default();
                path.push(format!("{plain}[{index}]"));
                let found = key_at(table, offset, path) || inside(item.span());
                if !found {
                    path.pop();
                    path.push(plain);
                }
                found
            }),
            _ => false,
        };
        if found || inside(key.span()) || inside(value.span()) {
            return true;
        }
        path.pop();
    }
    false
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text
        .as_bytes()
        .iter()
        .take(offset)
        .filter(|byte| **byte == b'\n')
        .count()
}

/// `sinks[1]` is the name `sinks` and the index 1.
fn split_index(part: &str) -> (&str, Option<usize>) {
    match part.strip_suffix(']').and_then(|part| part.split_once('[')) {
        Some((name, index)) => (name, index.parse().ok()),
        None => (part, None),
    }
}

fn move_to(value: &mut Spanned<DeValue<'_>>, span: &Range<usize>) {
    match value.get_mut() {
        DeValue::Array(array) => array.iter_mut().for_each(|item| move_to(item, span)),
        DeValue::Table(table) => table.iter_mut().for_each(|(_, value)| move_to(value, span)),
        _ => {}
    }
    let bare = std::mem::replace(value.get_mut(), DeValue::Boolean(false));
    *value = Spanned::new(span.clone(), bare);
}
