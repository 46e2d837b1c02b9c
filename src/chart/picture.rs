//! A chart as a file of its own, for mails and chats: SVG, or PNG with letters from a font that comes along.

use std::sync::Arc;

use askama::Template;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};
use unicode_width::UnicodeWidthStr;

use super::canvas::short;
use super::{Chart, ChartError, Drawing};

/// Points of a PNG for one unit of a chart: sharp on a good screen.
const SCALE: f32 = 2.0;

/// Room for the title.
const HEAD: u32 = 36;

/// Height of a line of the note below the picture.
const LINE: u32 = 17;

/// Columns of a terminal that fit into such a line.
const COLUMNS: usize = 54;

#[derive(Template)]
#[template(path = "chart.svg", escape = "html")]
struct Svg<'a> {
    chart: &'a Chart,
    drawing: &'a Drawing,
    version: &'static str,
    head: u32,
    /// What the picture leaves out, in lines, each with its place.
    note: Vec<(u32, String)>,
    height: u32,
}

impl Chart {
    /// The chart with its title, and with what it leaves out, on white.
    pub fn svg(&self) -> Result<String, ChartError> {
        let [drawing, _] = &self.drawings;
        let note = self.left_out.as_deref().map(lines).unwrap_or_default();
        let places = (HEAD + drawing.height + 14..).step_by(LINE as usize);
        let foot = match note.len() as u32 {
            0 => 0,
            lines => lines * LINE + 8,
        };
        let svg = Svg {
            chart: self,
            drawing,
            version: env!("CARGO_PKG_VERSION"),
            head: HEAD,
            note: places.zip(note).collect(),
            height: HEAD + drawing.height + foot,
        };
        svg.render().map_err(ChartError::Svg)
    }

    /// The same as points.
    pub fn png(&self) -> Result<Vec<u8>, ChartError> {
        let mut fonts = fontdb::Database::new();
        fonts.load_font_data(dejavu::sans::regular().to_vec());
        fonts.load_font_data(dejavu::sans::bold().to_vec());
        fonts.set_sans_serif_family("DejaVu Sans");
        let options = Options {
            fontdb: Arc::new(fonts),
            ..Options::default()
        };
        let tree = Tree::from_str(&self.svg()?, &options).map_err(ChartError::Parse)?;
        let size = tree.size();
        let mut points = Pixmap::new(
            (size.width() * SCALE) as u32,
            (size.height() * SCALE) as u32,
        )
        .ok_or_else(|| ChartError::Png("it is too large".to_owned()))?;
        resvg::render(
            &tree,
            Transform::from_scale(SCALE, SCALE),
            &mut points.as_mut(),
        );
        encode(&points).map_err(|error| ChartError::Png(error.to_string()))
    }
}

/// The points as a file that says what made it. They are on white, so that none is transparent.
fn encode(points: &Pixmap) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, points.width(), points.height());
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let made_by = concat!("crannog ", env!("CARGO_PKG_VERSION"));
    encoder.add_text_chunk("Software".to_owned(), made_by.to_owned())?;
    let mut writer = encoder.write_header()?;
    writer.write_image_data(points.data())?;
    writer.finish()?;
    Ok(bytes)
}

/// The words in lines that are no wider than the picture. A long word loses its middle, as on an axis.
fn lines(words: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words.split_whitespace() {
        let word = short(word);
        let line = lines.last_mut().expect("there is a line from the start on");
        if line.is_empty() {
            *line = word;
        } else if line.width() + 1 + word.width() <= COLUMNS {
            *line = format!("{line} {word}");
        } else {
            lines.push(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::Counts;

    #[test]
    fn a_png_shows_letters_bars_and_white() {
        let counts = Counts::of("Process", ["cmd.exe".to_owned()]);
        let png = counts.chart().unwrap().unwrap().png().unwrap();
        let picture = Pixmap::decode_png(&png).unwrap();
        let has = |r: u8, g: u8, b: u8| {
            let mut pixels = picture.pixels().iter();
            pixels.any(|pixel| (pixel.red(), pixel.green(), pixel.blue()) == (r, g, b))
        };
        assert!(has(255, 255, 255), "paper");
        assert!(has(0x2f, 0x7f, 0x9e), "a bar");
        assert!(has(0x1c, 0x24, 0x30), "the title");
    }

    #[test]
    fn what_a_chart_leaves_out_is_in_its_file() {
        let chart = |values: usize| {
            let names = (0..values).map(|value| format!("{value:03}.exe"));
            Counts::of("Process", names).chart().unwrap().unwrap()
        };
        let svg = chart(312).svg().unwrap();
        let lines = [
            "20 of 312 values of Process are shown; the others have",
            "292 findings between them.",
        ];
        for line in lines {
            assert!(svg.contains(&format!(">{line}</text>")), "{line}: {svg}");
        }
        let height = |values| {
            let png = chart(values).png().unwrap();
            Pixmap::decode_png(&png).unwrap().height()
        };
        // 20 bars in both; a line of the note takes 17 of its units, and there are 8 below the last.
        assert_eq!(height(312) - height(20), 2 * (2 * 17 + 8));
    }

    #[test]
    fn a_file_says_near_its_start_what_made_it() {
        let counts = Counts::of("Process", ["cmd.exe".to_owned()]);
        let chart = counts.chart().unwrap().unwrap();
        let svg = chart.svg().unwrap();
        assert!(svg[..500].contains("<metadata>crannog "), "{svg}");
        let png = chart.png().unwrap();
        let mark = b"Software\0crannog ";
        assert!(png[..100].windows(mark.len()).any(|bytes| bytes == mark));
    }

    #[test]
    fn names_that_xml_does_not_allow_are_spelt_out_in_both_kinds_of_file() {
        let name = crate::display::plain("a\u{fffe}\u{ffff}\u{1}\u{8}.exe");
        let chart = Counts::of(&name, [name.clone()]).chart().unwrap().unwrap();
        assert!(chart.png().unwrap().starts_with(b"\x89PNG"));
        assert!(chart.svg().unwrap().contains("a\\u{fffe}"));
    }

    #[test]
    fn an_svg_file_holds_no_markup_from_data() {
        let counts = Counts::of("Process", ["</title><script>alert(1)</script>".to_owned()]);
        let svg = counts.chart().unwrap().unwrap().svg().unwrap();
        assert!(!svg.contains("<script"), "{svg}");
        Tree::from_str(&svg, &Options::default()).unwrap();
    }
}
