//! Charts: what they count, the picture (SVG, drawn by plotters), and the numbers for whoever cannot see it.
//!
//! Names come from data: they are [`crate::display::plain`] when they get here, and plotters writes them as text.

mod canvas;
mod counts;
mod heat_map;
mod histogram;
mod lines;
mod picture;

pub use canvas::Theme;
pub use counts::Counts;
pub use heat_map::HeatMap;
pub use histogram::Histogram;
pub use lines::{Line, Lines, Pen, Scale};

/// Names on an axis; what is beyond them is told in words.
const MOST_NAMES: usize = 20;

/// A picture of numbers, and the numbers.
#[derive(Clone, Debug)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// What there is to see in it.
    pub description: String,
    /// What it leaves out, if anything.
    pub left_out: Option<String>,
    /// The heads of the numbers' columns.
    pub head: Vec<String>,
    /// The numbers, one list a row; the first of each is the row's name.
    pub numbers: Vec<Vec<String>>,
    /// The picture in each theme, light first.
    pub drawings: [Drawing; 2],
}

/// The elements of an SVG picture.
#[derive(Clone, Debug)]
pub struct Drawing {
    /// For which background.
    pub theme: Theme,
    /// Width in user units.
    pub width: u32,
    /// Height in user units.
    pub height: u32,
    /// The elements, without `<svg>` around them.
    pub elements: String,
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    /// The SVG could not be drawn.
    #[error("the chart cannot be drawn")]
    Draw(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The SVG file could not be put together.
    #[error("the SVG file cannot be put together")]
    Svg(#[source] askama::Error),
    /// The SVG could not be read back to make a PNG of it.
    #[error("the chart cannot be made a PNG")]
    Parse(#[source] resvg::usvg::Error),
    /// The PNG could not be made.
    #[error("the chart cannot be made a PNG: {0}")]
    Png(String),
}

/// `1 finding`, `1,204 findings`.
fn findings(count: u64) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} finding{plural}", indicatif::HumanCount(count))
}
