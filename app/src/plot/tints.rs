//! The colours of all points, made once per change of the points.

use egui::Color32;

use super::data::ParetoData;

/// One colour per point, in the order of the points.
#[derive(Debug, Default)]
pub struct Tints {
    revision: Option<u64>,
    colors: Vec<Color32>,
}

impl Tints {
    /// Brings them up to the points.
    pub fn update(&mut self, data: &ParetoData<'_>) {
        let revision = Some(data.front.revision());
        if self.revision == revision && self.colors.len() == data.points.len() {
            return;
        }
        self.revision = revision;
        self.colors.clear();
        let colors = data.points.iter().map(|result| (data.color)(&result.point));
        self.colors.extend(colors);
    }

    /// One colour per point.
    pub fn colors(&self) -> &[Color32] {
        &self.colors
    }
}
