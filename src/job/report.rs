//! What the page of a run shows, and where it goes.

use std::path::PathBuf;

use super::error::JobError;
use super::location::Location;

/// The `[report]` table.
#[derive(Clone, Debug)]
pub struct Report {
    /// Where each run writes its page; none unless given.
    pub html: Option<Location>,
    /// The column of the findings that the count plot is of; no plot unless given.
    pub count_by: Option<String>,
    /// The column of the findings that the heat map has down its side, beside the date; the hour unless given.
    pub heat_map_by: Option<String>,
}

impl Report {
    /// The file of the page, if the job wants one.
    ///
    /// # Errors
    /// A location that is not on this machine, or that cannot be resolved.
    pub fn page(&self) -> Result<Option<PathBuf>, JobError> {
        let page = |html: &Location| {
            let path = html.resolve()?;
            if path.contains("://") {
                return Err(JobError::Value {
                    place: html.place.clone(),
                    message: "the page is a file: write a path".to_owned(),
                });
            }
            Ok(PathBuf::from(path))
        };
        self.html.as_ref().map(page).transpose()
    }

    /// The columns that the findings must have for it, each with its key.
    pub fn columns(&self) -> impl Iterator<Item = (String, &String)> {
        let keys = [
            ("report.count_by", &self.count_by),
            ("report.heat_map_by", &self.heat_map_by),
        ];
        keys.into_iter()
            .filter_map(|(key, column)| Some((key.to_owned(), column.as_ref()?)))
    }
}
