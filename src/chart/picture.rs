//! A chart as a file of its own, for mails and chats: SVG, or PNG with letters from a font that comes along.

use std::sync::Arc;

use askama::Template;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use super::{Chart, ChartError, Drawing};

/// Points of a PNG for one unit of a chart: sharp on a good screen.
const SCALE: f32 = 2.0;

/// Room for the title.
const HEAD: u32 = 36;

#[derive(Template)]
#[template(path = "chart.svg", escape = "html")]
struct Svg<'a> {
    chart: &'a Chart,
    drawing: &'a Drawing,
    head: u32,
    height: u32,
}

impl Chart {
    /// The chart with its title, on white.
    pub fn svg(&self) -> Result<String, ChartError> {
        let [drawing, _] = &self.drawings;
        let svg = Svg {
            chart: self,
            drawing,
            head: HEAD,
            height: drawing.height + HEAD,
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
        points
            .encode_png()
            .map_err(|error| ChartError::Png(error.to_string()))
    }
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
    fn an_svg_file_holds_no_markup_from_data() {
        let counts = Counts::of("Process", ["</title><script>alert(1)</script>".to_owned()]);
        let svg = counts.chart().unwrap().unwrap().svg().unwrap();
        assert!(!svg.contains("<script"), "{svg}");
        Tree::from_str(&svg, &Options::default()).unwrap();
    }
}
