//! The native window: title, size, and what is remembered of it.

use crate::app::App;
use crate::locate::APP_ID;

/// What making the application can fail with.
pub type StartError = Box<dyn std::error::Error + Send + Sync>;

/// Opens the window and runs until it closes.
pub fn open(
    title: &str,
    make: impl FnOnce(&eframe::CreationContext<'_>) -> Result<App, StartError>,
) -> eframe::Result {
    let mut viewport = egui::ViewportBuilder::default()
        .with_app_id(APP_ID)
        .with_title(title)
        // Fits a 1280x720 projector with its title bar and a task bar.
        .with_inner_size([1240.0, 640.0])
        .with_min_inner_size([480.0, 360.0])
        .with_drag_and_drop(true);
    if let Some(icon) = icon() {
        viewport = viewport.with_icon(icon);
    }
    let options = eframe::NativeOptions {
        viewport,
        persist_window: true,
        ..eframe::NativeOptions::default()
    };
    eframe::run_native(
        APP_ID,
        options,
        Box::new(|creation| Ok(Box::new(make(creation)?))),
    )
}

/// The icon, as `assets/desktop/render.sh` draws it.
fn icon() -> Option<egui::IconData> {
    let png = include_bytes!("../../assets/desktop/paretoscope.png");
    eframe::icon_data::from_png_bytes(png).ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn there_is_an_icon() {
        let icon = super::icon().expect("a PNG that egui reads");
        assert_eq!((icon.width, icon.height), (256, 256));
    }
}
