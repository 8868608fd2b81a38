//! Calls over time, as SVG: a bar for each bucket, of a part for each outcome.

use gateway_domain::usage::{Bucket, Calls, Outcome, Step};
use plotters::prelude::{
    ChartBuilder, Color as _, IntoDrawingArea as _, RGBColor, Rectangle, SVGBackend, SeriesLabelPosition, WHITE,
};
use std::fmt::Display;

const SIZE: (u32, u32) = (720, 360);
/// Large enough to be read on a phone, where the chart has half its width.
const FONT: (&str, u32) = ("sans-serif", 17);
const FRAME: RGBColor = RGBColor(35, 35, 35);
/// How many names of buckets there is room for.
const LABELS: usize = 5;

/// Told apart without colours too, since the parts are always in this order and the tables have the numbers.
const fn colour(outcome: Outcome) -> RGBColor {
    match outcome {
        Outcome::Succeeded => RGBColor(33, 113, 181),
        Outcome::Limited => RGBColor(230, 159, 0),
        Outcome::Refused => RGBColor(120, 120, 120),
        Outcome::Failed => RGBColor(178, 24, 43),
    }
}

const fn label(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::Limited => "limited (429)",
        Outcome::Refused => "refused (4xx)",
        Outcome::Failed => "failed (5xx)",
    }
}

/// Draws the chart.
pub(super) fn draw(bars: &[(Bucket, Calls)], unit: &str) -> Result<String, String> {
    let text = |error: &dyn Display| error.to_string();
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(|error| text(&error))?;
        let most = bars.iter().map(|(_, calls)| calls.all()).max().unwrap_or(0).max(4);
        let count = i32::try_from(bars.len().max(1)).unwrap_or(i32::MAX);
        let mut chart = ChartBuilder::on(&area)
            .margin(12)
            .margin_right(28)
            .x_label_area_size(54)
            .y_label_area_size(76)
            // Above the bars there is room for what the colours mean.
            .build_cartesian_2d(0.0..f64::from(count), 0..most.saturating_add(most.div_ceil(2)))
            .map_err(|error| text(&error))?;
        let name = |at: &f64| {
            let bar = bars.iter().enumerate().find(|(number, _)| number_of(*number) >= at.floor());
            bar.map_or_else(String::new, |(_, (bucket, _))| short(*bucket))
        };
        let mut mesh = chart.configure_mesh();
        mesh.label_style(FONT).axis_desc_style(FONT);
        mesh.disable_x_mesh().light_line_style(WHITE).x_labels(LABELS).x_label_formatter(&name);
        mesh.x_desc("UTC").y_desc(format!("calls in {}", if unit == "hour" { "an hour" } else { "a day" }));
        mesh.draw().map_err(|error| text(&error))?;
        for outcome in Outcome::ALL {
            let parts = bars.iter().enumerate().filter(|(_, (_, calls))| calls.of(outcome) > 0);
            let parts = parts.map(|(number, (_, calls))| {
                let below = Outcome::ALL.into_iter().take_while(|one| *one != outcome);
                let below: u64 = below.map(|one| calls.of(one)).sum();
                let (left, top) = (number_of(number), below.saturating_add(calls.of(outcome)));
                Rectangle::new([(left + 0.1, below), (left + 0.9, top)], colour(outcome).filled())
            });
            let drawn = chart.draw_series(parts).map_err(|error| text(&error))?;
            drawn.label(label(outcome)).legend(move |(x, y)| {
                let square = [(x, y.saturating_sub(5)), (x.saturating_add(10), y.saturating_add(5))];
                Rectangle::new(square, colour(outcome).filled())
            });
        }
        let mut labels = chart.configure_series_labels();
        labels.label_font(FONT).position(SeriesLabelPosition::UpperLeft);
        labels.background_style(WHITE.mix(0.8)).border_style(FRAME);
        labels.draw().map_err(|error| text(&error))?;
        drop(chart);
        area.present().map_err(|error| text(&error))?;
    }
    Ok(svg)
}

fn number_of(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Without the year, for which there is no room.
fn short(bucket: Bucket) -> String {
    let text = bucket.to_string();
    let (date, hour) = text.split_once('T').unwrap_or((&text, ""));
    let date = date.get(5..).unwrap_or_default();
    match bucket.step() {
        Step::Hour => format!("{date} {hour}h"),
        Step::Day => date.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_domain::time::Timestamp;

    #[test]
    fn a_part_is_as_high_as_its_calls() {
        let hour = Bucket::of(Step::Hour, Timestamp::from_secs(1_772_357_459)).unwrap();
        let calls = Calls { succeeded: 10, limited: 5, refused: 0, failed: 0 };
        let svg = draw(&[(hour, calls), (hour.later(1).unwrap(), Calls::default())], "hour").unwrap();
        let height = |colour: &str| {
            let bars = svg.split("<rect ").filter(|rect| rect.contains(&format!("fill=\"{colour}\"")));
            let heights = bars.map(|rect| rect.split("height=\"").nth(1).unwrap().split('"').next().unwrap());
            heights.map(|height| height.parse::<i32>().unwrap()).max().unwrap()
        };
        let (succeeded, limited) = (height("#2171B5"), height("#E69F00"));
        assert!((succeeded - 2 * limited).abs() <= 2, "{succeeded} and {limited}");
        assert!(svg.contains("03-01 09h") && svg.contains("limited (429)"), "{svg}");
        assert_eq!(svg.matches("#B2182B").count(), 1, "what has no calls is in the legend alone");
    }

    #[test]
    fn no_calls_are_a_chart_too() {
        assert!(draw(&[], "day").unwrap().contains("<svg"));
    }
}
