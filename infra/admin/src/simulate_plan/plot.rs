//! The plot of a simulation: calls that were tried, that were admitted, and that an exact log admits, over time.

use super::Span;
use crate::error::Error;
use plotters::prelude::{
    AreaSeries, ChartBuilder, Color as _, IntoDrawingArea as _, LineSeries, PathElement, RGBColor, SVGBackend, WHITE,
};
use std::fmt::Display;
use std::path::Path;

const SIZE: (u32, u32) = (960, 420);
const TRIED: RGBColor = RGBColor(214, 96, 77);
const ADMITTED: RGBColor = RGBColor(33, 113, 181);
const EXACT: RGBColor = RGBColor(35, 35, 35);

/// Writes the plot as SVG.
pub(super) fn write(file: &Path, title: &str, length_ms: i64, spans: &[Span]) -> Result<(), Error> {
    let mut svg = String::new();
    draw(&mut svg, title, length_ms, spans).map_err(|reason| not_written(file, &reason))?;
    std::fs::write(file, svg).map_err(|reason| not_written(file, &reason))
}

fn not_written(file: &Path, reason: &dyn Display) -> Error {
    Error::NotWritten { path: file.to_owned(), reason: reason.to_string() }
}

fn draw(svg: &mut String, title: &str, length_ms: i64, spans: &[Span]) -> Result<(), String> {
    let text = |error: &dyn Display| error.to_string();
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE).map_err(|error| text(&error))?;
    let most = spans.iter().map(|span| span.tried).max().unwrap_or(0).max(1);
    let step_ms = length_ms / i64::try_from(spans.len().max(1)).unwrap_or(1);
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .margin_right(28)
        .x_label_area_size(42)
        .y_label_area_size(64)
        .build_cartesian_2d(0..length_ms, 0..most.saturating_add(most / 10).saturating_add(1))
        .map_err(|error| text(&error))?;
    let label = |ms: &i64| duration(*ms, length_ms);
    let unit = format!("calls in {}", duration(step_ms, step_ms));
    let mut mesh = chart.configure_mesh();
    mesh.x_desc("time since it began").y_desc(unit).x_label_formatter(&label).light_line_style(WHITE);
    mesh.draw().map_err(|error| text(&error))?;
    let points = |count: fn(&Span) -> u64| {
        let at = move |(number, span): (usize, &Span)| {
            (step_ms.saturating_mul(i64::try_from(number).unwrap_or(0)), count(span))
        };
        spans.iter().enumerate().map(at).collect::<Vec<_>>()
    };
    let legend = |colour: RGBColor| {
        move |(x, y): (i32, i32)| PathElement::new(vec![(x, y), (x.saturating_add(18), y)], colour.stroke_width(3))
    };
    let tried = AreaSeries::new(points(|span| span.tried), 0, TRIED.mix(0.25)).border_style(TRIED);
    chart.draw_series(tried).map_err(|error| text(&error))?.label("tried").legend(legend(TRIED));
    let admitted = AreaSeries::new(points(|span| span.admitted), 0, ADMITTED.mix(0.5)).border_style(ADMITTED);
    chart.draw_series(admitted).map_err(|error| text(&error))?.label("admitted").legend(legend(ADMITTED));
    let exact = LineSeries::new(points(|span| span.exact), EXACT.stroke_width(1));
    chart.draw_series(exact).map_err(|error| text(&error))?.label("an exact log").legend(legend(EXACT));
    chart
        .configure_series_labels()
        .background_style(WHITE.mix(0.8))
        .border_style(EXACT)
        .draw()
        .map_err(|error| text(&error))?;
    drop(chart);
    area.present().map_err(|error| text(&error))
}

/// A length of time in the unit in which the longest is readable.
fn duration(ms: i64, longest_ms: i64) -> String {
    let seconds = ms / 1_000;
    match longest_ms / 1_000 {
        0..300 => format!("{seconds} s"),
        300..18_000 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    }
}
