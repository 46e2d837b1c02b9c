//! Where a table is: a path or URL of a job file, and the settings of the store that holds it.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::error::JobError;
use super::place::Place;
use super::template::Template;

/// A path or URL, with the folder that a relative path starts from.
#[derive(Clone, Debug)]
pub struct Location {
    /// As written in the job.
    pub template: Template,
    /// What is meant is not the location itself, but this in the folder that it is in.
    pub beside: Option<String>,
    /// The folder of the job file.
    pub base: PathBuf,
    /// Where in the job file it stands.
    pub place: Place,
}

impl Location {
    /// Another table or file in the folder that this one is in.
    pub fn beside(&self, name: impl Into<String>) -> Self {
        Self {
            beside: Some(name.into()),
            ..self.clone()
        }
    }

    /// The absolute path or URL, environment resolved.
    pub fn resolve(&self) -> Result<String, JobError> {
        let text = resolve(&self.template, &self.place)?;
        let text = without_file_scheme(&text);
        let text = match &self.beside {
            None => text,
            Some(name) => beside(&text, name).ok_or_else(|| JobError::Value {
                place: self.place.clone(),
                message: format!(
                    "a bucket has no folder around it for `{name}`: write a folder of the bucket, or give `{name}` a location of its own"
                ),
            })?,
        };
        if text.contains("://") {
            return Ok(text);
        }
        let path = std::path::absolute(self.base.join(&text)).map_err(|source| JobError::Read {
            path: PathBuf::from(&text),
            place: Some(self.place.clone()),
            source,
        })?;
        Ok(clean(&path).to_string_lossy().into_owned())
    }
}

impl std::fmt::Display for Location {
    /// What a person may see: the path as reached from here, or the text as written if it refers to the environment.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.template.as_written();
        let text = match &self.beside {
            Some(name) => &beside(text, name).unwrap_or_else(|| format!("{text}/../{name}")),
            None => text,
        };
        if self.template.is_secret() || text.contains("://") {
            return f.write_str(text);
        }
        let path = clean(&self.base.join(text));
        match std::env::current_dir()
            .ok()
            .and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned))
        {
            Some(inside) if !inside.as_os_str().is_empty() && path.ancestors().count() > 2 => {
                write!(f, "{}", inside.display())
            }
            _ => write!(f, "{}", path.display()),
        }
    }
}

/// `s3://bucket/out/anomalies` becomes `s3://bucket/out/runs`; a bucket alone has nothing beside it.
fn beside(location: &str, name: &str) -> Option<String> {
    let location = location.trim_end_matches('/');
    match location.rsplit_once('/') {
        Some((folder, _)) if folder.ends_with('/') => None,
        Some((folder, _)) => Some(format!("{folder}/{name}")),
        None if location.contains("${") => None,
        None => Some(name.to_owned()),
    }
}

/// Resolves `${env:NAME}` in a text that stands at `place`: the variable, or what the file holds that `NAME_FILE` names.
pub(super) fn resolve(template: &Template, place: &Place) -> Result<String, JobError> {
    template
        .resolve(variable)
        .map_err(|name| JobError::Environment {
            place: place.clone(),
            name,
        })
}

/// A variable of the environment, or what the file holds that `NAME_FILE` names.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().or_else(|| in_file(name))
}

/// The same; what it is is not shown from then on.
pub(crate) fn secret_variable(name: &str) -> Option<String> {
    let value = variable(name)?;
    super::template::remember(name, &value);
    Some(value)
}

/// As container platforms hand in secrets: a file, whose last line may have an end.
fn in_file(name: &str) -> Option<String> {
    let path = std::env::var_os(format!("{name}_FILE"))?;
    let text = std::fs::read_to_string(path).ok()?;
    Some(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// A `file://` URL as the path that it names; all else as it is.
pub(crate) fn without_file_scheme(location: &str) -> String {
    let url = url::Url::parse(location).ok();
    let url = url.filter(|url| url.scheme() == "file");
    match url.and_then(|url| url.to_file_path().ok()) {
        Some(path) => path.to_string_lossy().into_owned(),
        None => location.to_owned(),
    }
}

/// `a/jobs/../data` is `a/data`: the folder need not exist for that.
pub(crate) fn clean(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut cleaned = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(cleaned.components().next_back(), Some(Component::Normal(_))) =>
            {
                cleaned.pop();
            }
            other => cleaned.push(other),
        }
    }
    cleaned
}

/// Resolves the `${env:NAME}` of object store settings.
pub fn resolve_options(
    options: &BTreeMap<String, Template>,
    place: &Place,
) -> Result<HashMap<String, String>, JobError> {
    options
        .iter()
        .map(|(key, value)| Ok((key.clone(), resolve(value, place)?)))
        .collect()
}
