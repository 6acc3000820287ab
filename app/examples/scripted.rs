//! The window on a scripted engine: for work on the window without a model.

#[path = "../tests/scripted/mod.rs"]
mod scripted;

use std::time::Duration;

use paretoscope::app::{App, StartOptions};

fn main() -> eframe::Result {
    let (mut engine, handle) = scripted::Scripted::new(scripted::bundle::info());
    let bundle = std::env::args().nth(1).map(Into::into);
    paretoscope::window::open("Paretoscope (scripted)", move |creation| {
        let ctx = creation.egui_ctx.clone();
        let run = move || {
            while engine.step() {
                ctx.request_repaint();
                std::thread::sleep(Duration::from_millis(40));
            }
        };
        std::thread::Builder::new()
            .name("engine".into())
            .spawn(run)?;
        let options = StartOptions {
            demo: Some("/bundles/scripted".into()),
            ..StartOptions::new(bundle, None)
        };
        Ok(App::new(creation, handle, options))
    })
}
