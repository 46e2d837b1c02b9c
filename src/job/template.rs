//! Text with `${env:NAME}` in it: resolved late, when it is used, and never printed resolved.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde::{Deserialize, Deserializer};

/// What has been resolved, by value, each with what is shown in its place. Storage's errors quote URLs and paths, so whoever prints one looks here.
static RESOLVED: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

/// The text with every value that came from the environment as the job writes it.
pub fn as_written(text: &str) -> String {
    let resolved = RESOLVED
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    // The longest first: one value may hold another.
    let mut values: Vec<_> = resolved.iter().collect();
    values.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
    values.iter().fold(text.to_owned(), |text, (value, shown)| {
        text.replace(value.as_str(), shown)
    })
}

/// A text that may refer to the environment. `Debug` and `Display` show it as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(String);

impl Template {
    /// A text that refers to nothing.
    pub(super) fn plain(text: String) -> Self {
        Self(text)
    }

    /// Whether the text is a reference to the environment and nothing else.
    pub fn is_reference(&self) -> bool {
        let name = self.0.strip_prefix("${env:");
        name.is_some_and(|name| name.find('}') == Some(name.len() - 1))
    }

    /// The text as written, references and all.
    pub fn as_written(&self) -> &str {
        &self.0
    }

    /// Whether the text refers to the environment, so that its value is not to be shown.
    pub fn is_secret(&self) -> bool {
        self.0.contains("${env:")
    }

    /// The text with each reference replaced by what `lookup` has for it; `Err` holds the name that it has not.
    pub fn resolve(&self, lookup: impl Fn(&str) -> Option<String>) -> Result<String, String> {
        let mut resolved = String::new();
        let mut rest = self.0.as_str();
        while let Some((before, reference)) = rest.split_once("${env:") {
            let (name, after) = reference
                .split_once('}')
                .ok_or_else(|| reference.to_owned())?;
            let value = lookup(name).ok_or_else(|| name.to_owned())?;
            resolved.push_str(before);
            resolved.push_str(&value);
            remember(name, &value);
            rest = after;
        }
        Ok(resolved + rest)
    }
}

/// Parts of a value that are shorter stand in other words too, and are no secret.
const LEAST_PART: usize = 8;

/// Notes a value and what others make of it: a path of an object store has no slash at its beginning, and a service may say back
/// a part of a URL, or a key without what stands before it. One letter is no secret.
pub(super) fn remember(name: &str, value: &str) {
    let shown = format!("${{env:{name}}}");
    let encoded = url::form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>();
    let escaped = encoded.replace('+', "%20");
    for value in [value, value.trim_start_matches('/'), &encoded, &escaped] {
        if value.len() > 1 {
            hide(value, &shown);
        }
    }
    let mut parts: Vec<String> = Vec::new();
    parts.extend(value.strip_prefix("whsec_").map(str::to_owned));
    let url = url::Url::parse(value).ok();
    if let Some(url) = url.filter(|url| url.scheme().starts_with("http")) {
        parts.push(url.path().to_owned());
        parts.extend(url.path_segments().into_iter().flatten().map(str::to_owned));
        parts.extend(url.query().map(str::to_owned));
        parts.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
        parts.extend(url.password().map(str::to_owned));
    }
    for part in parts.iter().filter(|part| part.len() >= LEAST_PART) {
        hide(part, &shown);
    }
}

/// Shows other words in the place of a text from now on.
pub(crate) fn hide(text: &str, shown: &str) {
    let mut resolved = RESOLVED
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    resolved.insert(text.to_owned(), shown.to_owned());
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        for tail in text.split("${").skip(1) {
            let name = tail
                .strip_prefix("env:")
                .and_then(|tail| tail.split_once('}'))
                .map(|(name, _)| name);
            if name.is_none_or(str::is_empty) {
                return Err(serde::de::Error::custom(
                    "a reference is written `${env:NAME}`",
                ));
            }
        }
        Ok(Self(text))
    }
}

impl std::fmt::Display for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved_where_they_stand() {
        let template = Template("s3://${env:BUCKET}/events/${env:YEAR}".to_owned());
        let lookup = |name: &str| Some(if name == "BUCKET" { "lake" } else { "2026" }.to_owned());
        assert_eq!(
            template.resolve(lookup),
            Ok("s3://lake/events/2026".to_owned())
        );
        assert_eq!(template.resolve(|_| None), Err("BUCKET".to_owned()));
    }

    #[test]
    fn a_value_is_put_back_as_it_is_written() {
        let template = Template("${env:LAKE}/events".to_owned());
        let lookup = |name: &str| (name == "LAKE").then(|| "/mnt/quiet-waters".to_owned());
        assert_eq!(
            template.resolve(lookup),
            Ok("/mnt/quiet-waters/events".to_owned())
        );
        assert_eq!(
            as_written("no file mnt/quiet-waters/events/a.parquet"),
            "no file ${env:LAKE}/events/a.parquet"
        );
    }

    #[test]
    fn of_a_url_the_path_and_the_query_are_put_back_too() {
        let template = Template("${env:HOOK}".to_owned());
        let url = "https://hooks.example.org/T01234567/B345?code=6789abcd";
        template.resolve(|_| Some(url.to_owned())).unwrap();
        assert_eq!(
            as_written("Cannot POST /T01234567/B345, 6789abcd, of jobs/B345.toml"),
            "Cannot POST ${env:HOOK}, ${env:HOOK}, of jobs/B345.toml"
        );
    }

    #[test]
    fn the_resolved_text_is_never_shown() {
        let template = Template("${env:SECRET}".to_owned());
        assert_eq!(
            format!("{template} {template:?}"),
            "${env:SECRET} Template(\"${env:SECRET}\")"
        );
        assert!(template.is_secret());
    }
}
