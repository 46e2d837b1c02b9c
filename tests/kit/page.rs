//! The page of a run, as a browser's parser sees it.

use std::fs;
use std::path::Path;

use scraper::{Html, Selector};

pub struct Page(pub Html);

impl Page {
    pub fn open(path: &Path) -> Self {
        Self(Html::parse_document(&fs::read_to_string(path).unwrap()))
    }

    pub fn count(&self, selector: &str) -> usize {
        self.0.select(&Selector::parse(selector).unwrap()).count()
    }

    /// The text of every element that fits.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        let selector = Selector::parse(selector).unwrap();
        let elements = self.0.select(&selector);
        elements.map(|element| element.text().collect()).collect()
    }
}
